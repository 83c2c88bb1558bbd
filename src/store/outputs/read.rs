//! Reading output back: from a byte or from a line on, a bounded piece at a time.

use super::{OutputChunk, Room};
use crate::{bus::OutputKind, model::ExecutionId, store::Result};
use chrono::{DateTime, Days, NaiveDate, Utc};
use sqlx::PgExecutor;

/// Chunks read at once: a piece of a long output must fit in memory many times over.
const AT_ONCE: i64 = 16;

/// One stored line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its number within the execution, from 0.
    pub number: u64,
    /// Bytes of all output up to its end.
    pub byte_end: u64,
    /// When it was read.
    pub timestamp: DateTime<Utc>,
    /// Where it came from.
    pub kind: OutputKind,
    /// The line, newline included when there was one.
    pub data: &'a [u8],
}

/// Some chunks in order.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    chunks: Vec<OutputChunk>,
}

impl Lines {
    /// Whether there is nothing (more).
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The lines in them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        self.chunks.iter().flat_map(lines_of)
    }

    /// Bytes of all output up to the end of the last of them.
    pub fn byte_end(&self) -> Option<u64> {
        self.chunks.last().map(|chunk| (chunk.byte_from as u64) + chunk.data.len() as u64)
    }

    /// Number of the line that follows the last of them.
    pub fn next_line(&self) -> Option<u64> {
        self.chunks.last().map(|chunk| (chunk.line_from as u64) + chunk.line_ends.len() as u64)
    }

    /// The chunks themselves.
    pub fn chunks(&self) -> &[OutputChunk] {
        &self.chunks
    }
}

fn lines_of(chunk: &OutputChunk) -> impl Iterator<Item = Line<'_>> {
    (0..chunk.line_ends.len()).filter_map(|index| {
        let begin = if index == 0 { 0 } else { *chunk.line_ends.get(index - 1)? as usize };
        let end = *chunk.line_ends.get(index)? as usize;
        Some(Line {
            number: chunk.line_from as u64 + index as u64,
            byte_end: chunk.byte_from as u64 + end as u64,
            timestamp: DateTime::from_timestamp_micros(*chunk.line_stamps.get(index)?).unwrap_or_default(),
            kind: OutputKind::from_code(*chunk.line_kinds.get(index)?)?,
            data: chunk.data.get(begin..end)?,
        })
    })
}

/// A row of either statement below as a chunk; each has a row type of its own.
macro_rules! chunk {
    () => {
        |row| OutputChunk {
            execution_id: row.execution_id,
            byte_from: row.byte_from,
            line_from: row.line_from,
            data: row.data,
            line_ends: row.line_ends,
            line_kinds: row.line_kinds,
            line_stamps: row.line_stamps,
            room: Room::default(),
        }
    };
}

/// The next chunks that hold anything at or after byte `from`; the first of them may begin before it.
pub async fn read_from_byte(db: impl PgExecutor<'_>, id: ExecutionId, from: u64) -> Result<Lines> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let rows = sqlx::query!(
        r#"SELECT execution_id AS "execution_id: ExecutionId", byte_from, line_from, data, line_ends, line_kinds,
               line_stamps
           FROM execution_output
           WHERE execution_id = $1 AND day >= $4
             AND byte_from >= coalesce((SELECT max(byte_from) FROM execution_output
                                        WHERE execution_id = $1 AND byte_from <= $2 AND day >= $4), 0)
             AND byte_from + length(data) > $2
           ORDER BY byte_from LIMIT $3"#,
        id as _,
        from,
        AT_ONCE,
        first_day(id)
    )
    .fetch_all(db)
    .await?;
    Ok(Lines { chunks: rows.into_iter().map(chunk!()).collect() })
}

/// The next chunks that hold line `from` or a later one; the first of them may begin before it.
///
/// Lines are numbered as bytes are, upwards, but only bytes are indexed; `after_byte` says up to where the caller
/// has read and keeps the look short.
pub async fn read_from_line(
    db: impl PgExecutor<'_>,
    id: ExecutionId,
    from: u64,
    after_byte: u64,
) -> Result<Lines> {
    let rows = sqlx::query!(
        r#"SELECT execution_id AS "execution_id: ExecutionId", byte_from, line_from, data, line_ends, line_kinds,
               line_stamps
           FROM execution_output
           WHERE execution_id = $1 AND day >= $5 AND byte_from >= $2 AND line_from + cardinality(line_ends) > $3
           ORDER BY byte_from LIMIT $4"#,
        id as _,
        i64::try_from(after_byte).unwrap_or(i64::MAX),
        i64::try_from(from).unwrap_or(i64::MAX),
        AT_ONCE,
        first_day(id)
    )
    .fetch_all(db)
    .await?;
    Ok(Lines { chunks: rows.into_iter().map(chunk!()).collect() })
}

/// The byte at which the chunk that holds a line begins; 0 if there is none. Cheap for lines near the end, which is
/// where clients that come back go on.
pub async fn chunk_of_line(db: impl PgExecutor<'_>, id: ExecutionId, line: u64) -> Result<u64> {
    let begin = sqlx::query_scalar!(
        "SELECT byte_from FROM execution_output WHERE execution_id = $1 AND day >= $3 AND line_from <= $2
         ORDER BY byte_from DESC LIMIT 1",
        id as _,
        i64::try_from(line).unwrap_or(i64::MAX),
        first_day(id)
    )
    .fetch_optional(db)
    .await?;
    Ok(begin.map_or(0, |begin| begin.max(0) as u64))
}

/// Bytes and lines stored so far.
pub async fn ends(db: impl PgExecutor<'_>, id: ExecutionId) -> Result<(u64, u64)> {
    let last = sqlx::query!(
        r#"SELECT byte_from + length(data) AS "bytes!", line_from + cardinality(line_ends) AS "lines!"
           FROM execution_output WHERE execution_id = $1 AND day >= $2 ORDER BY byte_from DESC LIMIT 1"#,
        id as _,
        first_day(id)
    )
    .fetch_optional(db)
    .await?;
    Ok(last.map_or((0, 0), |last| (last.bytes as u64, last.lines as u64)))
}

/// The first day on which an execution can have printed something: older partitions need not be looked at.
fn first_day(id: ExecutionId) -> NaiveDate {
    // A day of grace for clocks of nodes that differ.
    id.requested_at().date_naive() - Days::new(1)
}
