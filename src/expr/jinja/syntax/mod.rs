//! Template text to tree: Jinja2's syntax with `trim_blocks` and `lstrip_blocks`, and its messages.

mod argument;
pub(super) mod ast;
mod check;
mod cursor;
mod expression;
mod lexer;
mod statement;
mod string;
mod target;
mod token;
mod undeclared;
mod visit;

use super::error::Result;
pub(super) use undeclared::undeclared;

/// The tree of a template.
pub(super) fn parse(source: &str) -> Result<ast::Body> {
    statement::parse(source)
}
