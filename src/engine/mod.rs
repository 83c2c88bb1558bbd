//! The engine: one folder per stage, in the order an event travels. Stages meet in rows, not in calls; the front
//! doors (`trigger::dispatch`, `execution::request`) are open to all.

pub mod execution;
pub mod gc;
pub mod inquiry;
pub mod notifier;
pub mod policy;
mod neighbours;
mod node;
pub mod rules;
pub mod runner;
pub mod scheduler;
pub mod sensor;
pub mod timer;
pub mod trigger;
pub mod why;
mod workflow;

use crate::{
    access::Access,
    config::Config,
    datastore::Datastore,
    model::{Execution, ExecutionId},
    pack_config,
    service::Stop,
    store::{Store, ledger::Ledger, nodes::Node, trigger_instances},
};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicBool},
};
use tokio::sync::{Notify, Semaphore, watch};

/// What the stages share. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    config: Arc<Config>,
    store: Store,
    datastore: Datastore,
    ledger: Ledger,
    trigger_writer: trigger_instances::Writer,
    /// Events on their way to the rules.
    events: trigger::Queue,
    triggers: trigger::Catalog,
    rules: rules::Book,
    deliveries: trigger::Deliveries,
    catalog: execution::Catalog,
    pack_dirs: runner::PackDirs,
    pack_configs: pack_config::Resolver,
    registry: runner::Registry,
    access: Access,
    /// This daemon among the nodes; a new epoch replaces it when others had given it up.
    node: ArcSwap<Node>,
    host: runner::Host,
    /// Free places for actions. Whoever runs an action holds one.
    slots: Arc<Semaphore>,
    /// Rows may be waiting in the queue: newcomers queue up behind them instead of passing them.
    backlog: AtomicBool,
    /// Wakes the scheduler: a place is free, or a row is waiting.
    wake: Notify,
    /// Where executions of limited actions wait.
    gates: policy::Gates,
    /// What follows from ends.
    ends: notifier::Ends,
    /// Whether other nodes are alive on this database.
    company: watch::Sender<bool>,
    /// New executions are taken in.
    open: AtomicBool,
    /// What still runs is being ended because the daemon stops.
    abandoning: AtomicBool,
    /// Workflows in the hands of this node.
    flows: workflow::Flows,
    running: Mutex<HashMap<ExecutionId, Arc<Running>>>,
    /// Woken when [`Self::running`] becomes empty.
    idle: Notify,
    runtime: tokio::runtime::Handle,
}

/// An execution in the hands of this node.
struct Running {
    /// As it stands now.
    current: Mutex<Arc<Execution>>,
    /// Asks the runner to end it.
    stop: Stop,
}

