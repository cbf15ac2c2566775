//! Images: those that are named, and an empty one into which this machine's programs are mounted.

use std::{io, path::Path};

use bollard::{
    Docker as Client, body_full,
    errors::Error as DockerError,
    query_parameters::{CreateImageOptions, CreateImageOptionsBuilder},
};
use futures::TryStreamExt;
use hyper::body::Bytes;
use shim::protocol::{HOME, WORK};

use crate::{Error, Result, Trouble, error::Doing, host::Part};

/// Of the image without programs. The number changes when its content does.
const EMPTY: &str = "muster-host";
const EMPTY_TAG: &str = "1";

/// With their modes, which some versions of runc give to what is mounted on them.
const FOLDERS: &[(&str, u32)] = &[
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("opt", 0o755),
    ("proc", 0o755),
    ("run", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

pub(super) async fn is_here(client: &Client, name: &str) -> Result<bool> {
    match client.inspect_image(name).await {
        Ok(_) => Ok(true),
        Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
        Err(error) => Err(error).doing(|| format!("Cannot look up the image {name}")),
    }
}

/// Fetches an image unless it is here.
pub(super) async fn named(client: &Client, name: &str) -> Result<()> {
    if is_here(client, name).await? {
        return Ok(());
    }
    // Without a tag Docker would fetch them all.
    let (image, tag) = match name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some(_) => (name.to_owned(), None),
        None if name.contains('@') => (name.to_owned(), None),
        None => (name.to_owned(), Some("latest")),
    };
    let mut wanted = CreateImageOptionsBuilder::default().from_image(&image);
    if let Some(tag) = tag {
        wanted = wanted.tag(tag);
    }
    let fetched: Result<Vec<_>, _> = client.create_image(Some(wanted.build()), None, None).try_collect().await;
    match fetched {
        Ok(_) => Ok(()),
        Err(error) => {
            let what = format!("The image {name} is not here, and Docker could not fetch it: {error}.");
            let fix = "Check the name and the network, or put it here with `docker load`; or choose no image.";
            Err(Error::Trouble(Trouble::new(what, fix)))
        }
    }
}

/// Makes the empty image unless it is here, and tells its name.
pub(super) async fn empty(client: &Client, host: &[Part]) -> Result<String> {
    let name = format!("{EMPTY}:{EMPTY_TAG}");
    if is_here(client, &name).await? {
        return Ok(name);
    }
    let doing = || "Cannot make the image for this machine's programs".to_owned();
    let content = archive(host).doing(doing)?;
    let import = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(EMPTY.to_owned()),
        tag: Some(EMPTY_TAG.to_owned()),
        ..CreateImageOptions::default()
    };
    let told: Result<Vec<_>, _> =
        client.create_image(Some(import), Some(body_full(Bytes::from(content))), None).try_collect().await;
    told.doing(doing)?;
    Ok(name)
}

/// A root folder with places to mount at, and the links that stand where folders do on other systems.
fn archive(host: &[Part]) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    let own = [(WORK, 0o755), (HOME, 0o700)].map(|(path, mode)| (path.trim_start_matches('/'), mode));
    for (folder, mode) in FOLDERS.iter().copied().chain(own) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(mode);
        header.set_size(0);
        archive.append_data(&mut header, Path::new(folder), io::empty())?;
    }
    for part in host {
        if let Part::Link(at, to) = part {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            archive.append_link(&mut header, at.strip_prefix("/").unwrap_or(at), to)?;
        }
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_image_has_places_and_links_and_no_file() {
        let content = archive(&[Part::Link("/bin".into(), "usr/bin".into()), Part::Folder("/usr".into())]).unwrap();
        let mut archive = tar::Archive::new(content.as_slice());
        let mut found: Vec<String> = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let kind = entry.header().entry_type();
            assert!(kind.is_dir() || kind.is_symlink());
            found.push(entry.path().unwrap().display().to_string());
        }
        for wanted in ["work", "home/agent", "bin", "proc"] {
            assert!(found.iter().any(|path| path.trim_end_matches('/') == wanted), "{wanted}");
        }
    }
}
