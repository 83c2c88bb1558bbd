//! How filters find the attribute they were told of.

use crate::expr::jinja::{
    error::Result,
    render::{Item, Run},
    value::{Hint, Value},
};

/// Looks up a path of attributes in each item.
#[derive(Clone)]
pub(super) struct Getter {
    first: Option<Part>,
    rest: Vec<Part>,
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

    #[inline]
    fn peek<'v>(&self, item: &'v Value) -> Option<&'v Value> {
        match (item, &self.key) {
            (Value::Dict(dict), Value::Str(name)) => dict.peek(name, &self.hint),
            _ => None,
        }
    }
}

/// The getter for `attribute`: a text with dots, a number, or `None` for the item itself.
pub(super) fn getter(attribute: &Value, default: Option<Value>, ignores_case: bool) -> Result<Getter> {
    let (mut first, mut rest) = (None, Vec::new());
    match attribute {
        Value::None => {}
        Value::Str(name) if name.contains(|c: char| c.is_ascii_alphabetic()) && !name.contains('.') => {
            first = Some(Part::new(attribute.clone()));
        }
        Value::Str(path) | Value::Markup(path) => {
            let mut parts = path.split('.').map(part);
            first = parts.next();
            rest = parts.collect();
        }
        Value::Undefined(undefined) => return Err(undefined.error()),
        other => first = Some(Part::new(other.clone())),
    }
    Ok(Getter { first, rest, default, ignores_case })
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
        let Some(first) = &self.first else { return self.cased(item.clone(), run) };
        let mut item = self.part(item, first, run)?;
        for part in &self.rest {
            item = self.part(&item, part, run)?;
        }
        self.cased(item, run)
    }

    /// Hands on what it finds in an item, without a copy where that stays as it is.
    #[inline]
    pub(super) fn find(
        &self,
        item: &Item<'_>,
        run: &mut Run,
        then: impl FnOnce(&mut Run, Item<'_>) -> Result<()>,
    ) -> Result<()> {
        item.with(|item| {
            if let Some(found) = self.peek(item) {
                return then(run, Item::Seen(found));
            }
            let found = self.get(item, run)?;
            then(run, Item::Own(found))
        })
    }

    /// What is plain to see in dictionaries that nobody has changed, and stays as it is.
    #[inline]
    pub(super) fn peek<'v>(&self, mut item: &'v Value) -> Option<&'v Value> {
        if let Some(first) = &self.first {
            item = first.peek(item)?;
            for part in &self.rest {
                item = part.peek(item)?;
            }
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
