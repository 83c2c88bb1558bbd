//! Output of executions, in chunks of many lines.
//!
//! A chunk knows the byte and the line it begins at, so that a reader who has the first million bytes pays for what
//! follows only. Chunks lie in partitions by day: what is too old goes with its partition, not row by row.

mod partitions;
mod read;

pub use partitions::{drop_before, ensure_partitions};
pub use read::{Line, Lines, chunk_of_line, ends, read_from_byte, read_from_line};

use crate::model::ExecutionId;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Consecutive lines of one execution's output. Stored by [`super::executions::advance`], with what else happens to
/// executions: a chunk that is there already stays as it is, for it can only be the same one, written again after its
/// commit was in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputChunk {
    /// Whose.
    pub execution_id: ExecutionId,
    /// Bytes of all its output before this chunk.
    pub byte_from: i64,
    /// Number of the first line here, from 0.
    pub line_from: i64,
    /// The lines, one after the other, newlines included.
    pub data: Vec<u8>,
    /// Where each line ends in `data`.
    pub line_ends: Vec<i32>,
    /// Which stream each line came from, see [`crate::bus::OutputKind::code`].
    pub line_kinds: Vec<u8>,
    /// When each line was read, in microseconds since 1970.
    pub line_stamps: Vec<i64>,
    /// Goes with the chunk until it is written, and tells by its end that there is room for more.
    pub room: Room,
}

/// A share of what may be on its way to the database; given back when the last copy is dropped.
#[derive(Clone, Debug, Default)]
pub struct Room(
    #[expect(dead_code, reason = "it is held for what its end does")] Option<Arc<OwnedSemaphorePermit>>,
);

impl From<OwnedSemaphorePermit> for Room {
    fn from(permit: OwnedSemaphorePermit) -> Self {
        Self(Some(Arc::new(permit)))
    }
}

/// Chunks are equal by what they hold.
impl PartialEq for Room {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Room {}

impl OutputChunk {
    /// The day whose partition holds it: that of its first line.
    pub(super) fn day(&self) -> chrono::NaiveDate {
        let first = self.line_stamps.first().copied().unwrap_or_default();
        DateTime::<Utc>::from_timestamp_micros(first).unwrap_or_default().date_naive()
    }
}

/// Numbers as the text of a PostgreSQL array.
pub(super) fn array_text<T: ToString>(numbers: &[T]) -> String {
    let mut text = String::from("{");
    for (index, number) in numbers.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&number.to_string());
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests;