impl Engine {
    /// Registers the node, settles what it left behind in an earlier life, and is ready for requests.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn start(
        config: Arc<Config>,
        store: Store,
        ledger: Ledger,
        access: Access,
        node_name: &str,
    ) -> anyhow::Result<Self> {
        let host = runner::Host::this(&config, node_name);
        host.end_leftovers().await;
        let name = node_name.to_owned();
        let _ = tokio::task::spawn_blocking(move || runner::remove_leftovers(&name)).await;
        let node = node::register(&store, &host).await?;
        let datastore = Datastore::new(&store, &config);
        let slots = Arc::new(Semaphore::new(config.actionrunner.actions_pool_size.max(1)));
        let engine = Self {
            shared: Arc::new(Shared {
                trigger_writer: trigger_instances::Writer::start(&store),
                events: trigger::Queue::default(),
                triggers: trigger::Catalog::new(&store),
                rules: rules::Book::new(&store),
                deliveries: trigger::Deliveries::default(),
                catalog: execution::Catalog::new(&store),
                registry: runner::Registry::with_all(&config, store.bus(), &host),
                pack_dirs: runner::PackDirs::new(&store, &config),
                pack_configs: pack_config::Resolver::new(&store, &datastore),
                datastore,
                config,
                store,
                ledger,
                access,
                node: ArcSwap::from_pointee(node),
                host,
                slots,
                // Until the scheduler has looked once, rows of an earlier life may wait.
                backlog: AtomicBool::new(true),
                wake: Notify::new(),
                gates: policy::Gates::default(),
                ends: notifier::Ends::default(),
                company: watch::Sender::new(false),
                open: AtomicBool::new(true),
                abandoning: AtomicBool::new(false),
                flows: workflow::Flows::default(),
                running: Mutex::new(HashMap::new()),
                idle: Notify::new(),
                runtime: tokio::runtime::Handle::current(),
            }),
        };
        engine.hear_of_steps();
        node::settle(&engine).await?;
        Ok(engine)
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The datastore.
    pub fn datastore(&self) -> &Datastore {
        &self.shared.datastore
    }

    /// What a pack is configured with, as `user` sees it; without a user, as the system user does.
    ///
    /// # Errors
    /// A value cannot be resolved.
    pub async fn pack_config(
        &self,
        pack: &str,
        user: Option<&str>,
    ) -> Result<Map<String, Value>, pack_config::Error> {
        self.shared.pack_configs.resolve(pack, user).await
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Cached actions with their runner types.
    pub fn catalog(&self) -> &execution::Catalog {
        &self.shared.catalog
    }

    /// Cached triggers and trigger types.
    pub fn triggers(&self) -> &trigger::Catalog {
        &self.shared.triggers
    }

    /// Cached rules.
    pub fn rules(&self) -> &rules::Book {
        &self.shared.rules
    }

    /// The last deliveries to webhooks.
    pub fn deliveries(&self) -> &trigger::Deliveries {
        &self.shared.deliveries
    }

    /// The service that applies rules to events.
    pub fn rules_engine(&self) -> rules::RulesEngine {
        rules::RulesEngine::new(self.clone())
    }

    /// Names of the runners this build can run.
    pub fn runner_names(&self) -> Vec<&'static str> {
        self.shared.registry.names()
    }

    /// The service that claims waiting executions.
    pub fn scheduler(&self) -> scheduler::Scheduler {
        scheduler::Scheduler::new(self.clone())
    }

    /// The service that lets executions of limited actions through.
    pub fn gatekeeper(&self) -> policy::Gatekeeper {
        policy::Gatekeeper::new(self.clone())
    }

    /// The service that does what follows from the ends of executions.
    pub fn notifier(&self) -> notifier::Notifier {
        notifier::Notifier::new(self.clone())
    }

    /// Wakes the stages that wait for ends, and for those who make room.
    fn hear_of_steps(&self) {
        let shared = Arc::downgrade(&self.shared);
        self.shared.store.bus().on_step(move |execution| {
            if let Some(shared) = shared.upgrade() {
                shared.gates.heard(execution);
                shared.ends.heard(execution);
            }
        });
    }

    /// The service that renews this node's lease and settles what lost nodes held.
    pub fn keeper(&self) -> node::Keeper {
        node::Keeper::new(self.clone())
    }

    /// The service that tells the other nodes what happens here, and hears them.
    pub fn neighbours(&self) -> neighbours::Neighbours {
        neighbours::Neighbours::new(self.clone())
    }

    /// The service that runs sensors.
    pub fn sensors(&self) -> sensor::Sensors {
        sensor::Sensors::new(self.clone())
    }

    /// The service that fires timers.
    pub fn timers(&self) -> timer::Timers<timer::SystemAlarm> {
        timer::Timers::new(self.clone(), timer::SystemAlarm)
    }

    /// The service that throws away what is too old.
    pub fn collector(&self) -> gc::Collector {
        gc::Collector::new(self.clone())
    }

    /// The service that lets what runs finish when the daemon stops. `hurry` ends the waiting.
    pub fn actionrunner(&self, hurry: Stop) -> runner::ActionRunner {
        runner::ActionRunner::new(self.clone(), hurry)
    }

    fn holder(&self) -> (i32, i64) {
        self.shared.node.load().holder()
    }

    fn running(&self, id: ExecutionId) -> Option<Arc<Running>> {
        self.shared.running.lock().get(&id).cloned()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("node", &*self.shared.node.load()).finish_non_exhaustive()
    }
}
