//! Reads the conformance tables and runs one check per case.
//!
//! A table is a JSON file of cases `{name, …inputs, result, error}`; the folder is named by
//! `CONFORMANCE_DIR`, by default `../shared/conformance` beside the project. Without it a test says
//! "skipped" and passes. Each run prints `<file>: <passed> of <all>`, the same per group, and what
//! differs; set `CONFORMANCE_SHOW` to a number to see more than the first forty differences.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use serde_json::{Number, Value};

/// One recorded case.
pub(crate) struct Case<'a> {
    /// Unique in its table: `<group>-<hash of the inputs>`.
    pub(crate) name: &'a str,
    /// The kind of case: the name without its hash.
    pub(crate) group: &'a str,
    /// The whole case.
    pub(crate) value: &'a Value,
}

impl<'a> Case<'a> {
    fn of(value: &'a Value) -> Self {
        let name = value["name"].as_str().unwrap_or_default();
        let group = name.rsplit_once('-').map_or(name, |(group, _)| group);
        Self { name, group, value }
    }

    /// An input, if the case has it.
    pub(crate) fn input(&self, key: &str) -> Option<&'a Value> {
        self.value.get(key)
    }

    /// An input that must be there; the table is broken otherwise.
    pub(crate) fn need(&self, key: &str) -> &'a Value {
        self.input(key).unwrap_or_else(|| panic!("case {} has no `{key}`", self.name))
    }

    /// An input that must be text.
    pub(crate) fn text(&self, key: &str) -> &'a str {
        self.need(key).as_str().unwrap_or_else(|| panic!("`{key}` of {} is no text", self.name))
    }

    /// A flag, or its default where the case leaves it out.
    pub(crate) fn flag(&self, key: &str, default: bool) -> bool {
        self.input(key).and_then(Value::as_bool).unwrap_or(default)
    }

    /// What the reference answered; `null` where it raised.
    pub(crate) fn result(&self) -> &'a Value {
        &self.value["result"]
    }

    /// The error's message, if the reference raised one.
    pub(crate) fn error(&self) -> Option<&'a str> {
        let error = self.value.get("error").filter(|error| !error.is_null())?;
        Some(error["message"].as_str().unwrap_or_default())
    }

    /// The class of the error, if the reference raised one.
    pub(crate) fn error_type(&self) -> Option<&'a str> {
        self.value["error"]["type"].as_str()
    }

    /// Compares an answer with the recorded one: results exactly, messages only if `messages` says so.
    pub(crate) fn check(&self, got: Result<&Value, &str>, messages: Messages) -> Result<(), String> {
        match (got, self.error()) {
            (Ok(got), None) => same(got, &plain(self.result())),
            (Ok(got), Some(message)) => Err(format!("answered {got}, expected the error {message:?}")),
            (Err(message), None) => Err(format!("failed with {message:?}, expected {}", self.result())),
            (Err(got), Some(expected)) => {
                let equal = messages == Messages::Ignored || without_addresses(got) == expected;
                if equal {
                    Ok(())
                } else {
                    Err(format!("failed with\n      {got:?}, expected\n      {expected:?}"))
                }
            }
        }
    }
}

/// Whether the words of an error belong to the contract.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Messages {
    /// Users see them.
    Compared,
    /// Python's own; that there is an error is enough.
    Ignored,
}

/// Differences we chose: the name of a case, and why.
pub(crate) type Differences = [(&'static str, &'static str)];

