//! `yaql` and `yaql_more`: expressions with YAQL's standard library alone.

use serde_json::{Value as Json, json};
use st2d::expr::yaql::{self, Context, Expression, NoHost, Options, Value};

use crate::support::corpus::{self, Case, Differences};

const DELEGATES: &Differences = &[(
    "yaql.tests.test_system.TestSystem.test_calling_non_callable",
    "with delegates off, as orquesta has them, calling a value is an error of grammar",
)];

const FUNCTIONS: &str = "calls a function of Python that the test itself registers";
const OBJECTS: &str = "looks into an object of Python that the test itself makes";
const LAMBDAS: &str = "hands functions around and calls them, which orquesta leaves off";

/// Tests of yaql that cannot be told without Python, by their names.
const NEED_PYTHON: &Differences = &[
    (
        "TestCollections.test_list_from_iterator",
        "is about a generator of Python, which no context of a workflow holds",
    ),
    ("TestMiscellaneous.test_bool_is_not_an_integer", FUNCTIONS),
    ("TestResolution.test_resolve_parameter_count", FUNCTIONS),
    ("TestTypeAggregation.", FUNCTIONS),
    ("TestYaqlInterface.test_data_access", FUNCTIONS),
    ("TestSystem.test_2nd_order_lambda", LAMBDAS),
    ("TestSystem.test_function_passing", LAMBDAS),
    ("TestSystem.test_lambda_", LAMBDAS),
    ("TestYaqlization.", OBJECTS),
];

#[test]
fn yaql_is_as_recorded() {
    let portable = |group: &str| !NEED_PYTHON.iter().any(|(name, _)| group.contains(name));
    for (name, reason) in NEED_PYTHON {
        println!("left out: {name}: {reason}");
    }
    corpus::run("yaql", portable, DELEGATES, |case| check(case, 100, true));
}

#[test]
fn yaql_more_is_as_recorded() {
    corpus::run("yaql_more", |_| true, &[], |case| check(case, 2000, false));
}

/// What the expression is about; Python's own objects as what they hold.
fn data(case: &Case<'_>) -> yaql::Result<Value> {
    let data = case.need("data");
    let repr = data["repr"].as_str().unwrap_or_default();
    match data["__py__"].as_str() {
        // The generators of two tests of collections.
        Some("generator") if repr.contains("dict_from_sequence") => {
            yaql::from_json(&json!([["a", 1], ["b", 2]]))
        }
        Some("generator") => evaluated("range(3).select($)"),
        Some("range") => yaql::from_json(&(0..4).collect()),
        Some("datetime") => {
            let numbers =
                repr.trim_start_matches("datetime.datetime(").split(", tz").next().unwrap_or_default();
            evaluated(&format!("datetime({numbers})"))
        }
        _ => yaql::from_json(data),
    }
}

fn evaluated(text: &str) -> yaql::Result<Value> {
    let options = Options { limit_iterators: None, sets_to_lists: false, now: st2d::clock::now() };
    Expression::parse(text)?.evaluate(&Context::root(), options, &NoHost)
}

fn evaluate(case: &Case<'_>, limit: usize, sets_to_lists: bool) -> yaql::Result<Value> {
    let context = Context::root();
    let data = data(case)?;
    context.set("$data", data.clone())?;
    context.set("$", data)?;
    let options = Options { limit_iterators: Some(limit), sets_to_lists, now: st2d::clock::now() };
    Expression::parse(case.text("expr"))?.evaluate(&context, options, &NoHost)
}

fn check(case: &Case<'_>, limit: usize, sets_to_lists: bool) -> Result<(), String> {
    let expr = case.text("expr");
    let is_error = !case.value["error"].is_null();
    match evaluate(case, limit, sets_to_lists) {
        Ok(got) if is_error => Err(format!("{expr}: answered {}, expected an error", yaql::repr(&got))),
        Ok(got) if is_same(case.result(), &got) => Ok(()),
        // Python's order of a set is that of its table of hashes.
        Ok(got) if expr.starts_with("set(") && texts(case.result()) == texts(&yaql::to_json(&got)) => Ok(()),
        // The clock goes on.
        Ok(Value::DateTime(_)) if expr.starts_with("now(") && case.result()["__py__"] == "datetime" => Ok(()),
        Ok(Value::Span(_)) if expr.starts_with("now(") && case.result()["__py__"] == "timedelta" => Ok(()),
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

/// The items of a list as texts, sorted.
fn texts(json: &Json) -> Option<Vec<String>> {
    let mut items: Vec<String> = json.as_array()?.iter().map(Json::to_string).collect();
    items.sort();
    Some(items)
}

/// Whether a recorded value is this one; what JSON cannot hold was recorded as its `repr`.
fn is_same(expected: &Json, got: &Value) -> bool {
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
