//! Parsed expressions. They hold no state, so one may be kept and evaluated many times, on any thread.

use std::sync::Arc;

use num_bigint::BigInt;

use super::value::Value;

/// A constant.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Big(BigInt),
    Float(f64),
    Str(Arc<str>),
}

impl Literal {
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Big(value) => Value::big(value.clone()),
            Self::Float(value) => Value::Float(*value),
            Self::Str(text) => Value::Str(Arc::clone(text)),
        }
    }
}

/// One node.
#[derive(Debug)]
pub(super) enum Expr {
    Const(Literal),
    /// A bare word: a text that may also name an attribute or an argument.
    Keyword(Arc<str>),
    /// `$name`.
    Variable(Arc<str>),
    /// Something in parentheses: its value, never its form.
    Wrap(Arc<Expr>),
    Function(Arc<str>, Vec<Arc<Expr>>),
    Binary(&'static str, Arc<Expr>, Arc<Expr>),
    Unary(&'static str, Arc<Expr>),
    Index(Vec<Arc<Expr>>),
    List(Vec<Arc<Expr>>),
    Map(Vec<Arc<Expr>>),
    /// `source => destination`.
    Rule(Arc<Expr>, Arc<Expr>),
    /// An argument left out.
    NoValue,
}
