//! This daemon among its equals: registration, the lease, and what lost nodes leave behind.
//!
//! Any node settles what a lost one held; rows are locked one by one, so that two may do it at the same time.

use super::{Engine, workflow};
use crate::{
    bus::{Change, Event, ExecutionEvent},
    clock,
    engine::runner::Host,
    service::{Service, Stop},
    store::{
        Store, executions,
        nodes::{self, Node},
    },
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How often the lease is renewed: several times within a lease of ten seconds.
const BEAT: Duration = Duration::from_secs(2);

pub(super) async fn register(store: &Store, host: &Host) -> anyhow::Result<Node> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(nodes::register(store.pool(), &host.node_name, &host.name, host.pid, version).await?)
}

/// Ends the rows of lost nodes, an earlier life of this one included, and tells about it.
pub(super) async fn settle(engine: &Engine) -> anyhow::Result<()> {
    let store = engine.store();
    let lease = engine.config().scheduler.lease as f64;
    let settled = executions::settle_lost(store.pool(), &workflow::runners(), lease, clock::now()).await?;
    if !settled.is_empty() {
        tracing::warn!("Settled {} executions of nodes that are gone", settled.len());
    }
    for execution in executions::query::find_many(store.pool(), &settled).await? {
        workflow::heard(engine, &execution);
        let event = ExecutionEvent { change: Change::Update, execution, frames: OnceLock::new() };
        store.bus().publish(Event::Execution(Arc::new(event)));
    }
    workflow::adopt(engine).await?;
    Ok(())
}

async fn leave(engine: &Engine) {
    let node = **engine.shared.node.load();
    if let Err(error) = nodes::leave(engine.store().pool(), node).await {
        tracing::warn!("Could not sign off in the list of nodes: {error}");
    }
}

/// Renews the lease, hears of cancels asked on other nodes, settles lost nodes.
pub struct Keeper {
    engine: Engine,
}

impl Keeper {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    async fn beat(&self) -> anyhow::Result<()> {
        let engine = &self.engine;
        let pool = engine.store().pool();
        let lease = engine.config().scheduler.lease as f64;
        let node = **engine.shared.node.load();
        let Some(beat) = nodes::beat(pool, node, lease).await? else {
            // Others gave this node up while it could not reach the database, and settled its executions.
            let again = register(engine.store(), &engine.shared.host).await?;
            tracing::warn!("This node had been given up by others; it goes on as epoch {}", again.epoch);
            engine.shared.node.store(Arc::new(again));
            super::runner::end_all(engine);
            return Ok(());
        };
        engine
            .shared
            .company
            .send_if_modified(|others| std::mem::replace(others, beat.others > 0) != (beat.others > 0));
        if beat.lost > 0 {
            settle(engine).await?;
            nodes::forget_lost(pool, lease).await?;
            engine.shared.wake.notify_one();
        }
        workflow::go_on(engine).await?;
        if beat.others > 0 {
            // Others may have queued work for us, or asked us to cancel.
            engine.shared.wake.notify_one();
            for id in executions::asked(pool, node.holder()).await? {
                super::execution::control::follow(engine, id).await?;
            }
        }
        Ok(())
    }
}

impl Service for Keeper {
    const NAME: &'static str = "st2node";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        let mut away = false;
        while !stop.is_requested() {
            match self.beat().await {
                Ok(()) => away = false,
                // The ledger says that the database is away; once is enough here.
                Err(error) if !away => {
                    away = true;
                    tracing::warn!("Could not renew the lease of this node: {error:#}");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.requested() => {}
                () = clock::sleep(BEAT) => {}
            }
        }
        leave(&self.engine).await;
        Ok(())
    }
}
