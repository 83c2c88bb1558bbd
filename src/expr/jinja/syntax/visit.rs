//! Walking over a tree.

use super::ast::{CallArgs, Expr, Link, LoopUse, Stmt, Target};

/// Calls `visit` for the parts of an expression, one level down, in the order they are evaluated.
pub(super) fn parts<'a>(expr: &'a Expr, visit: &mut dyn FnMut(&'a Expr)) {
    match expr {
        Expr::Const(_) | Expr::Name(_) => {}
        Expr::Tuple(items) | Expr::List(items) | Expr::And(items) | Expr::Or(items) | Expr::Concat(items) => {
            items.iter().for_each(visit);
        }
        Expr::Dict(entries) => entries.iter().for_each(|(key, value)| {
            visit(key);
            visit(value);
        }),
        Expr::Chain { base, links } => {
            visit(base);
            for link in links {
                link_parts(link, visit);
            }
        }
        Expr::Not(operand) | Expr::Sign { operand, .. } => visit(operand),
        Expr::Compare { first, rest } => {
            visit(first);
            for (_, operand) in rest {
                visit(operand);
            }
        }
        Expr::Arithmetic { first, rest } => {
            visit(first);
            for (_, operand) in rest {
                visit(operand);
            }
        }
        Expr::Condition { test, then, otherwise, .. } => {
            visit(test);
            visit(then);
            if let Some(otherwise) = otherwise {
                visit(otherwise);
            }
        }
    }
}

/// Calls `visit` for the expressions in a link.
pub(super) fn link_parts<'a>(link: &'a Link, visit: &mut dyn FnMut(&'a Expr)) {
    match link {
        Link::Attribute(_) => {}
        Link::Item(item) => visit(item),
        Link::Slice { bounds, .. } => bounds.iter().flatten().for_each(visit),
        Link::Filter(usage) => call_parts(&usage.args, visit),
        Link::Call(args) | Link::Test { args, .. } => call_parts(args, visit),
    }
}

fn call_parts<'a>(args: &'a CallArgs, visit: &mut dyn FnMut(&'a Expr)) {
    args.positional.iter().for_each(&mut *visit);
    args.named.iter().for_each(|(_, value)| visit(value));
    args.star.iter().chain(&args.double_star).for_each(|value| visit(value));
}

/// Calls `visit` for the names a target assigns.
pub(super) fn target_names<'a>(target: &'a Target, visit: &mut dyn FnMut(&'a str)) {
    match target {
        Target::Name(name) => visit(name),
        Target::Member { .. } => {}
        Target::Tuple(items) => items.iter().for_each(|item| target_names(item, visit)),
    }
}

/// The expressions and the bodies of a statement, one level down.
pub(super) fn statement_parts<'a>(
    statement: &'a Stmt,
    expression: &mut dyn FnMut(&'a Expr),
    body: &mut dyn FnMut(&'a [Stmt]),
) {
    match statement {
        Stmt::Text(_) => {}
        Stmt::Print(value) | Stmt::Set { value, .. } | Stmt::Load { template: value, .. } => {
            expression(value);
        }
        Stmt::If { branches, otherwise } => {
            for (test, branch) in branches {
                expression(test);
                body(branch);
            }
            body(otherwise);
        }
        Stmt::For(for_loop) => {
            expression(&for_loop.items);
            for_loop.test.iter().for_each(expression);
            body(&for_loop.body);
            body(&for_loop.otherwise);
        }
        Stmt::SetBlock { filters, body: inner, .. } | Stmt::FilterBlock { filters, body: inner } => {
            for link in filters {
                link_parts(link, expression);
            }
            body(inner);
        }
        Stmt::Macro(definition) => {
            definition.defaults.iter().for_each(expression);
            body(&definition.body);
        }
        Stmt::CallBlock { call, caller } => {
            expression(call);
            caller.defaults.iter().for_each(expression);
            body(&caller.body);
        }
        Stmt::With { targets, body: inner } => {
            for (_, value) in targets {
                expression(value);
            }
            body(inner);
        }
        Stmt::Block(block) => body(&block.body),
        Stmt::Autoescape { on, body: inner } => {
            expression(on);
            body(inner);
        }
    }
}

/// What a body has to do with `loop`, however deep and whatever that means there.
pub(super) fn loop_use(body: &[Stmt]) -> LoopUse {
    let (mut found, mut bodies) = (LoopUse::None, vec![body]);
    while let Some(body) = bodies.pop() {
        for statement in body {
            let mut exprs = Vec::new();
            statement_parts(statement, &mut |expr| exprs.push(expr), &mut |body| bodies.push(body));
            while let Some(expr) = exprs.pop() {
                match (expr, use_of_member(expr)) {
                    (Expr::Name(name), _) if **name == *"loop" => return LoopUse::Items,
                    (Expr::Chain { links, .. }, Some(use_here)) => {
                        found = found.max(use_here);
                        for link in links {
                            link_parts(link, &mut |part| exprs.push(part));
                        }
                    }
                    _ => parts(expr, &mut |part| exprs.push(part)),
                }
            }
        }
    }
    found
}

/// What `loop.member` asks for, if the expression begins with such.
fn use_of_member(expr: &Expr) -> Option<LoopUse> {
    let Expr::Chain { base, links } = expr else { return None };
    let (Expr::Name(name), Some(Link::Attribute(member))) = (&**base, links.first()) else { return None };
    match &*member.name {
        _ if **name != *"loop" => None,
        "previtem" => None,
        "index" | "index0" | "first" | "depth" | "depth0" | "cycle" => Some(LoopUse::Count),
        _ => Some(LoopUse::Members),
    }
}
