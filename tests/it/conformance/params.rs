//! `params`: casts, rendering of parameters, and the schema of a call.

use crate::support::corpus::{self, Case, Messages};
use serde_json::{Map, Value, json};
use st2d::{engine::execution::parameters::cast, schema};

#[test]
fn parameters_are_as_recorded() {
    corpus::run("params", |group| group.starts_with("cast-") || group == "call-schema", BYTES, check);
}

/// Python's bytes are no JSON value: no parameter can be one.
const BYTES: &corpus::Differences =
    &[("cast-array-5990412b0f", "bytes are refused"), ("cast-object-e912bdeefb", "bytes are refused")];

fn check(case: &Case<'_>) -> Result<(), String> {
    if case.group.starts_with("cast-") {
        let value = corpus::plain(case.need("value"));
        let got = cast::to(case.text("type")).map_or_else(|| Ok(json!("no cast")), |cast| cast(&value));
        return case.check(got.as_ref().map_err(String::as_str), Messages::Compared);
    }
    let (runner, action) = (object(case.input("runner")), object(case.input("action")));
    if case.group == "call-schema" {
        let got = schema::for_call(&runner, &action, "p.a").map(titled).map_err(|error| error.to_string());
        return case.check(got.as_ref().map_err(String::as_str), Messages::Compared);
    }
    Err(format!("unknown group `{}`", case.group))
}

/// The tables' action has a name and a description; neither changes what fits.
fn titled(mut schema: Value) -> Value {
    if schema != json!({}) {
        schema["title"] = json!("a");
        schema["description"] = json!("text");
    }
    schema
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.map(corpus::plain).and_then(|value| value.as_object().cloned()).unwrap_or_default()
}
