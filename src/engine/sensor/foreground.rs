//! One sensor in the foreground, for those who write sensors: run once, whatever `enabled` says, and its exit code.

use super::{
    keeper::{End, Keeper},
    service::{follow_triggers, plan},
};
use crate::{clock, engine::Engine, model::SensorId, service::Stop, store::sensors};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

/// How often, and how long beyond its grace, to look whether another process of the sensor has ended.
const LOOK: Duration = Duration::from_millis(100);
const SPARE: Duration = Duration::from_secs(2);

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreground {
    /// We asked it to.
    Stopped,
    /// By itself: exit code, or minus the signal.
    Ended(i32),
}

/// Why it was not run.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// No such sensor.
    #[error("Sensor {0} not found in db.")]
    Sensor(String),
    /// It runs already.
    #[error(
        "Sensor {reference} runs already ({whereabouts}). Disable it first: st2 sensor disable {reference}"
    )]
    Taken {
        /// `pack.name`.
        reference: String,
        /// Node and process.
        whereabouts: String,
    },
    /// It could not be started, or was lost.
    #[error("Sensor {reference} could not be run: {why}")]
    Failed {
        /// `pack.name`.
        reference: String,
        /// What was wrong.
        why: String,
    },
    /// The database failed.
    #[error("the database cannot be used")]
    Store(#[from] crate::store::Error),
}

/// Runs a sensor until it ends or is asked to.
///
/// # Errors
/// It was not run; says why.
pub async fn run(engine: &Engine, reference: &str, stop: Stop) -> Result<Foreground, Missing> {
    let pool = engine.store().pool();
    let sensor = sensors::find(pool, reference).await?;
    let sensor = sensor.ok_or_else(|| Missing::Sensor(reference.to_owned()))?;
    let (id, holder) = (sensor.id, engine.holder());
    let lease = engine.config().scheduler.lease as f64;
    // One that was just disabled needs a moment to end.
    let patience =
        Instant::now() + Duration::from_secs_f64(engine.config().sensorcontainer.stop_grace) + SPARE;
    while sensors::claim(pool, &[id], holder, lease).await?.is_empty() {
        if sensor.enabled || Instant::now() > patience {
            return Err(taken(engine, id, reference).await?);
        }
        clock::sleep(LOOK).await;
    }
    let failed = |why: String| Missing::Failed { reference: reference.to_owned(), why };
    let plan = plan(engine, sensor).await.ok_or_else(|| failed("it has no plan".to_owned()))?;
    let triggers = follow_triggers(engine, &plan).await.map_err(|error| failed(error.to_string()))?;
    let keeper = Keeper::new(
        engine.clone(),
        Arc::new(plan),
        holder,
        triggers,
        stop,
        Arc::new(Notify::new()),
        Arc::new(Semaphore::new(1)),
    );
    let end = keeper.run().await;
    let _ = sensors::release(pool, &[id], holder).await;
    match end {
        End::Asked => Ok(Foreground::Stopped),
        End::Alone(code) => Ok(Foreground::Ended(code)),
        End::NotStarted => Err(failed(keeper.last_error())),
        End::Lost => Err(failed("another node took it".to_owned())),
    }
}

async fn taken(engine: &Engine, id: SensorId, reference: &str) -> Result<Missing, crate::store::Error> {
    let report = sensors::find_report(engine.store().pool(), id).await?;
    let whereabouts = report.map_or_else(String::new, |report| {
        let node = report.node.unwrap_or_default();
        match report.pid {
            Some(pid) => format!("node {node}, process {pid}"),
            None => format!("node {node}, {}", report.state),
        }
    });
    Ok(Missing::Taken { reference: reference.to_owned(), whereabouts })
}
