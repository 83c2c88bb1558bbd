//! What executions of a rule came of, apart from the event: stored once per version.

use crate::model::{Fact, Origin, SharedFacts};
use sha2::{Digest, Sha256};
use sqlx::PgExecutor;
use std::sync::Arc;

/// Facts that many executions share, stored if they are new.
pub async fn intern(db: impl PgExecutor<'_>, facts: Vec<Fact>) -> super::Result<Arc<SharedFacts>> {
    let shown: Origin = facts.iter().cloned().collect();
    let text = serde_json::to_string(&shown).unwrap_or_else(|_| "{}".to_owned());
    let hash = Sha256::digest(text.as_bytes());
    // The no-op update makes an existing row answer too.
    let id = sqlx::query_scalar!(
        "INSERT INTO origins (hash, facts) VALUES ($1, $2::text::json)
         ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash RETURNING id",
        hash.as_slice(),
        text
    )
    .fetch_one(db)
    .await?;
    Ok(Arc::new(SharedFacts { id, facts }))
}
