//! A step of an installation failed or was stopped: what was installed before comes back, on disk and in the database.

use super::{Job, load, virtualenvs};
use crate::{content, packs};

/// Undoes the download of these packs, as far as this and the steps before it went.
pub(super) async fn undo(job: &Job<'_>, downloaded: Vec<String>) {
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
    for pack in job.replaced().iter().filter(|pack| !gone.contains(pack)) {
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
