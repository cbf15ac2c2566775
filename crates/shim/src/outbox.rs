//! What commands said and how they ended, kept in files before it is sent.
//!
//! A folder per command holds `output`, a row of records (stream, length, bytes), and `exit.json` once it ended. Written
//! without `fsync`: the files outlive any process, and when the machine stops, the sandbox is gone with them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::PathBuf,
};

use crate::protocol::{Exit, Frame, Reason, Stream};

const RECORD_HEAD: usize = 5;

#[derive(Debug)]
pub(crate) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// Opens the folder. Commands that another shim left unfinished get an end: nobody saw theirs.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        for command in fs::read_dir(&folder)? {
            let command = command?.path();
            if !command.join("exit.json").exists() {
                let output_bytes = Reader::open(&command, 0)?.skip_all()?;
                let exit = Exit { code: None, signal: None, reason: Reason::Lost, output_bytes, duration_ms: 0 };
                write_exit(&command, &exit)?;
            }
        }
        Ok(Self { folder })
    }

    /// Takes a key for a new command; none when it is taken.
    pub(crate) fn claim(&self, key: &str) -> io::Result<Option<Writer>> {
        let folder = self.folder.join(key);
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            created => created?,
        }
        let output = OpenOptions::new().append(true).create_new(true).mode(0o600).open(folder.join("output"))?;
        Ok(Some(Writer { folder, output, written: 0 }))
    }

    /// None when no such command ended.
    pub(crate) fn exit(&self, key: &str) -> io::Result<Option<Exit>> {
        match fs::read(self.folder.join(key).join("exit.json")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => Ok(Some(serde_json::from_slice(&read?)?)),
        }
    }

    pub(crate) fn reader(&self, key: &str, from: u64) -> io::Result<Reader> {
        Reader::open(&self.folder.join(key), from)
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    folder: PathBuf,
    output: File,
    written: u64,
}

impl Writer {
    /// Bytes of output so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn append(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut record = Vec::with_capacity(RECORD_HEAD + bytes.len());
        record.push(stream.tag());
        record.extend_from_slice(&length.to_be_bytes());
        record.extend_from_slice(bytes);
        self.output.write_all(&record)?;
        self.written += u64::from(length);
        Ok(())
    }

    pub(crate) fn finish(self, exit: &Exit) -> io::Result<()> {
        write_exit(&self.folder, exit)
    }
}

/// The record appears whole or not at all.
fn write_exit(folder: &std::path::Path, exit: &Exit) -> io::Result<()> {
    let half = folder.join("exit.half");
    fs::write(&half, serde_json::to_vec(exit)?)?;
    fs::rename(half, folder.join("exit.json"))
}

#[derive(Debug)]
pub(crate) struct Reader {
    file: File,
    /// In the file.
    position: u64,
    /// In the output.
    offset: u64,
    from: u64,
}

impl Reader {
    fn open(folder: &std::path::Path, from: u64) -> io::Result<Self> {
        Ok(Self { file: File::open(folder.join("output"))?, position: 0, offset: 0, from })
    }

    /// The next output at or after the wanted offset; none when no more is written yet.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        while let Some((stream, mut bytes)) = self.record()? {
            let begin = self.offset;
            self.offset += bytes.len() as u64;
            if self.offset <= self.from {
                continue;
            }
            let known = self.from.saturating_sub(begin);
            bytes.drain(..usize::try_from(known).map_err(io::Error::other)?);
            return Ok(Some(Frame::Output { stream, offset: begin + known, bytes }));
        }
        Ok(None)
    }

    fn record(&mut self) -> io::Result<Option<(Stream, Vec<u8>)>> {
        let mut head = [0; RECORD_HEAD];
        if !self.fill(&mut head, self.position)? {
            return Ok(None);
        }
        let [tag, length @ ..] = head;
        let stream = Stream::from_tag(tag).ok_or_else(|| io::Error::other("the output file is damaged"))?;
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        if !self.fill(&mut bytes, self.position + RECORD_HEAD as u64)? {
            return Ok(None);
        }
        self.position += (RECORD_HEAD + bytes.len()) as u64;
        Ok(Some((stream, bytes)))
    }

    /// False when the file ends before the buffer does: the record is still being written.
    fn fill(&self, buffer: &mut [u8], at: u64) -> io::Result<bool> {
        match self.file.read_exact_at(buffer, at) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            read => read.map(|()| true),
        }
    }

    fn skip_all(mut self) -> io::Result<u64> {
        while self.record()?.map(|(_, bytes)| self.offset += bytes.len() as u64).is_some() {}
        Ok(self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(reader: &mut Reader) -> Vec<(u64, String)> {
        std::iter::from_fn(|| reader.next().unwrap())
            .map(|frame| match frame {
                Frame::Output { offset, bytes, .. } => (offset, String::from_utf8(bytes).unwrap()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_reader_starts_anywhere_and_follows() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("outbox")).unwrap();
        let mut writer = outbox.claim("k").unwrap().unwrap();
        assert!(outbox.claim("k").unwrap().is_none(), "a key is taken once");
        writer.append(Stream::Stdout, b"hello ").unwrap();
        writer.append(Stream::Stderr, b"world").unwrap();
        let mut reader = outbox.reader("k", 8).unwrap();
        assert_eq!(texts(&mut reader), [(8, "rld".to_owned())]);
        writer.append(Stream::Stdout, b"!").unwrap();
        assert_eq!(texts(&mut reader), [(11, "!".to_owned())]);
        assert_eq!(texts(&mut outbox.reader("k", 6).unwrap()), [(6, "world".to_owned()), (11, "!".to_owned())]);
        assert!(texts(&mut outbox.reader("k", 100).unwrap()).is_empty());
    }

    #[test]
    fn a_record_that_is_half_written_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("outbox")).unwrap();
        let mut writer = outbox.claim("k").unwrap().unwrap();
        writer.output.write_all(&[b'o', 0, 0, 0, 3, b'a']).unwrap();
        let mut reader = outbox.reader("k", 0).unwrap();
        assert!(reader.next().unwrap().is_none());
        writer.output.write_all(b"bc").unwrap();
        assert_eq!(texts(&mut reader), [(0, "abc".to_owned())]);
    }

    #[test]
    fn commands_of_a_shim_that_died_are_lost_and_not_running() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("outbox");
        let outbox = Outbox::open(path.clone()).unwrap();
        outbox.claim("died").unwrap().unwrap().append(Stream::Stdout, b"abc").unwrap();
        let exit = Exit { code: Some(0), signal: None, reason: Reason::Finished, output_bytes: 0, duration_ms: 1 };
        outbox.claim("ended").unwrap().unwrap().finish(&exit).unwrap();
        assert_eq!(outbox.exit("died").unwrap(), None);
        let outbox = Outbox::open(path).unwrap();
        let died = outbox.exit("died").unwrap().unwrap();
        assert_eq!((died.reason, died.output_bytes), (Reason::Lost, 3));
        assert_eq!(outbox.exit("ended").unwrap(), Some(exit));
        assert_eq!(outbox.exit("unknown").unwrap(), None);
    }
}
