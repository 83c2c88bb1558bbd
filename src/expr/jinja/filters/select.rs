//! `map`, `select`, `reject` and their kin, and how they find attributes.

use std::borrow::Cow;

use super::{
    self as filters, Filter, Table,
    generator::{Stage, staged},
};
use crate::{
    expr::jinja::{
        args::{Args, Bound},
        error::{Class, Error, Result},
        host::{self, Found},
        render::Run,
        syntax::ast::Comparison,
        tests::{self, Test},
        value::{Hint, Value},
    },
    pytext::repr_str,
};

pub(super) const FILTERS: Table = &[
    ("map", Filter::free(map)),
    ("select", Filter::free(|_, args| select(args, true, false))),
    ("reject", Filter::free(|_, args| select(args, false, false))),
    ("selectattr", Filter::free(|_, args| select(args, true, true))),
    ("rejectattr", Filter::free(|_, args| select(args, false, true))),
];

/// Looks up a path of attributes in each item.
#[derive(Clone)]
pub(super) struct Getter {
    parts: Vec<Part>,
    default: Option<Value>,
    ignores_case: bool,
}

/// A step of a path.
#[derive(Clone)]
struct Part {
    key: Value,
    hint: Hint,
}

impl Part {
    fn new(key: Value) -> Self {
        Self { key, hint: Hint::default() }
    }
}

/// The getter for `attribute`: a text with dots, a number, or `None` for the item itself.
pub(super) fn getter(attribute: &Value, default: Option<Value>, ignores_case: bool) -> Result<Getter> {
    let parts = match attribute {
        Value::None => Vec::new(),
        Value::Str(name) if name.contains(|c: char| c.is_ascii_alphabetic()) && !name.contains('.') => {
            vec![Part::new(attribute.clone())]
        }
        Value::Str(path) | Value::Markup(path) => path.split('.').map(part).collect(),
        Value::Undefined(undefined) => return Err(undefined.error()),
        other => vec![Part::new(other.clone())],
    };
    Ok(Getter { parts, default, ignores_case })
}

/// Whether lower case changes nothing, as far as that is plain to see.
fn is_lower(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

fn part(part: &str) -> Part {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    Part::new(match part.parse() {
        Ok(index) if is_number => Value::Int(index),
        _ => Value::str(part),
    })
}

impl Getter {
    pub(super) fn get(&self, item: &Value, run: &mut Run) -> Result<Value> {
        let Some((first, rest)) = self.parts.split_first() else { return self.cased(item.clone(), run) };
        let mut item = self.part(item, first, run)?;
        for part in rest {
            item = self.part(&item, part, run)?;
        }
        self.cased(item, run)
    }

    /// As [`Getter::get`], without a copy where what is found stays as it is.
    pub(super) fn find<'v>(&self, item: Cow<'v, Value>, run: &mut Run) -> Result<Cow<'v, Value>> {
        if let Cow::Borrowed(item) = item
            && let Some(found) = self.peek(item)
        {
            return Ok(Cow::Borrowed(found));
        }
        self.get(&item, run).map(Cow::Owned)
    }

    /// What is plain to see in dictionaries that nobody has changed, and stays as it is.
    pub(super) fn peek<'v>(&self, mut item: &'v Value) -> Option<&'v Value> {
        for part in &self.parts {
            let (Value::Dict(dict), Value::Str(name)) = (item, &part.key) else { return None };
            item = dict.peek(name, &part.hint)?;
        }
        match item {
            Value::Undefined(_) => None,
            Value::Str(text) if self.ignores_case && !is_lower(text) => None,
            Value::Markup(_) if self.ignores_case => None,
            found => Some(found),
        }
    }

    fn part(&self, item: &Value, part: &Part, run: &mut Run) -> Result<Value> {
        if let (Value::Dict(dict), Value::Str(name)) = (item, &part.key)
            && let Some(found) = dict.find_str(name, &part.hint)
            && !found.is_undefined()
        {
            return Ok(found);
        }
        let found = run.item(item, &part.key)?;
        Ok(match &self.default {
            Some(default) if found.is_undefined() => default.clone(),
            _ => found,
        })
    }

    fn cased(&self, item: Value, run: &mut Run) -> Result<Value> {
        if self.ignores_case
            && let Some(text) = item.as_str()
        {
            run.budget.pay_text(text.len())?;
            if !is_lower(text) || matches!(item, Value::Markup(_)) {
                return Ok(Value::str(text.to_lowercase()));
            }
        }
        Ok(item)
    }
}

fn map(_run: &mut Run, mut args: Args) -> Result<Value> {
    if args.positional.is_empty() {
        return Err(Error::of_type("sync_do_map() missing 1 required positional argument: 'value'"));
    }
    let value = args.positional.remove(0);
    Ok(staged("sync_do_map", value, Mapped { args, mapping: None }))
}

struct Mapped {
    args: Args,
    mapping: Option<Mapping>,
}

impl Stage for Mapped {
    fn begin(&mut self, source: &Value, run: &mut Run) -> Result<bool> {
        let has_items = run.is_true(source)?;
        if has_items {
            self.mapping = Some(Mapping::prepare(&self.args, run)?);
        }
        Ok(has_items)
    }

    fn item<'v>(&mut self, item: Cow<'v, Value>, run: &mut Run) -> Result<Option<Cow<'v, Value>>> {
        let Some(mapping) = &self.mapping else { return Ok(None) };
        mapping.apply(item, run).map(Some)
    }
}

