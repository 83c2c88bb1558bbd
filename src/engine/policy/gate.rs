//! One look at a gate, in one transaction: who has left, who has come, who may pass.

use super::{
    Policies, Scope,
    limit::{self, Count, WhenFull},
};
use crate::{
    clock,
    engine::{Engine, runner::container::update},
    model::ExecutionId,
    store::{self, Tx, executions, gates, policies},
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

/// Newcomers one transaction looks at.
const NEWCOMERS: i64 = 500;

/// Most that pass in one transaction.
const PASSING: i64 = 500;

/// What a look led to.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// There is more to do.
    pub(super) again: Option<Scope>,
    /// When the next one comes that is not due yet.
    pub(super) next: Option<DateTime<Utc>>,
    /// The gate is no more.
    pub(super) gone: bool,
    /// It is new, or its limits are. Requests that did not know that yet may still come past it for a moment.
    pub(super) is_new: bool,
}

/// Looks at a gate.
pub(super) async fn look(engine: &Engine, action_ref: &str, scope: Scope) -> store::Result<Seen> {
    let now = clock::now();
    let mut tx = engine.store().begin().await?;
    let mut gate = Gate::open(&mut tx, action_ref, scope).await?;
    gate.free().await?;
    let newcomers = gate.receive(now).await?;
    let are_more = newcomers.are_more;
    let passing = gate.admit().await?;
    let moved = gate.turn_away(newcomers.waiting, &passing, now).await?;
    let may_more_pass = i64::try_from(passing.len()).is_ok_and(|number| number >= PASSING);
    let mut seen = Seen {
        again: match (may_more_pass, are_more) {
            (true, _) => Some(Scope::Everybody),
            (false, true) => Some(Scope::Changes),
            (false, false) => None,
        },
        next: gates::next_due(gate.tx, action_ref).await?,
        gone: false,
        is_new: gate.is_new,
    };
    if gate.policies.limits.is_empty() && seen.again.is_none() && seen.next.is_none() {
        gates::close(gate.tx, action_ref).await?;
        seen.gone = true;
    }
    tx.commit().await?;
    tell(engine, &passing, &moved).await?;
    Ok(seen)
}

/// A gate that is locked by this transaction.
struct Gate<'a> {
    tx: &'a mut Tx,
    action_ref: &'a str,
    policies: Policies,
    /// Keys of which some may pass that could not before; `None`: all.
    candidates: Option<BTreeSet<String>>,
    is_new: bool,
}

/// Those who have just come.
struct Newcomers {
    waiting: Vec<(ExecutionId, String)>,
    are_more: bool,
}

impl<'a> Gate<'a> {
    async fn open(tx: &'a mut Tx, action_ref: &'a str, scope: Scope) -> store::Result<Self> {
        let applied = gates::lock(tx, action_ref).await?;
        let policies = Policies::new(policies::of_action(tx.conn(), action_ref).await?);
        let limits = policies.stamp();
        let is_new = applied != limits;
        let mut gate = Self { tx, action_ref, policies, candidates: Some(BTreeSet::new()), is_new };
        if is_new {
            // Everybody is counted again.
            gates::reset(gate.tx, action_ref).await?;
            gates::apply(gate.tx, action_ref, &limits).await?;
        }
        if is_new || scope == Scope::Strays {
            gate.adopt().await?;
        }
        if is_new || scope >= Scope::Everybody {
            gate.candidates = None;
        }
        Ok(gate)
    }

    /// Those whose requests knew of no gate are sent to it, or hold a slot if they run.
    async fn adopt(&mut self) -> store::Result<()> {
        if self.policies.limits.is_empty() {
            return Ok(());
        }
        let mut held = Vec::new();
        let mut waiting = Vec::new();
        for member in gates::members(self.tx, self.action_ref).await? {
            match (member.was_admitted, member.is_queued) {
                (true, _) => {}
                (false, true) => waiting.push(member.id),
                (false, false) => held.push((member.id, self.key(&member.parameters))),
            }
        }
        gates::adopt(self.tx, self.action_ref, &held, &waiting).await
    }

    fn key(&self, parameters: &str) -> String {
        let parameters: Map<String, Value> = serde_json::from_str(parameters).unwrap_or_default();
        limit::key(&self.policies.limits, &parameters)
    }

