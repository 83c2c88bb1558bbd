//! The table `metadata`, as far as what packs hold goes.

use crate::support::corpus::{self, Case, Messages};
use serde_json::{Map, Value, json};
use st2d::{
    alias::request,
    content::{action, alias, builtin, config, pack, policy, rule, sensor, trigger},
    model::{RunnerType, RunnerTypeId},
    wire::forms,
};

#[test]
fn metadata_is_checked_as_recorded() {
    corpus::run("metadata", |group| GROUPS.contains(&group), &[], check);
}

const GROUPS: &[&str] = &[
    "action",
    "pack",
    "action-parameters",
    "pack-ref",
    "alias",
    "rule",
    "policy",
    "policy-type",
    "sensor",
    "trigger-type",
    "trigger",
    "config",
    "config-schema",
    "rule-criteria",
    "trigger-parameters",
    "runner",
    "liveaction",
    "alias-execution",
    "alias-match",
    "pack-install",
    "pack-register",
    "pack-search",
    "key-value",
    "api-key",
    "token",
    "webhook",
];

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
        "rule-criteria" => rule::check_criteria(case.need("criteria"))
            .map(|()| Value::Null)
            .map_err(|error| error.to_string()),
        "trigger-parameters" => return trigger_parameters(case),
        kind => {
            let document = corpus::plain(case.need("document"));
            if let Some(validated) = of_request(kind, &document) {
                return case.check(validated.as_ref().map_err(String::as_str), Messages::Compared);
            }
            let validated = match kind {
                "alias" => alias::validate(&document),
                "rule" => rule::validate(&document),
                "policy" => policy::validate(&document, &builtin::policy_types().unwrap()),
                "policy-type" => policy::validate_type(&document),
                "sensor" => sensor::validate(&document),
                "trigger-type" => trigger::validate_type(&document),
                "trigger" => trigger::validate(&document),
                "config" => config::validate(&document),
                "config-schema" => config::validate_schema(&document),
                other => return Err(format!("unknown group `{other}`")),
            };
            validated.map_err(|error| error.to_string())
        }
    };
    case.check(got.as_ref().map_err(String::as_str), Messages::Compared)
}

/// The bodies of requests.
fn of_request(kind: &str, document: &Value) -> Option<Result<Value, String>> {
    let validated = match kind {
        "runner" => forms::runner_type(document),
        "liveaction" => forms::execution(document),
        "alias-execution" => request::named(document),
        "alias-match" => request::matched(document),
        "pack-install" => forms::pack_install(document),
        "pack-register" => forms::pack_register(document),
        "pack-search" => forms::pack_search(document),
        "key-value" => forms::key_value(document),
        "api-key" => forms::api_key(document),
        "token" => forms::token(document),
        "webhook" => forms::webhook(document),
        _ => return None,
    };
    Some(validated.map_err(|error| error.to_string()))
}

/// Of a trigger type that nobody knows, nothing is checked, and the answer is `null`.
fn trigger_parameters(case: &Case<'_>) -> Result<(), String> {
    let types = builtin::trigger_types().unwrap();
    let reference = case.need("type").as_str().unwrap_or_default();
    let Some(kind) = types.iter().find(|kind| kind.reference() == reference) else {
        return case.check(Ok(&Value::Null), Messages::Compared);
    };
    let parameters = case.need("parameters").as_object().cloned().unwrap_or_default();
    let got = trigger::check_parameters(reference, &kind.parameters_schema, &parameters)
        .map_err(|error| error.to_string());
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
