//! What can be asked of a value with `is`.

use std::{collections::HashMap, sync::OnceLock};

use super::{
    args::{Args, Bound, Signature},
    error::Result,
    host, methods, operators,
    render::Run,
    syntax::ast::{Comparison, Operator},
    value::{self, Key, Value},
};

/// A test and the parameters it takes; the first is the value it is asked of.
pub(super) struct Test {
    signature: Signature,
    body: Body,
}

enum Body {
    Comparison(Comparison),
    Free(fn(&mut Run, Bound) -> Result<bool>),
}

impl Test {
    const fn of_value(name: &'static str, body: fn(&mut Run, Bound) -> Result<bool>) -> Self {
        Self { signature: Signature::new(name, 1, &["value"]), body: Body::Free(body) }
    }

    const fn of_two(name: &'static str, comparison: Comparison) -> Self {
        Self { signature: Signature::by_position(name, 2, &["a", "b"]), body: Body::Comparison(comparison) }
    }

    const fn with(signature: Signature, body: fn(&mut Run, Bound) -> Result<bool>) -> Self {
        Self { signature, body: Body::Free(body) }
    }

    /// What it compares its value by with its one argument, if it is a comparison.
    pub(super) fn comparison(&self) -> Option<Comparison> {
        match self.body {
            Body::Comparison(comparison) => Some(comparison),
            Body::Free(_) => None,
        }
    }

    /// Asks; the value comes first among the arguments.
    pub(super) fn apply(&self, args: Args, run: &mut Run) -> Result<bool> {
        let mut bound = self.signature.bind(args)?;
        match self.body {
            Body::Comparison(comparison) => {
                let value = bound.take(0);
                run.comparison(comparison, &value, &bound.take(1))
            }
            Body::Free(body) => body(run, bound),
        }
    }
}

const EQ: Test = Test::of_two("eq", Comparison::Eq);
const NE: Test = Test::of_two("ne", Comparison::Ne);
const LT: Test = Test::of_two("lt", Comparison::Lt);
const LE: Test = Test::of_two("le", Comparison::Le);
const GT: Test = Test::of_two("gt", Comparison::Gt);
const GE: Test = Test::of_two("ge", Comparison::Ge);

const TESTS: &[(&str, Test)] = &[
    ("==", EQ),
    ("eq", EQ),
    ("equalto", EQ),
    ("!=", NE),
    ("ne", NE),
    ("<", LT),
    ("lt", LT),
    ("lessthan", LT),
    ("<=", LE),
    ("le", LE),
    (">", GT),
    ("gt", GT),
    ("greaterthan", GT),
    (">=", GE),
    ("ge", GE),
    (
        "in",
        Test::with(Signature::new("<lambda>", 2, &["item", "list"]), |run, mut args| {
            let item = args.take(0);
            run.contains(&args.take(1), &item)
        }),
    ),
    ("odd", Test::of_value("test_odd", |run, mut args| remainder_is(run, &args.take(0), &Value::Int(2), 1))),
    (
        "even",
        Test::of_value("test_even", |run, mut args| remainder_is(run, &args.take(0), &Value::Int(2), 0)),
    ),
    (
        "divisibleby",
        Test::with(Signature::new("test_divisibleby", 2, &["value", "num"]), |run, mut args| {
            let value = args.take(0);
            remainder_is(run, &value, &args.take(1), 0)
        }),
    ),
    ("defined", Test::of_value("test_defined", |_, mut args| Ok(!args.take(0).is_undefined()))),
    ("undefined", Test::of_value("test_undefined", |_, mut args| Ok(args.take(0).is_undefined()))),
    ("none", Test::of_value("test_none", |_, mut args| Ok(args.take(0).is_none()))),
    ("boolean", Test::of_value("test_boolean", |_, mut args| Ok(matches!(args.take(0), Value::Bool(_))))),
    ("true", Test::of_value("test_true", |_, mut args| Ok(matches!(args.take(0), Value::Bool(true))))),
    ("false", Test::of_value("test_false", |_, mut args| Ok(matches!(args.take(0), Value::Bool(false))))),
    (
        "integer",
        Test::of_value("test_integer", |_, mut args| {
            Ok(matches!(args.take(0), Value::Int(_) | Value::Big(_)))
        }),
    ),
    ("float", Test::of_value("test_float", |_, mut args| Ok(matches!(args.take(0), Value::Float(_))))),
    (
        "number",
        Test::of_value("test_number", |_, mut args| Ok(operators::Number::of(&args.take(0)).is_some())),
    ),
    ("string", Test::of_value("test_string", |_, mut args| Ok(args.take(0).as_str().is_some()))),
    ("mapping", Test::of_value("test_mapping", |_, mut args| Ok(matches!(args.take(0), Value::Dict(_))))),
    ("sequence", Test::of_value("test_sequence", |_, mut args| Ok(is_sequence(&args.take(0))))),
    (
        "iterable",
        Test::of_value("test_iterable", |run, mut args| {
            Ok(run.iterate_if_possible(&args.take(0))?.is_some())
        }),
    ),
    ("lower", Test::of_value("test_lower", |run, mut args| Ok(methods::is_lower(&run.text(&args.take(0))?)))),
    ("upper", Test::of_value("test_upper", |run, mut args| Ok(methods::is_upper(&run.text(&args.take(0))?)))),
    (
        "callable",
        Test::with(Signature::by_position("callable", 1, &["obj"]), |_, mut args| {
            Ok(match args.take(0) {
                Value::Object(object) => object.is_callable(),
                // Its class answers every call, if only to fail.
                Value::Undefined(_) => true,
                _ => false,
            })
        }),
    ),
    (
        "sameas",
        Test::with(Signature::new("test_sameas", 2, &["value", "other"]), |_, mut args| {
            Ok(value::identical(&args.take(0), &args.take(1)))
        }),
    ),
    ("escaped", Test::of_value("test_escaped", |_, mut args| Ok(matches!(args.take(0), Value::Markup(_))))),
    (
        "filter",
        Test::of_value("test_filter", |run, mut args| {
            names(args.take(0), |name| host::filter(name, run.dialect()).is_some())
        }),
    ),
    ("test", Test::of_value("test_test", |_, mut args| names(args.take(0), |name| find(name).is_some()))),
];

/// The test of this name.
pub(super) fn find(name: &str) -> Option<&'static Test> {
    static ALL: OnceLock<HashMap<&'static str, &'static Test>> = OnceLock::new();
    ALL.get_or_init(|| TESTS.iter().map(|(name, test)| (*name, test)).collect()).get(name).copied()
}

fn remainder_is(run: &mut Run, value: &Value, divisor: &Value, rest: i64) -> Result<bool> {
    let found = operators::arithmetic(run, Operator::Mod, value, divisor)?;
    run.eq(&found, &Value::Int(rest))
}

/// What has a length and can be subscribed.
fn is_sequence(value: &Value) -> bool {
    match value {
        Value::Str(_)
        | Value::Markup(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Tuple(_)
        | Value::Dict(_)
        | Value::Range(_) => true,
        Value::Undefined(undefined) => !undefined.is_strict(),
        _ => false,
    }
}

fn names(value: Value, exists: impl Fn(&str) -> bool) -> Result<bool> {
    let key = Key::new(value)?;
    Ok(key.as_str().is_some_and(exists))
}
