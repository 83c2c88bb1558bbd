//! `packs.install`: the tasks of StackStorm's workflow, in its order and under its names. What fails is undone: the
//! pack that was installed before comes back.

use super::{Job, Outcome, texts};
use crate::{
    content,
    model::{Execution, ExecutionStatus, ObjectId},
    packs,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// How deep packs may build on others.
const NESTED: i64 = 10;

const CONFLICT: &str = "Unable to install packs due to conflicts. Review the conflict_list and check the versions of \
                        corresponding installed packs. You can also run the `st2 pack install` command with the \
                        `--skip-dependencies` flag to skip installing dependent packs.";

/// What the workflow has found out so far.
#[derive(Default)]
struct State {
    packs_list: Value,
    dependency_list: Value,
    conflict_list: Value,
    warning_list: Value,
    message: String,
    /// What was not downloaded, and why.
    missed: Vec<String>,
}

/// Why it ended before its end.
enum Broken {
    /// This task failed.
    Task(&'static str, Arc<Execution>),
    /// The workflow says so itself.
    Conflict,
    /// A task could not be run, or the workflow was stopped.
    Aborted(String),
}

pub(super) async fn run(job: &Job<'_>) -> Outcome {
    let mut flow =
        Flow { job, id: ObjectId::generate().to_string(), state: State::default(), made_virtualenvs: false };
    let end = flow.go().await;
    if end.is_err() && !matches!(end, Err(Broken::Conflict)) {
        flow.undo().await;
    }
    let state = &flow.state;
    let mut result = json!({"output": {
        "packs_list": state.packs_list,
        "message": state.message,
        "conflict_list": state.conflict_list,
        "warning_list": state.warning_list,
    }});
    let status = match end {
        Ok(()) => ExecutionStatus::Succeeded,
        Err(broken) => {
            result["errors"] = match broken {
                Broken::Conflict => json!([]),
                Broken::Aborted(why) => json!([{"type": "error", "message": why}]),
                Broken::Task(name, execution) => json!([{
                    "type": "error",
                    "message": "Execution failed. See result for details.",
                    "task_id": name,
                    "result": result_of(&execution),
                }]),
            };
            ExecutionStatus::Failed
        }
    };
    Outcome { status, result: result.into() }
}

struct Flow<'a, 'j> {
    job: &'a Job<'j>,
    id: String,
    state: State,
    made_virtualenvs: bool,
}

impl Flow<'_, '_> {
    async fn go(&mut self) -> Result<(), Broken> {
        let job = self.job;
        self.task("init_task", "core.noop", json!({})).await?;
        let skip = job.flag("skip_dependencies", false);
        let mut nested = NESTED;
        let last_status = loop {
            let status = self.download().await?;
            let prerun = json!({"packs_status": status, "packs_list": self.state.packs_list});
            self.state.packs_list = self.task("make_a_prerun", "packs.virtualenv_prerun", prerun).await?;
            if skip || nested <= 0 {
                break status;
            }
            let asked = json!({"packs_status": status, "nested": nested});
            let found = self.task("get_pack_dependencies", "packs.get_pack_dependencies", asked).await?;
            self.state.dependency_list = found["dependency_list"].clone();
            self.state.conflict_list = found["conflict_list"].clone();
            nested = found["nested"].as_i64().unwrap_or(0);
            self.task("check_dependency_and_conflict_list", "core.noop", json!({})).await?;
            if !texts(&self.state.conflict_list).is_empty() {
                return self.give_up().await;
            }
            if texts(&self.state.dependency_list).is_empty() {
                break status;
            }
        };
        let setup = json!({
            "packs": self.state.packs_list, "env": job.parameter("env"), "timeout": job.parameter("timeout"),
        });
        self.task("install_pack_requirements", "packs.setup_virtualenv", setup).await?;
        self.made_virtualenvs = true;
        let warned = json!({"packs_status": last_status});
        let mut warnings =
            texts(&self.task("get_pack_warnings", "packs.get_pack_warnings", warned).await?["warning_list"]);
        warnings.extend(self.state.missed.iter().cloned());
        self.state.warning_list = json!(warnings);
        let load = json!({"register": job.parameter("register"), "packs": self.state.packs_list});
        self.task("register_pack", "packs.load", load).await?;
        "Successfully installed packs".clone_into(&mut self.state.message);
        Ok(())
    }

    async fn download(&mut self) -> Result<Value, Broken> {
        let asked = json!({
            "packs": self.job.parameter("packs"),
            "force": self.job.flag("force", false),
            "dependency_list": self.state.dependency_list,
        });
        let status = self.task("download_pack", "packs.download", asked).await?;
        for (pack, how) in status.as_object().into_iter().flatten() {
            if let Some(how) = how.as_str().filter(|how| !super::steps::is_success(how)) {
                self.state.missed.push(format!("{pack}: {how}"));
            }
        }
        Ok(status)
    }

    /// Two packs want different versions of a third: nothing of this installation stays.
    async fn give_up(&mut self) -> Result<(), Broken> {
        let job = self.job;
        let new: Vec<String> = texts(&self.state.packs_list);
        let delete = json!({"packs": new, "delete_env": false});
        self.task("stop_installation_and_cleanup_because_conflict", "packs.delete", delete).await?;
        self.task("echo_pack_conflicts", "core.noop", json!({})).await?;
        job.say(CONFLICT).await;
        CONFLICT.clone_into(&mut self.state.message);
        Err(Broken::Conflict)
    }

    /// Runs a task; answers its result.
    async fn task(&mut self, name: &'static str, action: &str, parameters: Value) -> Result<Value, Broken> {
        let about = json!({
            "workflow_execution_id": self.id,
            "task_execution_id": ObjectId::generate().to_string(),
            "task_name": name,
            "task_id": name,
            "task_route": 0,
        });
        // What is not set has its default.
        let parameters: Map<String, Value> = match parameters {
            Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            _ => Map::new(),
        };
        let ended = self.job.child(action, parameters, ("orquesta", about)).await.map_err(Broken::Aborted)?;
        if ended.status != ExecutionStatus::Succeeded {
            return Err(Broken::Task(name, ended));
        }
        Ok(result_of(&ended)["result"].take())
    }

    /// Brings back what was installed before, on disk and in the database.
    async fn undo(&self) {
        let job = self.job;
        let downloaded = texts(&self.state.packs_list);
        if downloaded.is_empty() {
            return;
        }
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
        // Also when the workflow was cancelled.
        if let Ok(lines) = tokio::task::spawn_blocking(work).await {
            for line in lines {
                job.say(&line).await;
            }
        }
        let there: Vec<String> = downloaded
            .into_iter()
            .filter(|pack| content::PackDir::find(&content::base_dirs(job.engine.config()), pack).is_some())
            .collect();
        if self.made_virtualenvs {
            // Theirs were replaced by those of the packs that failed.
            for pack in &there {
                if let Err(raised) = super::virtualenvs::make(job, pack).await {
                    job.say(&raised.message).await;
                }
            }
        }
        if !there.is_empty()
            && let Err(raised) = super::load::register(job, &there, "all", false).await
        {
            job.say(&raised.message).await;
        }
    }
}

fn result_of(execution: &Execution) -> Value {
    let raw = execution.result.as_ref().map_or("null", |raw| raw.get());
    serde_json::from_str(raw).unwrap_or_default()
}
