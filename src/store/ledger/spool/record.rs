//! What stands in a spool: records, each with its length and the beginning of its SHA-256 before it.

use crate::{
    model::ExecutionStatus,
    store::{
        ledger::batch::{Entry, Transition},
        outputs::{OutputChunk, Room},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Bytes before a record: its length, and the beginning of its SHA-256.
pub(super) const HEAD: usize = 12;

#[derive(Serialize, Deserialize)]
pub(super) enum Record {
    Change {
        id: String,
        from: Vec<String>,
        to: Vec<String>,
        at: DateTime<Utc>,
        /// JSON text.
        result: Option<String>,
        context: Option<String>,
        holder: Option<(i32, i64)>,
    },
    Output {
        id: String,
        byte_from: i64,
        line_from: i64,
        data: String,
        line_ends: Vec<i32>,
        line_kinds: Vec<u8>,
        line_stamps: Vec<i64>,
    },
}

/// The records of what can be kept, one after the other.
pub(in crate::store::ledger) fn records<'a>(
    outputs: impl Iterator<Item = &'a OutputChunk>,
    changes: impl Iterator<Item = &'a Transition>,
) -> Vec<u8> {
    let mut bytes = vec![];
    for chunk in outputs {
        write_record(&mut bytes, &of_output(chunk));
    }
    // What the node says that runs it. What others ask for is asked again: they have not heard that it was accepted.
    for change in changes.filter(|change| change.holder.is_some()) {
        write_record(&mut bytes, &of_change(change));
    }
    bytes
}

/// The record of one entry; empty for a new execution.
pub(in crate::store::ledger) fn record(entry: &Entry) -> Vec<u8> {
    match entry {
        Entry::Insert { .. } => vec![],
        Entry::Transition { change, .. } => records(std::iter::empty(), std::iter::once(&**change)),
        Entry::Output(chunk) => records(std::iter::once(chunk), std::iter::empty()),
    }
}

fn words(statuses: &[ExecutionStatus]) -> Vec<String> {
    statuses.iter().map(|status| status.as_str().to_owned()).collect()
}

fn of_change(change: &Transition) -> Record {
    Record::Change {
        id: change.id.to_string(),
        from: words(&change.from),
        to: words(&change.to),
        at: change.at,
        result: change.result.as_ref().map(|raw| raw.get().to_owned()),
        context: change.context.clone(),
        holder: change.holder,
    }
}

fn of_output(chunk: &OutputChunk) -> Record {
    Record::Output {
        id: chunk.execution_id.to_string(),
        byte_from: chunk.byte_from,
        line_from: chunk.line_from,
        data: STANDARD.encode(&chunk.data),
        line_ends: chunk.line_ends.clone(),
        line_kinds: chunk.line_kinds.clone(),
        line_stamps: chunk.line_stamps.clone(),
    }
}

fn write_record(bytes: &mut Vec<u8>, record: &Record) {
    // Cannot fail: all keys are text.
    let Ok(content) = serde_json::to_vec(record) else { return };
    let Ok(length) = u32::try_from(content.len()) else { return };
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&Sha256::digest(&content)[..8]);
    bytes.extend_from_slice(&content);
}

/// The whole records at the beginning, and how many bytes come after them: those of one that was being written.
pub(super) fn read_records(mut bytes: &[u8]) -> (Vec<Record>, usize) {
    let mut records = vec![];
    while let Some((head, rest)) = bytes.split_at_checked(HEAD) {
        let (length, sum) = head.split_at(4);
        let length = u32::from_be_bytes(length.try_into().unwrap_or_default()) as usize;
        let Some((content, rest)) = rest.split_at_checked(length) else { break };
        if Sha256::digest(content)[..8] != *sum {
            break;
        }
        let Ok(record) = serde_json::from_slice(content) else { break };
        records.push(record);
        bytes = rest;
    }
    (records, bytes.len())
}

/// What a record holds.
pub(super) enum Kept {
    Change(Transition),
    Output(OutputChunk),
}

pub(super) fn kept(record: Record) -> Option<Kept> {
    let statuses = |words: Vec<String>| -> Option<Vec<ExecutionStatus>> {
        words.iter().map(|word| word.parse().ok()).collect()
    };
    Some(match record {
        Record::Change { id, from, to, at, result, context, holder } => Kept::Change(Transition {
            id: id.parse().ok()?,
            from: statuses(from)?,
            to: statuses(to)?,
            at,
            result: match result {
                Some(text) => Some(Arc::from(RawValue::from_string(text).ok()?)),
                None => None,
            },
            context,
            holder,
        }),
        Record::Output { id, byte_from, line_from, data, line_ends, line_kinds, line_stamps } => {
            Kept::Output(OutputChunk {
                execution_id: id.parse().ok()?,
                byte_from,
                line_from,
                data: STANDARD.decode(data).ok()?,
                line_ends,
                line_kinds,
                line_stamps,
                room: Room::default(),
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ExecutionId;

    #[test]
    fn output_is_read_again_byte_by_byte() {
        let chunk = OutputChunk {
            execution_id: ExecutionId::generate(),
            byte_from: 1 << 40,
            line_from: 3,
            data: vec![0, 255, b'\n'],
            line_ends: vec![3],
            line_kinds: vec![1],
            line_stamps: vec![1_700_000_000_000_000],
            room: Room::default(),
        };
        let (records, _) = read_records(&records(std::iter::once(&chunk), std::iter::empty()));
        let Some(Kept::Output(read)) = records.into_iter().next().and_then(kept) else { panic!("no output") };
        assert_eq!(read, chunk);
    }
}
