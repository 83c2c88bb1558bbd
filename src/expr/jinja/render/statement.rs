//! Statements: what each writes and sets.

use std::sync::Arc;

use super::{Run, macros};
use crate::expr::jinja::{
    budget::{Budget, MAX_OUTPUT},
    error::{Class, Error, Result},
    filters::html,
    syntax::ast::{Block, Expr, Link, Stmt, Target},
    value::{self, Value},
};

#[inline]
fn write(text: &str, budget: &mut Budget, out: &mut String) -> Result<()> {
    budget.pay_text(text.len())?;
    if out.len() + text.len() > MAX_OUTPUT {
        return Err(too_long());
    }
    out.push_str(text);
    Ok(())
}

/// Refuses what is more than a rendering may write.
pub(super) fn check_length(out: &str) -> Result<()> {
    if out.len() > MAX_OUTPUT { Err(too_long()) } else { Ok(()) }
}

fn too_long() -> Error {
    Error::limit(format!("the template writes more than {MAX_OUTPUT} bytes"))
}

/// Writes what is text, an integer or a truth; says whether it was.
fn print_simple(value: &Value, budget: &mut Budget, out: &mut String) -> Result<bool> {
    match value {
        Value::Str(text) | Value::Markup(text) => write(text, budget, out)?,
        Value::Int(int) => {
            // The most digits one has, and its sign.
            if out.len() + 20 > MAX_OUTPUT {
                return Err(too_long());
            }
            budget.pay(1)?;
            write_int(*int, out);
        }
        Value::Bool(flag) => write(if *flag { "True" } else { "False" }, budget, out)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn write_int(int: i64, out: &mut String) {
    let mut digits = [0; 20];
    let mut begin = digits.len();
    let mut rest = int.unsigned_abs();
    loop {
        begin -= 1;
        digits[begin] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if int < 0 {
        out.push('-');
    }
    for digit in &digits[begin..] {
        out.push(char::from(*digit));
    }
}

impl Run<'_> {
    pub(super) fn body(&mut self, body: &[Stmt], out: &mut String) -> Result<()> {
        body.iter().try_for_each(|statement| self.statement(statement, out))
    }

    fn statement(&mut self, statement: &Stmt, out: &mut String) -> Result<()> {
        self.budget.pay(1)?;
        match statement {
            Stmt::Text(text) => self.write(text, out),
            Stmt::Print(value) => {
                if !self.escaping && (self.print_known(value, out)? || self.print_filtered(value, out)?) {
                    return Ok(());
                }
                let value = self.eval(value)?;
                self.print(&value, out)
            }
            Stmt::Set { target, value } => {
                self.check_target(target)?;
                let value = self.eval(value)?;
                self.assign(target, value)
            }
            Stmt::If { branches, otherwise } => {
                for (test, body) in branches {
                    if self.holds(test)? {
                        return self.nested_body(body, out);
                    }
                }
                self.nested_body(otherwise, out)
            }
            other => self.deeper(|run| run.block_statement(other, out)),
        }
    }

    fn nested_body(&mut self, body: &[Stmt], out: &mut String) -> Result<()> {
        self.deeper(|run| run.body(body, out))
    }

    #[inline(never)]
    fn block_statement(&mut self, statement: &Stmt, out: &mut String) -> Result<()> {
        match statement {
            Stmt::For(for_loop) => self.for_loop(for_loop, out),
            Stmt::SetBlock { target, filters, body } => {
                self.check_target(target)?;
                let value = self.filtered(filters, body)?;
                self.assign(target, value)
            }
            Stmt::FilterBlock { filters, body } => {
                let value = self.filtered(filters, body)?;
                if value.as_str().is_none() {
                    let kind = value.type_name();
                    let message = format!("sequence item 0: expected str instance, {kind} found");
                    return Err(Error::of_type(message));
                }
                self.print_text(&value, out)
            }
            Stmt::Macro(definition) => {
                let value = macros::define(self, definition);
                if let Some(name) = &definition.name {
                    self.scopes.set(name, value);
                }
                Ok(())
            }
            Stmt::CallBlock { call, caller } => {
                let caller = macros::define(self, caller);
                let value = self.eval_with_caller(call, caller)?;
                self.print(&value, out)
            }
            Stmt::With { targets, body } => {
                let values = targets.iter().map(|(_, value)| self.eval(value)).collect::<Result<Vec<_>>>()?;
                let before = self.scopes.open();
                let done = targets
                    .iter()
                    .zip(values)
                    .try_for_each(|((target, _), value)| self.assign(target, value))
                    .and_then(|()| self.body(body, out));
                self.scopes.close(before);
                done
            }
            Stmt::Block(block) => self.block(block, out),
            Stmt::Autoescape { on, body } => {
                let on = self.eval(on)?;
                let on = self.is_true(&on)?;
                let was_on = std::mem::replace(&mut self.escaping, on);
                let before = self.scopes.open();
                let done = self.body(body, out);
                self.scopes.close(before);
                self.escaping = was_on;
                done
            }
            Stmt::Load { template, .. } => {
                self.eval(template)?;
                Err(Error::of_type("no loader for this environment specified"))
            }
            _ => Ok(()),
        }
    }

    // ── writing ─────────────────────────────────────────────────────────────────────────────

    pub(in super::super) fn write(&mut self, text: &str, out: &mut String) -> Result<()> {
        write(text, &mut self.budget, out)
    }

    /// Writes what is plain to see and of a simple kind, without making it a value of its own first. Says whether it
    /// did: anything else goes the long way.
    fn print_known(&mut self, expr: &Expr, out: &mut String) -> Result<bool> {
        let Self { scopes, budget, .. } = self;
        match scopes.known(expr) {
            Some(value) => print_simple(value, budget, out),
            None => scopes.told(expr).map_or(Ok(false), |value| print_simple(&value, budget, out)),
        }
    }

    /// Writes a value as `{{ … }}` does.
    fn print(&mut self, value: &Value, out: &mut String) -> Result<()> {
        if self.escaping {
            let escaped = html::escape(value, self)?;
            return self.write(&escaped, out);
        }
        self.print_text(value, out)
    }

    fn print_text(&mut self, value: &Value, out: &mut String) -> Result<()> {
        match value {
            Value::Str(text) | Value::Markup(text) => self.write(text, out),
            Value::Int(_) | Value::Bool(_) => print_simple(value, &mut self.budget, out).map(drop),
            other => {
                let begin = out.len();
                value::write_str_of(out, other, &mut self.budget)?;
                let written = out.len() - begin;
                self.budget.make_text(written)?;
                self.budget.pay_text(written)?;
                check_length(out)
            }
        }
    }

    /// What a body writes, as text or, where escaping is on, as HTML.
    pub(super) fn captured(&mut self, body: &[Stmt]) -> Result<Value> {
        let mut text = String::new();
        self.body(body, &mut text)?;
        Ok(self.written(text))
    }

    pub(in super::super) fn written(&self, text: String) -> Value {
        if self.escaping { Value::Markup(text.into()) } else { Value::str(text) }
    }

    fn filtered(&mut self, filters: &[Link], body: &[Stmt]) -> Result<Value> {
        let before = self.scopes.open();
        let value = self.captured(body).and_then(|value| self.links(value, filters));
        self.scopes.close(before);
        value
    }

    // ── assigning ───────────────────────────────────────────────────────────────────────────

    pub(super) fn assign(&mut self, target: &Target, value: Value) -> Result<()> {
        match target {
            Target::Name(name) => self.scopes.set(name, value),
            Target::Member { namespace, name } => {
                let object = self.name(namespace);
                self.check_holding(&object, &value)?;
                if let Value::Object(object) = object {
                    object.set_attribute(name, value);
                }
            }
            Target::Tuple(targets) => {
                let items = self.unpack(&value, targets.len())?;
                targets.iter().zip(items).try_for_each(|(target, item)| self.assign(target, item))?;
            }
        }
        Ok(())
    }

    /// Only namespaces have members that can be set; that is asked before the value is looked at.
    fn check_target(&self, target: &Target) -> Result<()> {
        match target {
            Target::Name(_) => Ok(()),
            Target::Tuple(targets) => targets.iter().try_for_each(|target| self.check_target(target)),
            Target::Member { namespace, .. } => match self.name(namespace) {
                Value::Object(object) if object.can_set_attributes() => Ok(()),
                _ => Err(Error::new(
                    Class::TemplateRuntimeError,
                    "cannot assign attribute on non-namespace object",
                )),
            },
        }
    }

    /// As many items as there are names for.
    pub(in super::super) fn unpack(&mut self, value: &Value, count: usize) -> Result<Vec<Value>> {
        let Some(mut items) = self.iterate_if_possible(value)? else {
            return Err(Error::of_type(format!("cannot unpack non-iterable {} object", value.type_name())));
        };
        let mut unpacked = Vec::with_capacity(count);
        while let Some(item) = items.next(self)? {
            if unpacked.len() == count {
                return Err(Error::of_value(format!("too many values to unpack (expected {count})")));
            }
            unpacked.push(item);
        }
        if unpacked.len() < count {
            let got = unpacked.len();
            return Err(Error::of_value(format!(
                "not enough values to unpack (expected {count}, got {got})"
            )));
        }
        Ok(unpacked)
    }

    // ── blocks ──────────────────────────────────────────────────────────────────────────────

    pub(super) fn collect_blocks(&mut self, body: &[Stmt]) {
        for statement in body {
            match statement {
                Stmt::Block(block) => {
                    self.blocks.insert(block.name.clone(), block.clone());
                    self.collect_blocks(&block.body);
                }
                Stmt::If { branches, otherwise } => {
                    for (_, body) in branches {
                        self.collect_blocks(body);
                    }
                    self.collect_blocks(otherwise);
                }
                Stmt::For(for_loop) => {
                    self.collect_blocks(&for_loop.body);
                    self.collect_blocks(&for_loop.otherwise);
                }
                Stmt::SetBlock { body, .. }
                | Stmt::FilterBlock { body, .. }
                | Stmt::With { body, .. }
                | Stmt::Autoescape { body, .. } => self.collect_blocks(body),
                Stmt::Macro(definition) | Stmt::CallBlock { caller: definition, .. } => {
                    self.collect_blocks(&definition.body);
                }
                _ => {}
            }
        }
    }

    pub(in super::super) fn find_block(&self, name: &str) -> Option<Arc<Block>> {
        self.blocks.get(name).cloned()
    }

    pub(in super::super) fn block(&mut self, block: &Block, out: &mut String) -> Result<()> {
        if block.required {
            let name = crate::pytext::repr_str(&block.name);
            return Err(Error::new(Class::TemplateRuntimeError, format!("Required block {name} not found")));
        }
        let before = if block.scoped { self.scopes.open() } else { self.scopes.open_at_root() };
        let no_parent = format!("there is no parent block called {}.", crate::pytext::repr_str(&block.name));
        let no_parent = self.undefined(no_parent);
        self.scopes.set(&"super".into(), no_parent);
        let done = self.body(&block.body, out);
        self.scopes.close(before);
        done
    }
}
