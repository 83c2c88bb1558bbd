//! Runner types and the actions of the program's packs, against what the reference shows of its own.

use super::Content;
use crate::support::corpus;
use serde_json::{Map, Value, json};
use st2d::{model::NewAction, store};
use std::collections::BTreeMap;

/// The answers of status 200 to requests that `is_wanted` accepts.
fn answers(file: &str, is_wanted: impl Fn(&str) -> bool) -> Option<Vec<Value>> {
    let path = corpus::folder()?.join("http").join(file);
    let recording: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let scenarios = recording["scenarios"].as_array().unwrap().iter();
    let steps = scenarios.flat_map(|scenario| scenario["steps"].as_array().unwrap());
    let wanted = steps.filter(|step| step["do"].as_str().is_some_and(&is_wanted));
    let good = wanted.map(|step| &step["answer"]).filter(|answer| answer["status"] == 200);
    Some(good.map(|answer| answer["body"].clone()).collect())
}

/// Without what differs from one installation to the next.
fn without_ids(value: &Value) -> Value {
    let mut fields = value.as_object().unwrap().clone();
    fields.retain(|key, value| key != "id" && !value.is_null());
    corpus::plain(&Value::Object(fields))
}

fn shown(action: &NewAction) -> Value {
    json!({
        "name": action.name, "pack": action.pack, "ref": action.reference(), "uid": action.uid(),
        "description": action.description, "enabled": action.enabled, "runner_type": action.runner_type,
        "entry_point": action.entry_point, "parameters": action.parameters,
        "output_schema": action.output_schema, "tags": action.tags, "notify": action.notify,
        "metadata_file": action.metadata_file,
    })
}

#[tokio::test]
async fn runner_types_are_as_recorded() {
    let Some(lists) = answers("runnertypes.json", |request| request == "GET /v1/runnertypes?sort=name")
    else {
        println!("runnertypes: skipped, no conformance recordings here");
        return;
    };
    let content = Content::new().await;
    content.start().await;
    let ours = store::runner_types::all(content.store.pool()).await.unwrap();
    let recorded = lists[0].as_array().unwrap();
    let names = |of: &mut dyn Iterator<Item = String>| of.collect::<Vec<_>>();
    assert_eq!(
        names(&mut ours.iter().map(|runner| runner.name.clone())),
        names(&mut recorded.iter().map(|runner| runner["name"].as_str().unwrap().to_owned()))
    );
    for (runner, recorded) in ours.iter().zip(recorded) {
        let mut shown = json!({
            "name": runner.name, "description": runner.description, "uid": format!("runner_type:{}", runner.name),
            "enabled": runner.enabled, "runner_package": runner.runner_package,
            "runner_module": runner.runner_module, "runner_parameters": runner.runner_parameters,
            "output_schema": runner.output_schema,
        });
        if let Some(key) = &runner.output_key {
            shown["output_key"] = json!(key);
        }
        corpus::same(&shown, &without_ids(recorded)).unwrap_or_else(|what| panic!("{}: {what}", runner.name));
    }
}

#[tokio::test]
async fn actions_are_as_recorded() {
    let is_action = |request: &str| request.starts_with("GET /v1/actions/") && !request.contains("/views/");
    let Some(recorded) = answers("actions.json", is_action) else {
        println!("actions: skipped, no conformance recordings here");
        return;
    };
    let content = Content::new().await;
    content.start().await;
    let mut compared = BTreeMap::new();
    for recorded in recorded {
        let reference = recorded["ref"].as_str().unwrap();
        let Some(action) = store::actions::find(content.store.pool(), reference).await.unwrap() else {
            // Made by a scenario, or of a pack that does not come with the program.
            assert!(
                !reference.starts_with("core.") && !reference.starts_with("packs."),
                "{reference} is missing"
            );
            continue;
        };
        corpus::same(&shown(&action.spec), &without_ids(&recorded))
            .unwrap_or_else(|what| panic!("{reference}: {what}"));
        compared.insert(reference.to_owned(), Map::new());
    }
    println!("actions: {} compared", compared.len());
    assert!(compared.len() > 10);
}
