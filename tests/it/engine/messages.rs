//! Runners that talk to people: announcements on the stream, and questions that wait for an answer.

use crate::support::{daemon::TestDaemon, executions::history};
use serde_json::{Value, json};
use std::time::Duration;

/// Listens to the stream until an event of this name comes; answers its data.
async fn heard(stream: &mut reqwest::Response, name: &str) -> Value {
    let mut text = String::new();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let chunk = tokio::time::timeout_at(deadline, stream.chunk()).await.expect("nothing came");
        text.push_str(std::str::from_utf8(&chunk.unwrap().expect("the stream ended")).unwrap());
        let begin = format!("event: {name}\ndata: ");
        if let Some((_, rest)) = text.split_once(&begin)
            && let Some((data, _)) = rest.split_once("\n\n")
        {
            return serde_json::from_str(data).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_reaches_the_clients_of_the_stream() {
    let st2 = TestDaemon::start().await;
    let url = format!("{}/v1/stream", st2.addresses().stream.as_deref().unwrap());
    let request = reqwest::Client::new().get(url).header("St2-Api-Key", st2.api_key());
    let mut stream = request.send().await.unwrap();
    // The first byte says that it listens.
    stream.chunk().await.unwrap();
    let ended = st2.run("core.announcement", json!({"route": "ops", "message": {"a": 1}})).await;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(ended["result"], json!({"output": {"message": {"a": 1}}, "message": {"a": 1}}));
    let event = heard(&mut stream, "st2.announcement__ops").await;
    assert_eq!(event, json!({"payload": {"message": {"a": 1}}, "trace_context": null}));
    st2.run("core.announcement", json!({})).await;
    let event = heard(&mut stream, "st2.announcement__general").await;
    assert_eq!(event["payload"], json!({"message": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_waits_for_its_answer_also_over_a_restart() {
    let st2 = TestDaemon::start().with_private_postgres().await;
    let schema = json!({"type": "object", "properties": {"name": {"type": "string", "required": true}}});
    let parameters = json!({"schema": schema, "users": ["ann"], "route": "r", "ttl": 5});
    let id = st2.request_action("core.ask", parameters).await;
    let pending = st2.wait_for(&id, &["pending"]).await;
    let question = json!({"schema": schema, "roles": [], "users": ["ann"], "route": "r", "ttl": 5});
    assert_eq!(pending["result"], question);
    assert_eq!(pending.get("end_timestamp"), None);
    assert_eq!(history(&pending), ["requested", "scheduled", "running", "pending"]);
    let refused = st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!(refused["faultstring"], "Action cannot be canceled. State = pending.");
    let home = st2.home();
    assert!(st2.stop().await.success());
    let again = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let still = again.get(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!((&still["status"], &still["result"]), (&json!("pending"), &question));
}
