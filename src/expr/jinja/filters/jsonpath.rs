//! Parts of a value, found by a JSONPath query.

use super::{Filter, Table};
use crate::expr::{
    jinja::{
        args::{Bound, Signature},
        error::{Class, Error, Result},
        render::Run,
        value::{Value, from_value, to_value},
    },
    jsonpath::{self, JsonPath},
};

pub(super) const FILTERS: Table = &[(
    "jsonpath_query",
    Filter::new(Signature::new("jsonpath_query", 2, &["value", "query"]), jsonpath_query),
)];

/// Steps that one value visited by a query may cost, its copy included.
const STEPS_PER_VALUE: usize = 8;

/// What the reader of paths, which cuts and searches what it is given, says about what is no text.
fn unreadable(query: &Value) -> Error {
    match query {
        Value::Dict(_) => Error::of_type("unhashable type: 'slice'"),
        Value::List(_) | Value::Tuple(_) => Error::of_value("Expected a string"),
        Value::Str(_) | Value::Markup(_) | Value::Bytes(_) => {
            Error::of_type("expected string or bytes-like object")
        }
        other => Error::of_type(format!("'{}' object is not subscriptable", other.type_name())),
    }
}

fn jsonpath_query(run: &mut Run, mut args: Bound) -> Result<Value> {
    let (value, query) = (args.take(0), args.take(1));
    if let Value::Undefined(undefined) = &query {
        return Err(undefined.error());
    }
    let Some(query) = query.as_str() else {
        return Err(unreadable(&query));
    };
    run.budget.pay_items(query.len() * STEPS_PER_VALUE)?;
    let path = JsonPath::parse(query).map_err(failed)?;
    let data = match &value {
        // What has neither members nor items matches nothing.
        Value::Object(_) => serde_json::Value::Null,
        Value::Undefined(undefined) if !undefined.is_strict() => serde_json::Value::Array(Vec::new()),
        other => from_value(other)?,
    };
    run.budget.pay_items(size(&data) * 2)?;
    let mut found = Vec::new();
    let most = run.budget.steps() / STEPS_PER_VALUE;
    let (values, visits) = path.find_within(&data, most).map_err(failed)?;
    run.budget.pay_items(visits * STEPS_PER_VALUE)?;
    for value in values {
        run.budget.pay_items(size(&value))?;
        found.push(to_value(&value));
    }
    Ok(if found.is_empty() { Value::None } else { Value::list(found) })
}

/// How many values a value has in it.
fn size(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        serde_json::Value::Object(entries) => 1 + entries.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

fn failed(error: jsonpath::Error) -> Error {
    let class = match &error {
        jsonpath::Error::Lexer(_) => Class::JsonPathLexerError,
        jsonpath::Error::Path(_) => Class::Exception,
    };
    Error::new(class, error.to_string())
}
