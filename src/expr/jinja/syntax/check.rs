//! What is wrong with a template that is well formed: filters and tests nobody knows, `loop` as a target.
//!
//! A filter may be unknown where it might not be needed: in a branch of `if`, and in a conditional
//! expression, unless something with a scope of its own is in between.

use super::{
    ast::{Expr, Link, MacroUses, Stmt},
    visit,
};
use crate::{
    expr::jinja::{
        error::{Class, Error, Result},
        host::{self, Dialect},
        tests,
    },
    pytext::repr_str,
};

/// Refuses a template that uses what does not exist.
pub(super) fn check(body: &[Stmt], dialect: Dialect) -> Result<()> {
    blocks(body, &mut Vec::new())?;
    statements(body, false, dialect)
}

/// A name is given to one block only.
fn blocks<'a>(body: &'a [Stmt], known: &mut Vec<&'a str>) -> Result<()> {
    for statement in body {
        if let Stmt::Block(block) = statement {
            if known.contains(&&*block.name) {
                return refuse(format!("block {} defined twice", repr_str(&block.name)));
            }
            known.push(&block.name);
        }
        let mut found = Ok(());
        visit::statement_parts(statement, &mut |_| {}, &mut |inner| {
            if found.is_ok() {
                found = blocks(inner, known);
            }
        });
        found?;
    }
    Ok(())
}

/// Refuses an expression that uses what does not exist.
pub(super) fn check_expression(expr: &Expr, dialect: Dialect) -> Result<()> {
    expression(expr, false, dialect)
}

fn statements(body: &[Stmt], is_soft: bool, dialect: Dialect) -> Result<()> {
    body.iter().try_for_each(|item| statement(item, is_soft, dialect))
}

fn statement(statement: &Stmt, is_soft: bool, dialect: Dialect) -> Result<()> {
    if let Stmt::For(for_loop) = statement {
        let mut is_loop = false;
        let mut look = |name: &str| is_loop |= name == "loop";
        visit::target_names(&for_loop.target, &mut look);
        stored_names(&for_loop.body, &mut look);
        if is_loop {
            return refuse("Can't assign to special loop variable in for-loop target".to_owned());
        }
    }
    // The branches of `if` are lenient; every other body is a scope of its own and strict again.
    let is_condition = matches!(statement, Stmt::If { .. });
    let has_scope = !matches!(statement, Stmt::Print(_) | Stmt::Set { .. } | Stmt::Load { .. });
    let filters = match statement {
        Stmt::SetBlock { filters, .. } | Stmt::FilterBlock { filters, .. } => &filters[..],
        _ => &[],
    };
    filters.iter().rev().try_for_each(|filter| link(filter, false, dialect))?;
    let mut found = Ok(());
    let mut failed = Ok(());
    visit::statement_parts(
        statement,
        &mut |part| {
            if found.is_ok() {
                found = expression(part, is_condition || (is_soft && !has_scope), dialect);
            }
        },
        &mut |inner| {
            if failed.is_ok() {
                failed = statements(inner, is_condition, dialect);
            }
        },
    );
    found.and(failed)
}

fn expression(expr: &Expr, is_soft: bool, dialect: Dialect) -> Result<()> {
    if let Expr::Chain { links, .. } = expr {
        // The last filter is the outermost, and looked at first.
        links.iter().rev().try_for_each(|found| link(found, is_soft, dialect))?;
    }
    let is_soft = is_soft || matches!(expr, Expr::Condition { .. });
    let mut found = Ok(());
    visit::parts(expr, &mut |part| {
        if found.is_ok() {
            found = expression(part, is_soft, dialect);
        }
    });
    found
}

fn link(link: &Link, is_soft: bool, dialect: Dialect) -> Result<()> {
    match link {
        Link::Filter(usage) if !is_soft && host::filter(&usage.name, dialect).is_none() => {
            refuse(format!("No filter named {}.", repr_str(&usage.name)))
        }
        Link::Test { name, .. } if !is_soft && tests::find(name).is_none() => {
            refuse(format!("No test named {}.", repr_str(name)))
        }
        _ => Ok(()),
    }
}

fn refuse(message: String) -> Result<()> {
    Err(Error::new(Class::TemplateAssertionError, message))
}

/// Calls `visit` for every name that is assigned anywhere in the body.
fn stored_names<'a>(body: &'a [Stmt], visit_name: &mut dyn FnMut(&'a str)) {
    for statement in body {
        match statement {
            Stmt::Set { target, .. } | Stmt::SetBlock { target, .. } => {
                visit::target_names(target, visit_name);
            }
            Stmt::With { targets, .. } => {
                for (target, _) in targets {
                    visit::target_names(target, visit_name);
                }
            }
            Stmt::For(for_loop) => visit::target_names(&for_loop.target, visit_name),
            _ => {}
        }
        visit::statement_parts(statement, &mut |_| {}, &mut |inner| stored_names(inner, visit_name));
    }
}

/// Which of the special names of macros the body mentions.
pub(super) fn macro_uses(body: &[Stmt]) -> MacroUses {
    let mut uses = MacroUses::default();
    mentions(body, &mut |name| match name {
        "caller" => uses.caller = true,
        "kwargs" => uses.kwargs = true,
        "varargs" => uses.varargs = true,
        _ => {}
    });
    uses
}

/// Calls `visit` for every name that is read in the body, blocks left out.
pub(super) fn mentions<'a>(body: &'a [Stmt], visit_name: &mut dyn FnMut(&'a str)) {
    let mut bodies = Vec::new();
    for statement in body {
        if matches!(statement, Stmt::Block(_)) {
            continue;
        }
        if let Stmt::SetBlock { filters, .. } | Stmt::FilterBlock { filters, .. } = statement {
            for link in filters {
                visit::link_parts(link, &mut |part| names(part, visit_name));
            }
        }
        visit::statement_parts(statement, &mut |part| names(part, visit_name), &mut |inner| {
            bodies.push(inner);
        });
    }
    for inner in bodies {
        mentions(inner, visit_name);
    }
}

fn names<'a>(expr: &'a Expr, visit_name: &mut dyn FnMut(&'a str)) {
    if let Expr::Name(name) = expr {
        visit_name(name);
    }
    visit::parts(expr, &mut |part| names(part, visit_name));
}