/// Runs `check` over the cases of `<file>.json` whose group `take` accepts; fails if one differs that
/// `differences` does not name.
pub(crate) fn run(
    file: &str,
    take: impl Fn(&str) -> bool,
    differences: &Differences,
    check: impl Fn(&Case<'_>) -> Result<(), String>,
) {
    let Some(cases) = load(file) else {
        println!("{file}: skipped, no conformance tables here");
        return;
    };
    let mut groups: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut failed = Vec::new();
    let mut known = Vec::new();
    for value in &cases {
        let case = Case::of(value);
        if !take(case.group) {
            continue;
        }
        let outcome =
            catch_unwind(AssertUnwindSafe(|| check(&case))).unwrap_or_else(|_| Err("panicked".to_owned()));
        let reason = differences.iter().find(|(name, _)| *name == case.name).map(|(_, reason)| *reason);
        let (passed, all) = groups.entry(case.group.to_owned()).or_default();
        *all += 1;
        match (outcome, reason) {
            (Ok(()), None) => *passed += 1,
            (Ok(()), Some(_)) => failed.push(format!("{}: is listed as different, but is not", case.name)),
            (Err(_), Some(reason)) => known.push(format!("{}: {reason}", case.name)),
            (Err(what), None) => failed.push(format!("{}: {what}", case.name)),
        }
    }
    let (passed, all) = groups.values().fold((0, 0), |sum, group| (sum.0 + group.0, sum.1 + group.1));
    println!("{file}: {passed} of {all}");
    for (group, (passed, all)) in &groups {
        println!("  {group}: {passed} of {all}");
    }
    for line in &known {
        println!("  different on purpose: {line}");
    }
    let show = std::env::var("CONFORMANCE_SHOW").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    for line in failed.iter().take(show) {
        println!("  differs: {line}");
    }
    assert!(failed.is_empty(), "{file}: {} of {all} cases differ", failed.len());
}

/// The cases of a table; `None` when there is no corpus.
///
/// A file that is missing from a corpus that is there fails the test: a name was misspelt.
pub(crate) fn load(file: &str) -> Option<Vec<Value>> {
    let folder = folder()?;
    let path = folder.join(format!("{file}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let Value::Array(cases) = value else { panic!("{} is no list of cases", path.display()) };
    Some(cases)
}

/// Where the corpus is, if it is there.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CONFORMANCE_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

/// A recorded value as ours holds it: sets and tuples are lists, infinities and NaN are `null`.
pub(crate) fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(entries) => match entries.get("__py__").and_then(Value::as_str) {
            Some("set" | "frozenset" | "tuple") => plain(&entries["items"]),
            Some("float") => Value::Null,
            _ => entries.iter().map(|(key, item)| (key.clone(), plain(item))).collect(),
        },
        other => other.clone(),
    }
}

/// Whether two values are the same: kinds, order of keys left aside, floats by value.
pub(crate) fn same(got: &Value, expected: &Value) -> Result<(), String> {
    if exact(got, expected) { Ok(()) } else { Err(format!("got\n      {got}, expected\n      {expected}")) }
}

fn exact(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => exact_number(a, b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| exact(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| exact(a, b)))
        }
        _ => a == b,
    }
}

/// `1` and `1.0` differ, `1e+16` and `1e16` do not.
fn exact_number(a: &Number, b: &Number) -> bool {
    let is_float = |number: &Number| number.as_str().contains(['.', 'e', 'E']);
    if is_float(a) != is_float(b) {
        return false;
    }
    let bits = |number: &Number| number.as_str().parse::<f64>().map(f64::to_bits);
    if is_float(a) { bits(a) == bits(b) } else { a.as_str() == b.as_str() }
}

/// The text with every address written as the tables write it.
pub(crate) fn without_addresses(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" at 0x") {
        let after = &rest[at + " at 0x".len()..];
        out.push_str(&rest[..at]);
        out.push_str(" at 0x…");
        rest = after.trim_start_matches('…').trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    out + rest
}

#[test]
fn values_are_compared_by_kind() {
    let number = |text: &str| Value::Number(Number::from_string_unchecked(text.to_owned()));
    assert!(exact(&number("1e+16"), &number("1e16")));
    assert!(!exact(&number("1.0"), &number("1")));
    assert!(!exact(&number("0.0"), &number("-0.0")));
    assert_eq!(without_addresses("<A object at 0x7f3a>."), "<A object at 0x…>.");
}
