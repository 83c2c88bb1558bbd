//! `st2d sensor run`: one sensor in the foreground, as a small node of its own beside a daemon that runs, or without
//! one.

use super::{
    InUse,
    data_dir::DataDir,
    database::Database,
    postgres, signals,
    supervisor::{Stage, Supervisor},
};
use crate::{
    access::Access,
    bus::Bus,
    config::Config,
    engine::{Engine, sensor},
    service::{HealthBoard, Stop},
    store::{Store, ledger::Ledger},
};
use anyhow::Context;
use sqlx::PgPool;
use std::{sync::Arc, time::Duration};

/// Time for the small node to sign off.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs the sensor until it ends or a signal asks; answers its exit code, or minus the signal.
pub async fn run_sensor(mut config: Config, reference: &str) -> anyhow::Result<i32> {
    if ["debug", "trace"].contains(&config.log.level.as_str()) {
        // Who looks so closely wants to see what the sensor says too.
        "DEBUG".clone_into(&mut config.sensorcontainer.log_level);
    }
    let asked = signals::listen()?;
    let data_dir = match DataDir::open(&config.data_dir) {
        Ok(data_dir) => Some(data_dir),
        Err(error) => match error.downcast::<InUse>() {
            Ok(_) => None,
            Err(error) => return Err(error),
        },
    };
    if data_dir.is_none() && config.database.url.is_empty() {
        // The private server of the daemon that runs.
        let (pool, cluster) = postgres::reach(&config.data_dir, &config.database.bin_dir).await?;
        let result = run(pool.clone(), config, reference, asked.stop).await;
        pool.close().await;
        drop(cluster);
        return result;
    }
    let database = Database::open(&config.database, &config.data_dir, &asked.stop).await?;
    let database = database.context("stopped before the database was ready")?;
    let result = run(database.pool().clone(), config, reference, asked.stop).await;
    database.close().await;
    result
}

async fn run(pool: PgPool, config: Config, reference: &str, stop: Stop) -> anyhow::Result<i32> {
    let store = Store::new(pool, Bus::default());
    let access = Access::open(&store, &config).await.context("cannot set up authentication")?;
    let (ledger, _writer) = Ledger::start(&store, None);
    let name = format!("sensor-{}", std::process::id());
    let engine = Engine::start(Arc::new(config), store, ledger, access, &name).await?;
    let mut supervisor = Supervisor::reporting_to(HealthBoard::default());
    supervisor.start(Stage::Ground, engine.keeper());
    supervisor.start(Stage::Ground, engine.neighbours());
    let result = sensor::run_in_foreground(&engine, reference, stop).await;
    supervisor.stop(Stage::Ground, PATIENCE, &Stop::new()).await;
    match result? {
        sensor::Foreground::Stopped => Ok(0),
        sensor::Foreground::Ended(code) => Ok(code),
    }
}
