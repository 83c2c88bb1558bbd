//! Texts with YAQL in them.

use std::{cell::Cell, sync::Arc};

use serde_json::Value as Json;

use super::{
    Error, MAX_NESTING, arguments, bridge,
    data::{Data, Problem},
    functions::{self, Found, Place},
    inline, parsed,
};
use crate::expr::yaql::{self, Context, Host, HostCall, Key, Options, Value};

/// The marks, each of whose characters is taken off an expression's ends.
const MARKS: [char; 3] = ['<', '%', '>'];

/// Evaluates a text that has expressions.
pub(super) fn evaluate(text: &str, data: &dyn Data) -> Result<Json, Error> {
    let steps = Cell::new(yaql::STEPS);
    native(text, &Functions { data }, &steps, 0).map(|value| yaql::to_json(&value))
}

fn native(text: &str, host: &Functions<'_>, steps: &Cell<u64>, nesting: usize) -> Result<Value, Error> {
    let expressions = inline::all(text, "<%", "%>");
    let mut output = text.to_owned();
    for expression in &expressions {
        let failed = |error: yaql::Error| fault(expression, &error);
        if nesting > MAX_NESTING {
            return Err(failed(yaql::Error::new("RecursionError", "maximum recursion depth exceeded")));
        }
        let mut value = one(inline::stripped(expression, &MARKS), host, steps).map_err(failed)?;
        if let Value::Str(inner) = &value {
            value = native(inner, host, steps, nesting + 1).map_err(|error| nested(expression, error))?;
        }
        if expressions.len() == 1 && output.len() == expression.len() {
            return Ok(value);
        }
        let shown = yaql::shown(&value);
        let copies = output.matches(expression).count();
        if output.len() + copies.saturating_mul(shown.len()) > yaql::MAX_TEXT {
            let message = "Expression consumed too much memory";
            return Err(failed(yaql::Error::new("MemoryQuotaExceededException", message)));
        }
        output = output.replace(expression, &shown);
    }
    Ok(Value::text(output))
}

fn one(expression: &str, host: &Functions<'_>, steps: &Cell<u64>) -> yaql::Result<Value> {
    // Parsing what a text holds costs too, when that text was made by an expression.
    let left = steps.get().saturating_sub(20 + expression.len() as u64);
    steps.set(left);
    let options = Options { limit_iterators: None, sets_to_lists: false, now: host.data.now() };
    parsed::yaql(expression)?.evaluate_within(steps, &Context::root(), options, host)
}

/// The words of an error, as orquesta wraps it.
fn fault(expression: &str, error: &yaql::Error) -> Error {
    // What is neither YAQL's own nor a `ValueError` or `TypeError` keeps its quotes.
    const OTHERS: [&str; 14] = [
        "AssertionError",
        "AttributeError",
        "Exception",
        "ExpressionEvaluationException",
        "IndexError",
        "OverflowError",
        "RecursionError",
        "RepresenterError",
        "StopIteration",
        "VariableInaccessibleError",
        "VariableUndefinedError",
        "YaqlEvaluationException",
        "ZeroDivisionError",
        "error",
    ];
    let yaql::Error { class, message } = error;
    let message = match *class {
        "KeyError" => {
            let key = message.trim_matches('\'');
            format!("Unable to resolve key '{key}' in expression '{expression}' from context.")
        }
        class if OTHERS.contains(&class) => {
            format!("Unable to evaluate expression '{expression}'. {class}: {message}")
        }
        class => {
            let message = message.trim_matches('\'');
            format!("Unable to evaluate expression '{expression}'. {class}: {message}")
        }
    };
    Error { class: "YaqlEvaluationException", message }
}

/// The error of an expression inside a text that an expression gave.
fn nested(expression: &str, error: Error) -> Error {
    if error.message.ends_with("RecursionError: maximum recursion depth exceeded") {
        // Said once, not at every level.
        return error;
    }
    fault(expression, &yaql::Error::new(error.class, error.message))
}

/// Orquesta's functions for YAQL.
struct Functions<'a> {
    data: &'a dyn Data,
}

impl Host for Functions<'_> {
    fn knows(&self, name: &str) -> bool {
        matches!(name, "zip" | "json") || arguments::of(name).is_some() || bridge::knows(name)
    }

    fn call(&self, call: &HostCall<'_>) -> Option<yaql::Result<Value>> {
        let misfit = || {
            let message = format!("No function \"{}\" matches supplied arguments", call.name);
            yaql::Error::new("NoMatchingFunctionException", message)
        };
        match call.name {
            "zip" => return Some(bridge::zip(call)),
            "json" => {
                return Some(match (call.args, call.named) {
                    ([value], []) => bridge::json(call, value),
                    ([], [(name, value)]) if **name == *"s" => bridge::json(call, value),
                    _ => Err(misfit()),
                });
            }
            _ => {}
        }
        let Some(parameters) = arguments::of(call.name) else { return bridge::call(call) };
        let plain = |value: &Value| (!matches!(value, Value::NoValue)).then(|| yaql::to_json(value));
        let positional = call.args.iter().map(plain).collect();
        let named = call.named.iter().map(|(name, value)| (name.to_string(), yaql::to_json(value))).collect();
        let Ok(bound) = parameters.bind(positional, named, arguments::camel) else {
            return Some(Err(misfit()));
        };
        Some(functions::call(call.name, bound, self.data).map_err(raised).and_then(value))
    }

    fn follow(&self, name: &str, args: &[Value], path: &[&str]) -> Option<yaql::Result<(Value, usize)>> {
        if !matches!(name, "ctx" | "item" | "result" | "task") {
            return None;
        }
        let args = args.iter().map(|value| Some(yaql::to_json(value))).collect();
        let bound = arguments::of(name)?.bind(args, Vec::new(), arguments::camel).ok()?;
        Some(functions::call(name, bound, self.data).map_err(raised).and_then(|found| {
            let Place { value: found, taken } = found.walk(path);
            Ok((value(found)?, taken))
        }))
    }
}

fn raised(problem: Problem) -> yaql::Error {
    yaql::Error::new(problem.class, problem.message)
}

/// What a function answered, as YAQL has it: all of the context is a plain dictionary of what cannot be
/// changed.
fn value(found: Found<'_>) -> yaql::Result<Value> {
    match found {
        Found::Vars(data) => {
            let vars = data.vars();
            let entries = vars.iter().map(|(name, value)| Ok((Key::text(name), yaql::from_json(value)?)));
            Value::plain_dict(entries.collect::<yaql::Result<_>>()?)
        }
        Found::Context(value) => yaql::from_json(&value),
        Found::Made(value) => yaql::from_python(&value),
    }
}

/// Whether an expression can be read at all.
pub(super) fn check(expression: &str) -> yaql::Result<()> {
    parsed::yaql(inline::stripped(expression, &MARKS)).map(|_: Arc<yaql::Expression>| ())
}

/// An expression without its marks.
pub(super) fn stripped(expression: &str) -> &str {
    inline::stripped(expression, &MARKS)
}
