//! An installation failed or was stopped: what was installed before comes back, on disk and in the database.
//!
//! The step that fails undoes it before it ends, so that whoever hears of the end finds the old pack. What no step could
//! undo (a cancel between two steps, a daemon that was killed) is undone when the workflow has ended.

use super::{Job, load, virtualenvs};
use crate::{
    content,
    engine::{
        Engine,
        runner::{GoAhead, RunIo, container, output},
    },
    model::{Execution, ExecutionId, ExecutionStatus},
    packs,
    service::Stop,
    store,
};
use std::{sync::Arc, time::Duration};

/// The workflow that installs.
const INSTALLS: &str = "packs.install";

/// The step that makes virtualenvs.
const MAKES: &str = "packs.setup_virtualenv";

/// Undoes the installation that a step is part of, as far as it went.
pub(super) async fn undo(job: &Job<'_>) {
    match installation_of(job).await {
        Ok(Some(installation)) => take_back(job, installation).await,
        Ok(None) => {}
        Err(error) => job.say(&format!("Cannot tell which packs were there before: {error}")).await,
    }
}

/// Undoes what is left of an installation that has not ended well.
pub(in crate::engine) async fn undo_rest(engine: &Engine, ended: &Arc<Execution>) {
    let went_wrong = ended.status.is_completed() && ended.status != ExecutionStatus::Succeeded;
    if !went_wrong || ended.action_ref() != INSTALLS {
        return;
    }
    let settings = &engine.config().actionrunner;
    let limits = output::Limits { stored: settings.output_max_bytes, result: settings.result_max_bytes };
    // Its output is complete by now.
    let io = RunIo {
        go_ahead: GoAhead::given(),
        stop: Stop::new(),
        output: output::Sink::silent(limits),
        kill_grace: Duration::from_secs_f64(settings.kill_grace.clamp(0.0, 3600.0)),
    };
    let action = match container::prepare(engine, ended, None, false).await {
        Ok(action) => action,
        Err(failure) => {
            tracing::error!(
                execution.id = %ended.id,
                "Installation {} is not undone: {}. Install the packs again, in the version that is wanted.",
                ended.id, failure.error
            );
            return;
        }
    };
    let job = Job::new(engine, &action, &io);
    take_back(&job, ended.id).await;
    let said = job.take_said();
    if !said.is_empty() {
        tracing::info!(execution.id = %ended.id, "Installation {} is undone: {}", ended.id, said.trim_end());
    }
}

/// The installation that a step is part of.
pub(super) async fn installation_of(job: &Job<'_>) -> store::Result<Option<ExecutionId>> {
    let Some(parent) = job.action.execution.parent else { return Ok(None) };
    let parents = store::executions::query::find_many(job.engine.store().pool(), &[parent]).await?;
    Ok(parents.first().filter(|parent| parent.action_ref() == INSTALLS).map(|parent| parent.id))
}

async fn take_back(job: &Job<'_>, installation: ExecutionId) {
    let settings = match job.settings().await {
        Ok(settings) => settings,
        Err(raised) => {
            let remedy = "Install the packs again, in the version that is wanted.";
            return job.say(&format!("The packs do not come back: {}. {remedy}", raised.message)).await;
        }
    };
    let work = move || {
        let told = parking_lot::Mutex::new(Vec::new());
        let progress = packs::Progress { say: &|line| told.lock().push(line), stopped: &|| false };
        let mut taken = Vec::new();
        let placed = packs::download::placed_by(&settings, installation).unwrap_or_else(|error| {
            (progress.say)(format!("Cannot tell which packs were there before: {error}"));
            Vec::new()
        });
        for pack in placed {
            match packs::download::take_back(&settings, &pack, installation, &progress) {
                Ok(true) => taken.push(pack),
                Ok(false) => {}
                Err(error) => (progress.say)(format!("Cannot bring back what was there of {pack}: {error}")),
            }
        }
        (taken, told.into_inner())
    };
    // Also when the step was stopped: it is not heard here.
    let (taken, told) = tokio::task::spawn_blocking(work).await.unwrap_or_default();
    for line in told {
        job.say(&line).await;
    }
    let there =
        |pack: &String| content::PackDir::find(&content::base_dirs(job.engine.config()), pack).is_some();
    let there: Vec<String> = taken.into_iter().filter(there).collect();
    if there.is_empty() {
        return;
    }
    let all_made = has_made_all(job, installation).await;
    let made = job.made.lock().clone();
    for pack in there.iter().filter(|pack| all_made || made.contains(pack)) {
        if let Err(raised) = virtualenvs::make_again(job, pack).await {
            job.say(&raised.message).await;
        }
    }
    if let Err(raised) = load::register(job, &there, "all", false).await {
        job.say(&raised.message).await;
    }
}

/// Whether another step than this one may have made virtualenvs for the packs of this installation.
async fn has_made_all(job: &Job<'_>, installation: ExecutionId) -> bool {
    let pool = job.engine.store().pool();
    let steps = async {
        let steps = store::workflows::children(pool, &[installation]).await?;
        store::executions::query::find_many(pool, &steps).await
    };
    // In doubt they are made again.
    let Ok(steps) = steps.await else { return true };
    steps.iter().any(|step| {
        let has_run = step.log.iter().any(|entry| entry.status == ExecutionStatus::Running);
        step.action_ref() == MAKES && step.id != job.action.execution.id && has_run
    })
}
