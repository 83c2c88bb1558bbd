//! `packs.setup_virtualenv` and `packs.update_virtualenv`.

use super::{Job, Raised};
use crate::{
    content::{
        PackDir,
        pack::{SYSTEM_PACKS, is_reference},
        python::virtualenv::{self, Wanted},
    },
    packs::read_manifest,
    pytext,
    store::executions,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Makes the virtualenvs of packs. Each is made anew beside the one that serves, so there is nothing to update.
pub(super) async fn setup(job: &Job<'_>) -> Result<Value, Raised> {
    let packs = job.texts("packs");
    for pack in &packs {
        // The system's own run without one.
        if !SYSTEM_PACKS.contains(&pack.as_str()) {
            make(job, pack, false).await?;
            job.made.lock().push(pack.clone());
        }
    }
    Ok(json!(format!("Successfully set up virtualenv for the following packs: {}", packs.join(", "))))
}

/// Makes the virtualenv of a pack that came back, whatever was asked of the step meanwhile.
pub(super) async fn make_again(job: &Job<'_>, pack: &str) -> Result<(), Raised> {
    make(job, pack, true).await
}

/// Makes the virtualenv of one installed pack; `surely`: also when the step is stopped.
async fn make(job: &Job<'_>, pack: &str, surely: bool) -> Result<(), Raised> {
    if !is_reference(pack) {
        return Err(Raised::value(format!("Invalid pack name \"{pack}\"")));
    }
    let settings = job.settings().await?;
    let base_dirs = &settings.base_dirs;
    let Some(directory) = PackDir::find(base_dirs, pack) else {
        let looked: Vec<_> = base_dirs.iter().map(|base| base.display().to_string()).collect();
        let looked = looked.join(":");
        return Err(Raised::other(format!("Pack \"{pack}\" is not installed. Looked in: {looked}")));
    };
    // What was installed with force runs on what there is.
    let python_versions: Vec<String> = Vec::new();
    let manifest = read_manifest(&directory.path)?;
    if manifest.is_for_python_2() {
        job.say(&format!("Pack \"{pack}\" says that it needs Python 2; it gets Python 3")).await;
    }
    let (sender, mut lines) = mpsc::unbounded_channel::<String>();
    let tell = move |line: &str| {
        // Nobody hears it once the action has ended.
        let _ = sender.send(line.to_owned());
    };
    let mut requires_python = manifest.requires_python()?;
    if let Some(asked) = requires_python.clone()
        && is_forced(job).await?
    {
        let (pythons, name) = (settings.pythons.clone(), pack.to_owned());
        let chosen = tokio::task::spawn_blocking(move || pythons.for_pack(&name, &asked)).await;
        if let Err(missing) = chosen.map_err(|panic| Raised::other(panic.to_string()))? {
            job.say(&format!("{missing}\nThe pack gets the usual Python.")).await;
            requires_python = None;
        }
    }
    let env: Vec<_> = settings.proxies.env().into_iter().chain(given(job)).collect();
    let wanted = Wanted {
        pack,
        directory: &directory.path,
        python_versions: &python_versions,
        requires_python: requires_python.as_ref(),
        env: &env,
    };
    let work = virtualenv::make(job.engine.config(), wanted, &tell);
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            Some(line) = lines.recv() => job.say(&line).await,
            done = &mut work => break done,
            () = job.io.stop.requested(), if !surely => return Err(Raised::other("stopped")),
        }
    };
    while let Ok(line) = lines.try_recv() {
        job.say(&line).await;
    }
    done.map_err(|error| Raised::other(error.to_string()))
}

/// Whether this is a step of an installation with force.
async fn is_forced(job: &Job<'_>) -> Result<bool, Raised> {
    let Some(parent) = job.action.execution.parent else { return Ok(false) };
    let found = executions::query::find(job.engine.store().pool(), parent).await?;
    Ok(found.is_some_and(|row| row.execution.parameters.get("force") == Some(&Value::Bool(true))))
}

/// The parameter `env`: variables for pip, of more weight than the settings.
fn given(job: &Job<'_>) -> Vec<(String, String)> {
    let env = job.action.runner_parameters.get("env").or_else(|| job.action.action_parameters.get("env"));
    let given = env.and_then(Value::as_object).into_iter().flatten();
    given
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), pytext::str(value)))
        .collect()
}
