//! JSONPath as Python's `jsonpath-rw` 1.4 reads and follows it, with its messages.
//!
//! Left out: updating what is found, and `&`, which that library never finished.

mod find;
mod lexer;
mod parser;

use std::borrow::Cow;

use serde_json::Value;

/// Values a query may visit.
const MAX_VISITS: usize = 200_000;

/// Why a query cannot be read or followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A character that begins no token.
    #[error("{0}")]
    Lexer(String),
    /// Everything else.
    #[error("{0}")]
    Path(String),
}

/// A query, ready to be followed.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath(parser::Path);

impl JsonPath {
    /// Reads a query.
    ///
    /// # Errors
    /// The library's message.
    pub fn parse(query: &str) -> Result<Self, Error> {
        parser::parse(query).map(Self)
    }

    /// The values the query finds, in the library's order.
    ///
    /// # Errors
    /// What following the path raises in Python, and queries that visit too much.
    pub fn find<'a>(&self, data: &'a Value) -> Result<Vec<Cow<'a, Value>>, Error> {
        self.find_within(data, MAX_VISITS).map(|(found, _)| found)
    }

    /// As [`JsonPath::find`], visiting at most `visits` values; also says how many it visited.
    ///
    /// # Errors
    /// As for [`JsonPath::find`].
    pub fn find_within<'a>(
        &self,
        data: &'a Value,
        visits: usize,
    ) -> Result<(Vec<Cow<'a, Value>>, usize), Error> {
        find::find(&self.0, data, visits.min(MAX_VISITS))
    }
}
