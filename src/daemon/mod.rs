//! The root: starts everything in order, says when it is ready, stops it in order.
//!
//! Start: data directory, ports, database, services. Stop: what takes in work, what does it, what records it, the
//! database. What fails before the ready line fails the start, with a message that says how to mend it.

mod data_dir;
mod database;
mod greeting;
mod listen;
mod packs;
mod postgres;
mod register;
mod sensor;
mod signals;
mod supervisor;

pub use data_dir::InUse;
pub use packs::{Fetch, check_config, check_pack, fetch_packs, make_virtualenvs};
pub use register::{Order, register};
pub use sensor::run_sensor;

use crate::{
    access::{self, Access, FirstStart},
    app::App,
    bus::Bus,
    config::Config,
    content,
    datastore::Datastore,
    engine::Engine,
    service::Stop,
    store::{
        Store,
        ledger::{Ledger, Spool, spool},
    },
};
use anyhow::Context;
use data_dir::DataDir;
use database::Database;
use listen::Listeners;
use signals::Asked;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use supervisor::{Stage, Supervisor};
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// How long a stage that does not run actions may take to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the command line adds to the settings.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Write the addresses of the listeners here, as JSON, once ready.
    pub ports_file: Option<PathBuf>,
}

/// Runs until a signal asks to stop.
pub async fn run(mut config: Config, options: Options) -> anyhow::Result<()> {
    let begun = Instant::now();
    let asked = signals::listen()?;
    let data_dir = DataDir::open(&config.data_dir)?;
    let listeners = Listeners::bind(&config)?;
    let addresses = listeners.addresses();
    // Actions are told where the API really is, also when any port was asked for.
    if let Some(address) = listeners.api_address(&config.api.listen) {
        config.api.listen = address;
    }
    let unusual_data_dir = Some(data_dir.path()).filter(|_| !config.has_usual_data_dir());
    let Some(database) = Database::open(&config.database, data_dir.path(), &asked.stop).await? else {
        return Ok(());
    };
    // Whatever happens from here on, the database is closed in the end.
    let result = async {
        let (running, first_start) =
            Running::start(Arc::new(config), &database, &data_dir, listeners, &asked).await?;
        if let Some(path) = &options.ports_file {
            addresses.write(path)?;
        }
        greeting::greet(&addresses, first_start.as_ref(), unusual_data_dir);
        info!("Ready in {} ms", begun.elapsed().as_millis());
        asked.stop.requested().await;
        running.stop(&asked).await;
        Ok(())
    }
    .await;
    let begun = Instant::now();
    database.close().await;
    info!("Closed the database in {} ms", begun.elapsed().as_millis());
    result
}

/// What runs between start and stop.
struct Running {
    app: Arc<App>,
    supervisor: Supervisor,
    /// The ledger's: ends when nobody is left who could hand it a change, and all is written.
    writer: JoinHandle<()>,
}

impl Running {
    async fn start(
        config: Arc<Config>,
        database: &Database,
        data_dir: &DataDir,
        listeners: Listeners,
        asked: &Asked,
    ) -> anyhow::Result<(Self, Option<FirstStart>)> {
        let store = Store::new(database.pool().clone(), Bus::default());
        let access = async { Access::open(&store, &config).await.context("cannot set up authentication") };
        let first_start = async {
            access::bootstrap(&store, data_dir.path()).await.context("cannot make the first administrator")
        };
        let content =
            async { content::register_all(&store, &config).await.context("cannot register the packs") };
        let datastore = Datastore::new(&store, &config);
        let key =
            async { datastore.key_file().prepare(&store).await.context("cannot look at the datastore key") };
        let (access, first_start, _, _) = tokio::try_join!(access, first_start, content, key)?;
        let spool_dir = data_dir.path().join("spool");
        spool::replay(&store, &spool_dir)
            .await
            .context("cannot store what had waited for the database when this daemon ended")?;
        let spool = Spool::new(&spool_dir, config.database.spool_max_bytes);
        let (ledger, writer) =
            Ledger::start(&store, Some(spool).filter(|_| config.database.spool_max_bytes > 0));
        let node_name = data_dir.node_name()?;
        let engine = Engine::start(config.clone(), store.clone(), ledger, access.clone(), &node_name)
            .await
            .context("cannot start the engine")?;
        let app = Arc::new(App::new(config, store, access, engine.clone()));
        let mut supervisor = Supervisor::reporting_to(app.health.clone());
        supervisor.start(Stage::Ground, engine.keeper());
        supervisor.start(Stage::Ground, engine.neighbours());
        supervisor.start(Stage::Work, engine.actionrunner(asked.hurry.clone()));
        supervisor.start(Stage::Work, engine.scheduler());
        supervisor.start(Stage::Work, engine.gatekeeper());
        supervisor.start(Stage::Work, engine.notifier());
        supervisor.start(Stage::Work, engine.collector());
        supervisor.start(Stage::Intake, engine.timers());
        supervisor.start(Stage::Intake, engine.sensors());
        supervisor.start(Stage::Work, engine.rules_engine());
        listeners.serve(&app, &mut supervisor);
        app.set_ready(true);
        Ok((Self { app, supervisor, writer }, first_start))
    }

    async fn stop(mut self, asked: &Asked) {
        let begun = Instant::now();
        let settings = &self.app.config.actionrunner;
        let work = Duration::from_secs(settings.exit_still_active_check)
            + Duration::from_secs_f64(settings.kill_grace.clamp(0.0, 3600.0))
            + PATIENCE;
        self.app.closing.request();
        self.supervisor.stop(Stage::Intake, PATIENCE, &asked.hurry).await;
        // The action runner heeds the hurry itself: what it ends must still be recorded.
        self.supervisor.stop(Stage::Work, work, &Stop::new()).await;
        self.supervisor.stop(Stage::Ground, PATIENCE, &asked.hurry).await;
        drop((self.app, self.supervisor));
        if tokio::time::timeout(PATIENCE, self.writer).await.is_err() {
            warn!("Some changes were still waiting to be written at the end");
        }
        info!("Stopped in {} ms", begun.elapsed().as_millis());
    }
}
