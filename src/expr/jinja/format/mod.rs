//! Python's ways to write values into text: `%`, `str.format()` and the format specifications of both.

mod fields;
mod float;
mod percent;
mod spec;

pub(super) use fields::format_fields;
pub(super) use float::fixed;
pub(super) use percent::percent;
