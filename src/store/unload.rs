//! Everything of a pack leaves the database at once.

use super::{Result, Tx, triggers};
use crate::bus::Event;

/// Removes a pack and all that was registered of it, or made in it through the API. Answers whether there was a pack.
///
/// Triggers made for its rules go with the last rule that waits for them, whoever's type they are of.
pub async fn unload(tx: &mut Tx, pack: &str) -> Result<bool> {
    let waited_for = sqlx::query_scalar!("DELETE FROM rules WHERE pack = $1 RETURNING trigger", pack)
        .fetch_all(tx.conn())
        .await?;
    triggers::drop_unused(tx, &waited_for).await?;
    sqlx::query!("DELETE FROM sensors WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM triggers WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM trigger_types WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM policies WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM aliases WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM actions WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM configs WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM config_schemas WHERE pack = $1", pack).execute(tx.conn()).await?;
    sqlx::query!("DELETE FROM content_fingerprints WHERE subject = 'pack:' || $1", pack)
        .execute(tx.conn())
        .await?;
    let there = sqlx::query!("DELETE FROM packs WHERE ref = $1", pack).execute(tx.conn()).await?;
    tx.emit(Event::Content);
    Ok(there.rows_affected() > 0)
}
