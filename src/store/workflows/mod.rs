//! Workflows: their rows, and how a step of one is stored.
//!
//! A step is one commit: the pieces of its state that changed, new children, and its own execution's status. Steps of many workflows share commits ([`mod@write`]). Only the node that holds the execution may
//! store a step; it may therefore keep the state in memory and trust it.

mod write;

pub use write::{Begun, Done, Piece, Step};
pub(super) use write::{Entry, Writer};

use super::Result;
use crate::model::{ExecutionId, WorkflowId};
use sqlx::{PgExecutor, PgPool};

/// A workflow as it was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its own id, which stays the same when some of its tasks run again.
    pub id: WorkflowId,
    /// The execution it runs as.
    pub execution: ExecutionId,
    /// All it has run as, the first first.
    pub executions: Vec<ExecutionId>,
    /// How many workflows it stands in, itself included.
    pub depth: i32,
    /// The language of its definition.
    pub language: String,
    /// Its definition.
    pub source: String,
}

macro_rules! select {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Stored,
            r#"SELECT w.id AS "id: WorkflowId", w.execution_id AS "execution: ExecutionId",
                w.executions AS "executions: Vec<ExecutionId>", w.depth, d.language, d.source
            FROM workflows w JOIN workflow_definitions d ON d.hash = w.definition "# + $rest
            $(, $argument)*
        )
    };
}

/// The workflow that runs as an execution.
pub async fn find_by_execution(db: impl PgExecutor<'_>, execution: ExecutionId) -> Result<Option<Stored>> {
    Ok(select!("WHERE w.execution_id = $1", execution as _).fetch_optional(db).await?)
}

/// The workflow with this id.
pub async fn find(db: impl PgExecutor<'_>, id: WorkflowId) -> Result<Option<Stored>> {
    Ok(select!("WHERE w.id = $1", id as _).fetch_optional(db).await?)
}

/// How deep the workflow stands that runs as an execution.
pub async fn depth(db: impl PgExecutor<'_>, execution: ExecutionId) -> Result<Option<i32>> {
    let depth = sqlx::query_scalar!("SELECT depth FROM workflows WHERE execution_id = $1", execution as _);
    Ok(depth.fetch_optional(db).await?)
}

/// All pieces of a workflow's state.
pub async fn pieces(pool: &PgPool, workflow: WorkflowId) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query!(
        r#"SELECT key, value::text AS "value!" FROM workflow_pieces WHERE workflow_id = $1"#,
        workflow.as_bytes()
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key, row.value)).collect())
}

/// The executions that some executions asked for, oldest first.
pub async fn children(db: impl PgExecutor<'_>, parents: &[ExecutionId]) -> Result<Vec<ExecutionId>> {
    let parents: Vec<&[u8]> = parents.iter().map(ExecutionId::as_bytes).collect();
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id: ExecutionId" FROM executions WHERE parent_id = ANY ($1) ORDER BY id"#,
        &parents as _
    );
    Ok(ids.fetch_all(db).await?)
}

/// Of these executions, those that have ended.
pub async fn ended(db: impl PgExecutor<'_>, ids: &[ExecutionId]) -> Result<Vec<ExecutionId>> {
    let ids: Vec<&[u8]> = ids.iter().map(ExecutionId::as_bytes).collect();
    let ended = sqlx::query_scalar!(
        r#"SELECT id AS "id: ExecutionId" FROM executions WHERE id = ANY ($1) AND ended_at IS NOT NULL ORDER BY id"#,
        &ids as _
    );
    Ok(ended.fetch_all(db).await?)
}

/// Workflows whose nodes are gone. `lease` in seconds.
pub async fn lost(db: impl PgExecutor<'_>, runners: &[&str], lease: f64) -> Result<Vec<ExecutionId>> {
    let runners: Vec<String> = runners.iter().map(|&name| name.to_owned()).collect();
    let ids = sqlx::query_scalar!(
        r#"SELECT e.id AS "id: ExecutionId" FROM executions e LEFT JOIN nodes n ON n.id = e.node_id
           WHERE e.ended_at IS NULL AND e.node_id IS NOT NULL AND e.runner = ANY ($1)
             AND (n.id IS NULL OR NOT n.active OR e.node_epoch < n.epoch
                  OR n.heartbeat_at < now() - make_interval(secs => $2))"#,
        &runners,
        lease
    );
    Ok(ids.fetch_all(db).await?)
}

/// Makes a node the holder of those of these workflows whose nodes are gone. Two nodes may do it at the same time: each
/// workflow gets one of them, and [`held`] says which.
pub async fn adopt(
    db: impl PgExecutor<'_>,
    ids: &[ExecutionId],
    lease: f64,
    holder: (i32, i64),
) -> Result<()> {
    let ids: Vec<&[u8]> = ids.iter().map(ExecutionId::as_bytes).collect();
    sqlx::query_file!("src/store/sql/workflows_adopt.sql", &ids as _, lease, holder.0, holder.1)
        .execute(db)
        .await?;
    Ok(())
}

/// Of these executions, those that have not ended and are held so.
pub async fn held(
    db: impl PgExecutor<'_>,
    ids: &[ExecutionId],
    holder: (i32, i64),
) -> Result<Vec<ExecutionId>> {
    let ids: Vec<&[u8]> = ids.iter().map(ExecutionId::as_bytes).collect();
    let ids = sqlx::query_scalar!(
        r#"SELECT id AS "id: ExecutionId" FROM executions
           WHERE id = ANY ($1) AND ended_at IS NULL AND node_id = $2 AND node_epoch = $3 ORDER BY id"#,
        &ids as _,
        holder.0,
        holder.1
    );
    Ok(ids.fetch_all(db).await?)
}
