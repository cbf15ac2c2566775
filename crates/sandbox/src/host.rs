//! What of this machine a sandbox with [`crate::Image::Host`] may read: programs, libraries, public certificates. Neither
//! accounts nor settings; those few files that programs expect are written for it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// One thing to be put into the root folder of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Shown read-only, at its own place.
    Folder(PathBuf),
    /// A link at the first path to the second.
    Link(PathBuf, PathBuf),
    /// The file or folder at the first path, shown read-only at the second.
    At(PathBuf, PathBuf),
}

/// On most systems links into `/usr`, on others folders.
const TOP: &[&str] = &["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/// Of `/etc` only what programs cannot run without. Never all of `/etc/ssl`: it holds private keys.
const ETC: &[&str] = &[
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];

/// Everything of this machine, in the order in which it must be mounted.
pub(crate) fn parts(extra: &[PathBuf]) -> Vec<Part> {
    let mut parts = vec![Part::Folder("/usr".into())];
    for path in TOP.iter().map(PathBuf::from) {
        match fs::read_link(&path) {
            Ok(target) => parts.push(Part::Link(path, target)),
            Err(_) if path.is_dir() => parts.push(Part::Folder(path)),
            Err(_) => {}
        }
    }
    let shown = ETC.iter().map(PathBuf::from).chain(extra.iter().cloned());
    parts.extend(shown.filter(|path| path.exists()).map(Part::Folder));
    // Settings of Java live beside its programs only by links from there.
    let java = fs::read_dir("/etc").into_iter().flatten().filter_map(Result::ok);
    let java = java.filter(|entry| entry.file_name().to_string_lossy().starts_with("java-"));
    parts.extend(java.map(|entry| Part::Folder(entry.path())));
    parts
}

/// Writes the files that programs expect in `/etc` and says where each goes.
pub(crate) fn accounts(registry: &Path, uid: u32, gid: u32) -> io::Result<Vec<Part>> {
    let home = shim::protocol::HOME;
    let files = [
        (
            "passwd",
            format!(
                "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nagent:x:{uid}:{gid}:agent:{home}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
            ),
        ),
        ("group", format!("root:x:0:\nagent:x:{gid}:\nnogroup:x:65534:\n")),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
        ("hosts", "127.0.0.1 localhost muster\n::1 localhost\n".to_owned()),
    ];
    let folder = registry.join(format!("etc-{uid}-{gid}"));
    fs::create_dir_all(&folder)?;
    let mut parts = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        // Written once: a sandbox that runs has the file mounted.
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            fs::write(&path, text)?;
        }
        parts.push(Part::At(path, Path::new("/etc").join(name)));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_private_is_shown() {
        let parts = parts(&[]);
        assert!(parts.contains(&Part::Folder("/usr".into())));
        for part in parts {
            if let Part::Folder(path) = part {
                let shown = path.to_string_lossy().into_owned();
                assert!(
                    !["/etc", "/etc/ssl", "/root", "/home", "/var", "/run", "/"].contains(&shown.as_str()),
                    "{shown}"
                );
            }
        }
    }

    #[test]
    fn the_account_inside_has_the_wanted_number() {
        let folder = tempfile::tempdir().unwrap();
        let parts = accounts(folder.path(), 1234, 99).unwrap();
        assert_eq!(parts.len(), 4);
        let passwd = fs::read_to_string(folder.path().join("etc-1234-99/passwd")).unwrap();
        assert!(passwd.contains("agent:x:1234:99:agent:/home/agent:/bin/sh"));
    }
}
