//! Values as Python 3.11 writes and reads them.
//!
//! StackStorm's users see Python everywhere: a parameter of the wrong type is quoted by `repr()`, a
//! list in the middle of a template becomes `[1, 'a']`, a float is `1e+16`, and a parameter given as
//! text is read by `int()`, `float()` or `ast.literal_eval()`. This module is those functions over
//! [`serde_json::Value`], byte for byte. It leaves out what JSON has no value for: bytes, complex
//! numbers, infinities and lone surrogates are errors or `null`, each said at its function.
//!
//! Integers keep all their digits (`Number` is text inside), and `1` and `1.0` stay two values.

mod integer;
mod json_read;
mod json_write;
mod literal;
mod number;
mod python_json;
pub mod regex;
mod repr;
pub mod search;
mod truth;
mod unicode;

pub use integer::int;
pub use json_read::{JsonError, json_loads, try_loads};
pub use json_write::{json_compact, json_dumps, json_indented, json_type};
pub use literal::{LiteralError, literal};
pub(crate) use number::equal_text;
pub use number::{
    big, float, float_repr, from_big, from_f64, is_float, is_int, number_cmp, number_eq, py_eq, to_f64,
};
pub use python_json::python_json;
pub use repr::{repr, repr_str, str, type_name, write_repr_str};
pub use truth::truthy;
pub use unicode::is_space;

/// How deep values read from text may nest.
///
/// Python allows far more. What is read here is stored as JSON inside other JSON and read again by a
/// parser that stops at 128, so a deeper value could be accepted and never be seen again.
pub const MAX_DEPTH: usize = 100;
