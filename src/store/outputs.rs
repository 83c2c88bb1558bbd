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
use sqlx::PgConnection;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Consecutive lines of one execution's output.
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
    fn day(&self) -> chrono::NaiveDate {
        let first = self.line_stamps.first().copied().unwrap_or_default();
        DateTime::<Utc>::from_timestamp_micros(first).unwrap_or_default().date_naive()
    }
}

/// Stores chunks of any number of executions in one statement. A chunk that is there already stays as it is: it can
/// only be the same one, written again after its commit was in doubt.
pub(super) async fn append(connection: &mut PgConnection, chunks: &[OutputChunk]) -> sqlx::Result<()> {
    let all = || chunks.iter();
    // SQL knows no arrays of arrays of different lengths: the inner ones travel as text.
    let numbers = |ends: &[i32]| join(ends.iter());
    let stamps = |stamps: &[i64]| join(stamps.iter());
    sqlx::query_file!(
        "src/store/sql/outputs_append.sql",
        &all().map(|c| c.execution_id.as_bytes()).collect::<Vec<_>>() as _,
        &all().map(|c| c.byte_from).collect::<Vec<_>>(),
        &all().map(OutputChunk::day).collect::<Vec<_>>(),
        &all().map(|c| c.line_from).collect::<Vec<_>>(),
        &all().map(|c| c.data.as_slice()).collect::<Vec<_>>() as _,
        &all().map(|c| numbers(&c.line_ends)).collect::<Vec<_>>(),
        &all().map(|c| c.line_kinds.as_slice()).collect::<Vec<_>>() as _,
        &all().map(|c| stamps(&c.line_stamps)).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn join<T: ToString>(numbers: impl Iterator<Item = T>) -> String {
    let mut text = String::from("{");
    for (index, number) in numbers.enumerate() {
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
