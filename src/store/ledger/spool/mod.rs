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

mod record;
mod replay;

pub(super) use record::{record, records};
pub use replay::{Replayed, replay};

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// The file in the spool's directory.
const FILE: &str = "ledger";

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

#[cfg(test)]
mod tests {
    use super::{
        record::{HEAD, Kept, kept, read_records},
        *,
    };
    use crate::{
        clock,
        model::{ExecutionId, ExecutionStatus},
        store::ledger::Transition,
    };
    use serde_json::value::RawValue;
    use std::sync::Arc;

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
}
