//! What can be assigned to: names, members of namespaces, and tuples of these.

use super::{
    ast::{Expr, Target},
    cursor::Cursor,
    token::Kind,
};
use crate::expr::jinja::error::Result;

impl Cursor {
    /// What `set`, `for` and `with` assign to.
    pub(super) fn target(&mut self, with_namespace: bool) -> Result<Target> {
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                self.expect(",")?;
            }
            if self.is_tuple_end() {
                break;
            }
            items.push(self.simple_target(with_namespace)?);
            if !self.is(",") {
                break;
            }
            is_tuple = true;
        }
        if is_tuple {
            return Ok(Target::Tuple(items));
        }
        items.pop().ok_or_else(|| self.fail(format!("Expected an expression, got {}", self.described())))
    }

    fn simple_target(&mut self, with_namespace: bool) -> Result<Target> {
        if with_namespace
            && let Kind::Name(namespace) = self.current.kind.clone()
            && !matches!(&*namespace, "true" | "True" | "false" | "False" | "none" | "None")
            && self.look()?.is(".")
        {
            self.advance()?;
            self.advance()?;
            return Ok(Target::Member { namespace, name: self.expect_name()? });
        }
        let line = self.current.line;
        let expr = self.nested(Self::primary)?;
        as_target(expr).map_err(|kind| self.fail(format!("can't assign to '{kind}'")).at_line(line))
    }
}

/// The target an expression can be read as, or what it is instead.
fn as_target(expr: Expr) -> Result<Target, &'static str> {
    match expr {
        Expr::Name(name) => Ok(Target::Name(name)),
        Expr::Tuple(items) => match items.into_iter().map(as_target).collect() {
            Ok(items) => Ok(Target::Tuple(items)),
            Err(_) => Err("tuple"),
        },
        Expr::Const(_) => Err("const"),
        Expr::List(_) => Err("list"),
        Expr::Dict(_) => Err("dict"),
        _ => Err("expression"),
    }
}
