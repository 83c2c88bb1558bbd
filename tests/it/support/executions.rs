//! Asking a daemon for executions and waiting for their ends.

use super::{daemon::TestDaemon, processes::eventually};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an execution of a test may take on a busy machine.
const END: Duration = Duration::from_secs(60);

impl TestDaemon {
    /// Requests an action; answers the execution's id.
    pub(crate) async fn request_action(&self, action: &str, parameters: Value) -> String {
        let body = json!({"action": action, "parameters": parameters});
        let execution = self.post("/v1/executions", body).await.expect(201);
        execution["id"].as_str().expect("an execution has an id").to_owned()
    }

    /// Waits until an execution has one of these statuses; answers it.
    pub(crate) async fn wait_for(&self, id: &str, statuses: &[&str]) -> Value {
        let path = format!("/v1/executions/{id}");
        eventually(&format!("{id} becomes one of {statuses:?}"), END, async || {
            let execution = self.get(&path).await.expect(200);
            let status = execution["status"].as_str().unwrap_or_default().to_owned();
            statuses.contains(&status.as_str()).then_some(execution)
        })
        .await
    }

    /// Waits for the end of an execution, whatever it is.
    pub(crate) async fn wait_for_end(&self, id: &str) -> Value {
        self.wait_for(id, &["succeeded", "failed", "timeout", "canceled", "abandoned"]).await
    }

    /// Runs an action to its end.
    pub(crate) async fn run(&self, action: &str, parameters: Value) -> Value {
        let id = self.request_action(action, parameters).await;
        self.wait_for_end(&id).await
    }

    /// Runs a shell command to its end.
    pub(crate) async fn shell(&self, cmd: &str) -> Value {
        self.run("core.local", json!({"cmd": cmd})).await
    }

    /// The stored output of an execution.
    pub(crate) async fn output(&self, id: &str) -> Vec<u8> {
        let answer = self.get(&format!("/api/v1/executions/{id}/output")).await;
        assert_eq!(answer.status, 200);
        answer.body
    }
}

/// The statuses an execution had.
pub(crate) fn history(execution: &Value) -> Vec<&str> {
    let log = execution["log"].as_array().map(Vec::as_slice).unwrap_or_default();
    log.iter().filter_map(|entry| entry["status"].as_str()).collect()
}
