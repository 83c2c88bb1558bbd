//! `packs.uninstall`: two tasks, as an action chain shows them.

use super::{Job, Outcome};
use crate::{
    model::{Execution, ExecutionStatus},
    wire::timestamp,
};
use serde_json::{Map, Value, json};

const TASKS: [(&str, &str); 2] = [("unregister packs", "packs.unload"), ("delete packs", "packs.delete")];

pub(super) async fn run(job: &Job<'_>) -> Outcome {
    let mut tasks = Vec::new();
    let mut status = ExecutionStatus::Succeeded;
    let mut result = json!({"tasks": [], "published": {}});
    for (index, (name, action)) in TASKS.into_iter().enumerate() {
        let mut parameters = Map::new();
        parameters.insert("packs".to_owned(), job.parameter("packs").clone());
        let about = json!({
            "name": name,
            "ref": action,
            "parameters": parameters,
            "on-success": TASKS.get(index + 1).map_or("", |(next, _)| next),
            "on-failure": "",
            "publish": {},
            "notify": null,
        });
        match job.child(action, parameters, ("chain", about)).await {
            Ok(ended) => {
                tasks.push(task(name, &ended));
                if ended.status != ExecutionStatus::Succeeded {
                    status = ExecutionStatus::Failed;
                    break;
                }
            }
            Err(why) => {
                status = ExecutionStatus::Failed;
                result["error"] = json!(why);
                break;
            }
        }
    }
    result["tasks"] = Value::Array(tasks);
    Outcome { status, result: result.into() }
}

fn task(name: &str, execution: &Execution) -> Value {
    let raw = execution.result.as_ref().map_or("null", |raw| raw.get());
    let result: Value = serde_json::from_str(raw).unwrap_or_default();
    json!({
        "id": name,
        "name": name,
        "execution_id": execution.id,
        "liveaction_id": execution.liveaction_id,
        "workflow": null,
        "created_at": timestamp::micros(execution.start()),
        "updated_at": timestamp::micros(execution.end.unwrap_or_else(|| execution.start())),
        "state": execution.status.as_str(),
        "result": result,
    })
}
