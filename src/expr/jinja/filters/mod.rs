//! Filters: Jinja2's own and StackStorm's, by theme.

mod convert;
mod data;
mod datastore;
pub(super) mod generator;
mod getter;
pub(super) mod html;
mod json;
mod jsonpath;
mod lines;
mod path;
mod pattern;
mod pprint;
mod select;
mod sequence;
mod sort;
mod text;
mod time;
mod url;
mod urlize;
mod version;

use std::{collections::HashMap, sync::OnceLock};

pub use datastore::{Datastore, NoDatastore, st2kv, st2kv_system};
pub(super) use sort::sort_values;

use generator::Prepared;
pub(super) use text::Case;

use super::{
    args::{Args, Bound, Signature},
    error::{Error, Result},
    host::Dialect,
    render::Run,
    value::Value,
};

/// A filter and the parameters it takes; the first is the value it is applied to.
pub(super) struct Filter {
    body: Body,
}

/// A filter without its parameters.
pub(super) type Plain = fn(&mut Run, Bound) -> Result<Value>;

/// A filter that writes its text where it belongs at once, as long as nothing is escaped.
pub(super) type Writer = fn(&mut Run, Bound, &mut String) -> Result<()>;

/// What makes a stage of the arguments behind the value.
type Prepare = fn(Args, Dialect) -> Prepared;

enum Body {
    Bound(Signature, Plain, Option<Writer>),
    Free(fn(&mut Run, Args) -> Result<Value>),
    Case(Signature, Case),
    Staged(&'static str, Prepare),
}

impl Filter {
    const fn new(signature: Signature, body: Plain) -> Self {
        Self { body: Body::Bound(signature, body, None) }
    }

    /// A filter that knows two ways.
    const fn writing(signature: Signature, body: Plain, writer: Writer) -> Self {
        Self { body: Body::Bound(signature, body, Some(writer)) }
    }

    const fn case(name: &'static str, case: Case) -> Self {
        Self { body: Body::Case(Signature::new(name, 1, &["s"]), case) }
    }

    /// A filter that does something to one item after the other.
    const fn staged(name: &'static str, prepare: Prepare) -> Self {
        Self { body: Body::Staged(name, prepare) }
    }

    /// A filter that looks at its arguments itself.
    const fn free(body: fn(&mut Run, Args) -> Result<Value>) -> Self {
        Self { body: Body::Free(body) }
    }

    /// What it does, if a value and so many arguments by position are all it needs for it.
    pub(super) fn plain(&self, more: usize) -> Option<Plain> {
        match &self.body {
            Body::Bound(signature, body, _) if signature.takes(more) => Some(*body),
            _ => None,
        }
    }

    /// The case it puts text into, if that is all it does.
    pub(super) fn as_case(&self) -> Option<Case> {
        if let Body::Case(_, case) = &self.body { Some(*case) } else { None }
    }

    /// Its parameters and what it does with them, if it has such.
    pub(super) fn as_bound(&self) -> Option<(&Signature, Plain, Option<Writer>)> {
        if let Body::Bound(signature, body, writer) = &self.body {
            Some((signature, *body, *writer))
        } else {
            None
        }
    }

    /// What its generators are called, and how their stage is made of arguments.
    pub(super) fn as_staged(&self) -> Option<(&'static str, Prepare)> {
        if let Body::Staged(name, prepare) = &self.body { Some((name, *prepare)) } else { None }
    }

    /// Applies the filter; the value comes first among the arguments.
    pub(super) fn apply(&self, args: Args, run: &mut Run) -> Result<Value> {
        match &self.body {
            Body::Bound(signature, body, _) => {
                let bound = signature.bind(args)?;
                body(run, bound)
            }
            Body::Free(body) => body(run, args),
            Body::Case(signature, case) => case.apply(run, &signature.bind(args)?.take(0)),
            Body::Staged(name, prepare) => {
                let mut args = args;
                if args.positional.is_empty() {
                    let message = format!("{name}() missing 1 required positional argument: 'value'");
                    return Err(Error::of_type(message));
                }
                let value = args.positional.remove(0);
                Ok(generator::staged(name, value, prepare(args, run.dialect())))
            }
        }
    }
}

/// Name and filter, as each theme lists its own.
type Table = &'static [(&'static str, Filter)];

/// The filter of this name.
pub(super) fn find(name: &str) -> Option<&'static Filter> {
    static ALL: OnceLock<HashMap<&'static str, &'static Filter>> = OnceLock::new();
    const TABLES: [Table; 17] = [
        convert::FILTERS,
        data::FILTERS,
        datastore::FILTERS,
        html::FILTERS,
        json::FILTERS,
        jsonpath::FILTERS,
        lines::FILTERS,
        path::FILTERS,
        pattern::FILTERS,
        pprint::FILTERS,
        select::FILTERS,
        sequence::FILTERS,
        sort::FILTERS,
        text::FILTERS,
        time::FILTERS,
        url::FILTERS,
        version::FILTERS,
    ];
    let all = ALL.get_or_init(|| {
        TABLES.into_iter().flatten().chain(urlize::FILTERS).map(|(name, filter)| (*name, filter)).collect()
    });
    all.get(name).copied()
}
