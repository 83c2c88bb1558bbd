//! Claims whose answers were lost: the rows may say that this node runs what nobody runs.
//!
//! A claim marks what it takes with its moment. As long as it is not known what became of a claim, rows of its moment are
//! looked for and started.

use crate::{
    clock,
    engine::{Engine, execution::control, runner::container, workflow},
    model::{Execution, ExecutionId},
    store::{self, executions},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

/// How long a statement may still go through whose connection is gone.
const IN_FLIGHT: TimeDelta = TimeDelta::seconds(30);

/// Claims in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    claims: Vec<DateTime<Utc>>,
    /// What was found of them and started: it may have left the memory of this node since, an inquiry for instance.
    started: HashSet<ExecutionId>,
}

impl Doubts {
    /// The answer to the claim of this moment was lost, or what it took could not be read.
    pub(super) fn add(&mut self, claim: DateTime<Utc>) {
        self.claims.push(claim);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Starts what was taken and is not run, as far as there are places for it. `false`: there are too few.
    pub(super) async fn settle(&mut self, engine: &Engine) -> store::Result<bool> {
        if self.is_empty() {
            return Ok(true);
        }
        let looked_at = clock::now();
        let pool = engine.store().pool();
        let mut ids = executions::claimed_at(pool, &self.claims, engine.holder()).await?;
        ids.retain(|id| {
            !self.started.contains(id) && engine.running(*id).is_none() && !workflow::is_here(engine, *id)
        });
        let mut found = executions::query::find_many(pool, &ids).await?.into_iter();
        let are_enough = found.all(|execution| self.start(engine, execution));
        // They may have been cancelled before anybody here could hear of it.
        if !ids.is_empty() {
            for id in executions::asked(pool, engine.holder()).await? {
                if ids.contains(&id)
                    && let Err(error) = control::follow(engine, id).await
                {
                    tracing::debug!(execution.id = %id, "{error}");
                }
            }
        }
        if !are_enough {
            return Ok(false);
        }
        self.claims.retain(|claim| looked_at - *claim < IN_FLIGHT);
        if self.claims.is_empty() {
            self.started.clear();
        }
        Ok(true)
    }

    fn start(&mut self, engine: &Engine, execution: Arc<Execution>) -> bool {
        let Ok(place) = engine.shared.slots.clone().try_acquire_owned() else {
            // Who gives one back wakes the scheduler.
            engine.shared.backlog.store(true, Ordering::SeqCst);
            return false;
        };
        let id = execution.id;
        tracing::info!(execution.id = %id, "Execution {id} was taken by this node when the database went away, and starts now");
        self.started.insert(id);
        container::start_claimed(engine, execution, place);
        true
    }
}
