//! What happened to executions while the database was away, kept on disk until it is stored: so that it is not lost with
//! this process.
//!
//! Changes and output wait in memory for the database, as always; the spool is a copy for the next start, written and
//! flushed to disk when the writer finds that the database is away, and removed when all of it is stored. Reading it again is
//! harmless: a change is guarded by status and holder, a chunk that is there stays as it is. So what stands here is stored
//! once, whenever the process ended.
//!
//! Left out: new executions, which are refused while the database is away; what somebody asks of existing ones (a cancel),
//! who is not told that it was accepted; and steps of workflows, which go on from their rows.

use super::batch::{Entry, Transition};
use crate::{
    model::{ExecutionId, ExecutionStatus},
    store::{
        Store, by_key, executions,
        outputs::{OutputChunk, Room},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// The file in the spool's directory.
const FILE: &str = "ledger";

/// Bytes before a record: its length, and the beginning of its SHA-256.
const HEAD: usize = 12;

/// A file of records, each whole or not there.
#[derive(Debug)]
pub struct Spool {
    directory: PathBuf,
    /// Most bytes it may hold.
    limit: u64,
    file: Option<File>,
    bytes: u64,
    is_full: bool,
}

/// How much of a spool was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Changes that were stored now.
    pub stored: usize,
    /// Changes that were stored before, or that came too late.
    pub passed: usize,
    /// Chunks of output.
    pub chunks: usize,
}

#[derive(Serialize, Deserialize)]
enum Record {
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

impl Spool {
    /// A spool in this directory, which is made when it is needed.
    pub fn new(directory: &Path, limit: u64) -> Self {
        Self { directory: directory.to_owned(), limit, file: None, bytes: 0, is_full: false }
    }

    /// Writes records down, and waits until the disk has them. What does not fit, or cannot be written, waits in memory
    /// alone, which is told once.
    pub(super) fn keep(&mut self, records: &[u8]) {
        if self.is_full {
            return;
        }
        let more = records.len() as u64;
        let kept = if self.bytes + more > self.limit {
            Err(io::Error::other(format!("it may hold {} bytes (database.spool_max_bytes)", self.limit)))
        } else {
            self.append(records)
        };
        match kept {
            Ok(()) => self.bytes += more,
            Err(error) => {
                self.is_full = true;
                tracing::error!(
                    "{} takes no more ({error}): results wait for the database in memory alone",
                    self.directory.display()
                );
            }
        }
    }

    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
                let path = self.directory.join(FILE);
                let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
                File::open(&self.directory)?.sync_all()?;
                none.insert(file)
            }
        };
        file.write_all(records)?;
        file.sync_data()
    }

    /// Whether something was kept and not removed yet.
    pub(super) fn holds_any(&self) -> bool {
        self.file.is_some() || self.is_full
    }

    /// All that was kept is stored.
    pub(super) fn clear(&mut self) {
        self.file = None;
        self.bytes = 0;
        self.is_full = false;
        if let Err(error) = remove(&self.directory) {
            // Stored twice it would be no harm either.
            tracing::warn!("{} cannot be removed: {error}", self.directory.join(FILE).display());
        }
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_file(directory.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(()) => File::open(directory)?.sync_all(),
        failed => failed,
    }
}

