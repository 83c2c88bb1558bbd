//! Which definition a call means: by name, by kind, by the types of the arguments.
//!
//! The reference chooses in two rounds. Before anything is evaluated, the form of the arguments rules
//! definitions out; then those evaluated at once are evaluated, and their values decide. Where two
//! definitions remain, the one with the narrower types wins, or the call is ambiguous.

mod binding;
mod definition;
mod kinds;

use std::{
    collections::HashMap,
    rc::Rc,
    sync::{Arc, LazyLock},
};

use self::{
    binding::{Bound, Mapping},
    definition::Definition,
};
use super::{
    ast::Expr,
    context::Context,
    error::{Error, Result},
    eval,
    lambda::{Body, Lambda},
    library,
    runtime::{HostCall, Runtime},
    text,
    value::Value,
};

/// What a definition is run with: arguments in the order of its parameters, converted.
pub(in crate::expr::yaql) struct Call<'a, 'h> {
    pub(in crate::expr::yaql) rt: &'a Runtime<'h>,
    /// A context of the call's own.
    pub(in crate::expr::yaql) context: Context,
    pub(in crate::expr::yaql) args: Vec<Value>,
    pub(in crate::expr::yaql) rest: Vec<Value>,
    pub(in crate::expr::yaql) named: Vec<(Arc<str>, Value)>,
}

impl Call<'_, '_> {
    /// Takes an argument out.
    pub(in crate::expr::yaql) fn take(&mut self, index: usize) -> Value {
        std::mem::take(&mut self.args[index])
    }

    /// A lambda, if it was given.
    pub(in crate::expr::yaql) fn lambda(&self, index: usize) -> Option<Rc<Lambda>> {
        if let Value::Lambda(lambda) = &self.args[index] { Some(Rc::clone(lambda)) } else { None }
    }

    /// A lambda that must have been given.
    pub(in crate::expr::yaql) fn need_lambda(&self, index: usize) -> Result<Rc<Lambda>> {
        self.lambda(index).ok_or_else(|| Error::kind("'NoneType' object is not callable"))
    }

    /// A text.
    pub(in crate::expr::yaql) fn text(&self, index: usize) -> Arc<str> {
        if let Value::Str(text) = &self.args[index] { Arc::clone(text) } else { "".into() }
    }

    /// A text, if it was given.
    pub(in crate::expr::yaql) fn some_text(&self, index: usize) -> Option<Arc<str>> {
        if let Value::Str(text) = &self.args[index] { Some(Arc::clone(text)) } else { None }
    }

    /// An integer, cut to 64 bits: beyond them no index and no count means anything.
    pub(in crate::expr::yaql) fn int(&self, index: usize) -> i64 {
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
pub(in crate::expr::yaql) type Native = fn(&mut Call<'_, '_>) -> Result<Value>;

/// Kind, name, parameters and code of a definition, as the tables of the library list them.
///
/// The kind is `F` for a function, `M` for a method, `FM` for both; `!` forbids named arguments.
pub(in crate::expr::yaql) type Row = (&'static str, &'static str, &'static str, Native);

static REGISTRY: LazyLock<HashMap<&'static str, Vec<Definition>>> = LazyLock::new(|| {
    let mut registry: HashMap<&'static str, Vec<Definition>> = HashMap::new();
    for (kind, name, params, run) in library::rows() {
        registry.entry(name).or_default().push(Definition::read(kind, params, run));
    }
    registry
});

/// An argument of a call, evaluated or not.
#[derive(Debug, Clone)]
pub(in crate::expr::yaql) enum Arg {
    Expr(Arc<Expr>),
    Value(Value),
}

impl Arg {
    pub(in crate::expr::yaql) fn of(expr: &Arc<Expr>) -> Self {
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

/// Whether a name is one of the library's, as function or method.
pub(in crate::expr::yaql) fn is_known(name: &str) -> bool {
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
pub(in crate::expr::yaql) fn call(
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
            if !rt.host.knows(bare) {
                return Err(unknown());
            }
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
