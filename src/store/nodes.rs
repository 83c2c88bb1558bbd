//! Nodes: the daemons on this database, their epochs and signs of life.

use sqlx::PgExecutor;

/// Where nodes tell each other what happened.
pub const CHANNEL: &str = "st2";

/// A registered node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Row.
    pub id: i32,
    /// Grows with each start, so that what an earlier life of this node held can be told from what it holds now.
    pub epoch: i64,
}

impl Node {
    /// What rows in work carry.
    pub fn holder(self) -> (i32, i64) {
        (self.id, self.epoch)
    }
}

/// Registers this daemon under its name, with a new epoch.
pub async fn register(
    db: impl PgExecutor<'_>,
    name: &str,
    hostname: &str,
    pid: i32,
    version: &str,
) -> super::Result<Node> {
    Ok(sqlx::query_as!(
        Node,
        "INSERT INTO nodes (name, hostname, pid, version) VALUES ($1, $2, $3, $4)
         ON CONFLICT (name) DO UPDATE SET epoch = nodes.epoch + 1, hostname = excluded.hostname,
             pid = excluded.pid, version = excluded.version, active = true,
             started_at = now(), heartbeat_at = now()
         RETURNING id, epoch",
        name,
        hostname,
        pid,
        version
    )
    .fetch_one(db)
    .await?)
}

/// How the cluster looks at a heartbeat.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    /// Other nodes within their lease.
    pub others: i64,
    /// Nodes past their lease.
    pub lost: i64,
}

/// Renews the lease. `None`: this node was given up by others and must not write any more under this epoch.
pub async fn beat(db: impl PgExecutor<'_>, node: Node, lease: f64) -> super::Result<Option<Beat>> {
    Ok(sqlx::query_as!(
        Beat,
        r#"UPDATE nodes SET heartbeat_at = now() WHERE id = $1 AND epoch = $2 AND active
           RETURNING
             (SELECT count(*) FROM nodes o WHERE o.id <> $1 AND o.active
                AND o.heartbeat_at >= now() - make_interval(secs => $3)) AS "others!",
             (SELECT count(*) FROM nodes o WHERE o.id <> $1 AND o.active
                AND o.heartbeat_at < now() - make_interval(secs => $3)) AS "lost!""#,
        node.id,
        node.epoch,
        lease
    )
    .fetch_optional(db)
    .await?)
}

/// Gives up nodes past their lease; call it after what they held was settled.
pub async fn forget_lost(db: impl PgExecutor<'_>, lease: f64) -> super::Result<u64> {
    let done =
        sqlx::query!("DELETE FROM nodes WHERE heartbeat_at < now() - make_interval(secs => $1)", lease)
            .execute(db)
            .await?;
    Ok(done.rows_affected())
}

/// Tells the other nodes. Not waited for on disk: what is said is not worth more than what is stored already.
pub async fn notify(pool: &sqlx::PgPool, words: &[String]) -> super::Result<()> {
    let mut transaction = pool.begin().await?;
    sqlx::query!("SET LOCAL synchronous_commit = off").execute(&mut *transaction).await?;
    sqlx::query!("SELECT pg_notify($1, word) FROM unnest($2::text[]) AS word", CHANNEL, words)
        .fetch_all(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

/// Signs this node off on a clean stop. Its row stays: executions of the past say where they ran.
pub async fn leave(db: impl PgExecutor<'_>, node: Node) -> super::Result<()> {
    sqlx::query!("UPDATE nodes SET active = false WHERE id = $1 AND epoch = $2", node.id, node.epoch)
        .execute(db)
        .await?;
    Ok(())
}
