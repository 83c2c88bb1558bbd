//! Filters: Jinja2's own and StackStorm's, by theme.

mod convert;
mod data;
mod datastore;
mod generator;
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

use super::{
    args::{Args, Bound, Signature},
    error::Result,
    render::Run,
    value::Value,
};

/// A filter and the parameters it takes; the first is the value it is applied to.
pub(super) struct Filter {
    body: Body,
}

/// A filter without its parameters.
pub(super) type Plain = fn(&mut Run, Bound) -> Result<Value>;

enum Body {
    Bound(Signature, Plain),
    Free(fn(&mut Run, Args) -> Result<Value>),
}

impl Filter {
    const fn new(signature: Signature, body: Plain) -> Self {
        Self { body: Body::Bound(signature, body) }
    }

    /// A filter that looks at its arguments itself.
    const fn free(body: fn(&mut Run, Args) -> Result<Value>) -> Self {
        Self { body: Body::Free(body) }
    }

    /// What it does, if a value and so many arguments by position are all it needs for it.
    pub(super) fn plain(&self, more: usize) -> Option<Plain> {
        match &self.body {
            Body::Bound(signature, body) if signature.takes(more) => Some(*body),
            _ => None,
        }
    }

    /// Applies the filter; the value comes first among the arguments.
    pub(super) fn apply(&self, args: Args, run: &mut Run) -> Result<Value> {
        match &self.body {
            Body::Bound(signature, body) => {
                let bound = signature.bind(args)?;
                body(run, bound)
            }
            Body::Free(body) => body(run, args),
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
