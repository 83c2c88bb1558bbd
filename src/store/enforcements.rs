//! Rule enforcements, written with the executions they ask for.

use super::{Result, Tx, executions, ledger::Insert};
use crate::model::{Enforcement, EnforcementId, ExecutionId, RuleId, TriggerInstanceId};
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// Columns as they are kept.
struct Row {
    id: EnforcementId,
    trigger_instance_id: TriggerInstanceId,
    rule_id: RuleId,
    rule_ref: String,
    number: i32,
    execution_id: Option<ExecutionId>,
    failure_reason: Option<String>,
    enforced_at: DateTime<Utc>,
}

impl From<Row> for Enforcement {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            trigger_instance: row.trigger_instance_id,
            rule: row.rule_id,
            rule_ref: row.rule_ref,
            number: row.number,
            execution: row.execution_id,
            failure_reason: row.failure_reason,
            enforced_at: row.enforced_at,
        }
    }
}

/// Stores enforcements and the executions they ask for.
pub async fn insert<'a>(
    tx: &mut Tx,
    enforcements: &[Enforcement],
    asked: impl Iterator<Item = &'a Insert>,
) -> Result<()> {
    let asked: Vec<&Insert> = asked.collect();
    if !asked.is_empty() {
        executions::insert_all(tx.conn(), asked.into_iter()).await?;
    }
    if enforcements.is_empty() {
        return Ok(());
    }
    let all = || enforcements.iter();
    sqlx::query!(
        "INSERT INTO rule_enforcements (id, trigger_instance_id, rule_id, number, rule_ref, execution_id,
             failure_reason, status, enforced_at)
         SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::integer[], $5::text[], $6::bytea[],
             $7::text[], $8::text[], $9::timestamptz[])",
        &all().map(|it| it.id.as_bytes()).collect::<Vec<_>>() as _,
        &all().map(|it| it.trigger_instance.as_bytes()).collect::<Vec<_>>() as _,
        &all().map(|it| it.rule.as_bytes()).collect::<Vec<_>>() as _,
        &all().map(|it| it.number).collect::<Vec<_>>(),
        &all().map(|it| it.rule_ref.as_str()).collect::<Vec<_>>() as _,
        &all().map(|it| it.execution.map(|id| id.as_bytes().to_vec())).collect::<Vec<_>>() as _,
        // A reason may quote the event, and text holds no NUL.
        &all()
            .map(|it| it.failure_reason.as_ref().map(|why| why.replace('\0', "\u{fffd}")))
            .collect::<Vec<_>>() as _,
        &all().map(Enforcement::status).collect::<Vec<_>>() as _,
        &all().map(|it| it.enforced_at).collect::<Vec<_>>(),
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Those of these ids, in the order of the ids.
pub async fn list_by_ids(db: impl PgExecutor<'_>, ids: &[EnforcementId]) -> Result<Vec<Enforcement>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: EnforcementId", trigger_instance_id AS "trigger_instance_id: TriggerInstanceId",
               rule_id AS "rule_id: RuleId", rule_ref, number, execution_id AS "execution_id: ExecutionId",
               failure_reason, enforced_at
           FROM rule_enforcements
           JOIN unnest($1::bytea[]) WITH ORDINALITY AS wanted (wanted_id, place) ON id = wanted_id ORDER BY place"#,
        ids as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Enforcement::from).collect())
}

/// What a rule made of an event, the enforcement first.
pub async fn list_of(
    db: impl PgExecutor<'_>,
    rule: RuleId,
    instance: TriggerInstanceId,
) -> Result<Vec<Enforcement>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id AS "id: EnforcementId", trigger_instance_id AS "trigger_instance_id: TriggerInstanceId",
               rule_id AS "rule_id: RuleId", rule_ref, number, execution_id AS "execution_id: ExecutionId",
               failure_reason, enforced_at
           FROM rule_enforcements WHERE trigger_instance_id = $1 AND rule_id = $2 ORDER BY number"#,
        instance as _,
        rule as _
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(Enforcement::from).collect())
}
