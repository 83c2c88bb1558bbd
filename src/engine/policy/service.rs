//! The loop: looks at gates when somebody comes or leaves, when one who comes later is due, and when policies change.

use super::{Policies, Scope, gate};
use crate::{
    clock,
    engine::Engine,
    model::Policy,
    service::{Service, Stop},
    store::{gates, policies},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::Ordering,
    time::Duration,
};

/// Pause after the database could not be asked.
const RETRY: Duration = Duration::from_millis(500);

/// How often everybody who waits is looked at, whatever was or was not heard.
const SWEEP: Duration = Duration::from_secs(30);

/// How long after limits have changed requests may come past the gate, because a node has not heard of them yet.
const HEARSAY: TimeDelta = TimeDelta::seconds(2);

/// The service.
pub struct Gatekeeper {
    engine: Engine,
    /// When the next one is due at a gate.
    due: BTreeMap<String, DateTime<Utc>>,
    /// When strays are looked for at a gate.
    strays: BTreeMap<String, DateTime<Utc>>,
}

impl Gatekeeper {
    pub(in crate::engine) fn new(engine: Engine) -> Self {
        Self { engine, due: BTreeMap::new(), strays: BTreeMap::new() }
    }

    /// Compares gates and policies, and marks the gates where they differ; `everybody`: all gates.
    async fn compare(&self, everybody: bool) -> crate::store::Result<()> {
        let gates = &self.engine.shared.gates;
        let pool = self.engine.store().pool();
        let mut wanted: HashMap<String, Vec<Policy>> = HashMap::new();
        for policy in policies::limiting(pool).await? {
            wanted.entry(policy.resource_ref.clone()).or_default().push(policy);
        }
        let all = gates::all(pool).await?;
        *gates.known.write() = all.iter().map(|gate| gate.action_ref.clone()).collect();
        for gate in all {
            let policies = Policies::new(wanted.remove(&gate.action_ref).unwrap_or_default());
            if everybody || gate.applied.as_deref() != Some(policies.stamp().as_str()) {
                gates.mark_for(&gate.action_ref, if everybody { Scope::Everybody } else { Scope::Changes });
            }
        }
        Ok(())
    }

    /// Looks at what is marked or due; what could not be looked at stays marked.
    async fn look(&mut self) -> crate::store::Result<()> {
        let now = clock::now();
        let mut marked = self.engine.shared.gates.take();
        for (gate, due) in &self.due {
            if *due <= now {
                marked.entry(gate.clone()).or_default();
            }
        }
        self.strays.retain(|gate, at| {
            let is_due = *at <= now;
            if is_due {
                marked.insert(gate.clone(), Scope::Strays);
            }
            !is_due
        });
        while let Some((action_ref, scope)) = marked.pop_first() {
            let seen = gate::look(&self.engine, &action_ref, scope).await;
            let gates = &self.engine.shared.gates;
            let seen = match seen {
                Ok(seen) => seen,
                Err(error) => {
                    // Who was let through may wait in the queue, if only the answer to the commit was lost.
                    self.engine.shared.backlog.store(true, Ordering::SeqCst);
                    self.engine.shared.wake.notify_one();
                    gates.mark_for(&action_ref, scope);
                    for (gate, scope) in &marked {
                        gates.mark_for(gate, *scope);
                    }
                    return Err(error);
                }
            };
            match seen.next {
                Some(next) => drop(self.due.insert(action_ref.clone(), next)),
                None => drop(self.due.remove(&action_ref)),
            }
            if let Some(scope) = seen.again {
                // Others have their turn first.
                gates.mark_for(&action_ref, scope);
            }
            if seen.is_new {
                self.strays.insert(action_ref.clone(), now + HEARSAY);
            }
            if seen.gone {
                gates.known.write().remove(&action_ref);
            } else {
                gates.known.write().insert(action_ref);
            }
        }
        Ok(())
    }
}

impl Service for Gatekeeper {
    const NAME: &'static str = "st2policies";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        let shared = self.engine.shared.clone();
        let mut content = shared.store.bus().content_changes();
        let mut swept: Option<DateTime<Utc>> = None;
        let mut compare = true;
        while !stop.is_requested() {
            let everybody =
                swept.is_none_or(|at| (clock::now() - at).to_std().is_ok_and(|since| since >= SWEEP));
            let mut result = Ok(());
            if compare || everybody {
                result = self.compare(everybody).await;
                compare = result.is_err();
            }
            if result.is_ok() {
                if everybody {
                    swept = Some(clock::now());
                }
                result = self.look().await;
            }
            let pause = match result {
                Ok(()) => {
                    let next = self.due.values().chain(self.strays.values()).min();
                    next.map_or(SWEEP, |due| (*due - clock::now()).to_std().unwrap_or_default().min(SWEEP))
                }
                Err(error) => {
                    tracing::debug!("Could not look at the gates of limited actions: {error}");
                    RETRY
                }
            };
            tokio::select! {
                () = stop.requested() => {}
                () = shared.gates.wake.notified() => {}
                // `Err`: the bus is gone, and with it everything that could change.
                Ok(()) = content.changed() => compare = true,
                () = clock::sleep(pause) => {}
            }
        }
        Ok(())
    }
}
