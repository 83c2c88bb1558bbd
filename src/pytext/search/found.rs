//! What a pattern was found to be.

use super::machine::NOTHING;

/// A match: where the whole and its groups stand in the text.
#[derive(Clone, Debug)]
pub struct Found<'t> {
    text: &'t str,
    /// Begin and end of each group.
    cells: Vec<usize>,
}

impl<'t> Found<'t> {
    pub(super) fn new(text: &'t str, mut cells: Vec<usize>, groups: usize) -> Self {
        cells.truncate(groups * 2);
        Self { text, cells }
    }

    /// Groups, the whole included.
    pub fn groups(&self) -> usize {
        self.cells.len() / 2
    }

    /// The bytes between which a group stands; `None`: it took no part.
    pub fn span(&self, group: usize) -> Option<(usize, usize)> {
        let (start, end) = (*self.cells.get(group * 2)?, *self.cells.get(group * 2 + 1)?);
        (start != NOTHING && end != NOTHING && start <= end).then_some((start, end))
    }

    /// The text of a group; `None`: it took no part.
    pub fn get(&self, group: usize) -> Option<&'t str> {
        self.span(group).map(|(start, end)| &self.text[start..end])
    }

    /// The byte the match begins at.
    pub fn start(&self) -> usize {
        self.cells[0]
    }

    /// The byte behind the match.
    pub fn end(&self) -> usize {
        self.cells[1]
    }

    /// Whether nothing was passed.
    pub fn is_empty(&self) -> bool {
        self.start() == self.end()
    }
}
