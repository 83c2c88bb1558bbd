//! Which definition a call means: by name, by kind, by the types of the arguments.
//!
//! The reference chooses in two rounds. Before anything is evaluated, the form of the arguments rules
//! definitions out; then those evaluated at once are evaluated, and their values decide. Where two
//! definitions remain, the one with the narrower types wins, or the call is ambiguous.

use std::{
    collections::HashMap,
    rc::Rc,
    sync::{Arc, LazyLock},
};

use super::{
    ast::Expr,
    context::Context,
    error::{Error, Result},
    eval,
    lambda::{Body, Lambda},
    lazy, library,
    runtime::{HostCall, Runtime},
    text,
    value::Value,
};

/// What a definition is run with: arguments in the order of its parameters, converted.
pub(super) struct Call<'a, 'h> {
    pub(super) rt: &'a Runtime<'h>,
    /// A context of the call's own.
    pub(super) context: Context,
    pub(super) args: Vec<Value>,
    pub(super) rest: Vec<Value>,
    pub(super) named: Vec<(Arc<str>, Value)>,
}

impl Call<'_, '_> {
    /// Takes an argument out.
    pub(super) fn take(&mut self, index: usize) -> Value {
        std::mem::take(&mut self.args[index])
    }

    /// A lambda, if it was given.
    pub(super) fn lambda(&self, index: usize) -> Option<Rc<Lambda>> {
        if let Value::Lambda(lambda) = &self.args[index] { Some(Rc::clone(lambda)) } else { None }
    }

    /// A lambda that must have been given.
    pub(super) fn need_lambda(&self, index: usize) -> Result<Rc<Lambda>> {
        self.lambda(index).ok_or_else(|| Error::kind("'NoneType' object is not callable"))
    }

    /// A text.
    pub(super) fn text(&self, index: usize) -> Arc<str> {
        if let Value::Str(text) = &self.args[index] { Arc::clone(text) } else { "".into() }
    }

    /// A text, if it was given.
    pub(super) fn some_text(&self, index: usize) -> Option<Arc<str>> {
        if let Value::Str(text) = &self.args[index] { Some(Arc::clone(text)) } else { None }
    }

    /// An integer, cut to 64 bits: beyond them no index and no count means anything.
    pub(super) fn int(&self, index: usize) -> i64 {
        match &self.args[index] {
            Value::Int(value) => *value,
            Value::Bool(value) => i64::from(*value),
            Value::Big(big) if big.sign() == num_bigint::Sign::Minus => i64::MIN,
            Value::Big(_) => i64::MAX,
            _ => 0,
        }
    }
}

/// What runs.
pub(super) type Native = fn(&mut Call<'_, '_>) -> Result<Value>;

/// Kind, name, parameters and code of a definition, as the tables of the library list them.
///
/// The kind is `F` for a function, `M` for a method, `FM` for both; `!` forbids named arguments.
pub(super) type Row = (&'static str, &'static str, &'static str, Native);

/// Types of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
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

#[derive(Debug, Clone, Copy)]
struct Type {
    kind: Kind,
    nullable: bool,
}

#[derive(Debug, Clone, Copy)]
enum Default {
    Null,
    Bool(bool),
    Int(i64),
    Text(&'static str),
    NoValue,
}

impl Default {
    fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Text(text) => Value::text(text),
            Self::NoValue => Value::NoValue,
        }
    }
}

struct Param {
    name: &'static str,
    kind: Type,
    default: Option<Default>,
}

struct Definition {
    is_function: bool,
    is_method: bool,
    no_named: bool,
    params: Vec<Param>,
    rest: Option<Type>,
    named: Option<Type>,
    run: Native,
}

static REGISTRY: LazyLock<HashMap<&'static str, Vec<Definition>>> = LazyLock::new(|| {
    let mut registry: HashMap<&'static str, Vec<Definition>> = HashMap::new();
    for (kind, name, params, run) in library::rows() {
        registry.entry(name).or_default().push(Definition::read(kind, params, run));
    }
    registry
});

