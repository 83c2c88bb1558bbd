//! Snapshots by what is in them. Thousands of executions share one, with the text of its views already made.
//!
//! The key holds the hash of the content, so an entry can never be stale, nor mistaken for that of another database.

use super::broken;
use crate::{
    model::Snapshot,
    store::Result,
    wire::snapshot::{read_action, read_runner},
};
use parking_lot::Mutex;
use sqlx::PgPool;
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// Snapshots kept. A few kilobytes each; a busy system has as many in use as it has actions.
const KEPT: usize = 2000;

type Key = (i64, Box<[u8]>);

static CACHE: LazyLock<Mutex<HashMap<Key, Arc<Snapshot>>>> = LazyLock::new(Mutex::default);

/// The snapshots of these rows and hashes, by row.
pub(super) async fn find_many<'a>(
    pool: &PgPool,
    versions: impl Iterator<Item = (i64, &'a [u8])>,
) -> Result<HashMap<i64, Arc<Snapshot>>> {
    let mut found = HashMap::new();
    let mut missing: Vec<i64> = Vec::new();
    {
        let cache = CACHE.lock();
        for (id, hash) in versions {
            if found.contains_key(&id) || missing.contains(&id) {
                continue;
            }
            match cache.get(&(id, hash.into())) {
                Some(snapshot) => drop(found.insert(id, snapshot.clone())),
                None => missing.push(id),
            }
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let rows = sqlx::query!(
        r#"SELECT id, hash, action::text AS "action!", runner::text AS "runner!"
           FROM action_snapshots WHERE id = ANY ($1)"#,
        &missing
    )
    .fetch_all(pool)
    .await?;
    for row in rows {
        let action = read_action(&row.action).map_err(|_| broken("an unreadable action in a snapshot"))?;
        let runner = read_runner(&row.runner).map_err(|_| broken("an unreadable runner in a snapshot"))?;
        let snapshot = Arc::new(Snapshot::new(row.id, Arc::new(action), Arc::new(runner)));
        found.insert(row.id, snapshot.clone());
        let mut cache = CACHE.lock();
        if cache.len() >= KEPT {
            // Rarely full; what is in use comes back at the price of one look.
            cache.clear();
        }
        cache.insert((row.id, row.hash.into()), snapshot);
    }
    Ok(found)
}
