//! The views, held against what StackStorm recorded.

use super::*;
use crate::model::{
    Action, ActionId, ExecutionId, LiveActionId, LogEntry, NewAction, ObjectId, RunnerInfo, RunnerType,
    RunnerTypeId, Snapshot,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_582_000, 120_345_000).unwrap()
}

pub(crate) fn an_execution() -> Execution {
    let action = Action {
        id: ActionId::generate(),
        spec: NewAction {
            pack: "demo".to_owned(),
            name: "backup".to_owned(),
            enabled: true,
            runner_type: "python-script".to_owned(),
            parameters: map(json!({"host": {"type": "string"}, "token": {"type": "string", "secret": true}})),
            output_schema: json!({"type": "object", "properties": {"key": {"type": "string", "secret": true}}}),
            ..NewAction::default()
        },
    };
    let runner = RunnerType {
        id: RunnerTypeId::generate(),
        name: "python-script".to_owned(),
        description: String::new(),
        enabled: true,
        runner_package: "python_runner".to_owned(),
        runner_module: "python_runner".to_owned(),
        runner_parameters: map(json!({"timeout": {"default": 600, "type": "integer"}})),
        output_key: Some("result".to_owned()),
        output_schema: json!({}),
    };
    Execution {
        id: ExecutionId(ObjectId::at(start())),
        liveaction_id: LiveActionId(ObjectId::at(start())),
        status: ExecutionStatus::Requested,
        snapshot: Arc::new(Snapshot::new(1, Arc::new(action), Arc::new(runner))),
        parameters: Arc::new(map(json!({"host": "db7", "token": "t0p"}))),
        context: Arc::new(map(json!({"user": "ann", "pack": "demo"}))),
        notify: Arc::default(),
        callback: Arc::default(),
        delay_ms: 0,
        parent: None,
        children: Vec::new(),
        runner_info: None,
        result: None,
        end: None,
        log: vec![LogEntry { timestamp: start(), status: ExecutionStatus::Requested }],
        origin: crate::model::Origin::default(),
        holder: None,
    }
}

pub(crate) fn finished(mut it: Execution) -> Execution {
    use ExecutionStatus::{Running, Scheduled, Succeeded};
    it.log.extend([Scheduled, Running, Succeeded].map(|status| LogEntry { timestamp: start(), status }));
    it.status = Succeeded;
    it.end = Some(start() + TimeDelta::microseconds(1_500_000));
    it.runner_info = Some(RunnerInfo { hostname: "box".into(), pid: 7 });
    let result = r#"{"result":{"key":"k","big":12345678901234567890123},"stdout":"","exit_code":0}"#;
    it.result = Some(RawValue::from_string(result.to_owned()).unwrap().into());
    it
}

fn shown(it: &Execution, change: impl FnOnce(&mut View)) -> Value {
    let mut view = View::new("https://st2".into(), true);
    change(&mut view);
    serde_json::from_slice(&loaded(it, &view)).unwrap()
}

#[test]
fn a_new_execution_has_the_recorded_fields() {
    let it = an_execution();
    let shown = shown(&it, |_| {});
    let names: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "action",
            "runner",
            "liveaction",
            "status",
            "start_timestamp",
            "parameters",
            "context",
            "log",
            "web_url",
            "id"
        ]
    );
    assert_eq!(shown["action"]["ref"], "demo.backup");
    assert_eq!(shown["action"]["uid"], "action:demo:backup");
    assert_eq!(shown["runner"]["uid"], "runner_type:python-script");
    assert_eq!(shown["start_timestamp"], "2026-01-05T03:00:00.120345Z");
    assert_eq!(shown["log"], json!([{"timestamp": "2026-01-05T03:00:00.120000Z", "status": "requested"}]));
    assert_eq!(shown["web_url"], format!("https://st2/#/history/{}/general", it.id));
    assert_eq!(shown["parameters"], json!({"host": "db7", "token": "********"}));
    assert_eq!(
        shown["liveaction"],
        json!({"action": "demo.backup", "action_is_workflow": false, "callback": {}, "runner_info": {},
            "parameters": {"host": "db7", "token": "********"}, "id": it.liveaction_id.to_string()})
    );
}

#[test]
fn a_finished_execution_tells_its_end_and_its_result() {
    let it = finished(an_execution());
    let all = shown(&it, |_| {});
    assert_eq!(all["elapsed_seconds"], json!(1.5));
    assert_eq!(all["result"]["result"]["key"], "********");
    assert_eq!(all["result"]["result"]["big"].to_string(), "12345678901234567890123");
    assert_eq!(all["result_size"], it.result.as_ref().unwrap().get().len());
    assert_eq!(all["liveaction"]["runner_info"], json!({"hostname": "box", "pid": 7}));
    let open = shown(&it, |view| view.mask = false);
    assert_eq!(
        (&open["result"]["result"]["key"], &open["parameters"]["token"]),
        (&json!("k"), &json!("t0p"))
    );
    let without = shown(&it, |view| view.max_result_size = Some(10));
    assert!(without.get("result").is_none() && without["result_size"] == all["result_size"]);
}

