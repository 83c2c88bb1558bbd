//! Daemons killed in the middle of many workflows: each ends as the results of its tasks demand.

use super::{children, home, replay::replayed};
use crate::support::daemon::TestDaemon;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

const ROW: &str = "
version: 1.0
tasks:
  a: {action: core.noop, next: [{when: <% succeeded() %>, do: b}]}
  b: {action: core.local cmd=\"sleep 0.02\", next: [{when: <% succeeded() %>, do: c}]}
  c: {action: core.noop, next: [{when: <% succeeded() %>, do: d}]}
  d: {action: 'core.local cmd=\"exit 0\"'}
";

const FORK: &str = "
version: 1.0
tasks:
  a: {action: core.noop, next: [{when: <% succeeded() %>, do: 'l, r'}]}
  l: {action: 'core.local cmd=\"exit 0\"', next: [{when: <% succeeded() %>, do: j}]}
  r: {action: core.local cmd=\"sleep 0.05\", next: [{when: <% succeeded() %>, do: j}]}
  j: {join: all, action: core.noop}
";

const EACH: &str = "
version: 1.0
tasks:
  each:
    with: {items: '<% range(6).toList() %>', concurrency: 2}
    action: core.local cmd=\"echo <% item() %>\"
    next: [{when: <% succeeded() %>, do: last}]
  last: {action: core.noop}
";

const NEST: &str = "
version: 1.0
tasks:
  below: {action: flow.row, next: [{when: <% succeeded() %>, do: last}]}
  last: {action: core.noop}
";

/// How many tasks of each workflow run when all go well.
const KINDS: [(&str, &str, usize); 4] =
    [("row", ROW, 4), ("fork", FORK, 4), ("each", EACH, 7), ("nest", NEST, 2)];

#[tokio::test(flavor = "multi_thread")]
async fn after_kills_at_odd_moments_every_workflow_ends_as_its_tasks_demand() {
    let files: Vec<_> = KINDS.iter().map(|(name, text, _)| (*name, "", *text)).collect();
    let home = home(&files);
    let mut ids = Vec::new();
    // Each life is killed another while after its requests.
    for pause in [5, 40, 90, 170, 260] {
        let mut st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
        for number in 0..40 {
            let (name, ..) = KINDS[number % KINDS.len()];
            let id = st2.request_action(&format!("flow.{name}"), json!({})).await;
            ids.push((id, KINDS[number % KINDS.len()]));
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        st2.kill();
    }
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    let mut ends = BTreeMap::new();
    for (id, (_, definition, count)) in &ids {
        let ended = st2.wait_for_end(id).await;
        let ran = children(&st2, id).await;
        check(&ended, &ran, *count);
        assert_eq!(ended["status"], replayed(definition, &ran).as_str(), "{ended}: {}", json!(ran));
        *ends.entry(ended["status"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    println!("{} workflows: {ends:?}", ids.len());
}

/// A workflow succeeds when all its tasks did, and fails only when one was lost; no task ran twice.
fn check(ended: &Value, ran: &[Value], count: usize) {
    let lost =
        ran.iter().filter(|child| child["status"] == "abandoned" || child["status"] == "failed").count();
    let told: Vec<_> = ran
        .iter()
        .map(|child| json!([child["context"]["orquesta"], child["log"], child["result"]]))
        .collect();
    match ended["status"].as_str().unwrap() {
        "succeeded" => assert_eq!((ran.len(), lost), (count, 0), "{ended}: {}", json!(told)),
        "failed" => assert!(lost > 0, "{ended}: {}", json!(told)),
        other => panic!("{other}: {ended}: {}", json!(told)),
    }
    let mut seen = std::collections::HashSet::new();
    for child in ran {
        let of = &child["context"]["orquesta"];
        assert!(seen.insert((of["task_id"].to_string(), of["item_id"].to_string())), "{child} ran twice");
        let status = child["status"].as_str().unwrap();
        assert!(["succeeded", "failed", "abandoned"].contains(&status), "{child}");
    }
}
