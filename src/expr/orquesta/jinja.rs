//! Texts with Jinja in them.

use std::{borrow::Cow, cell::Cell, collections::HashSet, sync::LazyLock};

use fancy_regex::Regex;
use serde_json::Value as Json;

use super::{
    Error, MAX_NESTING, arguments,
    data::{Data, Problem},
    functions::{self, Found, Place},
    inline, parsed,
};
use crate::{
    expr::jinja::{self, Answer, Args, Class, Form, Host, Run, Value},
    pytext,
};

/// The marks, each of whose characters is taken off an expression's ends.
const MARKS: [char; 2] = ['{', '}'];

/// Text that is no template; it is cut out first and rendered last.
static RAW: LazyLock<Option<Regex>> =
    LazyLock::new(|| pytext::regex::compile(r"\{% raw %\}.*?\{% endraw %\}").ok());

/// What a text became.
enum Output {
    Text(String),
    /// A value that is no text; for a part of a text, its `str()`.
    Value(Json),
}

/// Evaluates a text that has expressions.
pub(super) fn evaluate(text: &str, data: &dyn Data) -> Result<Json, Error> {
    let functions = Functions { data };
    let steps = Cell::new(jinja::STEPS);
    let evaluation = Evaluation { functions: &functions, steps: &steps };
    let raw: Vec<&str> = match &*RAW {
        Some(raw) if text.contains("{% raw %}") => {
            raw.find_iter(text).map_while(Result::ok).map(|found| found.as_str()).collect()
        }
        _ => Vec::new(),
    };
    let mut cut = Cow::Borrowed(text);
    for (at, block) in raw.iter().enumerate() {
        cut = Cow::Owned(cut.replace(block, &format!("{{{at}}}")));
    }
    let output = match evaluation.expand(&cut, Form::Json, 0)? {
        Output::Value(value) => return Ok(value),
        Output::Text(output) => output,
    };
    let unresolved = inline::all(&output, "{{", "}}");
    if !unresolved.is_empty() {
        let names: Vec<&str> = unresolved.into_iter().map(stripped).collect();
        let message = format!("There are unresolved variables: {}", names.join(", "));
        return Err(Error { class: CLASS, message });
    }
    if raw.is_empty() {
        return Ok(Json::String(output));
    }
    let mut whole = output;
    for (at, block) in raw.iter().enumerate() {
        whole = replaced(&whole, &format!("{{{at}}}"), block).map_err(|error| fault(text, &error))?;
    }
    // What fails here is not wrapped by the reference, and reaches users under its own name.
    let rendered = parsed::template(&whole).and_then(|template| template.render_within(&steps, &functions));
    rendered
        .map(Json::String)
        .map_err(|error| Error { class: error.class().name(), message: error.to_string() })
}

const CLASS: &str = "JinjaEvaluationException";

struct Evaluation<'a> {
    functions: &'a Functions<'a>,
    steps: &'a Cell<u64>,
}

impl Evaluation<'_> {
    fn expand(&self, text: &str, form: Form, nesting: usize) -> Result<Output, Error> {
        let limit = || fault(text, &jinja::Error::new(Class::RecursionError, RECURSION));
        if inline::find(text, "{%", "%}").is_some() {
            if nesting > MAX_NESTING {
                return Err(limit());
            }
            self.pay(text);
            let rendered = parsed::template(text)
                .and_then(|template| template.render_within(self.steps, self.functions))
                .map_err(|error| fault(text, &error))?;
            return self.expand(&rendered, form, nesting + 1).map_err(|error| nested(text, error));
        }
        let expressions = inline::all(text, "{{", "}}");
        if expressions.is_empty() {
            return Ok(Output::Text(text.to_owned()));
        }
        if nesting > MAX_NESTING {
            return Err(limit());
        }
        let mut output = text.to_owned();
        let mut done = HashSet::new();
        for expression in &expressions {
            let is_whole = expressions.len() == 1 && output.len() == expression.len();
            let inner = if is_whole { form } else { Form::Text };
            // Its equals were replaced with it, and evaluating has no effect.
            if !done.insert(*expression) {
                continue;
            }
            match self.one(expression, inner, nesting)? {
                None => {}
                Some(value) if is_whole => return Ok(value),
                Some(Output::Text(shown)) => {
                    output =
                        replaced(&output, expression, &shown).map_err(|error| fault(expression, &error))?;
                }
                Some(Output::Value(value)) => output = output.replace(expression, &pytext::str(&value)),
            }
        }
        Ok(Output::Text(output))
    }

    /// The value of an expression; nothing if it is not there.
    fn one(&self, expression: &str, form: Form, nesting: usize) -> Result<Option<Output>, Error> {
        self.pay(expression);
        let answer = parsed::jinja(stripped(expression))
            .and_then(|parsed| parsed.evaluate_within(self.steps, self.functions, form))
            .map_err(|error| fault(expression, &error))?;
        Ok(match answer {
            Answer::Missing => None,
            Answer::Json(value) => Some(Output::Value(value)),
            Answer::Shown(text) => Some(Output::Text(text)),
            Answer::Text(text) => {
                Some(self.expand(&text, form, nesting + 1).map_err(|error| nested(expression, error))?)
            }
        })
    }

    /// Parsing what a text holds costs too, when that text was made by an expression.
    fn pay(&self, text: &str) {
        self.steps.set(self.steps.get().saturating_sub(20 + text.len() as u64));
    }
}