#[test]
fn falsy_results_are_left_out() {
    let mut it = finished(an_execution());
    for text in ["null", "{}", "[]", "\"\"", "0", "0.0", "false"] {
        it.result = Some(RawValue::from_string(text.to_owned()).unwrap().into());
        assert!(shown(&it, |_| {}).get("result").is_none(), "{text}");
    }
}

#[test]
fn attributes_narrow_the_view() {
    let it = finished(an_execution());
    let only = |list: &str| shown(&it, |view| view.fields = Fields::include(list).unwrap());
    let id = it.id.to_string();
    assert_eq!(only("status"), json!({"status": "succeeded", "id": id}));
    let narrowed = only("action.ref,runner.name");
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&narrowed["action"]), ["ref", "parameters", "output_schema", "pack", "uid"]);
    assert_eq!(names(&narrowed["runner"]), ["name", "runner_parameters", "output_key"]);
    assert_eq!(names(&narrowed), ["action", "runner", "id"]);
    assert_eq!(only("parameters,context")["parameters"]["token"], "********");
    let but = shown(&it, |view| view.fields = Fields::exclude("result,status").unwrap());
    assert!(
        but.get("result").is_none() && but.get("status").is_none() && but.get("elapsed_seconds").is_some()
    );
}

#[test]
fn what_started_it_is_shown_as_it_was() {
    let mut it = an_execution();
    it.origin =
        map(json!({"rule": {"name": "r", "ref": "demo.r"}, "task_execution": "5", "trigger": {}})).into();
    let all = shown(&it, |_| {});
    assert_eq!((&all["rule"]["ref"], &all["task_execution"]), (&json!("demo.r"), &json!("5")));
    assert!(all.get("trigger").is_none());
    let narrowed = shown(&it, |view| view.fields = Fields::include("rule.name").unwrap());
    assert_eq!(narrowed["rule"], json!({"name": "r"}));
}

#[test]
fn inquiries_and_their_answers_hide_secrets() {
    let mut it = an_execution();
    let snapshot = &it.snapshot;
    let mut runner = snapshot.runner.as_ref().clone();
    runner.name = "inquirer".to_owned();
    let mut action = snapshot.action.as_ref().clone();
    action.spec.pack = "st2".to_owned();
    action.spec.name = "inquiry.respond".to_owned();
    it.snapshot = Arc::new(Snapshot::new(2, Arc::new(action), Arc::new(runner)));
    it.parameters = Arc::new(map(json!({"id": "1", "response": {"pin": 1, "ok": true}})));
    let result =
        json!({"schema": {"properties": {"pin": {"secret": true}}}, "response": {"pin": 1, "ok": true}});
    it.result = Some(RawValue::from_string(result.to_string()).unwrap().into());
    let all = shown(&it, |_| {});
    assert_eq!(all["parameters"], json!({"id": "1", "response": {"pin": "********", "ok": "********"}}));
    assert_eq!(all["result"]["response"], json!({"pin": "********", "ok": true}));
}

#[test]
fn the_live_action_carries_its_result_as_text() {
    let view = View::new("https://st2".into(), true);
    let new: Value = serde_json::from_slice(&liveaction(&an_execution(), &view)).unwrap();
    assert_eq!((&new["result"], &new["runner_info"]), (&json!("{}"), &json!({})));
    let ended: Value = serde_json::from_slice(&liveaction(&finished(an_execution()), &view)).unwrap();
    let inner: Value = serde_json::from_str(ended["result"].as_str().unwrap()).unwrap();
    assert_eq!(inner["result"]["key"], "********");
    assert_eq!(ended["end_timestamp"], "2026-01-05T03:00:01.620345Z");
}

#[test]
fn a_parameter_that_is_called_secret_hides_nothing_but_itself_if_marked() {
    let mut it = an_execution();
    let mut action = it.snapshot.action.as_ref().clone();
    action.spec.parameters = map(json!({
        "secret": {"type": "string"},
        "account": {"type": "object", "properties": {"pin": {"type": "string", "secret": true}}},
    }));
    it.snapshot = Arc::new(Snapshot::new(3, Arc::new(action), it.snapshot.runner.clone()));
    it.parameters = Arc::new(map(json!({"secret": "a", "account": {"pin": "1", "name": "n"}})));
    let expected = json!({"secret": "a", "account": {"pin": "********", "name": "n"}});
    assert_eq!(shown(&it, |_| {})["parameters"], expected);
}
