//! What the outside and the shim say to each other, over the socket [`CONTROL`] in a folder that both see.
//!
//! One connection carries one request: a line of JSON ([`Request`]), after it, for [`Request::Exec`], exactly
//! `stdin_bytes` bytes for the program's standard input. The shim answers with frames: a length (four bytes, big endian,
//! counting what follows the kind), a kind (one byte) and a body, see [`Frame`]. It closes the connection after the last.
//!
//! A command is named by a key that its caller chooses. The shim writes what a command says to a file before it sends it,
//! and its end too, so that a caller that was killed asks again with the same key and misses nothing; the command itself
//! is never started twice. Offsets count bytes of output, standard output and error together, in the order of arrival.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// Where the shared folder stands inside.
pub const FOLDER: &str = "/run/muster";
/// The shim listens here, in the shared folder.
pub const CONTROL: &str = "control.sock";
/// The outside listens here, in the shared folder, when a sandbox may reach anything.
pub const EGRESS: &str = "out.sock";
/// The shim's own program inside.
pub const PROGRAM: &str = "/run/muster-shim";
/// The workspace inside.
pub const WORK: &str = "/work";
/// The home folder inside; empty at first, gone with the sandbox.
pub const HOME: &str = "/home/agent";

/// The longest body of a frame, in bytes.
pub const MAX_BODY: usize = 1 << 20;
/// The longest standard input of a command, in bytes.
pub const MAX_STDIN: u64 = 16 << 20;
/// The longest line of a request, in bytes.
pub const MAX_REQUEST: usize = 1 << 20;
/// A frame's length and kind.
pub const FRAME_HEAD: usize = 5;

/// How a shim is started: `muster-shim init <this as JSON>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The shared folder, [`FOLDER`] in a sandbox.
    pub folder: PathBuf,
    /// The workspace, [`WORK`] in a sandbox.
    pub work: PathBuf,
    /// Loopback ports inside that lead to sockets in the shared folder.
    #[serde(default)]
    pub forwards: Vec<Forward>,
    /// Memory of all processes together, in bytes. Watched by the shim unless `held` names it.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// What the workspace may hold, and the largest single file, in bytes.
    pub disk_bytes: u64,
    /// After this the shim ends everything, itself last.
    pub wall_ms: u64,
    /// Thousandths of a processor for all processes together. Held by stopping them unless `held` names it.
    pub cpu_millis: u64,
    /// What the kernel already holds through control groups.
    #[serde(default)]
    pub held: Vec<Held>,
}

impl Default for Start {
    /// A sandbox's folders, no forward, and no limits.
    fn default() -> Self {
        Self {
            folder: FOLDER.into(),
            work: WORK.into(),
            forwards: Vec::new(),
            memory_bytes: u64::MAX,
            pids: u64::MAX,
            disk_bytes: u64::MAX,
            wall_ms: u64::MAX,
            cpu_millis: u64::MAX,
            held: Vec::new(),
        }
    }
}

/// A limit that the kernel holds for the whole sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    Memory,
    Pids,
    Cpu,
}

/// TCP connections to `port` on loopback become connections to the Unix socket `socket`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    pub port: u16,
    /// A name in the shared folder.
    pub socket: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Starts a command, or, when its key is known, follows it like `Attach`. Answered by output and an exit.
    Exec(Exec),
    /// Follows a command from a byte of its output on. Answered by output and an exit, or refused when the key is unknown.
    Attach { key: String, from_offset: u64 },
    /// Ends a command and everything it started. Answered at once with `Answer::Done`; its followers get the exit.
    Kill { key: String },
    /// Answered with `Answer::Stats`.
    Stats,
    /// Answered with `Answer::Done`: the shim lives.
    Ping,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Letters, digits and `-_.:`, at most 200.
    pub key: String,
    /// The program, looked up in `PATH`, and its arguments.
    pub argv: Vec<String>,
    /// Where it runs; relative to [`WORK`], which it must not leave. The workspace itself when absent.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Added to the sandbox's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub stdin_bytes: u64,
    pub timeout_ms: u64,
    /// The command is ended when it says more.
    pub max_output_bytes: u64,
    /// Where a follower that comes back starts; 0 for all.
    #[serde(default)]
    pub from_offset: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Output {
        stream: Stream,
        /// Of the first byte.
        offset: u64,
        bytes: Vec<u8>,
    },
    Exit(Exit),
    Answer(Answer),
    /// The request could not be done, in a sentence.
    Refused(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// How a command ended. Neither code nor signal when nobody saw it end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// As the program gave it; 126 when it could not be run and 127 when it was not found, as a shell says it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub reason: Reason,
    pub output_bytes: u64,
    pub duration_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// By itself, well or badly.
    Finished,
    TimedOut,
    /// It said more than it may.
    OutputLimit,
    OutOfMemory,
    /// Somebody asked for it.
    Killed,
    /// The sandbox's processes, disk or wall time were used up.
    LimitReached,
    /// The sandbox went away under it.
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    Done,
    Stats(Stats),
}

