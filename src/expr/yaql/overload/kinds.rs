//! Types of parameters: which values they take, and which of two is the narrower.

use super::Arg;
use crate::expr::yaql::{ast::Expr, value::Value};

/// Types of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Null,
    Bool,
    /// Python's `int`, booleans among them.
    Int,
    /// An integer that is no boolean.
    StrictInt,
    Number,
    Text,
    Iterable,
    IterableNoSet,
    Iterator,
    Sequence,
    Dict,
    Set,
    Regex,
    Date,
    Span,
    Ordered,
    /// `a => b`, evaluated.
    Rule,
    /// `a => b`, both sides to be evaluated later.
    LazyRule,
    Lambda,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub(super) kind: Kind,
    nullable: bool,
}

impl Type {
    /// Reads `S`, `S?`, `It`…
    pub(super) fn read(text: &'static str) -> Self {
        let (text, nullable) = text.strip_suffix('?').map_or((text, false), |bare| (bare, true));
        let kind = match text {
            "A" => return Self { kind: Kind::Any, nullable: true },
            "L" => return Self { kind: Kind::Lambda, nullable: true },
            "Null" => return Self { kind: Kind::Null, nullable: true },
            "B" => Kind::Bool,
            "I" => Kind::Int,
            "J" => Kind::StrictInt,
            "N" => Kind::Number,
            "S" => Kind::Text,
            "It" => Kind::Iterable,
            "ItNoSet" => Kind::IterableNoSet,
            "Iter" => Kind::Iterator,
            "Seq" => Kind::Sequence,
            "D" => Kind::Dict,
            "Set" => Kind::Set,
            "R" => Kind::Regex,
            "DT" => Kind::Date,
            "TS" => Kind::Span,
            "Ord" => Kind::Ordered,
            "Rule" => Kind::Rule,
            "LRule" => Kind::LazyRule,
            other => unreachable!("no type is called {other}"),
        };
        Self { kind, nullable }
    }

    pub(super) fn is_lazy(self) -> bool {
        matches!(self.kind, Kind::Lambda | Kind::LazyRule)
    }

    pub(super) fn takes(self, value: &Value) -> bool {
        if matches!(value, Value::Null) {
            return self.nullable;
        }
        match self.kind {
            Kind::Any | Kind::Lambda => true,
            Kind::Null | Kind::LazyRule => false,
            Kind::Bool => matches!(value, Value::Bool(_)),
            Kind::Int => matches!(value, Value::Int(_) | Value::Big(_) | Value::Bool(_)),
            Kind::StrictInt => matches!(value, Value::Int(_) | Value::Big(_)),
            Kind::Number => matches!(value, Value::Int(_) | Value::Big(_) | Value::Float(_)),
            Kind::Text => matches!(value, Value::Str(_)),
            Kind::Iterable => value.is_iterable(),
            Kind::IterableNoSet => value.is_iterable() && !matches!(value, Value::Set(_)),
            Kind::Iterator => value.is_iterator(),
            Kind::Sequence => matches!(value, Value::Tuple(_) | Value::List(_)),
            Kind::Dict => matches!(value, Value::Dict(_)),
            Kind::Set => matches!(value, Value::Set(_)),
            Kind::Regex => matches!(value, Value::Regex(_)),
            Kind::Date => matches!(value, Value::DateTime(_)),
            Kind::Span => matches!(value, Value::Span(_)),
            Kind::Ordered => matches!(value, Value::Ordered(_)),
            Kind::Rule => matches!(value, Value::Rule(_)),
        }
    }

    /// Whether an argument may fit, judged before it is evaluated.
    pub(super) fn may_take(self, arg: &Arg) -> bool {
        match arg {
            Arg::Value(value) => self.takes(value),
            Arg::Expr(expr) => match (self.kind, expr.constant()) {
                (Kind::LazyRule, _) => matches!(**expr, Expr::Rule(..)),
                (Kind::Lambda, _) | (_, None) => true,
                (_, Some(value)) => self.takes(&value),
            },
        }
    }

    /// Python's `issubclass` of the types, where they differ.
    pub(super) fn is_narrower(self, other: Self) -> bool {
        use Kind::{
            Any, Bool, Dict, Int, Iterable, IterableNoSet, Iterator, Lambda, LazyRule, Number, Ordered,
            Sequence, Set, StrictInt, Text,
        };
        let narrower = |a: Kind, b: Kind| match (a, b) {
            (Lambda | LazyRule | Number, _) | (_, Lambda | LazyRule | Number) => false,
            (Any, _) => false,
            (_, Any) => true,
            (Bool, Int | StrictInt) => true,
            (Text | Sequence | Dict | Set | Ordered | Iterator, Iterable | IterableNoSet) => true,
            (Text, Sequence) => true,
            _ => false,
        };
        narrower(self.kind, other.kind)
    }
}
