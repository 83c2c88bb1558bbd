//! What users see: tables, property lists, the view of an execution, JSON and YAML.
//!
//! Everything follows the Python client to the character, because people and scripts read it; its
//! tables are those of its table library, its YAML and JSON those of Python's.

mod colour;
pub(crate) mod doc;
pub(crate) mod execution;
pub(crate) mod list;
pub(crate) mod property;
mod table;
pub(crate) mod time;
mod value;
pub(crate) mod wrap;

use super::args::Matches;
use serde_json::Value;

pub(crate) use colour::status as coloured_status;
pub(crate) use value::{lookup, unescape};

/// The form of the output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// For people.
    Plain,
    Json,
    Yaml,
}

impl Format {
    /// The form asked for by `-j` or `-y`.
    pub(crate) fn of(values: &Matches) -> Format {
        if values.flag("json") {
            Format::Json
        } else if values.flag("yaml") {
            Format::Yaml
        } else {
            Format::Plain
        }
    }
}

/// How attributes are made readable.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) zone: chrono_tz::Tz,
    /// Attributes shown as times in the user's zone.
    pub(crate) times: &'static [&'static str],
    /// Whether this is an execution, with a status to colour and secrets to hide.
    pub(crate) execution: bool,
}

/// Parameters never shown, whatever the action says about them.
const SECRET_PARAMETERS: [&str; 2] = ["password", "private_key"];

impl Look {
    /// Values as they are.
    pub(crate) const PLAIN: Look = Look { zone: chrono_tz::UTC, times: &[], execution: false };

    /// Executions, in this time zone.
    pub(crate) fn execution(zone: chrono_tz::Tz) -> Look {
        Look { zone, times: &["start_timestamp", "end_timestamp"], execution: true }
    }

    /// The value of an attribute as it is shown.
    fn apply(&self, attribute: &str, value: Value) -> Value {
        if self.times.contains(&attribute) {
            return Value::String(time::readable(&value, self.zone));
        }
        if self.execution {
            match (attribute, value) {
                ("status", Value::String(status)) => return Value::String(colour::status(&status)),
                ("parameters", Value::Object(mut parameters)) => {
                    for (name, value) in &mut parameters {
                        if SECRET_PARAMETERS.contains(&name.as_str()) {
                            *value = Value::String("********".into());
                        }
                    }
                    return Value::Object(parameters);
                }
                (_, value) => return value,
            }
        }
        value
    }
}