/// What a sandbox uses now, all its processes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Without the page cache.
    pub memory_bytes: u64,
    /// Since its start. Only living processes count where no control group does.
    pub cpu_ms: u64,
    pub processes: u64,
    /// Held by the workspace, as last measured.
    pub disk_bytes: u64,
    pub running_commands: u64,
    /// Since its start.
    pub up_ms: u64,
}

/// Why bytes are no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    #[error("a frame's body is cut off")]
    Short,
    #[error("a frame's body is unreadable: {0}")]
    Json(#[from] serde_json::Error),
}

impl Frame {
    /// The bytes on the wire.
    ///
    /// # Errors
    /// When the body is longer than [`MAX_BODY`].
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let (kind, mut body) = match self {
            Self::Output { stream, offset, bytes } => {
                let mut body = offset.to_be_bytes().to_vec();
                body.extend_from_slice(bytes);
                (stream.tag(), body)
            }
            Self::Exit(exit) => (b'x', serde_json::to_vec(exit)?),
            Self::Answer(answer) => (b'a', serde_json::to_vec(answer)?),
            Self::Refused(reason) => (b'r', reason.clone().into_bytes()),
        };
        let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_BODY);
        let length = length.ok_or(FrameError::TooLong(body.len()))?;
        let mut frame = length.to_be_bytes().to_vec();
        frame.push(kind);
        frame.append(&mut body);
        Ok(frame)
    }

    /// The kind and the length of the body from a frame's head.
    ///
    /// # Errors
    /// When the body would be longer than [`MAX_BODY`].
    pub fn head(head: [u8; FRAME_HEAD]) -> Result<(u8, usize), FrameError> {
        let [a, b, c, d, kind] = head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > MAX_BODY { Err(FrameError::TooLong(length)) } else { Ok((kind, length)) }
    }

    /// # Errors
    /// When the body does not fit the kind.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, FrameError> {
        if let Some(stream) = Stream::from_tag(kind) {
            let (offset, bytes) = body.split_first_chunk().ok_or(FrameError::Short)?;
            return Ok(Self::Output { stream, offset: u64::from_be_bytes(*offset), bytes: bytes.to_vec() });
        }
        match kind {
            b'x' => Ok(Self::Exit(serde_json::from_slice(body)?)),
            b'a' => Ok(Self::Answer(serde_json::from_slice(body)?)),
            b'r' => Ok(Self::Refused(String::from_utf8_lossy(body).into_owned())),
            unknown => Err(FrameError::Kind(unknown)),
        }
    }
}

impl Stream {
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Stdout => b'o',
            Self::Stderr => b'e',
        }
    }

    pub(crate) fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            b'o' => Some(Self::Stdout),
            b'e' => Some(Self::Stderr),
            _ => None,
        }
    }
}

/// Whether a key can name a command, and a folder.
#[must_use]
pub fn is_key(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=200).contains(&key.len()) && key.bytes().all(plain) && !key.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(frame: &Frame) -> Frame {
        let bytes = frame.encode().unwrap();
        let (head, body) = bytes.split_first_chunk().unwrap();
        let (kind, length) = Frame::head(*head).unwrap();
        assert_eq!(length, body.len());
        Frame::decode(kind, body).unwrap()
    }

    #[test]
    fn frames_survive_the_wire() {
        let exit =
            Exit { code: Some(3), signal: None, reason: Reason::TimedOut, output_bytes: 1 << 40, duration_ms: 9 };
        for frame in [
            Frame::Output { stream: Stream::Stdout, offset: u64::MAX, bytes: vec![0, 255, b'\n'] },
            Frame::Output { stream: Stream::Stderr, offset: 0, bytes: Vec::new() },
            Frame::Exit(exit),
            Frame::Answer(Answer::Stats(Stats { cpu_ms: 7, ..Stats::default() })),
            Frame::Answer(Answer::Done),
            Frame::Refused("é".to_owned()),
        ] {
            assert_eq!(again(&frame), frame);
        }
    }

    #[test]
    fn broken_frames_are_told_and_not_believed() {
        assert!(matches!(Frame::head([255, 0, 0, 0, b'o']), Err(FrameError::TooLong(_))));
        assert!(matches!(Frame::decode(b'o', b"short"), Err(FrameError::Short)));
        assert!(matches!(Frame::decode(b'?', b""), Err(FrameError::Kind(b'?'))));
        assert!(matches!(Frame::decode(b'x', b"{}"), Err(FrameError::Json(_))));
        let long = Frame::Output { stream: Stream::Stdout, offset: 0, bytes: vec![0; MAX_BODY] };
        assert!(matches!(long.encode(), Err(FrameError::TooLong(_))));
    }

    #[test]
    fn keys_are_plain_names() {
        for good in ["a", "run-1.step:2_x", &"k".repeat(200)] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a b", "ä", "a\0", &"k".repeat(201)] {
            assert!(!is_key(bad), "{bad:?}");
        }
    }
}
