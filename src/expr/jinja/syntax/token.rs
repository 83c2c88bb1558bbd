//! Tokens, and how messages describe them.

use std::sync::Arc;

use num_bigint::BigInt;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Data(Arc<str>),
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name(Arc<str>),
    Text(Arc<str>),
    Integer(BigInt),
    Float(f64),
    /// An operator, by its spelling.
    Operator(&'static str),
    End,
}

/// Longer ones first, so that the first that fits is the right one.
pub(super) const OPERATORS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<",
    "=", ".", ":", "|", ",", ";",
];

impl Kind {
    pub(super) fn is(&self, operator: &str) -> bool {
        matches!(self, Self::Operator(found) if *found == operator)
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self, Self::Name(found) if **found == *name)
    }

    /// The words of messages: names by their spelling, everything else by its kind.
    pub(super) fn describe(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Operator(spelling) => spelling,
            Self::Data(_) => "template data / text",
            Self::VariableBegin => "begin of print statement",
            Self::VariableEnd => VARIABLE_END,
            Self::BlockBegin => "begin of statement block",
            Self::BlockEnd => BLOCK_END,
            Self::Text(_) => "string",
            Self::Integer(_) => "integer",
            Self::Float(_) => "float",
            Self::End => "end of template",
        }
    }
}

pub(super) const VARIABLE_END: &str = "end of print statement";
pub(super) const BLOCK_END: &str = "end of statement block";
