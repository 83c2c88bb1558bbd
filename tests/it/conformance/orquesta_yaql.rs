//! `orquesta_yaql`: texts with YAQL in them, as orquesta evaluates, checks and looks through them.

use serde_json::{Value, json};
use st2d::expr::orquesta::{Language, references, validate};

use super::orquesta::{Recorded, compare, evaluate};
use crate::support::corpus::{self, Case, Differences, same};

/// Dictionary views are lists, as in all releases of yaql before 3.
const VIEWS: &str = "`items()` and `values()` are lists, as in StackStorm 3.8 and before";

const DIFFERENCES: &Differences = &[("ctx-ce141265bf", VIEWS), ("ctx-f2de13b563", VIEWS)];

#[test]
fn yaql_in_texts_is_as_recorded() {
    corpus::run("orquesta_yaql", |_| true, DIFFERENCES, check);
}

pub(super) fn check(case: &Case<'_>) -> Result<(), String> {
    let text = &case.value["text"];
    match case.group {
        "validate" => {
            let found = validate(text).into_iter().map(|mistake| {
                json!({
                    "type": mistake.language.map(Language::name),
                    "expression": mistake.expression,
                    "message": mistake.message,
                })
            });
            same(&found.collect::<Value>(), case.result())
        }
        "vars" => {
            let found =
                references(text).into_iter().map(|one| json!([one.language.name(), one.text, one.variable]));
            same(&found.collect::<Value>(), case.result())
        }
        _ => {
            let data = case.input("data").unwrap_or(&Value::Null);
            compare(case, &evaluate(text, data, &Recorded::of(case.value)))
        }
    }
}
