//! The table `metadata`, as far as packs and actions go.

use crate::support::corpus::{self, Case, Messages};
use serde_json::{Map, Value, json};
use st2d::{
    content::{action, pack},
    model::{RunnerType, RunnerTypeId},
};

#[test]
fn metadata_is_checked_as_recorded() {
    corpus::run("metadata", |group| GROUPS.contains(&group), &[], check);
}

const GROUPS: &[&str] = &["action", "pack", "action-parameters", "pack-ref"];

fn check(case: &Case<'_>) -> Result<(), String> {
    let valid = || Value::from("valid");
    let got = match case.group {
        "action" => {
            action::validate(&corpus::plain(case.need("document"))).map_err(|error| error.to_string())
        }
        "pack" => {
            let mut manifest = corpus::plain(case.need("document"));
            pack::validate(&mut manifest).map(|()| valid()).map_err(|error| error.to_string())
        }
        "action-parameters" => action_parameters(case).map(|()| valid()),
        "pack-ref" => {
            let manifest = case.need("metadata").as_object().cloned().unwrap_or_default();
            let directory = case.need("directory").as_str();
            pack::reference(&manifest, directory).map(Value::from).map_err(|error| error.to_string())
        }
        other => return Err(format!("unknown group `{other}`")),
    };
    case.check(got.as_ref().map_err(String::as_str), Messages::Compared)
}

fn action_parameters(case: &Case<'_>) -> Result<(), String> {
    let fields: Map<String, Value> =
        json!({"name": "a", "runner_type": "r", "parameters": case.need("parameters")})
            .as_object()
            .cloned()
            .unwrap();
    let runner = RunnerType {
        id: RunnerTypeId::generate(),
        name: "r".to_owned(),
        description: String::new(),
        enabled: true,
        runner_package: String::new(),
        runner_module: String::new(),
        runner_parameters: case.need("runner").as_object().cloned().unwrap_or_default(),
        output_key: None,
        output_schema: json!({}),
    };
    action::check_parameters(&action::from_fields(&fields, "p"), &runner).map_err(|error| error.to_string())
}
