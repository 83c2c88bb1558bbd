//! Filters where they are used: what a name and the arguments behind it come to is found out once for a template.

use super::{Run, statement};
use crate::expr::jinja::{
    args::{Args, Bound, Signature},
    error::{Class, Error, Result},
    filters::{
        Case, Plain, Writer,
        generator::{Prepared, staged},
    },
    host::{self, Dialect, Found},
    syntax::ast::{CallArgs, Expr, Link, Usage},
    value::Value,
};

/// What a filter comes to with the arguments it has in one place.
pub(in super::super) enum Way {
    /// There is none of this name; in a branch that is not taken nobody minds.
    Missing,
    Case(Case),
    /// The arguments' places among its parameters, in the order they are written.
    Places(Box<[usize]>, Plain, Option<Writer>),
    /// A stage whose arguments are constant.
    Staged(&'static str, Prepared),
    /// Its arguments are known only when it is used.
    Open(Found),
}

impl Way {
    fn of(name: &str, args: &CallArgs, dialect: Dialect) -> Self {
        let Some(found) = host::filter(name, dialect) else { return Self::Missing };
        let Found::Filter(filter) = found else { return Self::Open(found) };
        if let (Some(case), true) = (filter.as_case(), args.count() == Some(0)) {
            return Self::Case(case);
        }
        if let Some((signature, body, writer)) = filter.as_bound()
            && let Some(places) = places(args, signature)
        {
            return Self::Places(places, body, writer);
        }
        match (filter.as_staged(), constant(args)) {
            (Some((name, prepare)), Some(args)) => Self::Staged(name, prepare(args, dialect)),
            _ => Self::Open(found),
        }
    }
}

/// Where each argument belongs among a filter's parameters; nothing if that is known only later, or never.
fn places(args: &CallArgs, signature: &Signature) -> Option<Box<[usize]>> {
    let names = args.named.iter().map(|(name, _)| &**name);
    signature.places(args.count()? - args.named.len(), names)
}

/// Arguments that are the same for every rendering.
fn constant(args: &CallArgs) -> Option<Args> {
    let value = |arg: &Expr| if let Expr::Const(value) = arg { Some(value.clone()) } else { None };
    args.count()?;
    let positional = args.positional.iter().map(value).collect::<Option<_>>()?;
    let named =
        args.named.iter().map(|(name, arg)| Some((name.clone(), value(arg)?))).collect::<Option<_>>()?;
    Some(Args { positional, named })
}

impl Run<'_> {
    // A template is always rendered in the dialect it was read in.
    fn way<'u>(&self, usage: &'u Usage) -> &'u Way {
        usage.way.get_or_init(|| Way::of(&usage.name, &usage.args, self.dialect()))
    }

    /// Applies a filter to a value.
    pub(super) fn filter(&mut self, usage: &Usage, value: Value) -> Result<Value> {
        match self.way(usage) {
            Way::Case(case) => case.apply(self, &value),
            Way::Places(places, body, _) => {
                let bound = self.bound(places, usage, value)?;
                body(self, bound)
            }
            Way::Staged(name, stage) => Ok(staged(name, value, stage.clone())),
            Way::Open(found) => {
                let args = self.args(&usage.args, Some(value))?;
                found.apply(args, self)
            }
            Way::Missing => {
                self.args(&usage.args, Some(value))?;
                let message = format!("No filter named {} found.", crate::pytext::repr_str(&usage.name));
                Err(Error::new(Class::TemplateRuntimeError, message))
            }
        }
    }

    fn bound(&mut self, places: &[usize], usage: &Usage, value: Value) -> Result<Bound> {
        let mut bound = Bound::of(value, []);
        let args = &usage.args;
        let written = args.positional.iter().chain(args.named.iter().map(|(_, arg)| arg));
        for (place, arg) in places.iter().zip(written) {
            let arg = self.eval(arg)?;
            bound.put(*place, arg);
        }
        Ok(bound)
    }

    /// Writes what ends with a filter whose text nobody needs as a value. Says whether it did.
    pub(super) fn print_filtered(&mut self, expr: &Expr, out: &mut String) -> Result<bool> {
        let Expr::Chain { base, links } = expr else { return Ok(false) };
        let Some((Link::Filter(usage), before)) = links.split_last() else { return Ok(false) };
        match self.way(usage) {
            Way::Case(case) => {
                let Self { scopes, budget, .. } = self;
                if let Some(Value::Str(text)) = scopes.known_chain(base, before) {
                    case.write(text, budget, out)?;
                } else {
                    let value = self.chain(base, before)?;
                    let text = self.text(&value)?;
                    case.write(&text, &mut self.budget, out)?;
                }
                self.budget.pay(2)?;
                statement::check_length(out)?;
            }
            Way::Places(places, _, Some(writer)) => {
                let value = self.chain(base, before)?;
                self.deeper(|run| {
                    let bound = run.bound(places, usage, value)?;
                    writer(run, bound, out)
                })?;
                self.budget.pay(2)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}
