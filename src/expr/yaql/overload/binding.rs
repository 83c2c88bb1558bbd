//! Arguments against a definition: whether their form fits, whether their values do, and in what order it takes them.

use std::{rc::Rc, sync::Arc};

use super::{
    Arg, Call, Named,
    definition::{Default, Definition},
    kinds::{Kind, Type},
};
use crate::expr::yaql::{
    ast::Expr,
    context::Context,
    error::Result,
    lambda::{Body, Lambda},
    lazy,
    runtime::Runtime,
    value::Value,
};

/// How a definition would take the arguments.
pub(super) struct Mapping {
    positional: Vec<Type>,
    named: Vec<(Arc<str>, Type)>,
}

impl Mapping {
    /// Which arguments are not evaluated before the call.
    pub(super) fn lazy(&self) -> (Vec<usize>, Vec<&str>) {
        let positional = self.positional.iter().enumerate().filter(|(_, kind)| kind.is_lazy());
        let named = self.named.iter().filter(|(_, kind)| kind.is_lazy());
        (positional.map(|(index, _)| index).collect(), named.map(|(name, _)| &**name).collect())
    }

    /// Whether a type is narrower, and none wider.
    pub(super) fn is_narrower(&self, other: &Self) -> bool {
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
    pub(super) fn map(&self, args: &[Arg], named: &Named) -> Option<Mapping> {
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
    pub(super) fn bind(&self, args: &[Arg], named: &Named) -> Option<Bound> {
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
pub(super) struct Bound {
    args: Vec<(Type, Arg)>,
    rest: Vec<(Type, Arg)>,
    named: Vec<(Arc<str>, Type, Arg)>,
}

impl Bound {
    /// Converts them and runs the definition.
    pub(super) fn run(self, definition: &Definition, rt: &Runtime<'_>, context: &Context) -> Result<Value> {
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
