//! A step of an installation failed or was stopped: what was installed before comes back, on disk and in the database.

use super::{Job, load, texts, virtualenvs};
use crate::{
    content,
    model::{Execution, ExecutionStatus},
    packs, store,
};
use serde_json::Value;
use std::sync::Arc;

/// The step of an installation that says which packs were downloaded.
const LISTS: &str = "packs.virtualenv_prerun";

/// Undoes the downloads of the installation this step is part of, as far as they went.
pub(super) async fn undo(job: &Job<'_>) {
    let downloaded = match downloaded(job).await {
        Ok(downloaded) if downloaded.is_empty() => return,
        Ok(downloaded) => downloaded,
        Err(error) => return job.say(&format!("Cannot tell which packs were there before: {error}")).await,
    };
    let Ok(settings) = job.settings().await else { return };
    let list = downloaded.clone();
    let work = move || {
        let told = parking_lot::Mutex::new(Vec::new());
        let progress = packs::Progress { say: &|line| told.lock().push(line), stopped: &|| false };
        for pack in &list {
            if let Err(error) = packs::download::take_back(&settings, pack, &progress) {
                told.lock().push(format!("Cannot bring back what was there of {pack}: {error}"));
            }
        }
        told.into_inner()
    };
    // Also when the step was stopped: it is not heard here.
    for line in tokio::task::spawn_blocking(work).await.unwrap_or_default() {
        job.say(&line).await;
    }
    let there =
        |pack: &String| content::PackDir::find(&content::base_dirs(job.engine.config()), pack).is_some();
    let (there, gone): (Vec<String>, Vec<String>) = downloaded.into_iter().partition(there);
    for pack in replaced(job, &there).iter().filter(|pack| !gone.contains(pack)) {
        if let Err(raised) = virtualenvs::make_again(job, pack).await {
            job.say(&raised.message).await;
        }
    }
    if !there.is_empty()
        && let Err(raised) = load::register(job, &there, "all", false).await
    {
        job.say(&raised.message).await;
    }
}

/// What the steps before this one have downloaded: what the last of them that says so said.
async fn downloaded(job: &Job<'_>) -> store::Result<Vec<String>> {
    let Some(parent) = job.action.execution.parent else { return Ok(Vec::new()) };
    let pool = job.engine.store().pool();
    let parents = store::executions::query::find_many(pool, &[parent]).await?;
    if parents.first().is_none_or(|parent| parent.action_ref() != "packs.install") {
        return Ok(Vec::new());
    }
    let steps = store::workflows::children(pool, &[parent]).await?;
    let steps = store::executions::query::find_many(pool, &steps).await?;
    let is_list =
        |step: &&Arc<Execution>| step.action_ref() == LISTS && step.status == ExecutionStatus::Succeeded;
    let last = steps.iter().filter(is_list).max_by_key(|step| step.id);
    let result = last.and_then(|step| step.result.as_deref());
    let result = result.and_then(|result| serde_json::from_str::<Value>(result.get()).ok());
    Ok(result.map(|result| texts(&result["result"])).unwrap_or_default())
}

/// Packs that have the virtualenvs of this installation: warnings and registering come after all of them.
fn replaced(job: &Job<'_>, downloaded: &[String]) -> Vec<String> {
    let name = job.action.execution.snapshot.action.spec.name.as_str();
    if ["get_pack_warnings", "load"].contains(&name) { downloaded.to_vec() } else { job.made.lock().clone() }
}
