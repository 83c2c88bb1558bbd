//! Timers: which there are, and when each is due.

use super::Result;
use crate::model::TriggerId;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sqlx::{Executor as _, PgConnection, PgExecutor, types::Json};

/// The advisory lock of the node whose timers fire.
const LEADER: i64 = 0x7374_3274_696d_6572;

/// A timer as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct TimerRow {
    /// Its trigger.
    pub id: TriggerId,
    /// The trigger's name.
    pub name: String,
    /// `pack.name` of the trigger.
    pub reference: String,
    /// Which kind of timer.
    pub trigger_type: String,
    /// When it fires.
    pub parameters: Map<String, Value>,
    /// When it is due next; `None` inside: never again, outside: nobody has said yet.
    pub due_at: Option<Option<DateTime<Utc>>>,
}

/// Waits until this connection's node is the one whose timers fire, and stays it while the connection lives. What is
/// written over it is not waited for on disk: a due time that is lost is fired again, under the key it had.
pub async fn lead(connection: &mut PgConnection) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_lock($1)", LEADER).execute(&mut *connection).await?;
    connection.execute("SET synchronous_commit = off").await?;
    Ok(())
}

/// The timers of these types that an enabled rule waits for.
pub async fn active(db: impl PgExecutor<'_>, types: &[String]) -> Result<Vec<TimerRow>> {
    let rows = sqlx::query!(
        r#"SELECT trigger.id AS "id: TriggerId", trigger.name, trigger.ref AS reference, trigger.type AS kind,
            trigger.parameters AS "parameters: Json<Map<String, Value>>",
            timer.due_at AS "due_at?", (timer.trigger_id IS NOT NULL) AS "is_known!"
        FROM triggers trigger LEFT JOIN timers timer ON timer.trigger_id = trigger.id
        WHERE trigger.type = ANY($1)
            AND EXISTS (SELECT FROM rules WHERE rules.trigger = trigger.ref AND rules.enabled)"#,
        types
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    let timers = rows.map(|row| TimerRow {
        id: row.id,
        name: row.name,
        reference: row.reference,
        trigger_type: row.kind,
        parameters: row.parameters.0,
        due_at: row.is_known.then_some(row.due_at),
    });
    Ok(timers.collect())
}

/// Says when timers are due that nobody has spoken of yet; answers how it stands, somebody else may have been first.
pub async fn begin(
    db: impl PgExecutor<'_>,
    timers: &[(TriggerId, Option<DateTime<Utc>>)],
) -> Result<Vec<(TriggerId, Option<DateTime<Utc>>)>> {
    let rows = sqlx::query!(
        r#"INSERT INTO timers AS old (trigger_id, due_at)
        SELECT id, due_at FROM unnest($1::bytea[], $2::timestamptz[]) AS new (id, due_at)
        WHERE EXISTS (SELECT FROM triggers WHERE triggers.id = new.id)
        ON CONFLICT (trigger_id) DO UPDATE SET due_at = old.due_at
        RETURNING trigger_id AS "id: TriggerId", due_at"#,
        &timers.iter().map(|(id, _)| *id).collect::<Vec<_>>() as _,
        &timers.iter().map(|(_, due)| *due).collect::<Vec<_>>() as _,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, row.due_at)).collect())
}

/// A timer, the due time it stands at, and the one it shall stand at.
pub type Move = (TriggerId, DateTime<Utc>, Option<DateTime<Utc>>);

/// Moves timers from one due time to the next; one that stands elsewhere stays there.
pub async fn advance(db: impl PgExecutor<'_>, moves: &[Move]) -> Result<()> {
    sqlx::query!(
        "UPDATE timers SET due_at = new.due_at
        FROM unnest($1::bytea[], $2::timestamptz[], $3::timestamptz[]) AS new (id, was, due_at)
        WHERE timers.trigger_id = new.id AND timers.due_at = new.was",
        &moves.iter().map(|(id, ..)| *id).collect::<Vec<_>>() as _,
        &moves.iter().map(|(_, was, _)| *was).collect::<Vec<_>>(),
        &moves.iter().map(|(_, _, next)| *next).collect::<Vec<_>>() as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets all timers but these: one that comes back begins anew.
pub async fn keep_only(db: impl PgExecutor<'_>, ids: &[TriggerId]) -> Result<()> {
    sqlx::query!("DELETE FROM timers WHERE NOT trigger_id = ANY($1)", ids as _).execute(db).await?;
    Ok(())
}
