//! A definition of the library, as its table lists it.

use super::{Native, kinds::Type};
use crate::expr::yaql::value::Value;

/// What stands for an argument that is left out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Default {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'static str),
    NoValue,
}

impl Default {
    pub(super) fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Text(text) => Value::text(text),
            Self::NoValue => Value::NoValue,
        }
    }
}

/// A parameter.
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) kind: Type,
    pub(super) default: Option<Default>,
}

/// A definition: what it takes, and what runs.
pub(super) struct Definition {
    pub(super) is_function: bool,
    pub(super) is_method: bool,
    pub(super) no_named: bool,
    pub(super) params: Vec<Param>,
    pub(super) rest: Option<Type>,
    pub(super) named: Option<Type>,
    pub(super) run: Native,
}

impl Definition {
    /// Reads a row of the table.
    pub(super) fn read(kind: &str, params: &'static str, run: Native) -> Self {
        let mut definition = Self {
            is_function: kind.contains('F'),
            is_method: kind.contains('M'),
            no_named: kind.contains('!'),
            params: Vec::new(),
            rest: None,
            named: None,
            run,
        };
        for word in params.split_whitespace() {
            if let Some(kind) = word.strip_prefix("**") {
                definition.named = Some(Type::read(kind));
            } else if let Some(kind) = word.strip_prefix('*') {
                definition.rest = Some(Type::read(kind));
            } else {
                let (head, default) =
                    word.split_once('=').map_or((word, None), |(head, text)| (head, Some(text)));
                let (name, kind) = head.split_once(':').unwrap_or((head, "A"));
                let default = default.map(|text| match text {
                    "null" => Default::Null,
                    "true" => Default::Bool(true),
                    "false" => Default::Bool(false),
                    "none" => Default::NoValue,
                    number => number.parse().map_or(Default::Text(text), Default::Int),
                });
                definition.params.push(Param { name, kind: Type::read(kind), default });
            }
        }
        definition
    }
}
