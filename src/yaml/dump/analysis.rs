//! In which of its three forms a scalar can be written.

use super::super::Yaml;

/// The longest key, in bytes, that stands before its colon without a `?`.
const SIMPLE_KEY_BYTES: usize = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
}

/// Whether a key can stand before its colon.
pub(super) fn is_simple_key(key: &Yaml) -> bool {
    match key {
        Yaml::Str(text) => text.len() <= SIMPLE_KEY_BYTES && !text.contains(is_break),
        Yaml::Seq(items) => items.is_empty(),
        Yaml::Map(entries) => entries.is_empty(),
        _ => true,
    }
}

/// Chooses the first of plain, single quoted and double quoted that can hold the text.
pub(super) fn style(text: &str, plain_fits: bool, simple_key: bool, unicode: bool) -> Style {
    let facts = Facts::of(text, unicode);
    if simple_key && facts.breaks {
        return Style::Double;
    }
    if plain_fits && facts.may_be_plain() && !(text.is_empty() && simple_key) {
        Style::Plain
    } else if facts.may_be_single_quoted() {
        Style::Single
    } else {
        Style::Double
    }
}

/// What a text has in it that a form may not hold.
#[derive(Default)]
struct Facts {
    /// Characters that would mean something in block context.
    indicators: bool,
    breaks: bool,
    /// Characters that only an escape can show.
    special: bool,
    /// A blank or a break at either end.
    edges: bool,
    /// A blank behind a break, which folding would lose; and one before.
    break_then_blank: bool,
    blank_then_break: bool,
}

impl Facts {
    fn of(text: &str, unicode: bool) -> Self {
        let mut facts =
            Self { indicators: text.starts_with("---") || text.starts_with("..."), ..Self::default() };
        let mut before = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let gap_before = before.is_none_or(is_gap);
            let gap_after = chars.peek().is_none_or(|c| is_gap(*c));
            facts.indicators |= match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                | '#'
                    if before.is_none() =>
                {
                    true
                }
                '?' | '-' => before.is_none() && gap_after,
                ':' => gap_after,
                '#' => gap_before,
                _ => false,
            };
            facts.special |= !is_printable(c) || (!c.is_ascii() && !unicode);
            facts.breaks |= is_break(c);
            if c == ' ' || is_break(c) {
                facts.edges |= before.is_none() || chars.peek().is_none();
            }
            facts.break_then_blank |= c == ' ' && before.is_some_and(is_break);
            facts.blank_then_break |= is_break(c) && before == Some(' ');
            before = Some(c);
        }
        facts
    }

    fn may_be_plain(&self) -> bool {
        !self.indicators && !self.breaks && !self.edges && !self.special
    }

    fn may_be_single_quoted(&self) -> bool {
        !self.special && !self.break_then_blank && !self.blank_then_break
    }
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_gap(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\0') || is_break(c)
}

/// What libyaml prints as it is; beyond the basic plane it prints nothing.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}