/// The records of what can be kept, one after the other.
pub(super) fn records<'a>(
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
pub(super) fn record(entry: &Entry) -> Vec<u8> {
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
fn read_records(mut bytes: &[u8]) -> (Vec<Record>, usize) {
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
enum Kept {
    Change(Transition),
    Output(OutputChunk),
}

fn kept(record: Record) -> Option<Kept> {
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

/// Stores what an earlier life of this daemon could not. Before anybody settles what that life held.
///
/// # Errors
/// The database is away again, or the file cannot be read; it stays as it is then.
pub async fn replay(store: &Store, directory: &Path) -> anyhow::Result<Replayed> {
    let mut replayed = Replayed::default();
    let path = directory.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(replayed),
        Err(error) => anyhow::bail!("{}: {error}", path.display()),
    };
    let (records, broken) = read_records(&bytes);
    if broken > 0 {
        tracing::warn!("{}: the last {broken} bytes are no whole record and are left out", path.display());
    }
    let mut connection = by_key::connect(&store.connect_options()).await?;
    for record in records.into_iter().filter_map(kept) {
        let (change, chunks) = match record {
            Kept::Change(change) => (Some(change), vec![]),
            Kept::Output(chunk) => (None, vec![chunk]),
        };
        let id = change.as_ref().map(|change| change.id).or(chunks.first().map(|chunk| chunk.execution_id));
        match executions::advance(&mut connection, change.iter(), &chunks).await {
            Ok(done) => {
                replayed.chunks += chunks.len();
                replayed.stored += done.len();
                if let Some(change) = change.filter(|change| !done.contains(&change.id)) {
                    replayed.passed += 1;
                    tell_if_late(&mut connection, &change).await?;
                }
            }
            Err(error) if crate::store::Error::is_lost_connection(&error) => return Err(error.into()),
            Err(error) => tell_refused(id, &error),
        }
    }
    remove(directory)?;
    tracing::warn!(
        "Stored what had waited for the database when this daemon ended: {} changes of executions and {} pieces of output",
        replayed.stored,
        replayed.chunks
    );
    Ok(replayed)
}

async fn tell_if_late(connection: &mut sqlx::PgConnection, change: &Transition) -> sqlx::Result<()> {
    if executions::already_done(connection, std::iter::once(change)).await?.is_empty() {
        let id = change.id;
        tracing::warn!(execution.id = %id, "The end of {id} came too late: others had given up this node and settled it");
    }
    Ok(())
}

fn tell_refused(id: Option<ExecutionId>, error: &sqlx::Error) {
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    tracing::error!(execution.id = %id, "What had waited for {id} could not be stored: {error}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn change(result: &str) -> Transition {
        Transition {
            id: ExecutionId::generate(),
            from: vec![ExecutionStatus::Running],
            to: vec![ExecutionStatus::Succeeded],
            at: clock::now(),
            result: Some(Arc::from(RawValue::from_string(result.to_owned()).unwrap())),
            context: None,
            holder: Some((3, 7)),
        }
    }

    fn results(directory: &Path) -> (Vec<String>, usize) {
        let (records, broken) = read_records(&fs::read(directory.join(FILE)).unwrap());
        let result = |record| match kept(record) {
            Some(Kept::Change(change)) => change.result.unwrap().get().to_owned(),
            _ => panic!("no change"),
        };
        (records.into_iter().map(result).collect(), broken)
    }

    fn keep(spool: &mut Spool, result: &str) {
        spool.keep(&records(std::iter::empty(), std::iter::once(&change(result))));
    }

    #[test]
    fn what_is_kept_is_read_again_but_for_what_was_being_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("spool");
        let mut spool = Spool::new(&path, 1 << 20);
        assert!(!spool.holds_any());
        keep(&mut spool, "{\"a\":1.50}");
        keep(&mut spool, "[\"\\u0000\"]");
        let expected = vec!["{\"a\":1.50}".to_owned(), "[\"\\u0000\"]".to_owned()];
        assert_eq!(results(&path), (expected.clone(), 0));
        let whole = fs::read(path.join(FILE)).unwrap();
        for torn in [1, HEAD, 40] {
            fs::write(path.join(FILE), [&whole[..], &whole[..torn]].concat()).unwrap();
            assert_eq!(results(&path), (expected.clone(), torn));
        }
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(path.join(FILE), changed).unwrap();
        assert_eq!(results(&path).0, expected[..1]);
        spool.clear();
        assert!(!spool.holds_any() && !path.join(FILE).exists());
        keep(&mut spool, "2");
        assert_eq!(results(&path), (vec!["2".to_owned()], 0));
    }

    #[test]
    fn a_full_spool_takes_no_more_until_it_is_cleared() {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(directory.path(), 400);
        keep(&mut spool, "1");
        keep(&mut spool, &format!("\"{}\"", "x".repeat(400)));
        keep(&mut spool, "3");
        assert_eq!(results(directory.path()), (vec!["1".to_owned()], 0));
        spool.clear();
        keep(&mut spool, "4");
        assert_eq!(results(directory.path()), (vec!["4".to_owned()], 0));
    }

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
