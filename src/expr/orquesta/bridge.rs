//! StackStorm's filters as functions of YAQL: which arguments they take there, and what they make of YAQL's
//! values.
//!
//! YAQL hands out what nobody can change: dictionaries and lists of a kind of their own. The functions that
//! write JSON or YAML know Python's own dictionaries only; they turn the others into those as far down as
//! dictionaries hold dictionaries, and refuse one inside a list. So does StackStorm.

use std::sync::Arc;

use serde_json::Value as Json;

use super::arguments::camel;
use crate::{
    expr::{
        jinja::{self, Args},
        yaql::{self, Error, HostCall, Result, Value},
    },
    pytext,
};

/// What a parameter takes, judged by its default as YAQL does.
#[derive(Clone, Copy)]
enum Kind {
    Any,
    Optional,
    Bool,
    Int,
}

use Kind::{Any, Bool, Int, Optional};

type Parameters = &'static [(&'static str, Kind)];

const ONE: Parameters = &[("value", Any)];
const TWO: Parameters = &[("value", Any), ("pattern", Any)];
const SEARCH: Parameters = &[("value", Any), ("pattern", Any), ("ignorecase", Bool)];

fn parameters(function: &str) -> Option<Parameters> {
    Some(match function {
        "basename" | "dirname" => &[("path", Any)],
        "to_human_time_from_seconds" => &[("seconds", Any)],
        "from_json_string"
        | "from_yaml_string"
        | "json_escape"
        | "json_parse"
        | "use_none"
        | "version_bump_major"
        | "version_bump_minor"
        | "version_bump_patch"
        | "version_strip_patch"
        | "yaml_parse" => ONE,
        "jsonpath_query" => &[("value", Any), ("query", Any)],
        "regex_match" | "regex_search" => SEARCH,
        "regex_replace" => &[("value", Any), ("pattern", Any), ("replacement", Any), ("ignorecase", Bool)],
        "regex_substring" => &[("value", Any), ("pattern", Any), ("result_index", Int), ("ignorecase", Bool)],
        "to_json_string" | "json_dump" => &[("value", Any), ("indent", Optional), ("sort_keys", Bool)],
        "to_yaml_string" | "yaml_dump" => &[("value", Any), ("indent", Optional), ("allow_unicode", Bool)],
        "version_compare" | "version_equal" | "version_less_than" | "version_match" | "version_more_than" => {
            TWO
        }
        _ => return None,
    })
}

/// Whether one of the functions has this name.
pub(super) fn knows(name: &str) -> bool {
    parameters(name).is_some()
}

/// Calls a filter; nothing if it is none.
pub(super) fn call(call: &HostCall<'_>) -> Option<Result<Value>> {
    let parameters = parameters(call.name)?;
    Some(arguments(call, parameters).and_then(|args| {
        writable(call.name, args.first())?;
        let positional = args.first().into_iter().filter_map(Option::as_ref).map(jinja_value).collect();
        let rest = parameters.iter().zip(&args).skip(1);
        let named = rest
            .filter_map(|((name, _), value)| Some((Arc::from(*name), jinja_value(value.as_ref()?))))
            .collect();
        let answer = jinja::call_filter(call.name, Args { positional, named })
            .map_err(|error| Error::new(error.class().name(), frozen(error.to_string(), &args)))?;
        yaql::from_python(&answer)
    }))
}

/// A message about a dictionary as YAQL hands it over: of a class of its own, unless it is all of the context.
fn frozen(message: String, args: &[Option<Value>]) -> String {
    let is_frozen = |arg: &Option<Value>| arg.as_ref().is_some_and(|arg| !arg.is_plain());
    if !args.iter().any(is_frozen) {
        return message;
    }
    let message = message.replace("<class 'dict'>", "<class 'yaql.language.utils.FrozenDict'>");
    match message.strip_suffix(" not dict") {
        Some(before) => format!("{before} not FrozenDict"),
        None => message.replace("'dict'", "'FrozenDict'"),
    }
}

/// The arguments in the order of the parameters.
fn arguments(call: &HostCall<'_>, parameters: Parameters) -> Result<Vec<Option<Value>>> {
    let misfit = || {
        let message = format!("No function \"{}\" matches supplied arguments", call.name);
        Error::new("NoMatchingFunctionException", message)
    };
    if call.args.len() > parameters.len() {
        return Err(misfit());
    }
    let mut given: Vec<Option<Value>> =
        call.args.iter().map(|arg| (!matches!(arg, Value::NoValue)).then(|| arg.clone())).collect();
    given.resize(parameters.len(), None);
    for (name, value) in call.named {
        let at = parameters.iter().position(|(known, _)| camel(known) == **name).ok_or_else(misfit)?;
        if given[at].replace(value.clone()).is_some() {
            return Err(misfit());
        }
    }
    for ((_, kind), value) in parameters.iter().zip(&given) {
        let fits = match (kind, value) {
            (Any, None) => false,
            (Bool, Some(value)) => matches!(value, Value::Bool(_) | Value::Null),
            (Int, Some(value)) => {
                matches!(value, Value::Int(_) | Value::Big(_) | Value::Bool(_) | Value::Null)
            }
            _ => true,
        };
        if !fits {
            return Err(misfit());
        }
    }
    for value in given.iter().flatten() {
        call.pay(yaql::to_json_cost(value))?;
    }
    Ok(given)
}

