//! The standard library: one table of definitions per chapter, and the code behind them.

mod branching;
mod collections;
pub(super) mod date;
mod date_parse;
mod dicts;
mod grouping;
mod math;
mod queries;
mod regex;
mod strings;
mod system;

use super::overload::Row;

/// All definitions.
pub(super) fn rows() -> impl Iterator<Item = Row> {
    [
        branching::ROWS,
        collections::ROWS,
        date::ROWS,
        dicts::ROWS,
        grouping::ROWS,
        math::ROWS,
        queries::ROWS,
        regex::ROWS,
        strings::ROWS,
        system::ROWS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
