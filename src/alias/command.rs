//! What somebody typed: the part that is held against formats, and the `name=value` pairs behind it.

use super::{Error, format::pattern};
use crate::pytext::search::Search;
use std::sync::LazyLock;

/// The name in a pair or a hole.
pub(super) const KEY: &str = r"\s*(\S+?)\s*";

/// ` name=value`, the value in quotes, in braces, or a word. Groups: name, whole value, and its four forms.
const PAIR: &str = r#"(?:^|\s+)\s*(\S+?)\s*=(""|''|"(.+?)"|'(.+?)'|({.+?})|(\S+))"#;

static PAIRS: LazyLock<Search> = LazyLock::new(|| pattern(&format!("(?s){PAIR}")));
static ENDING: LazyLock<Search> = LazyLock::new(|| pattern(&format!(r"(?s)\A.*?((?:{PAIR}\s*)*)$")));

/// A command, taken apart once for all formats it is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    text: String,
    /// What formats see: without the pairs, and with a space at both ends.
    pub(super) padded: String,
    /// The pairs at the end, in order; a name may occur twice.
    pub(super) pairs: Vec<(String, String)>,
}

impl Command {
    /// Takes a command apart.
    ///
    /// # Errors
    /// [`Error::Endless`].
    pub fn read(text: &str) -> Result<Self, Error> {
        let endless = |_| Error::Endless { command: text.to_owned(), format: String::new() };
        let found = ENDING.find(text).map_err(endless)?;
        let ending = found.and_then(|found| found.get(1)).unwrap_or("");
        let mut pairs = Vec::new();
        for pair in PAIRS.find_all(ending).map_err(endless)? {
            let group = |index| pair.get(index).unwrap_or("");
            pairs.push((group(1).to_owned(), [group(3), group(4), group(5), group(6)].concat()));
        }
        // As StackStorm does, the same text is taken away wherever it occurs.
        let rest = if ending.is_empty() { text.to_owned() } else { text.replace(ending, "") };
        Ok(Self { text: text.to_owned(), padded: format!(" {rest} "), pairs })
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_cut_off_the_end_alone() {
        let command = Command::read("run a=1 on b c='x y' d={\"k\": 1} e=").unwrap();
        assert_eq!(
            (command.padded.as_str(), command.pairs.len()),
            (" run a=1 on b c='x y' d={\"k\": 1} e= ", 0)
        );
        let command = Command::read("run a=1 on b c='x y' d={\"k\": 1} e=\"\"").unwrap();
        assert_eq!(command.padded, " run a=1 on b ");
        let pairs = [("c", "x y"), ("d", "{\"k\": 1}"), ("e", "")];
        assert_eq!(command.pairs, pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_command_that_takes_forever_is_given_up() {
        let evil = format!("x {}", "a='b".repeat(40_000));
        assert!(matches!(Command::read(&evil), Err(Error::Endless { .. }) | Ok(_)));
    }
}
