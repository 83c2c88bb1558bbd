//! Where the parts of a document stand, for messages about its content.

use std::collections::HashMap;

use super::error::Mark;

/// Line and column, both from 1, of every value by its JSON pointer.
#[derive(Debug, Clone, Default)]
pub struct Positions(HashMap<String, (usize, usize)>);

impl Positions {
    /// Where the value at a JSON pointer (`/tasks/t1/action`; empty for the document) begins.
    ///
    /// What is not there is looked for in what would hold it, since a message about a missing key is
    /// about the mapping that lacks it.
    pub fn of(&self, pointer: &str) -> (usize, usize) {
        let mut pointer = pointer;
        loop {
            if let Some(position) = self.0.get(pointer) {
                return *position;
            }
            match pointer.rfind('/') {
                Some(end) => pointer = &pointer[..end],
                None => return (1, 1),
            }
        }
    }

    /// Where exactly that value begins, if the document has it.
    pub fn exact(&self, pointer: &str) -> Option<(usize, usize)> {
        self.0.get(pointer).copied()
    }

    /// The JSON pointer of every value, and where it begins; in no order.
    pub fn all(&self) -> impl Iterator<Item = (&str, (usize, usize))> {
        self.0.iter().map(|(pointer, at)| (pointer.as_str(), *at))
    }

    pub(super) fn note(&mut self, pointer: &str, mark: Mark) {
        self.0.insert(pointer.to_owned(), (mark.line + 1, mark.column + 1));
    }
}
