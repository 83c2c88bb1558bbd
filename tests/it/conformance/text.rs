//! `text`: values, JSON, times, references and versions as text.

use serde_json::{Value, json};
use st2d::pytext;

use crate::support::corpus::{self, Case, Messages};

#[test]
fn text_is_as_recorded() {
    corpus::run("text", |group| WRITTEN.contains(&group), &[], check);
}

const WRITTEN: &[&str] = &["value", "json", "json-type", "strict-json", "try-json"];

fn check(case: &Case<'_>) -> Result<(), String> {
    let value = || corpus::plain(case.need("value"));
    let got = match case.group {
        "value" => {
            let (str, repr) = (pytext::str(&value()), pytext::repr(&value()));
            Ok(json!({"str": str, "repr": repr, "embedded": str}))
        }
        "json" => Ok(json!({
            "orjson": pytext::json_compact(&value()),
            "indented": pytext::json_indented(&value()),
            "json": pytext::json_dumps(&value()),
        })),
        "json-type" => Ok(Value::from(pytext::json_type(&value()))),
        "strict-json" => pytext::json_loads(case.text("data")).map_err(|error| error.to_string()),
        "try-json" => Ok(match case.need("s") {
            Value::String(text) => pytext::try_loads(text),
            other => other.clone(),
        }),
        other => return Err(format!("unknown group `{other}`")),
    };
    case.check(got.as_ref().map_err(String::as_str), Messages::Compared)
}