/// What `map` does to an item.
enum Mapping {
    Attribute(Getter),
    Plain(filters::Plain, Vec<Value>),
    Filter(Found, Args),
    /// What is told when there is an item to apply it to.
    Unknown(String),
}

impl Mapping {
    fn prepare(args: &Args, run: &Run) -> Result<Self> {
        let wrong = |message: String| Error::new(Class::FilterArgumentError, message);
        let attribute = args.named.iter().find(|(name, _)| **name == *"attribute");
        if let (Some((_, attribute)), []) = (attribute, &args.positional[..]) {
            let default =
                args.named.iter().find(|(name, _)| **name == *"default").map(|(_, value)| value.clone());
            let other = args.named.iter().find(|(name, _)| !matches!(&**name, "attribute" | "default"));
            if let Some((name, _)) = other {
                return Err(wrong(format!("Unexpected keyword argument {}", repr_str(name))));
            }
            let default = default.filter(|default| !default.is_none());
            return Ok(Self::Attribute(getter(attribute, default, false)?));
        }
        match args.positional.split_first() {
            Some((name, rest)) => {
                let name = name.as_str().unwrap_or_default();
                let args = Args { positional: rest.to_vec(), named: args.named.clone() };
                Ok(match host::filter(name, run.dialect()) {
                    Some(found) => match found.plain(&args) {
                        Some(plain) => Self::Plain(plain, args.positional),
                        None => Self::Filter(found, args),
                    },
                    None => Self::Unknown(format!("No filter named {}.", repr_str(name))),
                })
            }
            None => Err(wrong("map requires a filter argument".to_owned())),
        }
    }

    fn apply<'v>(&self, item: Cow<'v, Value>, run: &mut Run) -> Result<Cow<'v, Value>> {
        match self {
            Self::Attribute(getter) => getter.find(item, run),
            Self::Plain(filter, args) => {
                filter(run, Bound::of(item.into_owned(), args.iter().cloned())).map(Cow::Owned)
            }
            Self::Filter(filter, args) => filter.apply(args.behind(item.into_owned()), run).map(Cow::Owned),
            Self::Unknown(message) => Err(Error::new(Class::TemplateRuntimeError, message.clone())),
        }
    }
}

fn select(mut args: Args, keeps: bool, by_attribute: bool) -> Result<Value> {
    if args.positional.is_empty() {
        return Err(Error::of_type("missing 1 required positional argument: 'value'"));
    }
    let value = args.positional.remove(0);
    Ok(staged("select_or_reject", value, Selected { args, keeps, by_attribute, condition: None }))
}

struct Selected {
    args: Args,
    keeps: bool,
    by_attribute: bool,
    condition: Option<Condition>,
}

impl Stage for Selected {
    fn begin(&mut self, source: &Value, run: &mut Run) -> Result<bool> {
        let has_items = run.is_true(source)?;
        if has_items {
            self.condition = Some(Condition::prepare(&self.args, self.by_attribute)?);
        }
        Ok(has_items)
    }

    fn item<'v>(&mut self, item: Cow<'v, Value>, run: &mut Run) -> Result<Option<Cow<'v, Value>>> {
        let Some(condition) = &self.condition else { return Ok(None) };
        Ok((condition.holds(&item, run)? == self.keeps).then_some(item))
    }
}

/// What `select` asks of an item.
struct Condition {
    getter: Option<Getter>,
    asks: Asks,
}

enum Asks {
    /// Whether it counts as true.
    Truth,
    Comparison(Comparison, Value),
    Test(&'static Test, Args),
    /// What is told when there is an item to ask.
    Unknown(String),
}

impl Condition {
    fn prepare(args: &Args, by_attribute: bool) -> Result<Self> {
        let mut positional = args.positional.iter().cloned();
        let getter = match (by_attribute, by_attribute.then(|| positional.next()).flatten()) {
            (true, Some(attribute)) => Some(getter(&attribute, None, false)?),
            (true, None) => {
                return Err(Error::new(Class::FilterArgumentError, "Missing parameter for attribute name"));
            }
            (false, _) => None,
        };
        let Some(name) = positional.next() else { return Ok(Self { getter, asks: Asks::Truth }) };
        let name = name.as_str().unwrap_or_default();
        let mut args = Args { positional: positional.collect(), named: args.named.clone() };
        let asks = match tests::find(name) {
            None => Asks::Unknown(format!("No test named {}.", repr_str(name))),
            Some(test) => match (test.comparison(), args.positional.len(), args.named.len()) {
                (Some(comparison), 1, 0) => Asks::Comparison(comparison, args.positional.remove(0)),
                _ => Asks::Test(test, args),
            },
        };
        Ok(Self { getter, asks })
    }

    fn holds(&self, item: &Value, run: &mut Run) -> Result<bool> {
        let value = match &self.getter {
            Some(getter) => getter.find(Cow::Borrowed(item), run)?,
            None => Cow::Borrowed(item),
        };
        match &self.asks {
            Asks::Truth => run.is_true(&value),
            Asks::Comparison(comparison, other) => run.comparison(*comparison, &value, other),
            Asks::Test(test, args) => test.apply(args.behind(value.into_owned()), run),
            Asks::Unknown(message) => Err(Error::new(Class::TemplateRuntimeError, message.clone())),
        }
    }
}
