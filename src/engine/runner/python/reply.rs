//! The result pipe of a run: one frame, read while the process runs.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::{io::ErrorKind, os::fd::AsFd};
use tokio::net::unix::pipe::Receiver;

/// A frame begins with its length.
const HEAD: usize = 4;

/// A frame is this much larger than the result in it: its keys, its modules.
const SLACK: usize = 64 * 1024;

/// What has come of a frame.
pub(super) struct Reply {
    pipe: Option<Receiver>,
    buffer: Vec<u8>,
    limit: usize,
    is_too_large: bool,
    farewell: Option<i32>,
}

/// What the wrapper says.
#[derive(Deserialize)]
struct Frame {
    #[serde(default, deserialize_with = "present")]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    status: Option<bool>,
    #[serde(default)]
    modules: Vec<String>,
    #[serde(default)]
    refused: Option<String>,
    #[serde(default)]
    code: Option<i32>,
}

/// A value that is there, also when it is null.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(from).map(Some)
}

/// What came, all in all.
#[derive(Debug)]
pub(super) enum Said {
    /// No whole frame.
    Nothing,
    /// The answer of the action, fit to be kept; and modules that it imported beyond what was there.
    Answer { result: Box<RawValue>, status: Option<bool>, modules: Vec<String> },
    /// A warm process cannot run this; nothing of the action has run.
    Refused(String),
    /// More than is allowed.
    TooLarge,
}

impl Said {
    /// The modules that it imported beyond what was there.
    pub(super) fn modules(&self) -> &[String] {
        match self {
            Self::Answer { modules, .. } => modules,
            _ => &[],
        }
    }
}

impl Reply {
    pub(super) fn new(pipe: Receiver, limit: usize) -> Self {
        Self {
            pipe: Some(pipe),
            buffer: Vec::new(),
            limit: limit.saturating_add(SLACK),
            is_too_large: false,
            farewell: None,
        }
    }

