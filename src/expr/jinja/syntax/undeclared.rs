//! Which names a template takes from its context.
//!
//! Parameters depend on each other by these names, so the answer follows Jinja2's own analysis even
//! where that is cautious: a name that only some branches of an `if` assign counts as taken.

use std::collections::BTreeSet;

use super::{
    ast::{Body, Expr, Link, Macro, Stmt, Target},
    check, visit,
};
use crate::expr::jinja::globals;

/// The names, sorted; those every template has are left out.
pub(in super::super) fn undeclared(body: &[Stmt]) -> Vec<String> {
    let mut analysis =
        Analysis { scopes: vec![Scope::default()], found: BTreeSet::new(), blocks: Vec::new() };
    analysis.scopes[0].known.insert("self".to_owned());
    analysis.frame(body);
    while let Some(block) = analysis.blocks.pop() {
        analysis.scopes = vec![Scope::default()];
        analysis.scopes[0].known.extend(["self".to_owned(), "super".to_owned()]);
        analysis.frame(block);
    }
    analysis.found.into_iter().filter(|name| !globals::NAMES.contains(&name.as_str())).collect()
}

#[derive(Default, Clone)]
struct Scope {
    /// Names that refer to something in this scope: assigned, or looked up before.
    known: BTreeSet<String>,
    /// Names this scope assigns.
    stores: BTreeSet<String>,
}

struct Analysis<'a> {
    scopes: Vec<Scope>,
    found: BTreeSet<String>,
    /// Bodies of blocks, which see nothing of the scope around them.
    blocks: Vec<&'a [Stmt]>,
}

impl<'a> Analysis<'a> {
    fn is_known(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.known.contains(name))
    }

    fn load(&mut self, name: &str) {
        if !self.is_known(name) {
            self.scope().known.insert(name.to_owned());
            self.found.insert(name.to_owned());
        }
    }

    fn store(&mut self, name: &str) {
        let scope = self.scope();
        scope.stores.insert(name.to_owned());
        scope.known.insert(name.to_owned());
    }

    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    /// The statements of one scope: first its own names, then the scopes inside it.
    fn frame(&mut self, body: &'a [Stmt]) {
        self.own(body);
        self.inner(body);
    }

    fn inside(&mut self, prepare: impl FnOnce(&mut Self), body: &'a [Stmt]) {
        self.scopes.push(Scope::default());
        prepare(self);
        self.frame(body);
        self.scopes.pop();
    }

    // ── names of a scope itself ─────────────────────────────────────────────────────────────

    fn own(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.own_statement(statement);
        }
    }

    fn own_statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Text(_) | Stmt::Block(_) | Stmt::Autoescape { .. } => {}
            Stmt::Print(value) => self.expression(value),
            Stmt::Set { target, value } => {
                self.expression(value);
                self.target(target);
            }
            Stmt::SetBlock { target, .. } => self.target(target),
            Stmt::If { branches, otherwise } => {
                if let Some(((test, body), elifs)) = branches.split_first() {
                    self.branches(test, body, elifs, otherwise);
                }
            }
            Stmt::For(for_loop) => self.expression(&for_loop.items),
            Stmt::Macro(definition) => {
                if let Some(name) = &definition.name {
                    self.store(name);
                }
            }
            Stmt::CallBlock { call, .. } => self.expression(call),
            Stmt::FilterBlock { filters, .. } => filters.iter().for_each(|filter| self.link(filter)),
            Stmt::With { targets, .. } => targets.iter().for_each(|(_, value)| self.expression(value)),
            Stmt::Load { template, stores } => {
                self.expression(template);
                for name in stores {
                    self.store(name);
                }
            }
        }
    }

    /// A name that not every branch assigns may come from the context after all.
    fn branches(
        &mut self,
        test: &'a Expr,
        body: &'a [Stmt],
        elifs: &'a [(Expr, Body)],
        otherwise: &'a [Stmt],
    ) {
        self.expression(test);
        let before = self.scope().clone();
        let mut after = Vec::new();
        for part in 0..3 {
            *self.scope() = before.clone();
            match part {
                0 => self.own(body),
                1 => elifs.iter().for_each(|(test, body)| self.branches(test, body, &[], &[])),
                _ => self.own(otherwise),
            }
            after.push(self.scope().clone());
        }
        let outer: Vec<String> =
            after.iter().flat_map(|scope| scope.stores.difference(&before.stores)).cloned().collect();
        let mut merged = before;
        for scope in after {
            merged.known.extend(scope.known);
            merged.stores.extend(scope.stores);
        }
        *self.scope() = merged;
        for name in outer {
            let has_outer = self.scopes.iter().rev().skip(1).any(|scope| scope.known.contains(&name));
            if !has_outer {
                self.found.insert(name);
            }
        }
    }

    fn target(&mut self, target: &'a Target) {
        match target {
            Target::Name(name) => self.store(name),
            Target::Member { namespace, .. } => self.load(namespace),
            Target::Tuple(items) => items.iter().for_each(|item| self.target(item)),
        }
    }

    fn expression(&mut self, expr: &'a Expr) {
        if let Expr::Name(name) = expr {
            self.load(name);
        }
        visit::parts(expr, &mut |part| self.expression(part));
    }

    fn link(&mut self, link: &'a Link) {
        visit::link_parts(link, &mut |part| self.expression(part));
    }

    // ── scopes inside ───────────────────────────────────────────────────────────────────────

    fn inner(&mut self, body: &'a [Stmt]) {
        for statement in body {
            self.inner_statement(statement);
        }
    }

    fn inner_statement(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Text(_) | Stmt::Print(_) | Stmt::Set { .. } | Stmt::Load { .. } => {}
            Stmt::If { branches, otherwise } => {
                for (_, body) in branches {
                    self.inner(body);
                }
                self.inner(otherwise);
            }
            Stmt::For(for_loop) => {
                let mut has_loop = for_loop.recursive;
                check::mentions(&for_loop.body, &mut |name| has_loop |= name == "loop");
                if let Some(test) = &for_loop.test {
                    self.scopes.push(Scope::default());
                    self.target(&for_loop.target);
                    self.expression(test);
                    self.scopes.pop();
                }
                self.inside(
                    |inner| {
                        if has_loop {
                            inner.store("loop");
                        }
                        inner.target(&for_loop.target);
                    },
                    &for_loop.body,
                );
                self.inside(|_| {}, &for_loop.otherwise);
            }
            Stmt::SetBlock { filters, body, .. } => {
                self.inside(|inner| filters.iter().for_each(|filter| inner.link(filter)), body);
            }
            Stmt::Macro(definition) | Stmt::CallBlock { caller: definition, .. } => {
                self.macro_body(definition);
            }
            Stmt::FilterBlock { body, .. } => self.inside(|_| {}, body),
            Stmt::With { targets, body } => {
                self.inside(|inner| targets.iter().for_each(|(target, _)| inner.target(target)), body);
            }
            Stmt::Block(block) => self.blocks.push(&block.body),
            Stmt::Autoescape { on, body } => self.inside(|inner| inner.expression(on), body),
        }
    }

    fn macro_body(&mut self, definition: &'a Macro) {
        self.inside(
            |inner| {
                definition.params.iter().for_each(|param| inner.store(param));
                let uses = definition.uses;
                for (name, used) in
                    [("caller", uses.caller), ("kwargs", uses.kwargs), ("varargs", uses.varargs)]
                {
                    if used {
                        inner.store(name);
                    }
                }
                definition.defaults.iter().for_each(|default| inner.expression(default));
            },
            &definition.body,
        );
    }
}