/// Refuses what the function could not write.
fn writable(function: &str, value: Option<&Option<Value>>) -> Result<()> {
    let Some(Some(value)) = value else { return Ok(()) };
    let unfit = match function {
        "to_json_string" | "json_dump" | "to_yaml_string" | "yaml_dump" => unfit_below(value),
        "json_escape" => unfit(value),
        _ => return Ok(()),
    };
    let Some(found) = unfit else { return Ok(()) };
    if function.contains("yaml") {
        let message = format!("('cannot represent an object', {})", yaql::repr(found));
        return Err(Error::new("RepresenterError", message));
    }
    let kind = if matches!(found, Value::Dict(_)) { "FrozenDict" } else { found.type_name() };
    let kind = kind.rsplit('.').next().unwrap_or(kind);
    Err(Error::kind(format!("Object of type {kind} is not JSON serializable")))
}

/// What cannot be written of a value whose dictionaries and lists are made writable first.
fn unfit_below(value: &Value) -> Option<&Value> {
    match value {
        Value::Dict(dict) => dict.items.values().find_map(unfit_below),
        Value::List(list) => list.items.iter().find_map(unfit_below),
        other => unfit(other),
    }
}

fn unfit(value: &Value) -> Option<&Value> {
    match value {
        Value::Tuple(list) | Value::List(list) => list.items.iter().find_map(unfit),
        Value::Dict(dict) if value.is_plain() => dict.items.values().find_map(unfit),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Str(_) => {
            None
        }
        other => Some(other),
    }
}

/// A value of YAQL as filters see it.
fn jinja_value(value: &Value) -> jinja::Value {
    match value {
        Value::Tuple(list) => jinja::Value::tuple(list.items.iter().map(jinja_value).collect()),
        Value::List(list) => jinja::Value::list(list.items.iter().map(jinja_value).collect()),
        Value::Dict(dict) => {
            dict.items.iter().map(|(key, value)| (yaql::str(key.get()), jinja_value(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Big(_) | Value::Float(_) | Value::Str(_) => {
            jinja::to_value(&yaql::to_json(value))
        }
        other => jinja::to_value(&Json::String(yaql::str(other))),
    }
}

/// `json()`: a text is read, a dictionary of Python's own passes.
pub(super) fn json(call: &HostCall<'_>, value: &Value) -> Result<Value> {
    match value {
        Value::Dict(_) if value.is_plain() => Ok(value.clone()),
        Value::Str(text) => {
            call.pay(text.len() / 8)?;
            let json = pytext::python_json(text);
            yaql::from_python(&json.map_err(|message| Error::new("JSONDecodeError", message))?)
        }
        _ => Err(Error::kind("Given object is not typeof string.")),
    }
}

/// `zip()`: items side by side; shorter lists are filled up.
pub(super) fn zip(call: &HostCall<'_>) -> Result<Value> {
    let nothing = Value::tuple(Vec::new())?;
    let lists: Vec<&Value> =
        call.args.iter().map(|arg| if matches!(arg, Value::Null) { &nothing } else { arg }).collect();
    if let [only] = lists[..] {
        return if matches!(only, Value::Tuple(list) if list.items.is_empty()) {
            Value::list(Vec::new())
        } else {
            Ok(only.clone())
        };
    }
    let pad =
        call.named.iter().find(|(name, _)| **name == *"pad").map_or(Value::Null, |(_, pad)| pad.clone());
    let mut columns = Vec::with_capacity(lists.len());
    for list in lists {
        let items = call
            .items(list)?
            .ok_or_else(|| Error::kind(format!("'{}' object is not iterable", list.type_name())))?;
        columns.push(items);
    }
    let length = columns.iter().map(Vec::len).max().unwrap_or(0);
    call.pay(length * columns.len())?;
    let rows = (0..length)
        .map(|at| Value::tuple(columns.iter().map(|items| items.get(at).unwrap_or(&pad).clone()).collect()));
    Value::list(rows.collect::<Result<_>>()?)
}
