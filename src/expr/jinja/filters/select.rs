//! `map`, `select`, `reject` and their kin, and how they find attributes.

use super::{Filter, Table, generator::generator};
use crate::{
    expr::jinja::{
        args::Args,
        error::{Class, Error, Result},
        host,
        render::Run,
        tests,
        value::Value,
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
    parts: Vec<Value>,
    default: Option<Value>,
    ignores_case: bool,
}

/// The getter for `attribute`: a text with dots, a number, or `None` for the item itself.
pub(super) fn getter(attribute: &Value, default: Option<Value>, ignores_case: bool) -> Result<Getter> {
    let parts = match attribute {
        Value::None => Vec::new(),
        Value::Str(path) | Value::Markup(path) => path.split('.').map(part).collect(),
        Value::Undefined(undefined) => return Err(undefined.error()),
        other => vec![other.clone()],
    };
    Ok(Getter { parts, default, ignores_case })
}

fn part(part: &str) -> Value {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match part.parse() {
        Ok(index) if is_number => Value::Int(index),
        _ => Value::str(part),
    }
}

impl Getter {
    pub(super) fn get(&self, mut item: Value, run: &mut Run) -> Result<Value> {
        for part in &self.parts {
            item = run.item(&item, part)?;
            if item.is_undefined()
                && let Some(default) = &self.default
            {
                item = default.clone();
            }
        }
        if self.ignores_case
            && let Some(text) = item.as_str()
        {
            run.budget.pay_text(text.len())?;
            return Ok(Value::str(text.to_lowercase()));
        }
        Ok(item)
    }
}

fn map(_run: &mut Run, mut args: Args) -> Result<Value> {
    if args.positional.is_empty() {
        return Err(Error::of_type("sync_do_map() missing 1 required positional argument: 'value'"));
    }
    let value = args.positional.remove(0);
    let mut mapping: Option<Mapping> = None;
    Ok(generator(
        "sync_do_map",
        value,
        Box::new(move |source, run| {
            if mapping.is_none() {
                if !run.is_true(source.value())? {
                    return Ok(None);
                }
                mapping = Some(Mapping::prepare(&args)?);
            }
            match (source.next(run)?, &mapping) {
                (Some(item), Some(mapping)) => mapping.apply(item, run).map(Some),
                _ => Ok(None),
            }
        }),
    ))
}

/// What `map` does to an item.
enum Mapping {
    Attribute(Getter),
    Filter(Value, Args),
}

impl Mapping {
    fn prepare(args: &Args) -> Result<Self> {
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
                Ok(Self::Filter(name.clone(), Args { positional: rest.to_vec(), named: args.named.clone() }))
            }
            None => Err(wrong("map requires a filter argument".to_owned())),
        }
    }

    fn apply(&self, item: Value, run: &mut Run) -> Result<Value> {
        match self {
            Self::Attribute(getter) => getter.get(item, run),
            Self::Filter(name, args) => {
                let name = name.as_str().unwrap_or_default();
                let filter = host::filter(name, run.dialect()).ok_or_else(|| {
                    Error::new(Class::TemplateRuntimeError, format!("No filter named {}.", repr_str(name)))
                })?;
                let mut args = args.clone();
                args.positional.insert(0, item);
                filter.apply(args, run)
            }
        }
    }
}

fn select(mut args: Args, keeps: bool, by_attribute: bool) -> Result<Value> {
    if args.positional.is_empty() {
        return Err(Error::of_type("missing 1 required positional argument: 'value'"));
    }
    let value = args.positional.remove(0);
    let mut condition: Option<Condition> = None;
    Ok(generator(
        "select_or_reject",
        value,
        Box::new(move |source, run| {
            if condition.is_none() {
                if !run.is_true(source.value())? {
                    return Ok(None);
                }
                condition = Some(Condition::prepare(&args, by_attribute)?);
            }
            while let (Some(item), Some(condition)) = (source.next(run)?, &condition) {
                if condition.holds(&item, run)? == keeps {
                    return Ok(Some(item));
                }
            }
            Ok(None)
        }),
    ))
}

/// What `select` asks of an item.
struct Condition {
    getter: Option<Getter>,
    test: Option<Value>,
    args: Args,
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
        let test = positional.next();
        Ok(Self { getter, test, args: Args { positional: positional.collect(), named: args.named.clone() } })
    }

    fn holds(&self, item: &Value, run: &mut Run) -> Result<bool> {
        let value = match &self.getter {
            Some(getter) => getter.get(item.clone(), run)?,
            None => item.clone(),
        };
        let Some(name) = &self.test else { return run.is_true(&value) };
        let name = name.as_str().unwrap_or_default();
        let test = tests::find(name).ok_or_else(|| {
            Error::new(Class::TemplateRuntimeError, format!("No test named {}.", repr_str(name)))
        })?;
        let mut args = self.args.clone();
        args.positional.insert(0, value);
        test.apply(args, run)
    }
}
