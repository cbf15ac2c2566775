use std::{io, os::unix::fs::PermissionsExt as _, path::PathBuf};

use crate::{BranchName, GitError, Repository, Result, lock::blocking};

/// What pushes may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushRules {
    /// Of one push, in bytes.
    pub max_bytes: u64,
    /// This branch may neither be removed nor rewritten; it may be created and moved forward.
    pub protected: Option<BranchName>,
}

/// Refuses a push that removes or rewrites the protected branch.
const HOOK: &str = r#"#!/bin/sh
while read -r old new ref; do
    [ "$ref" = "$MUSTER_PROTECTED" ] || continue
    case $new in
    *[!0]*) ;;
    *)
        echo "$ref is the default branch and cannot be removed." >&2
        exit 1
        ;;
    esac
    case $old in *[!0]*) ;; *) continue ;; esac
    if ! git merge-base --is-ancestor "$old" "$new"; then
        echo "$ref is the default branch and cannot be rewritten. Merge instead." >&2
        exit 1
    fi
done
"#;

impl Repository {
    /// The folder with our one hook, written when it is missing or another version's.
    pub(crate) async fn hooks(&self) -> Result<PathBuf> {
        let folder = self.path().join("muster-hooks");
        let made = folder.clone();
        blocking(move || {
            let file = made.join("pre-receive");
            if std::fs::read(&file).is_ok_and(|text| text == HOOK.as_bytes()) {
                return Ok(());
            }
            let write = || -> io::Result<()> {
                std::fs::create_dir_all(&made)?;
                let draft = tempfile::NamedTempFile::new_in(&made)?.into_temp_path();
                std::fs::write(&draft, HOOK)?;
                std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o755))?;
                draft.persist(&file).map_err(|error| error.error)
            };
            write().map_err(|error| GitError::io("writing the rules for pushes", error))
        })
        .await?;
        Ok(folder)
    }
}