    /// Strikes those that have ended.
    async fn free(&mut self) -> store::Result<()> {
        let freed = gates::free(self.tx, self.action_ref).await?;
        if let Some(candidates) = &mut self.candidates {
            candidates.extend(freed.iter().flat_map(|key| limit::counts_for(key)));
            if self.policies.limits.len() > 1 && !freed.is_empty() {
                // Under several limits a place may be for somebody of any key.
                self.candidates = None;
            }
        }
        Ok(())
    }

    /// Puts newcomers in line.
    async fn receive(&mut self, now: DateTime<Utc>) -> store::Result<Newcomers> {
        let come = gates::newcomers(self.tx, self.action_ref, now, NEWCOMERS).await?;
        let are_more = i64::try_from(come.len()).is_ok_and(|number| number == NEWCOMERS);
        let waiting: Vec<_> =
            come.into_iter().map(|newcomer| (newcomer.id, self.key(&newcomer.parameters))).collect();
        if !waiting.is_empty() {
            gates::line_up(self.tx, &waiting).await?;
        }
        if let Some(candidates) = &mut self.candidates {
            candidates.extend(waiting.iter().map(|(_, key)| key.clone()));
        }
        Ok(Newcomers { waiting, are_more })
    }

    /// Lets through whom there is room for.
    async fn admit(&mut self) -> store::Result<BTreeMap<ExecutionId, String>> {
        let keys = match self.candidates.take() {
            Some(keys) => keys.into_iter().collect(),
            None => gates::keys(self.tx, self.action_ref).await?,
        };
        if keys.is_empty() {
            return Ok(BTreeMap::new());
        }
        let held = gates::held(self.tx, self.action_ref).await?;
        let policies = std::mem::take(&mut self.policies);
        let mut count = Count::new(&policies.limits, held);
        let rooms: Vec<i64> =
            keys.iter().map(|key| count.room(key).unwrap_or(PASSING).clamp(0, PASSING)).collect();
        let mut passing = BTreeMap::new();
        for first in gates::heads(self.tx, self.action_ref, &keys, &rooms, PASSING).await? {
            if count.full(&first.key).is_none() {
                count.add(first.key.clone());
                passing.insert(first.id, first.key);
            }
        }
        self.policies = policies;
        if !passing.is_empty() {
            let are_counted = !self.policies.limits.is_empty();
            gates::admit(self.tx, self.action_ref, &passing, are_counted).await?;
        }
        Ok(passing)
    }

    /// What becomes of newcomers there is no room for.
    async fn turn_away(
        &mut self,
        newcomers: Vec<(ExecutionId, String)>,
        passing: &BTreeMap<ExecutionId, String>,
        now: DateTime<Utc>,
    ) -> store::Result<Vec<ExecutionId>> {
        let stay: Vec<_> = newcomers.into_iter().filter(|(id, _)| !passing.contains_key(id)).collect();
        if stay.is_empty() {
            return Ok(Vec::new());
        }
        let held = gates::held(self.tx, self.action_ref).await?;
        let count = Count::new(&self.policies.limits, held);
        let cancels = |key: &str| count.full(key).is_some_and(|limit| limit.when_full == WhenFull::Cancel);
        let (canceled, delayed): (Vec<_>, Vec<_>) = stay.into_iter().partition(|(_, key)| cancels(key));
        let ids = |of: Vec<(ExecutionId, String)>| of.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        let mut moved = gates::delay(self.tx, &ids(delayed), now).await?;
        moved.extend(gates::cancel(self.tx, &ids(canceled), now).await?);
        Ok(moved)
    }
}

/// Tells of what happened, after the commit.
async fn tell(
    engine: &Engine,
    passing: &BTreeMap<ExecutionId, String>,
    moved: &[ExecutionId],
) -> store::Result<()> {
    let shared = &engine.shared;
    let mut told = moved.to_vec();
    if !passing.is_empty() {
        shared.backlog.store(true, Ordering::SeqCst);
        shared.wake.notify_one();
        if *shared.company.borrow() {
            // Others may have a place when this node has none; they hear of work by events of it.
            told.extend(passing.keys());
        }
    }
    for execution in executions::query::find_many(shared.store.pool(), &told).await? {
        shared.store.bus().publish(update(execution));
    }
    Ok(())
}
