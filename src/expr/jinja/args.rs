//! Arguments of calls, and the parameters they are for.

use std::sync::Arc;

use super::{
    error::{Error, Result},
    value::Value,
};

/// The arguments of one call.
#[derive(Default, Debug, Clone)]
pub struct Args {
    /// By position.
    pub positional: Vec<Value>,
    /// By name, in the order they were given.
    pub named: Vec<(Arc<str>, Value)>,
}

impl Args {
    pub(super) fn of(positional: Vec<Value>) -> Self {
        Self { positional, named: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.positional.is_empty() && self.named.is_empty()
    }

    /// The same arguments behind another one.
    pub(super) fn behind(&self, first: Value) -> Self {
        let mut positional = Vec::with_capacity(self.positional.len() + 1);
        positional.push(first);
        positional.extend_from_slice(&self.positional);
        Self { positional, named: self.named.clone() }
    }

    /// Refuses named arguments, as functions written in C do.
    pub(super) fn unnamed(self, function: &str) -> Result<Vec<Value>> {
        if self.named.is_empty() {
            return Ok(self.positional);
        }
        Err(Error::of_type(format!("{function}() takes no keyword arguments")))
    }
}

/// The parameters of a function.
#[derive(Clone, Copy)]
pub(super) struct Signature {
    /// The function's name in messages.
    pub(super) name: &'static str,
    pub(super) params: &'static [&'static str],
    /// How many of them have no default.
    pub(super) required: usize,
    /// Whether the parameters have no names for callers.
    pub(super) by_position: bool,
}

impl Signature {
    pub(super) const fn new(name: &'static str, required: usize, params: &'static [&'static str]) -> Self {
        assert!(params.len() <= MAX_PARAMS, "a function has more parameters than MAX_PARAMS");
        Self { name, params, required, by_position: false }
    }

    pub(super) const fn by_position(
        name: &'static str,
        required: usize,
        params: &'static [&'static str],
    ) -> Self {
        assert!(params.len() <= MAX_PARAMS, "a function has more parameters than MAX_PARAMS");
        Self { name, params, required, by_position: true }
    }

    /// Puts the arguments where they belong.
    pub(super) fn bind(&self, args: Args) -> Result<Bound> {
        let name = self.name;
        if self.by_position && !args.named.is_empty() {
            return Err(Error::of_type(format!("{name}() takes no keyword arguments")));
        }
        let given = args.positional.len();
        if given > self.params.len() {
            return Err(self.too_many(given));
        }
        let mut values = [const { None }; MAX_PARAMS];
        for (place, value) in values.iter_mut().zip(args.positional) {
            *place = Some(value);
        }
        for (key, value) in args.named {
            let Some(at) = self.params.iter().position(|param| **param == *key) else {
                return Err(Error::of_type(format!("{name}() got an unexpected keyword argument '{key}'")));
            };
            if values[at].is_some() {
                return Err(Error::of_type(format!("{name}() got multiple values for argument '{key}'")));
            }
            values[at] = Some(value);
        }
        if values[..self.required].iter().all(Option::is_some) {
            return Ok(Bound(values));
        }
        let missing =
            self.params.iter().zip(&values).take(self.required).filter(|(_, value)| value.is_none());
        let names: Vec<_> = missing.map(|(param, _)| format!("'{param}'")).collect();
        Err(Error::of_type(missing_text(name, &names)))
    }

    /// The places of arguments behind a value, so many by position and others by name, where [`Signature::bind`] would
    /// put them; nothing if it would refuse them.
    pub(super) fn places<'n>(
        &self,
        by_position: usize,
        named: impl ExactSizeIterator<Item = &'n str>,
    ) -> Option<Box<[usize]>> {
        if by_position >= self.params.len() || (self.by_position && named.len() > 0) {
            return None;
        }
        let mut places: Vec<usize> = (1..=by_position).collect();
        for name in named {
            let place = self.params.iter().position(|param| *param == name)?;
            if place == 0 || places.contains(&place) {
                return None;
            }
            places.push(place);
        }
        (1..self.required).all(|place| places.contains(&place)).then(|| places.into())
    }

    /// Whether one value, and so many more by position, are all it needs.
    pub(super) fn takes(&self, more: usize) -> bool {
        (self.required..=self.params.len()).contains(&(more + 1))
    }

    fn too_many(&self, given: usize) -> Error {
        // Some are handed the environment too, and Python counts that.
        let more = usize::from(HANDED_MORE.contains(&self.name));
        let (name, most, required) = (self.name, self.params.len() + more, self.required + more);
        let given = given + more;
        let takes = if required == most { most.to_string() } else { format!("from {required} to {most}") };
        let plural = if most == 1 { "" } else { "s" };
        let were = if given == 1 { "was" } else { "were" };
        Error::of_type(format!("{name}() takes {takes} positional argument{plural} but {given} {were} given"))
    }
}

/// Functions of Jinja2 that are handed something of its own before the value.
const HANDED_MORE: [&str; 17] = [
    "do_attr",
    "do_last",
    "do_max",
    "do_min",
    "do_random",
    "do_replace",
    "do_sort",
    "do_tojson",
    "do_truncate",
    "do_urlize",
    "do_wordwrap",
    "do_xmlattr",
    "sync_do_first",
    "sync_do_groupby",
    "sync_do_join",
    "sync_do_sum",
    "sync_do_unique",
];

fn missing_text(function: &str, names: &[String]) -> String {
    let count = names.len();
    let list = match names {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{function}() missing {count} required positional argument{plural}: {list}")
}

/// Arguments in the order of the parameters.
pub(super) struct Bound([Option<Value>; MAX_PARAMS]);

/// The most parameters a function has.
const MAX_PARAMS: usize = 6;

impl Bound {
    /// A value and what follows it by position, which [`Signature::takes`] said is all.
    pub(super) fn of(value: Value, more: impl IntoIterator<Item = Value>) -> Self {
        let mut values = [const { None }; MAX_PARAMS];
        values[0] = Some(value);
        for (place, value) in values[1..].iter_mut().zip(more) {
            *place = Some(value);
        }
        Self(values)
    }

    /// Adds an argument.
    pub(super) fn put(&mut self, at: usize, value: Value) {
        self.0[at] = Some(value);
    }

    /// A required argument, or one with a default that is `None`.
    pub(super) fn take(&mut self, at: usize) -> Value {
        self.0[at].take().unwrap_or(Value::None)
    }

    /// An argument that may be left out.
    pub(super) fn optional(&mut self, at: usize) -> Option<Value> {
        self.0[at].take()
    }

    /// An argument for which `None` says the same as leaving it out.
    pub(super) fn some(&mut self, at: usize) -> Option<Value> {
        self.0[at].take().filter(|value| !value.is_none())
    }
}
