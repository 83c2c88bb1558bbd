//! YAQL, the query language of workflows, with its standard library.
//!
//! A text is parsed once and may be evaluated often, on any thread. Evaluation is pure: what it may know
//! comes as data, variables, [`Options`] and a [`Host`] with more functions. Steps, depth, sizes and texts
//! are limited, so that no expression runs without end.
//!
//! Left out, as orquesta leaves them off: delegates (`lambda()`, calling a value), objects with attributes,
//! and the syntax of YAQL 0.2.

mod ast;
mod buckets;
mod context;
mod date;
mod error;
mod eval;
#[cfg(test)]
mod hostile;
mod lambda;
mod lazy;
mod lexer;
mod library;
mod ops;
mod output;
mod overload;
mod parser;
mod regex;
mod runtime;
mod text;
mod value;

use std::{cell::Cell, sync::Arc};

pub use context::Context;
pub use error::{Error, Result};
pub use output::{from_json, from_python, to_json, to_json_cost};
pub use runtime::{Host, HostCall, MAX_TEXT, NoHost, Options, STEPS};
pub use text::{repr, shown, str};
pub use value::{Key, Value};

/// A parsed expression.
#[derive(Debug, Clone)]
pub struct Expression(Arc<ast::Expr>);

impl Expression {
    /// Parses a text.
    ///
    /// # Errors
    /// `YaqlLexicalException` or `YaqlGrammarException`, with the place.
    pub fn parse(text: &str) -> Result<Self> {
        parser::parse(text).map(Self)
    }

    /// The value, with all sequences laid out.
    ///
    /// `context` holds the variables; `$` is what was set as `$`.
    ///
    /// # Errors
    /// The exception the reference would raise, or that a limit is reached.
    pub fn evaluate(&self, context: &Context, options: Options, host: &dyn Host) -> Result<Value> {
        self.evaluate_within(&Cell::new(STEPS), context, options, host)
    }

    /// The same, with what is left of `steps`; takes from them what it costs.
    ///
    /// # Errors
    /// As for [`Expression::evaluate`].
    pub fn evaluate_within(
        &self,
        steps: &Cell<u64>,
        context: &Context,
        options: Options,
        host: &dyn Host,
    ) -> Result<Value> {
        let runtime = runtime::Runtime::new(options, host, steps);
        let value = eval::eval(&runtime, &self.0, &context.child()?)?;
        output::finish(&runtime, &value)
    }
}
