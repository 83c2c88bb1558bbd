//! `yaql` and `yaql_more`: expressions with YAQL's standard library alone.

use serde_json::Value as Json;
use st2d::expr::yaql::{self, Context, Expression, NoHost, Options, Value};

use crate::support::corpus::{self, Case, Differences};

const PLACE: &str = "the message of a bad pattern does not tell its place";

const DIFFERENCES: &Differences = &[("function-f3a962261a", PLACE), ("function-27b15d2b40", PLACE)];

const DELEGATES: &Differences = &[(
    "yaql.tests.test_system.TestSystem.test_calling_non_callable",
    "with delegates off, as orquesta has them, calling a value is an error of grammar",
)];

/// Cases of yaql's own tests that need Python: their data are live objects, functions of the test, or the
/// clock of the day they were recorded; or they show the order of a set.
const NEED_PYTHON: [&str; 16] = [
    "TestCollections.test_dict_from_sequence",
    "TestCollections.test_list_from_iterator",
    "TestCollections.test_set_remove",
    "TestCollections.test_to_list",
    "TestDatetime.test_datetime_fields",
    "TestDatetime.test_now",
    "TestDatetime.test_replace",
    "TestMiscellaneous.test_bool_is_not_an_integer",
    "TestQueries.test_generate_many",
    "TestQueries.test_sum",
    "TestResolution.test_resolve_parameter_count",
    "TestSystem.test_2nd_order_lambda",
    "TestSystem.test_function_passing",
    // Delegates, which orquesta leaves off.
    "TestSystem.test_lambda_",
    "TestTypeAggregation.",
    "TestYaql",
];

#[test]
fn yaql_is_as_recorded() {
    let portable = |group: &str| !NEED_PYTHON.iter().any(|name| group.contains(name));
    corpus::run("yaql", portable, DELEGATES, |case| check(case, 100, true));
}

#[test]
fn yaql_more_is_as_recorded() {
    corpus::run("yaql_more", |_| true, DIFFERENCES, |case| check(case, 2000, false));
}

fn evaluate(case: &Case<'_>, limit: usize, sets_to_lists: bool) -> yaql::Result<Value> {
    let context = Context::root();
    context.set("$", yaql::from_json(case.need("data"))?)?;
    let options = Options { limit_iterators: Some(limit), sets_to_lists, now: st2d::clock::now() };
    Expression::parse(case.text("expr"))?.evaluate(&context, options, &NoHost)
}

fn check(case: &Case<'_>, limit: usize, sets_to_lists: bool) -> Result<(), String> {
    let expr = case.text("expr");
    let is_error = !case.value["error"].is_null();
    match evaluate(case, limit, sets_to_lists) {
        Ok(got) if is_error => Err(format!("{expr}: answered {}, expected an error", yaql::repr(&got))),
        Ok(got) if is_same(case.result(), &got) => Ok(()),
        Ok(got) => Err(format!("{expr}: answered {}, expected {}", yaql::repr(&got), case.result())),
        Err(error) if !is_error => Err(format!("{expr}: failed with {error}")),
        Err(error) => {
            let class = case.error_type().or(case.value["error"].as_str()).unwrap_or_default();
            // The text of a receiver is Python's own and may hold an address.
            let is_message = case.error_type().is_none()
                || case.error() == Some(&error.message)
                || error.message.contains(" for receiver ");
            if class == error.class && is_message {
                Ok(())
            } else {
                Err(format!("{expr}: failed with {error}, expected {}", case.value["error"]))
            }
        }
    }
}

fn sorted(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut items: Vec<String> = items.collect();
    items.sort();
    items
}

/// Whether a recorded value is this one; what JSON cannot hold was recorded as its `repr`.
fn is_same(expected: &Json, got: &Value) -> bool {
    let texts = |json: &Json| json.as_array().map(|items| sorted(items.iter().map(Json::to_string)));
    match (expected["__py__"].as_str(), expected, got) {
        // Keys of dictionaries are lists here, as in the releases before 3.
        (Some("set"), _, got) => texts(&expected["items"]) == texts(&yaql::to_json(got)),
        (Some("Context"), _, got) => matches!(got, Value::Context(_)),
        (Some(_), _, got) => expected["repr"].as_str() == Some(&yaql::repr(got)),
        (None, Json::Array(_), Value::Set(_)) => texts(expected) == texts(&yaql::to_json(got)),
        (None, Json::Array(expected), got) => got.items().is_some_and(|items| {
            items.len() == expected.len()
                && expected.iter().zip(items).all(|(expected, got)| is_same(expected, got))
        }),
        (None, Json::Object(expected), Value::Dict(dict)) => {
            expected.len() == dict.items.len()
                && expected.iter().zip(&dict.items).all(|((name, expected), (key, got))| {
                    let key = yaql::to_json(key.get());
                    key.as_str().map_or_else(|| key.to_string(), str::to_owned) == *name
                        && is_same(expected, got)
                })
        }
        _ => yaql::to_json(got) == *expected,
    }
}
