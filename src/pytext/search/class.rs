//! Sets of characters.

use regex_syntax::hir::{Class as Ranges, HirKind};
use std::sync::{Arc, LazyLock};

/// Some characters.
#[derive(Clone, Debug)]
pub(super) struct Class(Arc<Set>);

#[derive(Debug)]
struct Set {
    /// One bit for each character of ASCII.
    ascii: u128,
    /// All of them, in order.
    ranges: Vec<(char, char)>,
}

impl Class {
    /// The characters that a piece of a pattern stands for, which is one character long.
    pub(super) fn of(piece: &str, ignoring_case: bool) -> Result<Self, String> {
        let piece = if ignoring_case { format!("(?i:{piece})") } else { piece.to_owned() };
        let parsed = regex_syntax::parse(&piece).map_err(|error| error.to_string())?;
        let ranges = match parsed.into_kind() {
            HirKind::Class(Ranges::Unicode(class)) => {
                class.iter().map(|range| (range.start(), range.end())).collect()
            }
            HirKind::Class(Ranges::Bytes(class)) => {
                class.iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
            }
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).map_err(|error| error.to_string())?;
                text.chars().map(|c| (c, c)).collect()
            }
            _ => return Err(format!("{piece} is not one character")),
        };
        Ok(Self::from_ranges(ranges))
    }

    /// What words are made of.
    pub(super) fn word() -> Result<Self, String> {
        static WORD: LazyLock<Result<Class, String>> = LazyLock::new(|| Class::of(r"[\p{L}\p{N}_]", false));
        WORD.clone()
    }

    fn from_ranges(ranges: Vec<(char, char)>) -> Self {
        let mut ascii = 0;
        for (low, high) in ranges.iter().take_while(|(low, _)| low.is_ascii()) {
            for c in u32::from(*low)..=u32::from(*high).min(127) {
                ascii |= 1 << c;
            }
        }
        Self(Arc::new(Set { ascii, ranges }))
    }

    pub(super) fn has(&self, c: char) -> bool {
        if c.is_ascii() {
            return self.0.ascii & (1 << u32::from(c)) != 0;
        }
        let place = self.0.ranges.partition_point(|(_, high)| *high < c);
        self.0.ranges.get(place).is_some_and(|(low, _)| *low <= c)
    }
}
