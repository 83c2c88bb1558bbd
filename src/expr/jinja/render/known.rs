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
        let value = match expr {
            Expr::Const(value) => value,
            Expr::Name(name) => self.seen(name)?,
            Expr::Chain { base, links } => {
                let (Expr::Name(name), [Link::Attribute(member)]) = (&**base, &links[..]) else {
                    return None;
                };
                match self.seen(name)? {
                    Value::Dict(dict) if member.is_entry() => dict.peek(&member.name, &member.hint)?,
                    _ => return None,
                }
            }
            _ => return None,
        };
        (!value.is_undefined()).then_some(value)
    }
}

impl Run<'_> {
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
