use std::io;
use std::path::PathBuf;

/// Why the server could not be started. Each text is for the person at the terminal: what is wrong, then the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    #[error(
        "PostgreSQL {oldest} or newer is not installed (looked in PATH and /usr/lib/postgresql). \
         Install it, for example with `apt-get install postgresql`, or use a database of your own."
    )]
    NoBinaries { oldest: u32 },

    #[error(
        "The data in {} was made by PostgreSQL {data}, but installed here: {installed}. \
         Install PostgreSQL {data}, or move that folder away to begin with an empty database.", folder.display()
    )]
    OtherVersion { folder: PathBuf, data: String, installed: String },

    #[error(
        "Only {free} MB are free on the disk of {}, and the database needs {needed} MB to start. Free some space and start again.",
        folder.display()
    )]
    DiskFull { folder: PathBuf, free: u64, needed: u64 },

    #[error("Port {port} of 127.0.0.1 is taken by another program. Stop that program, or choose another port.")]
    PortTaken { port: u16 },

    #[error("No port of 127.0.0.1 could be had after {tries} tries; the last was {port}. Start again.")]
    NoPort { tries: u32, port: u16 },

    #[error("{} is not a folder. Move it away, or choose another data folder.", .0.display())]
    NotAFolder(PathBuf),

    #[error(
        "The data in {} belongs to the user {owner}, and you are {you}. Start as {owner} or as root, or choose another data folder.",
        folder.display()
    )]
    OtherOwner { folder: PathBuf, owner: String, you: String },

    #[error(
        "PostgreSQL does not run as root, and neither `postgres` nor `nobody` exists on this machine. \
         Add a user with `useradd --system postgres`, or start as an ordinary user."
    )]
    NoAccount,

    #[error("The database could not be created in {}: {said} Remove the cause and start again; nothing was left behind.", folder.display())]
    Initdb { folder: PathBuf, said: String },

    #[error("PostgreSQL stopped while starting: {said} Its log is {}.", log.display())]
    Died { said: String, log: PathBuf },

    #[error(
        "PostgreSQL did not answer within {seconds} s; it may still be recovering after a crash. Wait and start again, or look into {}.",
        log.display()
    )]
    Slow { seconds: u64, log: PathBuf },

    #[error("Another process is starting or stopping the database in {} and did not finish within {seconds} s. End that process and start again.", folder.display())]
    Busy { folder: PathBuf, seconds: u64 },

    #[error("The password of the database in {} could not be set anew: {said}", folder.display())]
    Password { folder: PathBuf, said: String },

    #[error("Could not {doing} {}: {source}. Check the rights to it and start again.", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

/// Why the server did not stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StopError {
    #[error("PostgreSQL (process {pid}) could not be told to stop: {source}. End it with `kill -INT {pid}`.")]
    Signal { pid: i32, source: io::Error },

    #[error(
        "PostgreSQL (process {pid}) had not stopped after {seconds} s and was told to quit at once; it recovers at the next start."
    )]
    Slow { pid: i32, seconds: u64 },
}

/// Puts the place and the deed to an I/O error.
pub(crate) trait At<T> {
    fn at(self, doing: &'static str, path: &std::path::Path) -> Result<T, StartError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &'static str, path: &std::path::Path) -> Result<T, StartError> {
        self.map_err(|source| StartError::Io { doing, path: path.to_path_buf(), source })
    }
}

impl<T> At<T> for nix::Result<T> {
    fn at(self, doing: &'static str, path: &std::path::Path) -> Result<T, StartError> {
        self.map_err(io::Error::from).at(doing, path)
    }
}
