//! `schema`: validation, definitions, secrets, results and pack configuration.

use crate::support::corpus::{self, Case, Messages};
use serde_json::{Map, Value, json};
use st2d::schema::{self, Options, output, pack_config, secrets};

#[test]
fn schemas_are_as_recorded() {
    corpus::run("schema", |_| true, DIFFERENCES, check);
}

/// Upstream makes `[null, null]` of the type of an optional parameter of type null, which is an invalid schema: every
/// call of such an action fails. Ours takes null and refuses everything else.
const NULL_TYPE: &str = "an optional parameter of type null can be called";

const DIFFERENCES: &corpus::Differences = &[
    ("type-35e3110376", NULL_TYPE),
    ("type-af932def38", NULL_TYPE),
    ("type-78cf89eeb8", NULL_TYPE),
    ("type-be944c4623", NULL_TYPE),
    ("type-0810cb4529", NULL_TYPE),
    ("type-6b19cd1828", NULL_TYPE),
    ("type-ea606ae0ae", NULL_TYPE),
    ("type-a099d17506", NULL_TYPE),
    ("type-8e86139b8f", NULL_TYPE),
];

fn check(case: &Case<'_>) -> Result<(), String> {
    let input = |key: &str| corpus::plain(case.need(key));
    let got = match case.group {
        "bare" | "nested" if case.input("schema").is_some() => {
            let options = Options {
                use_default: case.flag("use_default", true),
                allow_default_none: case.flag("allow_default_none", true),
                explain: false,
            };
            return validated(case, schema::validate(&input("schema"), &input("instance"), options));
        }
        "type" | "type-required" | "keyword" | "absent" | "unknown" | "no-parameters" | "nested" => {
            let call = schema::CallSchema::new(&Map::new(), &object(&input("parameters")), "p.a");
            return validated(case, call.and_then(|call| call.validate(&input("values"))));
        }
        "definition" => {
            let parameters = object(&input("parameters"));
            let checked = parameters.values().try_for_each(schema::check_definition);
            return validated(case, checked.map(|()| json!("valid")));
        }
        "secret" => {
            let secret = secrets::of(&object(&input("parameters")));
            secrets::mask_exactly(&input("values"), &secret)
                .map(|masked| json!({"secret": secret, "masked": masked}))
        }
        "inquiry" => secrets::mask_inquiry(&object(&input("response")), &input("schema")).map(Value::Object),
        "output" => {
            let key = case.need("output_key").as_str().unwrap_or_default();
            let value = input("value");
            Ok(match output::validate(&input("runner_schema"), &input("action_schema"), &value, key) {
                Ok(()) => json!({"result": value, "status": case.text("status")}),
                Err(refused) => json!({"result": refused.result, "status": "failed"}),
            })
        }
        "mask-output" => {
            let mut value = input("value");
            output::mask(&mut value, &input("schema"), case.need("output_key").as_str().unwrap_or_default());
            Ok(value)
        }
        "config" => {
            let cleaned =
                pack_config::validate(&object(&input("schema")), &input("values"), "configs/p.yaml", "p");
            let cleaned = cleaned.map_err(|error| error.to_string());
            return case.check(cleaned.as_ref().map_err(String::as_str), Messages::Compared);
        }
        other => return Err(format!("unknown group `{other}`")),
    };
    let got = got.map_err(|misfit| misfit.to_string());
    case.check(got.as_ref().map_err(String::as_str), Messages::Ignored)
}

/// Compares message, path and keyword.
fn validated(case: &Case<'_>, got: Result<Value, schema::Error>) -> Result<(), String> {
    if let (Err(error), Some(_)) = (&got, case.error()) {
        let recorded = &case.value["error"];
        let path: Vec<Value> = error
            .path
            .iter()
            .map(|step| match step {
                schema::Step::Index(index) => json!(index),
                schema::Step::Key(key) => json!(key),
            })
            .collect();
        if recorded.get("path").is_some_and(|expected| *expected != json!(path)) {
            return Err(format!("path {path:?}, expected {}", recorded["path"]));
        }
        if recorded.get("validator").is_some_and(|expected| *expected != error.validator.as_str()) {
            return Err(format!("keyword {}, expected {}", error.validator, recorded["validator"]));
        }
    }
    let got = got.map_err(|error| error.message);
    case.check(got.as_ref().map_err(String::as_str), Messages::Compared)
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
