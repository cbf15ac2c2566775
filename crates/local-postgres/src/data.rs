//! The data folder itself: made by `initdb`, checked, repaired.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::account::Account;
use crate::error::{At, StartError};
use crate::folder::{Folder, remove_if_there, set_aside};
use crate::install::Install;

pub(crate) const SUPERUSER: &str = "postgres";

/// The release that made the data; `None` when there is no complete data folder.
pub(crate) fn version(folder: &Folder) -> Option<String> {
    let text = fs::read_to_string(folder.data().join("PG_VERSION")).ok()?;
    Some(text.trim().to_owned())
}

/// Makes sure that there is a complete data folder, and gives the superuser's password.
pub(crate) fn prepare(
    folder: &Folder,
    account: &Account,
    install: &Install,
    fast: bool,
    notes: &mut Vec<String>,
) -> Result<String, StartError> {
    let data = folder.data();
    let known = folder.password()?;
    if version(folder).is_some() {
        account.own(&data)?;
        return match known {
            Some(password) => Ok(password),
            None => new_password(folder, account, install, notes),
        };
    }
    if fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_some()) {
        set_aside(&data, notes)?;
    }
    let password = generate()?;
    folder.write_password(&password)?;
    create(folder, account, install, &password, fast)?;
    Ok(password)
}

/// Begins the name of what `initdb` works in.
const UNFINISHED: &str = "data.new";

/// `initdb` works under a temporary name, so that an interrupted one is never taken for a database. The name is a new one each
/// time: an `initdb` whose starter was killed may still be at work in the older one.
fn create(folder: &Folder, account: &Account, install: &Install, password: &str, fast: bool) -> Result<(), StartError> {
    let data = folder.data();
    remove_unfinished(folder)?;
    let attempt = generate()?;
    let unfinished = folder.root().join(format!("{UNFINISHED}-{}", &attempt[..16]));
    fs::create_dir(&unfinished).at("create", &unfinished)?;
    account.own(&unfinished)?;
    let password_file = unfinished.with_extension("password");
    write_secret(&password_file, password)?;
    account.own(&password_file)?;
    let said = initdb(account, install, &unfinished, &password_file, fast);
    remove_if_there(&password_file)?;
    if let Some(said) = said.at("run", &install.program("initdb"))? {
        fs::remove_dir_all(&unfinished).at("remove the unfinished folder", &unfinished)?;
        return Err(StartError::Initdb { folder: data, said });
    }
    fs::rename(&unfinished, &data).at("put in place", &data)
}

/// Clears away what interrupted attempts left. What one still fills is left to the next start.
fn remove_unfinished(folder: &Folder) -> Result<(), StartError> {
    for entry in fs::read_dir(folder.root()).at("read", folder.root())? {
        let path = entry.at("read", folder.root())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(UNFINISHED) {
            continue;
        }
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound) => {}
            other => other.at("remove the unfinished folder", &path)?,
        }
    }
    Ok(())
}

/// What `initdb` complained about, if it failed.
fn initdb(
    account: &Account,
    install: &Install,
    data: &Path,
    password: &Path,
    fast: bool,
) -> std::io::Result<Option<String>> {
    let mut command = account.command(install.program("initdb"));
    command.arg("--pgdata").arg(data).arg("--pwfile").arg(password);
    command.args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"]);
    if fast {
        command.arg("--no-sync");
    }
    let output = command.output()?;
    Ok((!output.status.success()).then(|| last_line(&output.stderr)))
}

/// A lost password file would lock us out of good data. The single-user server sets a new one; it asks for none itself.
fn new_password(
    folder: &Folder,
    account: &Account,
    install: &Install,
    notes: &mut Vec<String>,
) -> Result<String, StartError> {
    let password = generate()?;
    let program = install.program("postgres");
    let mut child = account
        .command(&program)
        .args(["--single", "-D"])
        .arg(folder.data())
        .arg("postgres")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .at("run", &program)?;
    if let Some(mut input) = child.stdin.take() {
        writeln!(input, "ALTER ROLE {SUPERUSER} PASSWORD '{password}'").at("talk to", &program)?;
    }
    let output = child.wait_with_output().at("wait for", &program)?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || said.contains("ERROR:") {
        return Err(StartError::Password { folder: folder.data(), said: last_line(&output.stderr) });
    }
    folder.write_password(&password)?;
    notes.push("The database's password file was missing; a new password was set.".to_owned());
    Ok(password)
}

/// 32 random bytes in hexadecimal: nothing to escape in a URL or in SQL.
fn generate() -> Result<String, StartError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other).at("read random bytes from", Path::new("the system"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_secret(path: &Path, text: &str) -> Result<(), StartError> {
    remove_if_there(path)?;
    let file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).at("write", path)
}

pub(crate) fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let telling =
        text.lines().rev().find(|line| ["FATAL:", "PANIC:", "ERROR:", "error:"].iter().any(|mark| line.contains(mark)));
    let line = telling.or_else(|| text.lines().rev().find(|line| !line.trim().is_empty()));
    line.unwrap_or("it gave no reason.").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_is_found() {
        let log = b"LOG: starting\nFATAL:  data directory has wrong ownership\nLOG: shut down\n\n";
        assert_eq!(last_line(log), "FATAL:  data directory has wrong ownership");
        assert_eq!(last_line(b"only this\n"), "only this");
        assert_eq!(last_line(b""), "it gave no reason.");
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_eq!(one.len(), 64);
        assert_ne!(one, two);
    }
}