    /// Waits for more of it. Never ends when no more can come, so it may stand in a `select!` for good.
    pub(super) async fn more(&mut self) {
        let Some(pipe) = &self.pipe else { return std::future::pending().await };
        if pipe.readable().await.is_err() {
            self.pipe = None;
            return;
        }
        loop {
            let Some(pipe) = &self.pipe else { return };
            reserve(&mut self.buffer);
            match pipe.try_read_buf(&mut self.buffer) {
                Ok(0) => self.pipe = None,
                Ok(_) => self.check(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
    }

    /// Takes what is there, without waiting: the process has ended, and others may hold its end of the pipe.
    pub(super) fn finish(mut self) -> Said {
        while let Some(pipe) = &self.pipe {
            let mut chunk = [0; 8 * 1024];
            // Past the runtime, which may not have heard yet that there is something to read.
            match rustix::io::read(pipe.as_fd(), &mut chunk) {
                Ok(count) if count > 0 => {
                    self.buffer.extend_from_slice(&chunk[..count]);
                    self.check();
                }
                _ => self.pipe = None,
            }
        }
        self.said()
    }

    /// The exit code, once the process has said that nothing is left to happen but its end.
    pub(super) fn farewell(&self) -> Option<i32> {
        self.farewell
    }

    /// Closes the pipe once the last frame is whole, and forgets what is too large; the rest of that is read for
    /// nothing, so that the action can end.
    fn check(&mut self) {
        if self.is_too_large {
            self.buffer.clear();
        } else if self.buffer.len() > self.limit || self.length().is_some_and(|length| length > self.limit) {
            self.is_too_large = true;
            self.buffer = Vec::new();
        } else if let Some(length) = self.length() {
            if let Some(rest) = self.buffer.get(HEAD + length..) {
                // A frame without an answer is the last one.
                self.farewell = code_of(&self.buffer).or_else(|| code_of(rest));
                if self.farewell.is_some() {
                    self.pipe = None;
                }
            } else {
                let missing = HEAD + length - self.buffer.len();
                self.buffer.reserve_exact(missing);
            }
        }
    }

    fn length(&self) -> Option<usize> {
        let head = self.buffer.first_chunk::<HEAD>()?;
        Some(u32::from_be_bytes(*head) as usize)
    }

    /// What was said, if it was said to the end.
    fn said(&self) -> Said {
        if self.is_too_large {
            return Said::TooLarge;
        }
        let frame = self.length().and_then(|length| self.buffer.get(HEAD..HEAD + length));
        let Some(frame) = frame.and_then(|frame| serde_json::from_slice::<Frame>(frame).ok()) else {
            return Said::Nothing;
        };
        match (frame.refused, frame.result) {
            (Some(why), _) => Said::Refused(why),
            (None, Some(result)) => {
                Said::Answer { result: sound(result), status: frame.status, modules: frame.modules }
            }
            (None, None) => Said::Nothing,
        }
    }
}

/// The exit code in a frame that tells one.
fn code_of(bytes: &[u8]) -> Option<i32> {
    /// The frame of a code is no longer than this.
    const SHORT: usize = 64;
    let length = u32::from_be_bytes(*bytes.first_chunk::<HEAD>()?) as usize;
    let frame = bytes.get(HEAD..HEAD + length).filter(|_| length <= SHORT)?;
    serde_json::from_slice::<Frame>(frame).ok()?.code
}

/// Room for a read of a pipe's usual size.
fn reserve(buffer: &mut Vec<u8>) {
    if buffer.capacity() - buffer.len() < 4096 {
        buffer.reserve(64 * 1024);
    }
}

/// JSON that everybody can read later: what is nested too deep becomes a text, and halves of characters are replaced.
fn sound(result: Box<RawValue>) -> Box<RawValue> {
    let Some(fault) = first_fault(result.get().as_bytes()) else { return result };
    let kept = match fault {
        Fault::TooDeep => serde_json::value::to_raw_value(result.get()).ok(),
        Fault::HalfCharacter => RawValue::from_string(without_halves(result.get())).ok(),
    };
    match kept {
        // Both faults at once.
        Some(kept)
            if matches!(fault, Fault::HalfCharacter) && first_fault(kept.get().as_bytes()).is_some() =>
        {
            serde_json::value::to_raw_value(kept.get()).unwrap_or(kept)
        }
        Some(kept) => kept,
        None => result,
    }
}

enum Fault {
    TooDeep,
    HalfCharacter,
}

fn first_fault(json: &[u8]) -> Option<Fault> {
    let (mut depth, mut at, mut in_text) = (0_usize, 0, false);
    while at < json.len() {
        match json[at] {
            b'"' => in_text = !in_text,
            b'\\' => {
                if half_character(&json[at..]).is_some() {
                    return Some(Fault::HalfCharacter);
                }
                // A whole pair is twelve bytes long; its second half would look like a lone one.
                at += if is_high(&json[at..]) { 12 } else { 2 };
                continue;
            }
            b'[' | b'{' if !in_text => {
                depth += 1;
                if depth > crate::pytext::MAX_DEPTH {
                    return Some(Fault::TooDeep);
                }
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The value of an escape `\uXXXX` at the beginning.
fn escaped(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn is_high(json: &[u8]) -> bool {
    escaped(json).is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
}

/// Whether half of a character stands here alone.
fn half_character(json: &[u8]) -> Option<usize> {
    let unit = escaped(json)?;
    let is_low = |unit: u16| (0xdc00..0xe000).contains(&unit);
    let is_whole = is_high(json) && json.get(6..).and_then(escaped).is_some_and(is_low);
    ((is_high(json) || is_low(unit)) && !is_whole).then_some(6)
}

fn without_halves(json: &str) -> String {
    let bytes = json.as_bytes();
    let (mut kept, mut at, mut from) = (String::with_capacity(json.len()), 0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
        } else if let Some(length) = half_character(&bytes[at..]) {
            kept.push_str(&json[from..at]);
            kept.push_str("\\ufffd");
            at += length;
            from = at;
        } else {
            at += if is_high(&bytes[at..]) { 12 } else { 2 };
        }
    }
    kept.push_str(&json[from.min(json.len())..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(json: &str) -> String {
        sound(RawValue::from_string(json.to_owned()).unwrap()).get().to_owned()
    }

    #[test]
    fn halves_of_characters_are_replaced_and_whole_ones_kept() {
        assert_eq!(
            cleaned(r#"["a\ud800b", "\ud83d\ude00", "\\ud800"]"#),
            r#"["a\ufffdb", "\ud83d\ude00", "\\ud800"]"#
        );
        assert_eq!(cleaned(r#""\ude00\ud83d""#), r#""\ufffd\ufffd""#);
    }

    #[test]
    fn what_is_nested_too_deep_becomes_a_text() {
        let deep = "[".repeat(500) + &"]".repeat(500);
        assert_eq!(cleaned(&deep), serde_json::to_string(&deep).unwrap());
        let brackets = format!("\"{}\"", "[".repeat(500));
        assert_eq!(cleaned(&brackets), brackets);
    }
}
