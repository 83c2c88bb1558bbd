//! Storing what an earlier life of this daemon could not.

use super::{
    FILE,
    record::{Kept, kept, read_records},
    remove,
};
use crate::{
    model::ExecutionId,
    store::{Store, by_key, executions, ledger::Transition},
};
use std::{fs, io, path::Path};

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
