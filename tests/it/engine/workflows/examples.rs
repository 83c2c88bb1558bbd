//! Every workflow and chain of the pack `examples` is run, and ends as it is meant to.

use super::{children, id};
use crate::support::daemon::TestDaemon;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A workflow, its parameters, how it ends, and what it gives: its output, or what the last node of a chain printed.
type Example = (&'static str, Value, &'static str, Value);

const WORKFLOWS: [&str; 2] = ["action-chain", "orquesta"];

/// Questions that are open, those of workflows within included.
async fn questions(st2: &TestDaemon) -> Vec<String> {
    let list = st2.get("/v1/inquiries?limit=-1").await.expect(200);
    list.as_array().unwrap().iter().map(|question| id(question).to_owned()).collect()
}

/// Examples of what goes well, and of what fails on purpose.
fn examples(gone: &str, zero: &str, file: &str) -> Vec<Example> {
    let (good, bad) = ("succeeded", "failed");
    let waits = json!({"tempfile": gone, "message": "hi"});
    let two = json!({"file1": gone, "file2": gone});
    let versions = json!({"compare_equal": 0, "compare_more_than": -1, "compare_less_than": 1, "equal": true,
        "more_than": false, "less_than": false, "match": true, "bump_major": "1.0.0", "bump_minor": "0.11.0",
        "bump_patch": "0.10.1", "strip_patch": "0.10"});
    let finds = json!({"this_task_no_arg": "task1", "this_task_by_name": "task1", "that_task_by_name": "task1",
        "last_task4_result": "False", "task9__1__parent": "task8__1", "task9__2__parent": "task8__2"});
    let paths = json!({"basename": "file.txt", "dirname": "/path/to/some"});
    let patterns = json!({"match": true, "replace": "wxyz", "search": true, "substring": "668 Infinite Dr"});
    let time = json!({"time": "3h25m45s"});
    let dots = json!({"stdout": "vars.nested.value.with.periods"});
    let resistance = |names: &[&str]| {
        let items: Vec<_> = names.iter().map(|name| format!("{name}, resistance is futile!")).collect();
        json!({ "items": items })
    };
    vec![
        ("orquesta-basic", json!({"cmd": "echo hi"}), good, json!({"stdout": "hi"})),
        (
            "orquesta-sequential",
            json!({}),
            good,
            json!({"greeting": "Lakshmi, All your base are belong to us!"}),
        ),
        (
            "orquesta-subworkflow",
            json!({}),
            good,
            json!({"greeting": "Stanley, All your base are belong to us!"}),
        ),
        ("orquesta-data-flow", json!({"a1": "x"}), good, json!({"a5": "x", "b5": "x"})),
        (
            "orquesta-data-flow-large-data",
            json!({"file_path": file}),
            good,
            json!({"a5": {"k": [null]}, "b5": {"k": [null]}}),
        ),
        ("orquesta-delay", json!({"delay": 0}), good, json!({"greeting": "Hello, Lakshmi!"})),
        (
            "orquesta-join",
            json!({}),
            good,
            json!({"messages": ["Fee fi", "I smell the blood of an English man", "Be alive, or be he dead"]}),
        ),
        (
            "orquesta-error-handling-continue",
            json!({"cmd": "echo e >&2; exit 1"}),
            bad,
            json!({"stdout": null, "stderr": "e"}),
        ),
        (
            "orquesta-error-handling-noop",
            json!({"cmd": "echo e >&2; exit 1"}),
            good,
            json!({"stdout": null, "stderr": "e"}),
        ),
        (
            "orquesta-error-handling-fail-manually",
            json!({"cmd": "echo e >&2; exit 1"}),
            bad,
            json!({"stdout": null, "stderr": "e"}),
        ),
        ("orquesta-fail-manually", json!({}), bad, Value::Null),
        ("orquesta-fail-input-rendering", json!({}), bad, Value::Null),
        ("orquesta-fail-output-rendering", json!({}), bad, Value::Null),
        ("orquesta-fail-vars-rendering", json!({}), bad, Value::Null),
        ("orquesta-fail-start-task", json!({}), bad, Value::Null),
        ("orquesta-fail-task-publish", json!({}), bad, json!({"greeting": null})),
        ("orquesta-fail-task-transition", json!({}), bad, json!({"greeting": null})),
        ("orquesta-fail-inspection", json!({}), bad, Value::Null),
        ("orquesta-fail-inspection-task-contents", json!({}), bad, Value::Null),
        ("orquesta-output-on-error", json!({}), bad, json!({"progress": 25})),
        ("orquesta-remediate-then-fail", json!({}), bad, Value::Null),
        ("orquesta-rollback-retry", json!({"file": gone}), good, json!({"attempts": 3})),
        ("orquesta-task-retry", json!({}), good, Value::Null),
        ("orquesta-task-retry-exhausted", json!({}), bad, Value::Null),
        ("orquesta-streaming-demo", json!({"count": 2, "sleep_delay": 0.01}), good, Value::Null),
        ("orquesta-st2kv", json!({"key_name": "none"}), good, json!({"value": "nothing"})),
        (
            "orquesta-st2kv-default",
            json!({"key_name": "none", "default": "d"}),
            good,
            json!({"value_from_yaql": "d", "value_from_jinja": "d"}),
        ),
        ("orquesta-with-items", json!({"members": ["A", "B"]}), good, resistance(&["A", "B"])),
        (
            "orquesta-with-items-concurrency",
            json!({"members": ["A", "B", "C"]}),
            good,
            resistance(&["A", "B", "C"]),
        ),
        (
            "orquesta-test-action-less-tasks",
            json!({}),
            good,
            json!({"greeting": "LAKSHMI, ALL YOUR BASE ARE BELONG TO US!"}),
        ),
        (
            "orquesta-test-field-escaping",
            json!({}),
            good,
            json!({"wf.hostname.with.periods": {"hostname.domain.tld": "vars.value.with.periods",
                "hostname2.domain.tld": dots}, "wf.output.with.periods": dots["stdout"]}),
        ),
        ("orquesta-test-jinja-path-functions", json!({}), good, paths.clone()),
        ("orquesta-test-yaql-path-functions", json!({}), good, paths),
        ("orquesta-test-jinja-regex-functions", json!({}), good, patterns.clone()),
        ("orquesta-test-yaql-regex-functions", json!({}), good, patterns),
        ("orquesta-test-jinja-time-functions", json!({}), good, time.clone()),
        ("orquesta-test-yaql-time-functions", json!({}), good, time),
        ("orquesta-test-jinja-version-functions", json!({}), good, versions.clone()),
        ("orquesta-test-yaql-version-functions", json!({}), good, versions),
        ("orquesta-test-jinja-task-functions", json!({}), good, finds.clone()),
        ("orquesta-test-yaql-task-functions", json!({}), good, finds),
        ("orquesta-test-jinja-task-nonexistent", json!({}), bad, Value::Null),
        ("orquesta-test-yaql-task-nonexistent", json!({}), bad, Value::Null),
        ("orquesta-test-cancel", waits.clone(), good, Value::Null),
        ("orquesta-test-cancel-subworkflow", waits.clone(), good, Value::Null),
        ("orquesta-test-cancel-subworkflows", two.clone(), good, Value::Null),
        ("orquesta-test-pause", json!({"tempfile": gone}), good, Value::Null),
        ("orquesta-test-pause-resume", waits.clone(), good, Value::Null),
        ("orquesta-test-pause-subworkflow", json!({"tempfile": gone}), good, Value::Null),
        ("orquesta-test-pause-subworkflows", two, good, Value::Null),
        ("orquesta-test-rerun", json!({"tempfile": zero}), good, Value::Null),
        ("orquesta-test-rerun-with-items", json!({"tempfile": zero}), good, Value::Null),
        ("orquesta-test-with-items", json!({"tempfiles": [gone, gone], "concurrency": 1}), good, Value::Null),
        ("orquesta-test-with-items-failure", json!({}), bad, Value::Null),
        ("orquesta-test-subworkflow-empty-with-items", json!({}), good, Value::Null),
        ("chain_sequential", json!({}), good, Value::Null),
        ("echochain", json!({}), good, json!("c3")),
        ("echochain-param", json!({"input1": "x"}), good, json!("c3 c2 c1, input x")),
        ("echochain_task_failure", json!({}), bad, Value::Null),
        ("echochain_top_level_failure", json!({}), bad, Value::Null),
        ("publish_data", json!({}), good, json!("Hello world")),
        ("json_escape_jinja_filter", json!({}), bad, Value::Null),
        ("data_jinja_filter", json!({}), good, json!("")),
        ("decrypt_kv_jinja_filter", json!({}), good, json!("of the user")),
        ("regex_jinja_filter", json!({}), bad, json!("")),
        ("time_jinja_filter", json!({}), good, json!("3h25m45s")),
        ("version_jinja_filter", json!({}), good, json!("True")),
        (
            "action_chain_streaming_demo",
            json!({"count": 2, "sleep_delay": 0.01}),
            good,
            json!("stdout -> Line: 2\n"),
        ),
        ("chain-test-cancel", waits.clone(), good, json!("hi")),
        ("chain-test-cancel-with-subworkflow", waits.clone(), good, json!("hi")),
        ("chain-test-pause-resume", waits.clone(), good, json!("hi")),
        ("chain-test-pause-resume-with-subchain", waits.clone(), good, json!("hi")),
        ("chain-test-pause-resume-with-subworkflow", waits, good, json!("foobar")),
    ]
}

