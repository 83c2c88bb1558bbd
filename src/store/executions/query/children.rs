//! Descendants of an execution.

use crate::{model::ExecutionId, store::Result};
use sqlx::PgExecutor;

/// How far down to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All the way.
    All,
    /// This many generations; 1 is children only.
    Levels(i32),
}

/// Ids of the descendants of `id`, depth first, siblings by age. Ids sort by age, so a list of them does, too.
pub async fn descendants(db: impl PgExecutor<'_>, id: ExecutionId, depth: Depth) -> Result<Vec<ExecutionId>> {
    let levels = match depth {
        Depth::All => i32::MAX,
        Depth::Levels(levels) => levels,
    };
    let rows = sqlx::query_scalar!(
        r#"WITH RECURSIVE tree (id, level, path) AS (
               SELECT id, 1, ARRAY[id] FROM executions WHERE parent_id = $1
               UNION ALL
               SELECT c.id, t.level + 1, t.path || c.id
               FROM tree t JOIN executions c ON c.parent_id = t.id WHERE t.level < $2
           )
           SELECT id AS "id!: ExecutionId" FROM tree ORDER BY path"#,
        id as _,
        levels
    );
    Ok(rows.fetch_all(db).await?)
}
