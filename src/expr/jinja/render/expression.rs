//! Expressions.

use std::cmp::Ordering;

use super::Run;
use crate::expr::jinja::{
    error::{Class, Error, Result},
    filters::html,
    host::HOST_FUNCTIONS,
    operators,
    syntax::ast::{Comparison, Expr, Link},
    tests,
    value::{self, Key, Value},
};

impl Run<'_> {
    pub(super) fn eval(&mut self, expr: &Expr) -> Result<Value> {
        self.budget.pay(1)?;
        match expr {
            Expr::Const(value) => Ok(value.clone()),
            Expr::Name(name) => Ok(self.name(name)),
            Expr::Chain { base, links } => self.chain(base, links),
            Expr::Compare { first, rest } => match self.plain_comparison(first, rest)? {
                Some(answer) => Ok(Value::Bool(answer)),
                None => self.deeper(|run| run.compound(expr)),
            },
            Expr::Arithmetic { first, rest } => match self.plain_arithmetic(first, rest)? {
                Some(value) => Ok(value),
                None => self.deeper(|run| run.compound(expr)),
            },
            other => self.deeper(|run| run.compound(other)),
        }
    }

    /// A value and what is done to it.
    pub(super) fn chain(&mut self, base: &Expr, links: &[Link]) -> Result<Value> {
        if links.is_empty() {
            return self.eval(base);
        }
        if self.host.is_some()
            && let Some((value, taken)) = self.followed(base, links)?
        {
            return self.deeper(|run| run.links(value, &links[taken..]));
        }
        if let Some(value) = self.entry(base, links)? {
            return match &links[1..] {
                [] => Ok(value),
                rest => self.deeper(|run| run.links(value, rest)),
            };
        }
        let value = self.eval(base)?;
        self.deeper(|run| run.links(value, links))
    }

    /// The value of a name, which may be undefined.
    pub(super) fn name(&self, name: &str) -> Value {
        self.scopes
            .get(name, self.host.is_some())
            .unwrap_or_else(|| self.undefined(format!("{} is undefined", crate::pytext::repr_str(name))))
    }

    #[inline(never)]
    fn compound(&mut self, expr: &Expr) -> Result<Value> {
        match expr {
            Expr::Tuple(items) => Ok(Value::tuple(self.eval_all(items)?)),
            Expr::List(items) => Ok(Value::list(self.eval_all(items)?)),
            Expr::Dict(entries) => self.dict(entries),
            Expr::Not(operand) => {
                let operand = self.eval(operand)?;
                Ok(Value::Bool(!self.is_true(&operand)?))
            }
            Expr::Sign { minus, operand } => {
                let operand = self.eval(operand)?;
                operators::sign(*minus, &operand)
            }
            Expr::And(items) => self.all_or_any(items, false),
            Expr::Or(items) => self.all_or_any(items, true),
            Expr::Compare { first, rest } => self.compare(first, rest),
            Expr::Arithmetic { first, rest } => {
                let mut left = self.eval(first)?;
                for (operator, operand) in rest {
                    let right = self.eval(operand)?;
                    left = operators::arithmetic(self, *operator, &left, &right)?;
                }
                Ok(left)
            }
            Expr::Concat(items) => self.concat(items),
            Expr::Condition { test, then, otherwise, line } => {
                let test = self.eval(test)?;
                if self.is_true(&test)? {
                    return self.eval(then);
                }
                match otherwise {
                    Some(otherwise) => self.eval(otherwise),
                    None => Ok(without_else(*line)),
                }
            }
            Expr::Const(_) | Expr::Name(_) | Expr::Chain { .. } => self.eval(expr),
        }
    }

    fn eval_all(&mut self, items: &[Expr]) -> Result<Vec<Value>> {
        items.iter().map(|item| self.eval(item)).collect()
    }

    fn dict(&mut self, entries: &[(Expr, Expr)]) -> Result<Value> {
        let mut map = value::map_for(entries.len());
        for (key, value) in entries {
            let key = self.eval(key)?;
            let value = self.eval(value)?;
            map.insert(Key::new(key)?, value);
        }
        Ok(Value::dict(map))
    }

    /// `and` and `or` give the operand that decided.
    fn all_or_any(&mut self, items: &[Expr], decides: bool) -> Result<Value> {
        let mut value = Value::None;
        for (at, item) in items.iter().enumerate() {
            value = self.eval(item)?;
            if at + 1 < items.len() && self.is_true(&value)? == decides {
                break;
            }
        }
        Ok(value)
    }

    fn concat(&mut self, items: &[Expr]) -> Result<Value> {
        let values = self.eval_all(items)?;
        if self.escaping && values.iter().any(|value| matches!(value, Value::Markup(_))) {
            let mut out = String::new();
            for value in &values {
                let escaped = html::escape(value, self)?;
                self.write(&escaped, &mut out)?;
            }
            return Ok(Value::Markup(out.into()));
        }
        let mut out = String::new();
        for value in &values {
            let text = self.text(value)?;
            self.write(&text, &mut out)?;
        }
        Ok(Value::str(out))
    }

    // ── comparisons ─────────────────────────────────────────────────────────────────────────

    fn compare(&mut self, first: &Expr, rest: &[(Comparison, Expr)]) -> Result<Value> {
        let mut left = self.eval(first)?;
        let mut answer = Value::Bool(true);
        for (operator, operand) in rest {
            let right = self.eval(operand)?;
            answer = Value::Bool(self.comparison(*operator, &left, &right)?);
            if matches!(answer, Value::Bool(false)) {
                break;
            }
            left = right;
        }
        Ok(answer)
    }

    pub(in super::super) fn comparison(
        &mut self,
        operator: Comparison,
        left: &Value,
        right: &Value,
    ) -> Result<bool> {
        if let (Value::Int(left), Value::Int(right)) = (left, right)
            && let Some(answer) = operator.of_ints(*left, *right)
        {
            self.budget.pay(1)?;
            return Ok(answer);
        }
        let (spelling, fits): (&str, fn(Ordering) -> bool) = match operator {
            Comparison::Eq => return self.eq(left, right),
            Comparison::Ne => return Ok(!self.eq(left, right)?),
            Comparison::In => return self.contains(right, left),
            Comparison::NotIn => return Ok(!self.contains(right, left)?),
            Comparison::Lt => ("<", Ordering::is_lt),
            Comparison::Le => ("<=", Ordering::is_le),
            Comparison::Gt => (">", Ordering::is_gt),
            Comparison::Ge => (">=", Ordering::is_ge),
        };
        Ok(value::order(left, right, spelling, &mut self.budget)?.is_some_and(fits))
    }

    /// `item in container`.
    pub(in super::super) fn contains(&mut self, container: &Value, item: &Value) -> Result<bool> {
        match container {
            Value::Str(text) | Value::Markup(text) => {
                let Some(part) = item.as_str() else {
                    if let Value::Undefined(undefined) = item
                        && undefined.is_strict()
                    {
                        return Err(undefined.error());
                    }
                    return Err(Error::of_type(format!(
                        "'in <string>' requires string as left operand, not {}",
                        item.type_name()
                    )));
                };
                self.budget.pay_text(text.len())?;
                Ok(text.contains(part))
            }
            Value::Dict(dict) => {
                let key = Key::new(item.clone())?;
                Ok(dict.read(|map| map.contains_key(&key)))
            }
            Value::Undefined(undefined) if undefined.is_strict() => Err(undefined.error()),
            other => {
                if let Value::Object(object) = other
                    && let Some(answer) = object.contains(item, &mut self.budget)
                {
                    return answer;
                }
                let Some(mut items) = self.iterate_if_possible(other)? else {
                    return Err(Error::of_type(format!(
                        "argument of type '{}' is not iterable",
                        other.type_name()
                    )));
                };
                while let Some(found) = items.next(self)? {
                    if value::identical(&found, item) || self.eq(&found, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    // ── chains ──────────────────────────────────────────────────────────────────────────────

    /// What `name.entry` at the beginning of a chain means in a dictionary or an object of a scope; nothing where that
    /// is not plain to see.
    fn entry(&mut self, base: &Expr, links: &[Link]) -> Result<Option<Value>> {
        let (Expr::Name(name), Some(Link::Attribute(member))) = (base, links.first()) else {
            return Ok(None);
        };
        if !member.is_entry() || matches!(links.get(1), Some(Link::Call(_))) {
            return Ok(None);
        }
        let value = match self.scopes.local(name) {
            Some(Value::Dict(dict)) => dict.find_str(&member.name, &member.hint),
            Some(Value::Object(object)) if !member.name.starts_with('_') => {
                match object.plain_attribute(&member.name) {
                    None => {
                        let object = object.clone();
                        object.attribute(&member.name, self)?
                    }
                    known => known,
                }
            }
            _ => return Ok(None),
        };
        self.budget.pay(2)?;
        Ok(value)
    }

    /// `f(…).a.b` where the host can say what stands there without telling all that `f(…)` answers; gives
    /// the value and how many links led to it.
    fn followed(&mut self, base: &Expr, links: &[Link]) -> Result<Option<(Value, usize)>> {
        let (Expr::Name(name), Some(host)) = (base, self.host) else { return Ok(None) };
        let Some((Link::Call(args), rest)) = links.split_first() else { return Ok(None) };
        let is_plain = args.named.is_empty() && args.star.is_none() && args.double_star.is_none();
        if !is_plain || rest.is_empty() || !HOST_FUNCTIONS.contains(&&**name) || self.scopes.has(name) {
            return Ok(None);
        }
        let constant = |arg: &Expr| if let Expr::Const(value) = arg { Some(value.clone()) } else { None };
        let Some(args) = args.positional.iter().map(constant).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let mut path: Vec<&str> = Vec::new();
        for (at, link) in rest.iter().enumerate() {
            let name = match link {
                // A method of dictionaries hides the entry of its name; so does what nobody may see.
                Link::Attribute(member) if member.is_entry() => &*member.name,
                Link::Item(Expr::Const(Value::Str(key))) => key,
                _ => break,
            };
            if matches!(rest.get(at + 1), Some(Link::Call(_))) {
                break;
            }
            path.push(name);
        }
        if path.is_empty() {
            return Ok(None);
        }
        self.budget.pay(path.len() as u64)?;
        Ok(host.follow(name, &args, &path).map(|(value, taken)| (value, taken + 1)))
    }

    /// What is done to a value, step by step.
    pub(super) fn links(&mut self, mut value: Value, links: &[Link]) -> Result<Value> {
        let mut at = 0;
        while let Some(link) = links.get(at) {
            self.budget.pay(1)?;
            at += 1;
            // A method that is called at once needs no object that stands for it.
            if let (Link::Attribute(member), Some(Link::Call(args))) = (link, links.get(at)) {
                at += 1;
                value = self.call_member(&value, member, args)?;
            } else {
                value = self.link(value, link)?;
            }
        }
        Ok(value)
    }

    #[inline(never)]
    fn link(&mut self, value: Value, link: &Link) -> Result<Value> {
        match link {
            Link::Attribute(member) => self.attribute(&value, &member.name),
            Link::Item(key) => {
                let key = self.eval(key)?;
                self.item(&value, &key)
            }
            Link::Slice { bounds, constant } => {
                let mut parts = [Value::None, Value::None, Value::None];
                for (part, bound) in parts.iter_mut().zip(bounds.iter()) {
                    if let Some(bound) = bound {
                        *part = self.eval(bound)?;
                    }
                }
                match self.slice(&value, &parts) {
                    Err(error) if *constant && error.class() == Class::TypeError => {
                        Ok(value::Undefined::failed(&error, self.is_strict()))
                    }
                    sliced => sliced,
                }
            }
            Link::Call(args) => {
                let args = self.args(args, None)?;
                self.call(&value, args)
            }
            Link::Filter(usage) => self.filter(usage, value),
            Link::Test { name, args, negated } => {
                let args = self.args(args, Some(value))?;
                let Some(test) = tests::find(name) else {
                    let message = format!("No test named {} found.", crate::pytext::repr_str(name));
                    return Err(Error::new(Class::TemplateRuntimeError, message));
                };
                Ok(Value::Bool(test.apply(args, self)? != *negated))
            }
        }
    }
}

/// What `a if b` is where `b` does not hold: it prints as nothing, however strict the template is.
fn without_else(line: u32) -> Value {
    let message = format!(
        "the inline if-expression on line {line} evaluated to false and no else section was defined."
    );
    value::Undefined::value(message, false)
}
