//! Two daemons on one database: work, cancels, events and output find their way from one to the other.

use crate::support::{daemon::TestDaemon, executions::history, processes::eventually};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// A node with one place for actions, and a second one beside it.
async fn two() -> (TestDaemon, TestDaemon) {
    let first = TestDaemon::start().with_config("actionrunner.actions_pool_size = 1").await;
    let url = first.database().url();
    let second = TestDaemon::start().with_private_postgres().with_args(["--database-url", &url]).await;
    (first, second)
}

/// A stream of the second node, asked for with the first one's key.
async fn stream(first: &TestDaemon, second: &TestDaemon, path: &str) -> Response {
    let answer = second.bare(Method::GET, path).header("St2-Api-Key", first.api_key()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer
}

async fn read_until(response: &mut Response, text: &mut String, wanted: &str) {
    while !text.contains(wanted) {
        let chunk = tokio::time::timeout(SOON, response.chunk()).await;
        let chunk = chunk.unwrap_or_else(|_| panic!("no {wanted:?} in {text}")).unwrap();
        text.push_str(&String::from_utf8_lossy(
            &chunk.unwrap_or_else(|| panic!("ended without {wanted:?}: {text}")),
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_has_no_place_for_another_runs() {
    let (first, second) = two().await;
    let long = first.request_action("core.local", json!({"cmd": "sleep 4301"})).await;
    first.wait_for(&long, &["running"]).await;
    let ended = first.shell("echo elsewhere").await;
    assert_eq!(ended["result"]["stdout"], "elsewhere");
    assert_eq!(ended["liveaction"]["runner_info"]["pid"], json!(second.pid()));

    // Asked on the node that does not hold it.
    let path = format!("/v1/executions/{long}");
    let request = second.bare(Method::DELETE, &path).header("St2-Api-Key", first.api_key());
    assert_eq!(request.send().await.unwrap().status(), 200);
    let ended = first.wait_for_end(&long).await;
    assert_eq!(history(&ended), ["requested", "scheduled", "running", "canceling", "canceled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_one_node_tells_what_happens_on_the_other() {
    let (first, second) = two().await;
    let mut events = stream(&first, &second, "/stream/v1/stream?events=st2.execution__*").await;
    let mut text = String::new();
    // They know of each other with the next sign of life; from then on nothing is left out.
    eventually("an event crosses", SOON, async || {
        first.run("core.noop", json!({})).await;
        let chunk = tokio::time::timeout(Duration::from_millis(200), events.chunk()).await;
        if let Ok(Ok(Some(chunk))) = chunk {
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
        text.contains("st2.execution__").then_some(())
    })
    .await;
    let id = first.request_action("core.local", json!({"cmd": "echo seen"})).await;
    first.wait_for_end(&id).await;
    let mut own = text;
    read_until(&mut events, &mut own, &format!("\"id\":\"{id}\"")).await;
    let ended = |text: &str| {
        text.lines().filter_map(|line| line.strip_prefix("data: ")).any(|data| {
            let event: Value = serde_json::from_str(data).unwrap_or_default();
            event["id"] == json!(id) && event["status"] == "succeeded"
        })
    };
    while !ended(&own) {
        let chunk = tokio::time::timeout(SOON, events.chunk()).await.expect("the end crosses").unwrap();
        own.push_str(&String::from_utf8_lossy(&chunk.expect("the stream goes on")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_followed_from_another_node_to_its_end() {
    let (first, second) = two().await;
    let gate = first.data_dir().join("gate");
    let cmd = format!("echo one; while [ ! -e {} ]; do sleep 0.05; done; echo two", gate.display());
    let id = first.request_action("core.local", json!({"cmd": cmd})).await;
    let mut output = stream(&first, &second, &format!("/stream/v1/executions/{id}/output")).await;
    let mut text = String::new();
    read_until(&mut output, &mut text, "one\\n").await;
    std::fs::write(gate, "").unwrap();
    read_until(&mut output, &mut text, "EOF").await;
    let (one, two) = (text.find("one\\n"), text.find("two\\n"));
    assert!(one.is_some() && one < two, "{text}");
    assert_eq!(text.matches("one\\n").count(), 1, "{text}");
}