const RECURSION: &str = "maximum recursion depth exceeded";

/// `text.replace(from, to)`, within the limit of texts.
fn replaced(text: &str, from: &str, to: &str) -> Result<String, jinja::Error> {
    let copies = text.matches(from).count();
    if text.len() + copies.saturating_mul(to.len()) > jinja::MAX_OUTPUT {
        let message = format!("the text is longer than {} bytes", jinja::MAX_OUTPUT);
        return Err(jinja::Error::new(Class::LimitExceeded, message));
    }
    Ok(text.replace(from, to))
}

/// The words of an error, as orquesta wraps it.
fn fault(expression: &str, error: &jinja::Error) -> Error {
    let class = error.class().name();
    Error { class: CLASS, message: format!("Unable to evaluate expression '{expression}'. {class}: {error}") }
}

/// The error of an expression inside a text that an expression gave.
fn nested(expression: &str, error: Error) -> Error {
    if error.message.ends_with(RECURSION) {
        // Said once, not at every level.
        return error;
    }
    let Error { class, message } = error;
    Error {
        class: CLASS,
        message: format!("Unable to evaluate expression '{expression}'. {class}: {message}"),
    }
}

/// An expression without its marks.
pub(super) fn stripped(expression: &str) -> &str {
    inline::stripped(expression, &MARKS)
}

/// Orquesta's functions for Jinja.
struct Functions<'a> {
    data: &'a dyn Data,
}

impl Host for Functions<'_> {
    fn call(&self, name: &'static str, args: Args, _run: &mut Run<'_>) -> Result<Value, jinja::Error> {
        let of_type = |message: String| jinja::Error::new(Class::TypeError, message);
        let parameters =
            arguments::of(name).ok_or_else(|| of_type(format!("'{name}' is no function of a context")))?;
        let positional = args
            .positional
            .iter()
            .map(|value| jinja::from_value(value).map(Some))
            .collect::<Result<_, _>>()?;
        let named = args.named.iter();
        let named = named
            .map(|(name, value)| Ok((name.to_string(), jinja::from_value(value)?)))
            .collect::<Result<_, jinja::Error>>()?;
        let bound = parameters.bind(positional, named, arguments::snake).map_err(of_type)?;
        functions::call(name, bound, self.data).map(|found| value(&found)).map_err(raised)
    }

    fn follow(&self, name: &str, args: &[Value], path: &[&str]) -> Option<(Value, usize)> {
        if !matches!(name, "ctx" | "item" | "result" | "task") {
            return None;
        }
        let args = args.iter().map(|value| jinja::from_value(value).ok().map(Some)).collect::<Option<_>>()?;
        let bound = arguments::of(name)?.bind(args, Vec::new(), arguments::snake).ok()?;
        // What is refused here is refused again, and told, by the call itself.
        let Place { value: found, taken } = functions::call(name, bound, self.data).ok()?.walk(path);
        Some((value(&found), taken))
    }
}

fn raised(problem: Problem) -> jinja::Error {
    jinja::Error::new(Class::of(problem.class), problem.message)
}

fn value(found: &Found<'_>) -> Value {
    match found {
        Found::Vars(data) => jinja::to_value(&Json::Object(data.vars())),
        Found::Context(value) => jinja::to_value(value),
        Found::Made(value) => jinja::to_value(value),
    }
}
