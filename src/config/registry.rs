//! The settings as a table of keys: what loading, checking and the example file work with.

use super::setting::{Input, Setting};

/// One key of a section.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Its name within the section.
    pub(super) name: &'static str,
    /// Lines of its doc comment.
    pub(super) doc: &'static [&'static str],
    /// Its present value; `None` when it is absent.
    pub(super) value: Option<toml::Value>,
}

/// Why a section does not take a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It has no such key.
    Unknown,
    /// The value is of another kind; holds the one expected.
    Kind(&'static str),
}

/// A section, seen by key.
pub(super) trait Section {
    /// Its keys with their present values, in the order of the example file.
    fn keys(&self) -> Vec<Key>;

    /// Gives a key a value.
    fn set(&mut self, key: &str, input: Input<'_>) -> Result<(), Refused>;
}

/// [`Setting::KIND`] of a value's type, where only the value is at hand.
pub(super) fn kind_of<T: Setting>(_: &T) -> &'static str {
    T::KIND
}
