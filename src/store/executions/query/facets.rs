//! The distinct values of what executions are filtered by: what the web page offers in its menus.

use super::history::{bytes, is_believed};
use crate::{model::ExecutionId, store::Result};
use sqlx::PgPool;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// Values by filter, each sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// `pack.name` of actions.
    pub action: BTreeSet<String>,
    /// Statuses.
    pub status: BTreeSet<String>,
    /// Names of rules.
    pub rule: BTreeSet<String>,
    /// Names of runner types.
    pub runner: BTreeSet<String>,
    /// Names of triggers.
    pub trigger: BTreeSet<String>,
    /// Names of trigger types.
    pub trigger_type: BTreeSet<String>,
    /// Users.
    pub user: BTreeSet<String>,
}

/// Values of rows that will not change.
#[derive(Debug)]
pub(super) struct Past {
    made: Instant,
    cost: Duration,
    below: ExecutionId,
    alive: Vec<ExecutionId>,
    facets: Facets,
}

impl Past {
    pub(super) async fn find(pool: &PgPool, (below, alive): (ExecutionId, Vec<ExecutionId>)) -> Result<Self> {
        let begin = Instant::now();
        let mut facets = Facets::default();
        facets.add(pool, None, Some(below), &[]).await?;
        // Values of rows that were alive are among them: a status that has passed stays on offer for a while.
        Ok(Self { made: begin, cost: begin.elapsed(), below, alive, facets })
    }

    pub(super) fn is_believed(&self) -> bool {
        is_believed(self.made, self.cost)
    }

    /// With the values of rows that came after.
    pub(super) async fn with_present(&self, pool: &PgPool) -> Result<Facets> {
        let mut facets = self.facets.clone();
        facets.add(pool, Some(self.below), None, &self.alive).await?;
        Ok(facets)
    }
}

impl Facets {
    /// Adds the values of rows in a range of ids, and of some rows more.
    async fn add(
        &mut self,
        pool: &PgPool,
        from: Option<ExecutionId>,
        below: Option<ExecutionId>,
        more: &[ExecutionId],
    ) -> Result<()> {
        let rows = sqlx::query!(
            // PostgreSQL cannot look into JSON that holds a NUL character.
            r#"SELECT DISTINCT action_ref, status, runner, user_name,
                   (origin #> '{rule,name}')::text AS rule,
                   (origin #> '{trigger,name}')::text AS trigger,
                   (origin #> '{trigger_type,name}')::text AS trigger_type
               FROM executions e
               LEFT JOIN origins ON origins.id = e.origin_id
               LEFT JOIN LATERAL (
                   SELECT CASE WHEN e.origin_id IS NOT NULL THEN replace(facts::text, '\u0000', '\ufffd')::json
                       ELSE replace(extras::text, '\u0000', '\ufffd')::json -> 'origin' END AS origin) o
                   ON e.origin_id IS NOT NULL OR extras IS NOT NULL
               WHERE (($1::bytea IS NULL OR e.id >= $1) AND ($2::bytea IS NULL OR e.id < $2)) OR e.id = ANY ($3)"#,
            from as _,
            below as _,
            &bytes(more),
        )
        .fetch_all(pool)
        .await?;
        for row in rows {
            self.action.insert(row.action_ref);
            self.status.insert(row.status);
            self.runner.insert(row.runner);
            self.user.extend(row.user_name);
            let words = [
                (&mut self.rule, row.rule),
                (&mut self.trigger, row.trigger),
                (&mut self.trigger_type, row.trigger_type),
            ];
            for (values, json) in words {
                values.extend(json.and_then(|json| serde_json::from_str::<String>(&json).ok()));
            }
        }
        Ok(())
    }
}