impl Type {
    /// Reads `S`, `S?`, `It`…
    fn read(text: &'static str) -> Self {
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

    fn is_lazy(self) -> bool {
        matches!(self.kind, Kind::Lambda | Kind::LazyRule)
    }

    fn takes(self, value: &Value) -> bool {
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
    fn may_take(self, arg: &Arg) -> bool {
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
    fn is_narrower(self, other: Self) -> bool {
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

impl Definition {
    fn read(kind: &str, params: &'static str, run: Native) -> Self {
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

/// An argument of a call, evaluated or not.
#[derive(Debug, Clone)]
pub(super) enum Arg {
    Expr(Arc<Expr>),
    Value(Value),
}

impl Arg {
    pub(super) fn of(expr: &Arc<Expr>) -> Self {
        match **expr {
            Expr::NoValue => Self::Value(Value::NoValue),
            _ => Self::Expr(Arc::clone(expr)),
        }
    }

    fn is_left_out(&self) -> bool {
        matches!(self, Self::Value(Value::NoValue))
    }

    fn evaluate(&mut self, rt: &Runtime<'_>, context: &Context) -> Result<()> {
        if let Self::Expr(expr) = self
            && expr.constant().is_none()
        {
            *self = Self::Value(eval::eval(rt, expr, context)?);
        }
        Ok(())
    }
}

/// Arguments by name.
type Named = Vec<(Arc<str>, Arg)>;

/// How a definition would take the arguments.
struct Mapping {
    positional: Vec<Type>,
    named: Vec<(Arc<str>, Type)>,
}

impl Mapping {
    fn lazy(&self) -> (Vec<usize>, Vec<&str>) {
        let positional = self.positional.iter().enumerate().filter(|(_, kind)| kind.is_lazy());
        let named = self.named.iter().filter(|(_, kind)| kind.is_lazy());
        (positional.map(|(index, _)| index).collect(), named.map(|(name, _)| &**name).collect())
    }

    fn is_narrower(&self, other: &Self) -> bool {
        let mut narrower = false;
        for (a, b) in self.positional.iter().zip(&other.positional) {
            if b.is_narrower(*a) {
                return false;
            }
            narrower |= a.is_narrower(*b);
        }
        narrower
    }
}

impl Definition {
    /// The first round: the form of the arguments.
    fn map(&self, args: &[Arg], named: &Named) -> Option<Mapping> {
        let mut slots: Vec<Option<Type>> = vec![self.rest; args.len()];
        let mut defaults: Vec<Option<Default>> = vec![None; args.len()];
        let mut left: Vec<&(Arc<str>, Arg)> = named.iter().collect();
        let mut by_name = Vec::new();
        for (position, param) in self.params.iter().enumerate() {
            let given = left.iter().position(|(name, _)| **name == *param.name);
            match args.get(position) {
                Some(arg) if !arg.is_left_out() => {
                    if given.is_some() {
                        return None;
                    }
                    slots[position] = Some(param.kind);
                }
                found => {
                    if let Some(index) = given {
                        by_name.push((Arc::clone(&left.remove(index).0), param.kind));
                    } else if param.default.is_none() {
                        return None;
                    } else if found.is_some() {
                        slots[position] = Some(param.kind);
                        defaults[position] = param.default;
                    }
                }
            }
        }
        for (name, arg) in left {
            let kind = self.named.filter(|kind| kind.may_take(arg))?;
            by_name.push((Arc::clone(name), kind));
        }
        let mut positional = Vec::with_capacity(args.len());
        for (index, slot) in slots.into_iter().enumerate() {
            let kind = slot?;
            let fits = match defaults[index] {
                Some(default) => kind.takes(&default.value()),
                None => kind.may_take(&args[index]),
            };
            if !fits {
                return None;
            }
            positional.push(kind);
        }
        Some(Mapping { positional, named: by_name })
    }

    /// The second round: the arguments in the order of the parameters, if their values fit.
    fn bind(&self, args: &[Arg], named: &Named) -> Option<Bound> {
        let mut used = vec![false; named.len()];
        let mut bound =
            Bound { args: Vec::with_capacity(self.params.len()), rest: Vec::new(), named: Vec::new() };
        for (position, param) in self.params.iter().enumerate() {
            let by_name = named.iter().position(|(name, _)| **name == *param.name);
            let arg = match (args.get(position).filter(|arg| !arg.is_left_out()), by_name) {
                (Some(_), Some(_)) => return None,
                (Some(arg), None) => arg.clone(),
                (None, Some(index)) => {
                    used[index] = true;
                    named[index].1.clone()
                }
                (None, None) => {
                    // A default fits by definition, even null where null may not be given.
                    bound.args.push((param.kind, Arg::Value(param.default?.value())));
                    continue;
                }
            };
            if !param.kind.may_take(&arg) && !matches!(arg, Arg::Value(Value::NoValue)) {
                return None;
            }
            bound.args.push((param.kind, arg));
        }
        for arg in args.iter().skip(self.params.len()) {
            let kind = self.rest.filter(|kind| kind.may_take(arg))?;
            bound.rest.push((kind, arg.clone()));
        }
        for ((name, arg), _) in named.iter().zip(used).filter(|(_, used)| !used) {
            let kind = self.named.filter(|kind| kind.may_take(arg))?;
            bound.named.push((Arc::clone(name), kind, arg.clone()));
        }
        Some(bound)
    }
}

/// Arguments in the order of the parameters, still to be converted.
struct Bound {
    args: Vec<(Type, Arg)>,
    rest: Vec<(Type, Arg)>,
    named: Vec<(Arc<str>, Type, Arg)>,
}

impl Bound {
    fn run(self, definition: &Definition, rt: &Runtime<'_>, context: &Context) -> Result<Value> {
        let context = context.child()?;
        let convert = |(kind, arg): (Type, Arg)| convert(rt, kind, arg, &context);
        let args = self.args.into_iter().map(convert).collect::<Result<_>>()?;
        let rest = self.rest.into_iter().map(convert).collect::<Result<_>>()?;
        let named = self
            .named
            .into_iter()
            .map(|(name, kind, arg)| Ok((name, convert((kind, arg))?)))
            .collect::<Result<_>>()?;
        (definition.run)(&mut Call { rt, context, args, rest, named })
    }
}

fn convert(rt: &Runtime<'_>, kind: Type, arg: Arg, context: &Context) -> Result<Value> {
    let lambda = |body: Body| Value::Lambda(Rc::new(Lambda { body, context: context.clone() }));
    match (kind.kind, arg) {
        (Kind::Lambda, Arg::Expr(expr)) => Ok(lambda(Body::Expr(expr))),
        (Kind::Lambda, Arg::Value(value @ (Value::Null | Value::Lambda(_)))) => Ok(value),
        (Kind::Lambda, Arg::Value(value)) => Ok(lambda(Body::Value(value))),
        (Kind::LazyRule, Arg::Expr(expr)) => match &*expr {
            Expr::Rule(from, to) => Ok(Value::Rule(Rc::new((
                lambda(Body::Expr(Arc::clone(from))),
                lambda(Body::Expr(Arc::clone(to))),
            )))),
            _ => Ok(Value::Null),
        },
        (_, Arg::Expr(expr)) => Ok(expr.constant().unwrap_or_default()),
        (Kind::Iterable | Kind::IterableNoSet, Arg::Value(value))
            if !matches!(value, Value::Null | Value::NoValue) =>
        {
            lazy::limited(rt, value)
        }
        (_, Arg::Value(value)) => Ok(value),
    }
}

/// Whether a name is one of the library's, as function or method.
pub(super) fn is_known(name: &str) -> bool {
    REGISTRY.contains_key(name.trim_end_matches('_'))
}

/// Splits named arguments from positional ones.
fn split_named(args: Vec<Arg>) -> Result<(Vec<Arg>, Named)> {
    let mut positional = Vec::with_capacity(args.len());
    let mut named: Named = Vec::new();
    for arg in args {
        let Arg::Expr(expr) = &arg else {
            positional.push(arg);
            continue;
        };
        let Expr::Rule(from, to) = &**expr else {
            positional.push(arg);
            continue;
        };
        let Expr::Keyword(name) = &**from else {
            let message = "Cannot convert mapping to keyword argument";
            return Err(Error::new("MappingTranslationException", message));
        };
        named.retain(|(known, _)| known != name);
        named.push((Arc::clone(name), Arg::of(to)));
    }
    Ok((positional, named))
}

/// Calls a function, or a method where there is a receiver.
///
/// # Errors
/// That there is none of that name, that none takes these arguments, or what the call itself answers.
pub(super) fn call(
    rt: &Runtime<'_>,
    context: &Context,
    name: &str,
    receiver: Option<&Value>,
    args: Vec<Arg>,
    named: Named,
) -> Result<Value> {
    rt.pay(1)?;
    let bare = name.trim_end_matches('_');
    if receiver.is_none()
        && let Some(function) = context.function(bare)
    {
        let (args, named) = evaluated(rt, context, args, named)?;
        let inner = Lambda { body: Body::Value(Value::Null), context: function.context.child()? };
        for (index, arg) in args.iter().enumerate() {
            inner.context.set_positional(index + 1, arg.clone())?;
        }
        for (name, value) in named {
            inner.context.set(&name, value)?;
        }
        return function.call_in(rt, &inner.context);
    }
    let candidates: Vec<&Definition> = REGISTRY.get(bare).map_or_else(Vec::new, |all| {
        all.iter()
            .filter(|found| if receiver.is_some() { found.is_method } else { found.is_function })
            .collect()
    });
    let Some(first) = candidates.first() else {
        let Some(receiver) = receiver else {
            let unknown =
                || Error::new("NoFunctionRegisteredException", format!("Unknown function \"{name}\""));
            let (args, named) = evaluated(rt, context, args, named)?;
            let call = HostCall { name: bare, args: &args, named: &named, rt };
            return rt.host.call(&call).unwrap_or_else(|| Err(unknown()));
        };
        let message = format!("Unknown method \"{name}\" for receiver {}", text::str(receiver));
        return Err(Error::new("NoMethodRegisteredException", message));
    };
    let not_found = || match receiver {
        None => Error::no_function(name),
        Some(receiver) => Error::new(
            "NoMatchingMethodException",
            format!("No method \"{name}\" for receiver {} matches supplied arguments", text::str(receiver)),
        ),
    };
    let ambiguous = || match receiver {
        None => Error::new("AmbiguousFunctionException", format!("Ambiguous function \"{name}\"")),
        Some(receiver) => Error::new(
            "AmbiguousMethodException",
            format!("Ambiguous method \"{name}\" for receiver {}", text::str(receiver)),
        ),
    };
    let mut all: Vec<Arg> = receiver.cloned().map(Arg::Value).into_iter().collect();
    all.extend(args);
    if candidates.iter().any(|found| found.no_named != first.no_named) {
        return Err(ambiguous());
    }
    let (mut args, mut by_name) = if first.no_named {
        if let Some((name, _)) = named.first() {
            return Err(Error::new("ArgumentException", format!("Invalid argument {name}")));
        }
        (all, Vec::new())
    } else {
        let (args, mut found) = split_named(all)?;
        found.extend(named);
        (args, found)
    };
    let mut fitting: Vec<(&Definition, Mapping)> = Vec::new();
    for found in candidates {
        let Some(mapping) = found.map(&args, &by_name) else { continue };
        if fitting.first().is_some_and(|(_, known)| known.lazy() != mapping.lazy()) {
            return Err(ambiguous());
        }
        fitting.push((found, mapping));
    }
    let Some((_, mapping)) = fitting.first() else { return Err(not_found()) };
    let (lazy_positions, lazy_names) = mapping.lazy();
    for (index, arg) in args.iter_mut().enumerate() {
        if !lazy_positions.contains(&index) {
            arg.evaluate(rt, context)?;
        }
    }
    for (name, arg) in &mut by_name {
        if !lazy_names.contains(&&**name) {
            arg.evaluate(rt, context)?;
        }
    }
    let mut winner: Option<(&Definition, &Mapping, Bound)> = None;
    for (found, mapping) in &fitting {
        let Some(bound) = found.bind(&args, &by_name) else { continue };
        if let Some((_, known, _)) = &winner {
            if known.is_narrower(mapping) {
                continue;
            }
            if !mapping.is_narrower(known) {
                return Err(ambiguous());
            }
        }
        winner = Some((found, mapping, bound));
    }
    let (definition, _, bound) = winner.ok_or_else(not_found)?;
    bound.run(definition, rt, context)
}

/// All arguments evaluated, for functions that take anything.
#[expect(clippy::type_complexity, reason = "two lists, named where they are taken apart")]
fn evaluated(
    rt: &Runtime<'_>,
    context: &Context,
    args: Vec<Arg>,
    named: Named,
) -> Result<(Vec<Value>, Vec<(Arc<str>, Value)>)> {
    let (args, mut by_name) = split_named(args)?;
    by_name.extend(named);
    let value = |arg: Arg| match arg {
        Arg::Value(value) => Ok(value),
        Arg::Expr(expr) => eval::eval(rt, &expr, context),
    };
    let args = args.into_iter().map(value).collect::<Result<_>>()?;
    let named = by_name.into_iter().map(|(name, arg)| Ok((name, value(arg)?))).collect::<Result<_>>()?;
    Ok((args, named))
}
