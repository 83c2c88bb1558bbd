//! What a document holds, with the types JSON lacks, and how those are shown in JSON.

use chrono::{NaiveDate, NaiveDateTime};
use serde_json::{Map, Number, Value};

use crate::pytext;

/// A value as `yaml.safe_load` makes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// `~`
    Null,
    /// `yes`
    Bool(bool),
    /// An integer of any length.
    Int(Number),
    /// A float; here also infinities and NaN.
    Float(f64),
    /// Text.
    Str(String),
    /// `!!binary`
    Bytes(Vec<u8>),
    /// A timestamp without a time.
    Date(NaiveDate),
    /// A timestamp as written, and its minutes east of UTC if it has a zone.
    DateTime(NaiveDateTime, Option<i32>),
    /// A sequence.
    Seq(Vec<Yaml>),
    /// A pair of `!!omap` or `!!pairs`.
    Pair(Box<(Yaml, Yaml)>),
    /// `!!set`
    Set(Vec<Yaml>),
    /// A mapping; no two keys are equal in Python's sense.
    Map(Vec<(Yaml, Yaml)>),
}

impl Yaml {
    /// A JSON value with YAML's types.
    pub fn from_json(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Number(number) if pytext::is_float(number) => Self::Float(pytext::to_f64(number)),
            Value::Number(number) => Self::Int(number.clone()),
            Value::String(text) => Self::Str(text.clone()),
            Value::Array(items) => Self::Seq(items.iter().map(Self::from_json).collect()),
            Value::Object(entries) => {
                let entries =
                    entries.iter().map(|(key, item)| (Self::Str(key.clone()), Self::from_json(item)));
                Self::Map(entries.collect())
            }
        }
    }

    /// The value as StackStorm's JSON shows it.
    ///
    /// Infinities and NaN are `null`, dates and times ISO 8601 text, sets and pairs lists, bytes the
    /// text they hold (what is no UTF-8 is replaced), and keys the text JSON gives their value.
    pub fn into_json(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(flag),
            Self::Int(number) => Value::Number(number),
            Self::Float(number) => pytext::from_f64(number),
            Self::Str(text) => Value::String(text),
            Self::Bytes(bytes) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
            Self::Date(date) => Value::String(date.format("%Y-%m-%d").to_string()),
            Self::DateTime(time, offset) => Value::String(iso(time, offset)),
            Self::Seq(items) | Self::Set(items) => items.into_iter().map(Self::into_json).collect(),
            Self::Pair(pair) => Value::Array(vec![pair.0.into_json(), pair.1.into_json()]),
            Self::Map(entries) => {
                let mut object = Map::new();
                for (key, value) in entries {
                    object.insert(key.into_key(), value.into_json());
                }
                Value::Object(object)
            }
        }
    }

    /// The text of the value as a key of a JSON object.
    pub(super) fn into_key(self) -> String {
        match self.into_json() {
            Value::String(text) => text,
            other => pytext::json_compact(&other),
        }
    }

    /// A text that two keys share exactly if Python calls them equal.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Str(text) => format!("s{text}"),
            Self::Bool(flag) => format!("n{}", u8::from(*flag)),
            Self::Int(int) => format!("n{}", pytext::equal_text(int)),
            Self::Float(float) => match pytext::from_f64(*float) {
                Value::Number(number) => format!("n{}", pytext::equal_text(&number)),
                _ => format!("n{float}"),
            },
            // A zone does not tell two equal moments apart.
            Self::DateTime(time, Some(offset)) => {
                format!("t{}", *time - chrono::TimeDelta::minutes(i64::from(*offset)))
            }
            other => format!("{other:?}"),
        }
    }
}

/// `datetime.isoformat()`.
fn iso(time: NaiveDateTime, offset: Option<i32>) -> String {
    let fraction = if time.and_utc().timestamp_subsec_micros() == 0 { "" } else { "%.6f" };
    let local = time.format(&format!("%Y-%m-%dT%H:%M:%S{fraction}")).to_string();
    let Some(offset) = offset else { return local };
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{local}{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
}
