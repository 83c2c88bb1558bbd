//! Jinja2 3.1 as StackStorm uses it: sandboxed, strict about what is undefined, with its own filters.
//!
//! Written from scratch rather than on an existing engine, as what templates are made of is Python:
//! the methods of its types, its formatting, its text forms and its messages, which users see and match
//! on. What a template may cost is bounded (see `budget`), whoever wrote it.
//!
//! ```
//! use serde_json::json;
//! use st2d::expr::jinja::{Template, to_value};
//!
//! let template = Template::parse("{{ hosts | map('upper') | join(', ') }}")?;
//! assert_eq!(template.undeclared(), ["hosts"]);
//! assert_eq!(template.render(&to_value(&json!({"hosts": ["web1", "web2"]})))?, "WEB1, WEB2");
//! # Ok::<(), st2d::expr::jinja::Error>(())
//! ```
//!
//! Left out: loading other templates (`include`, `extends` and `import` are errors), extensions, and
//! text with lone surrogates.

mod answer;
mod args;
mod budget;
mod error;
mod filters;
mod format;
mod globals;
mod host;
#[cfg(test)]
mod hostile;
mod methods;
mod operators;
#[cfg(test)]
mod reference;
mod render;
mod syntax;
mod tests;
mod value;
mod values;

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

pub use answer::{Answer, Form};
pub use args::Args;
pub use budget::{Budget, MAX_OUTPUT, STEPS};
pub use error::{Class, Error};
pub use filters::{Datastore, NoDatastore, st2kv, st2kv_system};
pub use host::{Dialect, Host};
pub use render::{Missing, Run};
pub use value::{Object, Range, Value, from_value, to_value};
pub use values::{is_template, render_values, wrap_raw};

/// Calls one of StackStorm's filters by the name it has as a function of workflows.
///
/// # Errors
/// As for a template that calls it.
pub fn call_filter(name: &str, args: Args) -> Result<serde_json::Value, Error> {
    let Some(filter) = host::filter_function(name) else {
        return Err(Error::of_type(format!("there is no filter \"{name}\"")));
    };
    let mut run = Run::new(&Value::None, Missing::Refused);
    let value = filter.apply(args, &mut run)?;
    answer::json(&mut run, &value)
}

/// A template, ready to be rendered any number of times.
pub struct Template {
    body: syntax::ast::Body,
    /// How much it wrote when it was rendered last.
    written: AtomicUsize,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What Jinja2 says about a template it cannot compile.
    pub fn parse(source: &str) -> Result<Self, Error> {
        Ok(Self::of(syntax::parse(source, Some(Dialect::StackStorm))?))
    }

    /// Reads a template of a workflow.
    ///
    /// # Errors
    /// What Jinja2 says about a template it cannot compile.
    pub fn parse_in_workflow(source: &str) -> Result<Self, Error> {
        Ok(Self::of(syntax::parse(source, Some(Dialect::Workflow))?))
    }

    fn of(body: syntax::ast::Body) -> Self {
        Self { body, written: AtomicUsize::new(0) }
    }

    fn render_in(&self, run: &mut Run<'_>) -> Result<String, Error> {
        // As much room as was needed before, within reason.
        const ROOM: usize = 1 << 16;
        let out = String::with_capacity(self.written.load(Ordering::Relaxed).min(ROOM));
        let out = run.render(&self.body, out)?;
        self.written.store(out.len(), Ordering::Relaxed);
        Ok(out)
    }

    /// Whether the text is a template at all; what it uses may not exist.
    ///
    /// # Errors
    /// What Jinja2 says about a text it cannot parse.
    pub fn check(source: &str) -> Result<(), Error> {
        syntax::parse(source, None).map(drop)
    }

    /// Renders a template of a workflow, whose functions `host` answers, with what is left of `steps`.
    ///
    /// # Errors
    /// As for [`Template::render`].
    pub fn render_within(&self, steps: &Cell<u64>, host: &dyn Host) -> Result<String, Error> {
        let mut run = Run::in_workflow(host, steps.get());
        let rendered = self.render_in(&mut run);
        steps.set(run.budget.steps() as u64);
        rendered
    }

    /// The names the template takes from its context, sorted.
    pub fn undeclared(&self) -> Vec<String> {
        syntax::undeclared(&self.body)
    }

    /// Renders with the names in `context`, a dictionary; a missing name is an error where it is used.
    ///
    /// # Errors
    /// What Python would raise, or [`Class::LimitExceeded`] for a template that does too much.
    pub fn render(&self, context: &Value) -> Result<String, Error> {
        self.render_with(context, Missing::Refused)
    }

    /// Renders with missing names empty, as StackStorm's `allow_undefined`.
    ///
    /// # Errors
    /// As for [`Template::render`].
    pub fn render_lax(&self, context: &Value) -> Result<String, Error> {
        self.render_with(context, Missing::Empty)
    }

    /// Renders with missing names handled as `missing` says.
    ///
    /// # Errors
    /// As for [`Template::render`].
    pub fn render_with(&self, context: &Value, missing: Missing) -> Result<String, Error> {
        self.render_in(&mut Run::new(context, missing))
    }
}

/// What stands between `{{` and `}}` in a workflow, ready to be evaluated any number of times.
pub struct Expression {
    tree: syntax::ast::Expr,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What Jinja2 says about an expression it cannot compile.
    pub fn parse(source: &str) -> Result<Self, Error> {
        Ok(Self { tree: syntax::parse_expression(source, Dialect::Workflow)? })
    }

    /// Whether the text begins with an expression.
    ///
    /// # Errors
    /// What Jinja2 says about a text it cannot parse.
    pub fn check(source: &str) -> Result<(), Error> {
        syntax::begins_with_expression(source)
    }

    /// The value; its functions are answered by `host`. Takes what it costs from `steps`.
    ///
    /// # Errors
    /// As for [`Template::render`].
    pub fn evaluate_within(&self, steps: &Cell<u64>, host: &dyn Host, form: Form) -> Result<Answer, Error> {
        let mut run = Run::in_workflow(host, steps.get());
        let answer = run.value(&self.tree).and_then(|value| Answer::of(&mut run, value, form));
        steps.set(run.budget.steps() as u64);
        answer
    }
}