/// What a workflow gave.
fn gave(ended: &Value) -> &Value {
    match ended["result"]["tasks"].as_array() {
        Some(nodes) => nodes.last().map_or(&Value::Null, |last| &last["result"]["stdout"]),
        None => &ended["result"]["output"],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_ends_as_it_is_meant_to() {
    let st2 = TestDaemon::start().with_config("content.optional_packs = [\"examples\"]").await;
    let here = tempfile::tempdir().unwrap();
    let path = |name: &str| here.path().join(name).display().to_string();
    std::fs::write(path("zero"), "0").unwrap();
    std::fs::write(path("f.json"), "{\"k\": [null]}").unwrap();
    let made = st2.run("packs.setup_virtualenv", json!({"packs": ["examples"]})).await;
    assert_eq!(made["status"], "succeeded", "{made}");
    // The first action that needs more than Python's own library waits for what all of them share to be made.
    let read = st2.run("examples.yaml_string_to_object", json!({"yaml_str": "a: 1"})).await;
    assert_eq!(read["result"]["result"], json!({"a": 1}), "{read}");
    for (scope, value) in [("system", "of the system"), ("user", "of the user")] {
        let key = json!({"name": "my_cmd", "value": value, "scope": scope, "secret": true});
        st2.put("/v1/keys/my_cmd", key).await.expect(200);
    }
    let examples = examples(&path("gone"), &path("zero"), &path("f.json"));
    let mut ran: BTreeSet<String> = examples.iter().map(|(name, ..)| (*name).to_owned()).collect();
    let mut begun = Vec::new();
    for (name, parameters, ..) in &examples {
        begun.push(st2.request_action(&format!("examples.{name}"), parameters.clone()).await);
    }
    for ((name, _, status, result), execution) in examples.iter().zip(&begun) {
        let ended = st2.wait_for_end(execution).await;
        assert_eq!((ended["status"].as_str(), gave(&ended)), (Some(*status), result), "{name}: {ended:#}");
    }

    let ended = st2.run("examples.orquesta-st2-ctx", json!({})).await;
    let callback = ended["result"]["output"]["callback"].as_str().unwrap();
    assert!(callback.ends_with(&format!("/v1/executions/{}", id(&ended))), "{callback}");
    let ended = st2.run("examples.orquesta-mock-create-vm", json!({"vm_name": "v"})).await;
    assert_eq!(ended["result"]["output"]["extra"]["10.1.23.99"]["vm_name"], "v", "{ended:#}");
    let said: BTreeSet<_> =
        children(&st2, id(&ended)).await.iter().map(|child| child["result"]["stdout"].to_string()).collect();
    assert!(said.contains("\"VM request is fulfilled.\""), "{said:?}");
    for kind in ["jinja", "yaql"] {
        let ended = st2.run(&format!("examples.orquesta-test-{kind}-data-functions"), json!({})).await;
        assert_eq!(
            ended["result"]["output"]["data_json_str_1"], "{\"foo\": {\"bar\": \"foobar\"}}",
            "{ended:#}"
        );
        ran.insert(format!("orquesta-test-{kind}-data-functions"));
    }
    ran.extend(["orquesta-st2-ctx".to_owned(), "orquesta-mock-create-vm".to_owned()]);
    ask(&st2, &mut ran).await;

    let actions = st2.get("/v1/actions?pack=examples&limit=200").await.expect(200);
    let workflows = actions.as_array().unwrap().iter();
    let workflows = workflows.filter(|action| WORKFLOWS.contains(&action["runner_type"].as_str().unwrap()));
    let all: BTreeSet<String> = workflows.map(|action| action["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ran, all);
}

/// Runs the examples that ask, one after the other, and answers all they ask.
async fn ask(st2: &TestDaemon, ran: &mut BTreeSet<String>) {
    let plain = json!({"approved": true});
    let several = json!({"approved": true, "department_id": 7, "extra_output": "word"});
    for (name, answer, count) in [
        ("orquesta-ask-basic", &plain, 1),
        ("orquesta-ask-consecutive", &plain, 2),
        ("orquesta-ask-parallel", &plain, 2),
        ("orquesta-ask-nested", &plain, 1),
        ("orquesta_ask_multiple_parameters", &several, 1),
        ("chain-test-inquiry", &plain, 1),
        ("chain-test-inquiry-parent", &plain, 1),
    ] {
        let execution = st2.request_action(&format!("examples.{name}"), json!({})).await;
        let mut answered = 0;
        while answered < count {
            st2.wait_for(&execution, &["paused"]).await;
            for question in questions(st2).await {
                let body = json!({"id": question, "response": answer});
                st2.put(&format!("/v1/inquiries/{question}"), body).await.expect(200);
                answered += 1;
            }
        }
        let ended = st2.wait_for_end(&execution).await;
        assert_eq!(ended["status"], "succeeded", "{name}: {ended:#}");
        ran.insert(name.to_owned());
    }
}
