//! The values found on a command line.

use serde_json::Value;

/// The value of one argument.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Val {
    Flag,
    Text(String),
    Int(i64),
    Json(Value),
    Texts(Vec<String>),
    Ints(Vec<i64>),
}

/// The values of a command line by the `dest` of their arguments.
#[derive(Debug, Default)]
pub(crate) struct Matches(Vec<(&'static str, Val)>);

impl Matches {
    /// Notes a value; a later one replaces an earlier one.
    pub(crate) fn set(&mut self, dest: &'static str, value: Val) {
        self.0.retain(|(name, _)| *name != dest);
        self.0.push((dest, value));
    }

    fn get(&self, dest: &str) -> Option<&Val> {
        self.0.iter().find(|(name, _)| *name == dest).map(|(_, value)| value)
    }

    /// Whether an option without value was given.
    pub(crate) fn flag(&self, dest: &str) -> bool {
        matches!(self.get(dest), Some(Val::Flag))
    }

    /// The word given for an argument.
    pub(crate) fn text(&self, dest: &str) -> Option<&str> {
        match self.get(dest) {
            Some(Val::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The word given for an argument, unless it is empty: Python's idea of "given".
    pub(crate) fn filled(&self, dest: &str) -> Option<&str> {
        self.text(dest).filter(|text| !text.is_empty())
    }

    /// The number given for an argument.
    pub(crate) fn int(&self, dest: &str) -> Option<i64> {
        match self.get(dest) {
            Some(Val::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// The document given for an argument.
    pub(crate) fn json(&self, dest: &str) -> Option<&Value> {
        match self.get(dest) {
            Some(Val::Json(value)) => Some(value),
            _ => None,
        }
    }

    /// The words given for an argument, none if it was not given.
    pub(crate) fn texts(&self, dest: &str) -> &[String] {
        match self.get(dest) {
            Some(Val::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// The numbers given for an argument, none if it was not given.
    pub(crate) fn ints(&self, dest: &str) -> &[i64] {
        match self.get(dest) {
            Some(Val::Ints(numbers)) => numbers,
            _ => &[],
        }
    }
}
