//! Arguments that are evaluated later, and again: what `where`, `select` and `switch` are given.

use std::sync::Arc;

use super::{ast::Expr, context::Context, error::Result, eval, runtime::Runtime, value::Value};

/// An expression with the context it was written in, or a value that stands for itself.
#[derive(Debug)]
pub struct Lambda {
    pub(super) body: Body,
    pub(super) context: Context,
}

/// What is evaluated.
#[derive(Debug)]
pub(super) enum Body {
    Expr(Arc<Expr>),
    Value(Value),
}

impl Lambda {
    /// Evaluates with `$1`, `$2`… set to the arguments.
    pub(super) fn call(&self, rt: &Runtime<'_>, args: &[Value]) -> Result<Value> {
        match &self.body {
            Body::Value(value) => Ok(value.clone()),
            Body::Expr(expr) => {
                let context = self.context.child()?;
                for (index, arg) in args.iter().enumerate() {
                    context.set_positional(index + 1, arg.clone())?;
                }
                eval::eval(rt, expr, &context)
            }
        }
    }

    /// Evaluates in a context of the caller's instead of the one it was written in.
    pub(super) fn call_in(&self, rt: &Runtime<'_>, context: &Context) -> Result<Value> {
        match &self.body {
            Body::Value(value) => Ok(value.clone()),
            Body::Expr(expr) => eval::eval(rt, expr, context),
        }
    }

    pub(super) fn depth(&self) -> u32 {
        let inner = if let Body::Value(value) = &self.body { value.depth() } else { 0 };
        inner.max(self.context.depth()) + 1
    }
}
