//! What is plain to see without evaluating anything: constants, names that are set, and entries of dictionaries under
//! such names. Most of what templates ask is no more than that, and need not be copied to be looked at.

use super::{Run, scope::Scopes};
use crate::expr::jinja::{
    error::Result,
    operators,
    syntax::ast::{Comparison, Expr, Link, Operator},
    value::Value,
};

impl Scopes {
    /// The value of an expression, where it is plain to see and not undefined.
    pub(super) fn known<'v>(&'v self, expr: &'v Expr) -> Option<&'v Value> {
        match expr {
            Expr::Const(_) | Expr::Name(_) => self.known_chain(expr, &[]),
            Expr::Chain { base, links } => self.known_chain(base, links),
            _ => None,
        }
    }

    /// What an object of a scope tells of itself without running anything.
    pub(super) fn told(&self, expr: &Expr) -> Option<Value> {
        let Expr::Chain { base, links } = expr else { return None };
        let (Expr::Name(name), [Link::Attribute(member)]) = (&**base, &links[..]) else { return None };
        match self.local(name)? {
            Value::Object(object) => object.plain_attribute(&member.name),
            _ => None,
        }
    }

    /// The same of a value and what is done to it.
    #[inline]
    pub(super) fn known_chain<'v>(&'v self, base: &'v Expr, links: &'v [Link]) -> Option<&'v Value> {
        let value = match (base, links) {
            (Expr::Const(value), []) => value,
            (Expr::Name(name), []) => self.seen(name)?,
            (Expr::Name(name), [Link::Attribute(member)]) => match self.seen(name)? {
                Value::Dict(dict) if member.is_entry() => dict.peek(&member.name, &member.hint)?,
                _ => return None,
            },
            _ => return None,
        };
        (!value.is_undefined()).then_some(value)
    }
}

impl Run<'_> {
    /// Whether an expression is true.
    #[inline]
    pub(super) fn holds(&mut self, test: &Expr) -> Result<bool> {
        if let Expr::Compare { first, rest } = test
            && let Some(answer) = self.plain_comparison(first, rest)?
        {
            return Ok(answer);
        }
        let answer = self.eval(test)?;
        self.is_true(&answer)
    }

    /// `left operator right` of integers or texts that are plain to see.
    #[inline]
    pub(super) fn plain_comparison(
        &mut self,
        left: &Expr,
        rest: &[(Comparison, Expr)],
    ) -> Result<Option<bool>> {
        let [(operator, right)] = rest else { return Ok(None) };
        let (Some(left), Some(right)) = (self.scopes.known(left), self.scopes.known(right)) else {
            return Ok(None);
        };
        let (answer, bytes) = match (left, right) {
            (Value::Int(left), Value::Int(right)) => (operator.of_ints(*left, *right), 0),
            (Value::Str(left), Value::Str(right)) => (operator.of_texts(left, right), left.len()),
            _ => return Ok(None),
        };
        self.budget.pay_text(bytes)?;
        self.budget.pay(2)?;
        Ok(answer)
    }

    /// `left operator right` of small integers that are plain to see.
    #[inline]
    pub(super) fn plain_arithmetic(
        &mut self,
        left: &Expr,
        rest: &[(Operator, Expr)],
    ) -> Result<Option<Value>> {
        let [(operator, right)] = rest else { return Ok(None) };
        let (Some(Value::Int(left)), Some(Value::Int(right))) =
            (self.scopes.known(left), self.scopes.known(right))
        else {
            return Ok(None);
        };
        let answer = operators::of_small(*operator, *left, *right).map(Value::Int);
        self.budget.pay(2)?;
        Ok(answer)
    }
}

impl Comparison {
    pub(super) fn of_ints(self, left: i64, right: i64) -> Option<bool> {
        Some(match self {
            Self::Eq => left == right,
            Self::Ne => left != right,
            Self::Lt => left < right,
            Self::Le => left <= right,
            Self::Gt => left > right,
            Self::Ge => left >= right,
            Self::In | Self::NotIn => return None,
        })
    }

    fn of_texts(self, left: &str, right: &str) -> Option<bool> {
        match self {
            Self::Eq => Some(left == right),
            Self::Ne => Some(left != right),
            _ => None,
        }
    }
}
