//! The channel to one sensor: frames of JSON over a socket.

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::os::{fd::OwnedFd, unix::net::UnixStream as StdStream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Largest frame from a sensor.
const LARGEST: usize = 16 * 1024 * 1024;

/// What a sensor says.
#[derive(Debug)]
pub(super) enum Heard {
    /// An event.
    Dispatch { id: u64, trigger: Value, payload: Value, trace_context: Option<Trace> },
    /// It needs a token for the datastore.
    Token { id: u64 },
    /// A record of its log.
    Log { level: String, name: String, message: String },
    /// How far it is.
    State { state: String, error: Option<String> },
}

/// The trace an event belongs to, as far as the sensor says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Trace {
    pub(super) id_: Option<String>,
    pub(super) trace_tag: Option<String>,
}

/// What we say.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Said<'a> {
    Start(Start<'a>),
    Trigger { r#type: &'static str, event: &'static str, trigger: Map<String, Value> },
    Dispatched { id: u64, refused: Option<String> },
    Token { id: u64, token: String },
}

/// The first thing we say.
#[derive(Debug, Serialize)]
pub(super) struct Start<'a> {
    pub(super) r#type: &'static str,
    pub(super) protocol: u32,
    pub(super) pack: &'a str,
    pub(super) class_name: &'a str,
    pub(super) file_path: &'a str,
    pub(super) config: &'a Map<String, Value>,
    pub(super) poll_interval: Option<i32>,
    pub(super) log_level: &'a str,
}

/// Our end, and the sensor's.
pub(super) fn open() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let ours = StdStream::from(ours);
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs))
}

/// Reads frames. A read that is given up loses nothing.
pub(super) struct Reader {
    socket: OwnedReadHalf,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were taken already.
    taken: usize,
}

/// Why no more is read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("it closed the channel")]
    Closed,
    #[error("it sent a frame of {0} bytes, more than {LARGEST}")]
    TooLarge(usize),
    #[error("it sent what is no frame: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl Reader {
    pub(super) fn new(socket: OwnedReadHalf) -> Self {
        Self { socket, buffer: Vec::new(), taken: 0 }
    }

    /// The next frame.
    pub(super) async fn next(&mut self) -> Result<Heard, Broken> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            // What is left is the beginning of one frame.
            self.buffer.drain(..std::mem::take(&mut self.taken));
            match self.socket.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(Broken::Closed),
                Ok(_) => {}
            }
        }
    }

    fn take(&mut self) -> Result<Option<Heard>, Broken> {
        let Some((head, rest)) = self.buffer[self.taken..].split_at_checked(4) else { return Ok(None) };
        let length = head.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > LARGEST {
            return Err(Broken::TooLarge(length));
        }
        let Some(content) = rest.get(..length) else { return Ok(None) };
        let value: Value = serde_json::from_slice(content)?;
        self.taken += 4 + length;
        if self.taken == self.buffer.len() {
            self.taken = 0;
            self.buffer.clear();
            self.buffer.shrink_to(64 * 1024);
        }
        Ok(Some(heard(value)?))
    }
}

/// By hand: serde's tagged enums would take numbers apart.
fn heard(value: Value) -> Result<Heard, serde_json::Error> {
    use serde::de::Error as _;
    let Value::Object(mut fields) = value else {
        return Err(serde_json::Error::custom("a frame that is no object"));
    };
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let kind = take("type");
    let text = |value: Value| value.as_str().map(str::to_owned).unwrap_or_default();
    Ok(match kind.as_str() {
        Some("dispatch") => Heard::Dispatch {
            id: take("id").as_u64().unwrap_or_default(),
            trigger: take("trigger"),
            payload: take("payload"),
            trace_context: serde_json::from_value(take("trace_context"))?,
        },
        Some("token") => Heard::Token { id: take("id").as_u64().unwrap_or_default() },
        Some("log") => Heard::Log {
            level: text(take("level")),
            name: text(take("name")),
            message: text(take("message")),
        },
        Some("state") => {
            Heard::State { state: text(take("state")), error: take("error").as_str().map(str::to_owned) }
        }
        _ => return Err(serde_json::Error::custom(format!("a frame of the unknown type {kind}"))),
    })
}

/// Writes frames.
pub(super) struct Writer(OwnedWriteHalf);

impl Writer {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self(socket)
    }

    /// Says some things at once; a sensor that is gone is told of by its end.
    pub(super) async fn say(&mut self, said: &[Said<'_>]) -> std::io::Result<()> {
        let mut frames = Vec::new();
        for said in said {
            let begin = frames.len();
            frames.extend_from_slice(&[0; 4]);
            serde_json::to_writer(&mut frames, said)?;
            let length = (frames.len() - begin - 4) as u32;
            frames[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
        }
        self.0.write_all(&frames).await
    }
}
