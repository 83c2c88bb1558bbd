//! The loop: looks at gates when somebody comes or leaves, when one who comes later is due, and when policies change.

use super::{Policies, gate};
use crate::{
    clock,
    engine::Engine,
    model::Policy,
    service::{Service, Stop},
    store::{gates, policies},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// Pause after the database could not be asked.
const RETRY: Duration = Duration::from_millis(500);

/// How often everybody who waits is looked at, whatever was or was not heard.
const SWEEP: Duration = Duration::from_secs(30);

/// The service.
pub struct Gatekeeper {
    engine: Engine,
    /// When the next one is due at a gate.
    due: BTreeMap<String, DateTime<Utc>>,
}

impl Gatekeeper {
    pub(in crate::engine) fn new(engine: Engine) -> Self {
        Self { engine, due: BTreeMap::new() }
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
                gates.mark_for(&gate.action_ref, everybody);
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
        while let Some((action_ref, everybody)) = marked.pop_first() {
            let seen = gate::look(&self.engine, &action_ref, everybody).await;
            let gates = &self.engine.shared.gates;
            let seen = match seen {
                Ok(seen) => seen,
                Err(error) => {
                    gates.mark_for(&action_ref, everybody);
                    for (gate, everybody) in &marked {
                        gates.mark_for(gate, *everybody);
                    }
                    return Err(error);
                }
            };
            match seen.next {
                Some(next) => drop(self.due.insert(action_ref.clone(), next)),
                None => drop(self.due.remove(&action_ref)),
            }
            if let Some(everybody) = seen.again {
                // Others have their turn first.
                gates.mark_for(&action_ref, everybody);
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
                    let next = self.due.values().min();
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
