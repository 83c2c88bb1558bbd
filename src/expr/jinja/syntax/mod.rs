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

use super::{
    error::{Error, Result},
    host::Dialect,
};
pub(super) use undeclared::undeclared;

/// The tree of a template; with a dialect, what it uses must exist there.
pub(super) fn parse(source: &str, checks: Option<Dialect>) -> Result<ast::Body> {
    statement::parse(source, checks)
}

/// The tree of what stands between `{{` and `}}`.
pub(super) fn parse_expression(source: &str, dialect: Dialect) -> Result<ast::Expr> {
    // Jinja2 reads the first token before it begins to make its errors short.
    let mut cursor = cursor::Cursor::in_variable(source).map_err(Error::with_line)?;
    let expr = cursor.expression()?;
    if cursor.current.kind != token::Kind::End {
        return Err(cursor.fail("chunk after expression"));
    }
    check::check_expression(&expr, dialect)?;
    Ok(expr)
}

/// Whether an expression stands at the beginning of the text, whatever follows it.
pub(super) fn begins_with_expression(source: &str) -> Result<()> {
    cursor::Cursor::in_variable(source)?.expression().map(drop)
}
