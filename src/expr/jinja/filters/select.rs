//! `map`, `select`, `reject` and their kin.

use std::sync::Arc;

use super::{
    self as filters, Filter, Table,
    generator::{Prepared, Stage},
    getter::{Getter, getter},
    text::Case,
};
use crate::{
    expr::jinja::{
        args::{Args, Bound},
        error::{Class, Error, Result},
        host::{self, Dialect, Found},
        render::{Each, Item, Run},
        syntax::ast::Comparison,
        tests::{self, Test},
        value::Value,
    },
    pytext::repr_str,
};

pub(super) const FILTERS: Table = &[
    ("map", Filter::staged("sync_do_map", |args, dialect| Ok(Arc::new(Mapping::prepare(args, dialect)?)))),
    ("select", Filter::staged(SELECTS, |args, _| select(args, true, false))),
    ("reject", Filter::staged(SELECTS, |args, _| select(args, false, false))),
    ("selectattr", Filter::staged(SELECTS, |args, _| select(args, true, true))),
    ("rejectattr", Filter::staged(SELECTS, |args, _| select(args, false, true))),
];

const SELECTS: &str = "select_or_reject";

/// What `map` does to an item.
enum Mapping {
    Attribute(Getter),
    Case(Case),
    Plain(filters::Plain, Vec<Value>),
    Filter(Found, Args),
    /// What is told when there is an item to apply it to.
    Unknown(String),
}

impl Mapping {
    fn prepare(args: Args, dialect: Dialect) -> Result<Self> {
        let wrong = |message: String| Error::new(Class::FilterArgumentError, message);
        let named =
            |wanted: &str| args.named.iter().find(|(name, _)| **name == *wanted).map(|(_, value)| value);
        if let (Some(attribute), []) = (named("attribute"), &args.positional[..]) {
            let other = args.named.iter().find(|(name, _)| !matches!(&**name, "attribute" | "default"));
            if let Some((name, _)) = other {
                return Err(wrong(format!("Unexpected keyword argument {}", repr_str(name))));
            }
            let default = named("default").filter(|default| !default.is_none()).cloned();
            return Ok(Self::Attribute(getter(attribute, default, false)?));
        }
        let Args { mut positional, named } = args;
        if positional.is_empty() {
            return Err(wrong("map requires a filter argument".to_owned()));
        }
        let name = positional.remove(0);
        let name = name.as_str().unwrap_or_default();
        let args = Args { positional, named };
        let Some(found) = host::filter(name, dialect) else {
            return Ok(Self::Unknown(format!("No filter named {}.", repr_str(name))));
        };
        Ok(match (found.case(&args), found.plain(&args)) {
            (Some(case), _) => Self::Case(case),
            (_, Some(plain)) => Self::Plain(plain, args.positional),
            _ => Self::Filter(found, args),
        })
    }

    fn apply(&self, item: Value, run: &mut Run) -> Result<Value> {
        match self {
            Self::Attribute(getter) => getter.get(&item, run),
            Self::Case(case) => case.apply(run, &item),
            Self::Plain(filter, args) => filter(run, Bound::of(item, args.iter().cloned())),
            Self::Filter(filter, args) => filter.apply(args.behind(item), run),
            Self::Unknown(message) => Err(Error::new(Class::TemplateRuntimeError, message.clone())),
        }
    }
}

impl Stage for Mapping {
    fn item(&self, item: Item<'_>, run: &mut Run, each: &mut Each<'_>) -> Result<()> {
        match (self, &item) {
            (Self::Attribute(getter), item) => getter.find(item, run, each),
            (Self::Case(case), Item::Seen(Value::Str(text)) | Item::Own(Value::Str(text))) => {
                run.with_text(|run, written| {
                    case.write(text, &mut run.budget, written)?;
                    each(run, Item::Text(written))
                })
            }
            _ => {
                let made = self.apply(item.into_value(), run)?;
                each(run, Item::Own(made))
            }
        }
    }
}

fn select(args: Args, keeps: bool, by_attribute: bool) -> Prepared {
    let condition = Condition::prepare(args, by_attribute)?;
    Ok(Arc::new(Selected { keeps, condition }))
}

struct Selected {
    keeps: bool,
    condition: Condition,
}

impl Stage for Selected {
    fn item(&self, item: Item<'_>, run: &mut Run, each: &mut Each<'_>) -> Result<()> {
        if self.condition.holds(&item, run)? == self.keeps { each(run, item) } else { Ok(()) }
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
    fn prepare(args: Args, by_attribute: bool) -> Result<Self> {
        let mut positional = args.positional.into_iter();
        let getter = match (by_attribute, by_attribute.then(|| positional.next()).flatten()) {
            (true, Some(attribute)) => Some(getter(&attribute, None, false)?),
            (true, None) => {
                return Err(Error::new(Class::FilterArgumentError, "Missing parameter for attribute name"));
            }
            (false, _) => None,
        };
        let Some(name) = positional.next() else { return Ok(Self { getter, asks: Asks::Truth }) };
        let name = name.as_str().unwrap_or_default();
        let mut args = Args { positional: positional.collect(), named: args.named };
        let asks = match tests::find(name) {
            None => Asks::Unknown(format!("No test named {}.", repr_str(name))),
            Some(test) => match (test.comparison(), args.positional.len(), args.named.len()) {
                (Some(comparison), 1, 0) => Asks::Comparison(comparison, args.positional.remove(0)),
                _ => Asks::Test(test, args),
            },
        };
        Ok(Self { getter, asks })
    }

    fn holds(&self, item: &Item<'_>, run: &mut Run) -> Result<bool> {
        let Some(getter) = &self.getter else { return self.asks.of(item, run) };
        let mut holds = false;
        getter.find(item, run, |run, found| {
            holds = self.asks.of(&found, run)?;
            Ok(())
        })?;
        Ok(holds)
    }
}

impl Asks {
    #[inline]
    fn of(&self, item: &Item<'_>, run: &mut Run) -> Result<bool> {
        item.with(|value| match self {
            Self::Truth => run.is_true(value),
            Self::Comparison(comparison, other) => run.comparison(*comparison, value, other),
            Self::Test(test, args) => test.apply(args.behind(value.clone()), run),
            Self::Unknown(message) => Err(Error::new(Class::TemplateRuntimeError, message.clone())),
        })
    }
}
