//! Templates in workflows: other functions and filters than elsewhere.
//!
//! A workflow's templates reach everything by functions (`ctx()`, `result()`, `task()`…), which a [`Host`]
//! answers. StackStorm's filters are functions too there, some under a second name; two filters are missing.

use super::{
    args::{Args, Signature},
    budget::Budget,
    error::{Class, Error, Result},
    filters::{self, Filter},
    render::Run,
    value::{Object, Value, to_value},
};
use crate::pytext;

/// Whose templates are read: which filters and functions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// StackStorm's: parameters, rules, chains, aliases.
    StackStorm,
    /// Orquesta's.
    Workflow,
}

/// Functions a workflow brings along.
pub trait Host {
    /// Calls one of the functions that see the context: `ctx`, `item`, `result`, `task`, …
    ///
    /// # Errors
    /// What the function refuses.
    fn call(&self, name: &'static str, args: Args, run: &mut Run<'_>) -> Result<Value>;

    /// What stands at the end of `name(…args).a.b`, and how many of the steps were taken: where a host can
    /// tell without making all of what `name(…)` answers a value. Nothing if it cannot.
    fn follow(&self, name: &str, args: &[Value], path: &[&str]) -> Option<(Value, usize)>;
}

/// The functions a host answers; those that need no context are filters too.
pub(super) const HOST_FUNCTIONS: [&str; 11] = [
    "completed",
    "ctx",
    "failed",
    "item",
    "json",
    "result",
    "st2kv",
    "succeeded",
    "task",
    "task_status",
    "zip",
];

/// StackStorm's filters as workflows name them, and as they are called here.
const FILTER_FUNCTIONS: [(&str, &str); 27] = [
    ("basename", "basename"),
    ("dirname", "dirname"),
    ("from_json_string", "from_json_string"),
    ("from_yaml_string", "from_yaml_string"),
    ("json_dump", "to_json_string"),
    ("json_escape", "json_escape"),
    ("json_parse", "from_json_string"),
    ("jsonpath_query", "jsonpath_query"),
    ("regex_match", "regex_match"),
    ("regex_replace", "regex_replace"),
    ("regex_search", "regex_search"),
    ("regex_substring", "regex_substring"),
    ("to_human_time_from_seconds", "to_human_time_from_seconds"),
    ("to_json_string", "to_json_string"),
    ("to_yaml_string", "to_yaml_string"),
    ("use_none", "use_none"),
    ("version_bump_major", "version_bump_major"),
    ("version_bump_minor", "version_bump_minor"),
    ("version_bump_patch", "version_bump_patch"),
    ("version_compare", "version_compare"),
    ("version_equal", "version_equal"),
    ("version_less_than", "version_less_than"),
    ("version_match", "version_match"),
    ("version_more_than", "version_more_than"),
    ("version_strip_patch", "version_strip_patch"),
    ("yaml_dump", "to_yaml_string"),
    ("yaml_parse", "from_yaml_string"),
];

/// StackStorm's filters that workflows do not have.
const MISSING: [&str; 2] = ["decrypt_kv", "to_complex"];

/// What a name after `|` means.
#[derive(Clone, Copy)]
pub(super) enum Found {
    Filter(&'static Filter),
    Host(&'static str),
}

impl Found {
    /// What it does, if a value and these arguments are all it needs for it.
    pub(super) fn plain(self, args: &Args) -> Option<filters::Plain> {
        match self {
            Self::Filter(filter) if args.named.is_empty() => filter.plain(args.positional.len()),
            _ => None,
        }
    }

    /// The case it puts text into, if these arguments do not forbid it.
    pub(super) fn case(self, args: &Args) -> Option<filters::Case> {
        match self {
            Self::Filter(filter) if args.is_empty() => filter.as_case(),
            _ => None,
        }
    }

    pub(super) fn apply(self, args: Args, run: &mut Run<'_>) -> Result<Value> {
        match self {
            Self::Filter(filter) => filter.apply(args, run),
            // A filter is handed no context: these two are the functions that need none.
            Self::Host(name @ ("json" | "zip")) => call(run, name, args),
            Self::Host(name) => Err(Error::of_type(format!("'{name}' is a function, and no filter"))),
        }
    }
}

/// The filter of this name.
pub(super) fn filter(name: &str, dialect: Dialect) -> Option<Found> {
    if dialect == Dialect::StackStorm {
        return filters::find(name).map(Found::Filter);
    }
    if MISSING.contains(&name) {
        return None;
    }
    let host = || HOST_FUNCTIONS.into_iter().find(|known| *known == name).map(Found::Host);
    filter_function(name).map(Found::Filter).or_else(host).or_else(|| filters::find(name).map(Found::Filter))
}

/// The filter that stands behind a function.
pub(super) fn filter_function(name: &str) -> Option<&'static Filter> {
    let (_, filter) = FILTER_FUNCTIONS.into_iter().find(|(known, _)| *known == name)?;
    filters::find(filter)
}

/// The function of this name, as a value.
pub(super) fn function(name: &str) -> Option<Value> {
    let own = HOST_FUNCTIONS.into_iter();
    let name = own.chain(FILTER_FUNCTIONS.map(|(known, _)| known)).find(|known| *known == name)?;
    Some(Value::object(Function(name)))
}

fn call(run: &mut Run<'_>, name: &'static str, args: Args) -> Result<Value> {
    const JSON: Signature = Signature::new("json_", 1, &["s"]);
    match run.host {
        Some(_) if name == "zip" => zip(run, args),
        Some(_) if name == "json" => {
            let value = JSON.bind(args)?.take(0);
            match value {
                Value::Dict(_) => Ok(value),
                Value::Str(text) | Value::Markup(text) => {
                    run.budget.pay_items(text.len() / 8)?;
                    let read = pytext::python_json(&text);
                    let read = read.map_err(|message| Error::new(Class::JSONDecodeError, message))?;
                    Ok(to_value(&read))
                }
                _ => Err(Error::of_type("Given object is not typeof string.")),
            }
        }
        Some(host) => host.call(name, args, run),
        None => Err(Error::of_type(format!("'{name}' is only known in workflows"))),
    }
}

/// Items side by side; shorter lists are filled up with `pad`.
fn zip(run: &mut Run<'_>, args: Args) -> Result<Value> {
    let Args { mut positional, named } = args;
    for list in &mut positional {
        if list.is_none() {
            *list = Value::list(Vec::new());
        }
    }
    if let [only] = &positional[..] {
        return Ok(only.clone());
    }
    let pad = named.into_iter().find(|(name, _)| **name == *"pad").map_or(Value::None, |(_, pad)| pad);
    let mut columns = Vec::with_capacity(positional.len());
    for list in &positional {
        columns.push(run.items(list)?);
    }
    let length = columns.iter().map(Vec::len).max().unwrap_or(0);
    run.budget.make_items(length.saturating_mul(columns.len()))?;
    let row = |at: usize| columns.iter().map(|items| items.get(at).unwrap_or(&pad).clone()).collect();
    Ok(Value::list((0..length).map(|at| Value::tuple(row(at))).collect()))
}

struct Function(&'static str);

impl Object for Function {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn repr(&self, _budget: &mut Budget) -> Result<String> {
        Ok(format!("<function {} at 0x7f0000000000>", self.0))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, args: Args, run: &mut Run<'_>) -> Result<Value> {
        match filter_function(self.0) {
            Some(filter) => filter.apply(args, run),
            None => call(run, self.0, args),
        }
    }

    fn is_true(&self, _run: &mut Run<'_>) -> Result<bool> {
        Ok(true)
    }
}
