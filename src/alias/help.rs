//! What can be typed, for people.

use super::representation::display;
use crate::{model::Alias, pytext};
use serde::Serialize;

/// One line of help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Help<'a> {
    /// Pack of the alias.
    pub pack: &'a str,
    /// What can be typed.
    pub display: &'a str,
    /// What it is good for.
    pub description: Option<&'a str>,
}

/// Which lines are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page<'a> {
    /// A regular expression that lines must contain, in any case of letters; empty for all.
    pub filter: &'a str,
    /// Only this pack; empty for all.
    pub pack: &'a str,
    /// Lines at most; zero or less for all.
    pub limit: i64,
    /// Lines to leave out before them.
    pub offset: i64,
}

/// The lines of a page, and how many there are in all.
///
/// # Errors
/// What is wrong with the filter.
pub fn help<'a>(aliases: &'a [Alias], page: Page<'_>) -> Result<(usize, Vec<Help<'a>>), String> {
    // The flag stands alone at the beginning; one of the filter's own may follow.
    let filter = pytext::search::Search::ignoring_case(page.filter)?;
    let mut lines = Vec::new();
    let wanted = |alias: &&Alias| alias.enabled && (page.pack.is_empty() || page.pack == alias.pack);
    for alias in aliases.iter().filter(wanted) {
        for display in alias.formats.iter().filter_map(display) {
            if filter.is_match(display).map_err(|error| error.to_string())? {
                let description = alias.description.as_deref();
                lines.push(Help { pack: &alias.pack, display, description });
            }
        }
    }
    let all = lines.len();
    // One below zero makes the other count for nothing, as in StackStorm.
    let offset = usize::try_from(page.offset).ok().filter(|_| page.limit >= 0).unwrap_or(0);
    let limit = usize::try_from(page.limit).ok().filter(|limit| *limit > 0 && page.offset >= 0);
    Ok((all, lines.into_iter().skip(offset).take(limit.unwrap_or(usize::MAX)).collect()))
}
