//! Calls.

use std::sync::Arc;

use super::Run;
use crate::expr::jinja::{
    args::Args,
    error::{Class, Error, Result},
    methods,
    syntax::ast::{CallArgs, Expr, Link, Member},
    value::{self, Value},
};

impl Run<'_> {
    /// The arguments of a call, behind those that are there already.
    pub(super) fn args(&mut self, given: &CallArgs, first: Option<Value>) -> Result<Args> {
        let mut positional = Vec::with_capacity(given.positional.len() + usize::from(first.is_some()));
        positional.extend(first);
        let mut args = Args::of(positional);
        for value in &given.positional {
            let value = self.eval(value)?;
            args.positional.push(value);
        }
        for (name, value) in &given.named {
            let value = self.eval(value)?;
            args.named.push((name.clone(), value));
        }
        if let Some(star) = &given.star {
            let items = self.eval(star)?;
            args.positional.extend(self.items(&items)?);
        }
        if let Some(stars) = &given.double_star {
            let Value::Dict(entries) = self.eval(stars)? else {
                return Err(Error::of_type("argument after ** must be a mapping"));
            };
            for (key, value) in entries.entries() {
                let Some(name) = key.as_str() else { return Err(Error::of_type("keywords must be strings")) };
                args.named.push((Arc::from(name), value));
            }
        }
        Ok(args)
    }

    /// Calls a value.
    pub(in super::super) fn call(&mut self, function: &Value, args: Args) -> Result<Value> {
        match function {
            Value::Object(object) => {
                let object = object.clone();
                self.deeper(|run| {
                    if object.is_callable() {
                        return object.call(args, run);
                    }
                    // The sandbox asks for this mark, and a lookup in the datastore has every attribute.
                    if object.attribute("unsafe_callable", run)?.is_some() {
                        let shown = object.repr(&mut run.budget)?;
                        return Err(Error::new(
                            Class::SecurityError,
                            format!("{shown} is not safely callable"),
                        ));
                    }
                    object.call(args, run)
                })
            }
            Value::Undefined(undefined) => Err(undefined.error()),
            other => Err(Error::of_type(format!("'{}' object is not callable", other.type_name()))),
        }
    }

    /// Calls a member of a value: its method, or what it holds under that name.
    pub(super) fn call_member(&mut self, value: &Value, member: &Member, args: &CallArgs) -> Result<Value> {
        let name = &member.name;
        if member.is_method_of(value) {
            let args = self.args(args, None)?;
            return self.deeper(|run| methods::call(value, name, args, run));
        }
        let member = self.attribute(value, name)?;
        let args = self.args(args, None)?;
        self.call(&member, args)
    }

    /// Evaluates the call of `{% call %}`, passing it what it can call back.
    pub(super) fn eval_with_caller(&mut self, call: &Expr, caller: Value) -> Result<Value> {
        let Expr::Chain { base, links } = call else { return self.eval(call) };
        let Some((Link::Call(given), before)) = links.split_last() else { return self.eval(call) };
        let value = self.eval(base)?;
        let function = self.links(value, before)?;
        let mut args = self.args(given, None)?;
        args.named.push(("caller".into(), caller));
        self.call(&function, args)
    }

    /// Refuses to put a value into itself, however many steps lie between.
    pub(in super::super) fn check_holding(&mut self, holder: &Value, held: &Value) -> Result<()> {
        let mut pile = vec![held.clone()];
        while let Some(value) = pile.pop() {
            self.budget.pay(1)?;
            if value::identical(&value, holder) {
                return Err(Error::of_value("a container cannot be put into itself"));
            }
            let before = pile.len();
            match &value {
                Value::List(list) => pile.extend(list.items()),
                Value::Tuple(tuple) => pile.extend_from_slice(tuple.items()),
                Value::Dict(dict) => pile.extend(dict.read(|map| map.values().cloned().collect::<Vec<_>>())),
                Value::Object(object) => pile.extend(object.held_values()),
                _ => {}
            }
            self.budget.pay_items(pile.len() - before)?;
        }
        Ok(())
    }
}
