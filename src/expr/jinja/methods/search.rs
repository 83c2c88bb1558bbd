//! Parts of texts, and what all characters of a text are.

use std::sync::OnceLock;

use fancy_regex::Regex;

use super::{case, string};
use crate::pytext::{is_space, repr_str};

/// The characters from `start` to `end`; `None` if the text ends before `start`.
pub(super) fn between(text: &str, start: usize, end: usize) -> Option<&str> {
    let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let from = places.nth(start)?;
    if end <= start {
        return (end == start).then(|| &text[from..from]);
    }
    let to = places.nth(end - start - 1).unwrap_or(text.len());
    Some(&text[from..to])
}

/// `isalpha()` and its relatives.
pub(super) fn is_all(text: &str, name: &str) -> bool {
    static LETTER: OnceLock<Option<Regex>> = OnceLock::new();
    static IDENTIFIER: OnceLock<Option<Regex>> = OnceLock::new();
    let is_letter = |c: char| {
        if c.is_ascii() {
            return c.is_ascii_alphabetic();
        }
        matches(&LETTER, r"^\p{L}$", c.encode_utf8(&mut [0; 4]))
    };
    let all = |fits: &dyn Fn(char) -> bool| !text.is_empty() && text.chars().all(fits);
    match name {
        "isalpha" => all(&is_letter),
        "isalnum" => all(&|c| is_letter(c) || string::is_decimal(c) || is_digit(c) || is_numeric(c)),
        "isascii" => text.is_ascii(),
        "isdecimal" => all(&string::is_decimal),
        "isdigit" => all(&|c| string::is_decimal(c) || is_digit(c)),
        "isnumeric" => all(&|c| string::is_decimal(c) || is_digit(c) || is_numeric(c)),
        "isspace" => all(&is_space),
        "isprintable" => text.chars().all(is_printable),
        "islower" => case::is_lower(text),
        "isupper" => case::is_upper(text),
        "istitle" => case::is_title_text(text),
        "isidentifier" => matches(&IDENTIFIER, r"^[_\p{XID_Start}]\p{XID_Continue}*$", text),
        _ => false,
    }
}

fn matches(cell: &'static OnceLock<Option<Regex>>, pattern: &str, text: &str) -> bool {
    let regex = cell.get_or_init(|| Regex::new(pattern).ok());
    regex.as_ref().is_some_and(|regex| regex.is_match(text).unwrap_or(false))
}

/// What `repr()` writes as it is; the quotes and the backslash it only marks.
fn is_printable(c: char) -> bool {
    matches!(c, '\\' | '\'' | '"') || repr_str(c.encode_utf8(&mut [0; 4])).chars().count() == 3
}

/// Digits that are no decimals: raised, lowered, in circles.
fn is_digit(c: char) -> bool {
    matches!(u32::from(c),
        0xb2..=0xb3 | 0xb9 | 0x1369..=0x1371 | 0x19da | 0x2070 | 0x2074..=0x2079 | 0x2080..=0x2089
        | 0x2460..=0x2468 | 0x2474..=0x247c | 0x2488..=0x2490 | 0x24ea | 0x24f5..=0x24fd | 0x24ff
        | 0x2776..=0x277e | 0x2780..=0x2788 | 0x278a..=0x2792 | 0x10a40..=0x10a43 | 0x10e60..=0x10e68
        | 0x11052..=0x1105a | 0x1f100..=0x1f10a)
}

/// Fractions, numerals and the ideographs that are numbers.
fn is_numeric(c: char) -> bool {
    const IDEOGRAPHS: &str = "一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹壺幺廾廿弌弍弎弐弑拾捌柒玖百肆萬貳貮贰\
                              阡陆陌陸零漆两〇京垓";
    c.is_numeric() || IDEOGRAPHS.contains(c)
}
