use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use sha2::{Digest, Sha256};

use super::{compress, gate::Size, inputs::hex};
use crate::failure::{Doing, Outcome};

const STAMP: &str = ".stamp";
const MANIFEST: &str = "assets.json";
/// Characters of the SHA-256 in a name: 48 bits tell all files of all versions apart.
const HASH_LENGTH: usize = 12;

/// Files by their plain names.
#[derive(Default)]
pub(crate) struct Site {
    files: BTreeMap<String, File>,
}

struct File {
    hashed: String,
    content: Vec<u8>,
}

impl Site {
    pub(crate) fn add(&mut self, name: &str, content: Vec<u8>) {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let hash = hex(&Sha256::digest(&content));
        let hashed = format!("{stem}.{}.{ending}", &hash[..HASH_LENGTH]);
        self.files.insert(name.to_owned(), File { hashed, content });
    }

    /// The name under which browsers load a file.
    pub(crate) fn hashed(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(|file| file.hashed.as_str())
    }

    /// Writes new files first, then the manifest at once, then removes what it no longer names: a server that reads
    /// the folder meanwhile finds a whole site.
    pub(crate) fn write(&self, folder: &Path, fast: bool) -> Outcome<Vec<Size>> {
        let mut keep = BTreeSet::from([MANIFEST.to_owned(), STAMP.to_owned(), ".lock".to_owned()]);
        let mut sizes = Vec::new();
        // A site of the other kind may hold the same content, compressed worse.
        let reuse = !fast && !fs::exists(folder.join(".fast")).unwrap_or(true);
        for (name, file) in &self.files {
            let copy = |ending: &str| format!("{}{ending}", file.hashed);
            write(folder, &copy(""), &file.content)?;
            keep.insert(copy(""));
            let mut size = Size { name: name.clone(), plain: file.content.len(), brotli: file.content.len() };
            if compress::pays(name) {
                let brotli = match fs::read(folder.join(copy(".br"))) {
                    Ok(kept) if reuse => kept,
                    _ => compress::brotli(&file.content, fast)?,
                };
                write(folder, &copy(".br"), &brotli)?;
                write(folder, &copy(".gz"), &compress::gzip(&file.content)?)?;
                keep.extend([copy(".br"), copy(".gz")]);
                size.brotli = brotli.len();
            }
            sizes.push(size);
        }
        let names: BTreeMap<_, _> = self.files.iter().map(|(name, file)| (name, &file.hashed)).collect();
        let manifest = serde_json::to_vec_pretty(&names).doing(|| "Cannot write the manifest".to_owned())?;
        write(folder, MANIFEST, &manifest)?;
        if fast {
            write(folder, ".fast", b"")?;
            keep.insert(".fast".to_owned());
        }
        remove_others(folder, &keep)?;
        Ok(sizes)
    }
}

/// Whether the folder holds a whole site made from the inputs of `stamp`.
pub(crate) fn is_current(folder: &Path, stamp: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == stamp) && folder.join(MANIFEST).exists()
}

pub(crate) fn mark_current(folder: &Path, stamp: &str) -> Outcome {
    write(folder, STAMP, stamp.as_bytes())
}

fn write(folder: &Path, name: &str, content: &[u8]) -> Outcome {
    let path = folder.join(name);
    // Equal bytes keep their time, so that the server is not built again for them.
    if fs::read(&path).is_ok_and(|found| found == content) {
        return Ok(());
    }
    let half = folder.join(format!(".{name}.half"));
    fs::write(&half, content).doing(|| format!("Cannot write {}", half.display()))?;
    fs::rename(&half, &path).doing(|| format!("Cannot write {}", path.display()))
}

fn remove_others(folder: &Path, keep: &BTreeSet<String>) -> Outcome {
    let what = || format!("Cannot tidy {}", folder.display());
    for entry in fs::read_dir(folder).doing(what)? {
        let entry = entry.doing(what)?;
        if !entry.file_name().to_str().is_some_and(|name| keep.contains(name)) {
            fs::remove_file(entry.path()).doing(what)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(css: &str) -> Site {
        let mut site = Site::default();
        site.add("app.css", css.as_bytes().to_vec());
        site.add("geist.woff2", b"font".to_vec());
        site
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_name_follows_the_content_and_old_files_go() {
        let folder = tempfile::tempdir().unwrap();
        site("a{}").write(folder.path(), false).unwrap();
        let first = names(folder.path());
        site("b{}").write(folder.path(), false).unwrap();
        let second = names(folder.path());
        assert_eq!(first.len(), second.len(), "{second:?}");
        assert_ne!(first, second);
        let manifest: BTreeMap<String, String> =
            serde_json::from_slice(&fs::read(folder.path().join(MANIFEST)).unwrap()).unwrap();
        for hashed in manifest.values() {
            assert!(second.contains(hashed), "{hashed}");
        }
        assert!(second.contains(&format!("{}.br", manifest["app.css"])));
        assert!(!second.contains(&format!("{}.br", manifest["geist.woff2"])));
    }

    #[test]
    fn a_site_is_current_for_its_own_stamp_only() {
        let folder = tempfile::tempdir().unwrap();
        site("a{}").write(folder.path(), false).unwrap();
        assert!(!is_current(folder.path(), "one"));
        mark_current(folder.path(), "one").unwrap();
        assert!(is_current(folder.path(), "one"));
        assert!(!is_current(folder.path(), "two"));
    }

    #[test]
    fn a_fast_copy_is_not_kept_in_a_real_site() {
        let folder = tempfile::tempdir().unwrap();
        let css = include_str!("site.rs");
        let fast = site(css).write(folder.path(), true).unwrap();
        let real = site(css).write(folder.path(), false).unwrap();
        assert!(real[0].brotli < fast[0].brotli, "{} {}", real[0].brotli, fast[0].brotli);
        assert!(!names(folder.path()).contains(&".fast".to_owned()));
    }
}
