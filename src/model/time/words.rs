//! The tokens of a free-form time, and the words dateutil knows.

use std::collections::VecDeque;

/// Splits a text into words, numbers, blanks and single characters.
///
/// A number may have a point in it and a word may too (`Sept.`, `a.m.`), which is only known at its end;
/// a token that turns out to have points as separators is split at them.
pub(super) fn split(text: &str) -> Vec<String> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Word,
        Number,
        PointedWord,
        PointedNumber,
    }
    let mut tokens = Vec::new();
    let mut chars: VecDeque<char> = text.chars().filter(|c| *c != '\0').collect();
    while let Some(first) = chars.pop_front() {
        let mut state = if first.is_alphabetic() {
            State::Word
        } else if first.is_ascii_digit() {
            State::Number
        } else {
            tokens.push(if first.is_whitespace() { " ".to_owned() } else { first.to_string() });
            continue;
        };
        let mut token = first.to_string();
        let mut letters = state == State::Word && chars.front().is_some();
        while let Some(&c) = chars.front() {
            let after_point = token.ends_with('.');
            letters |= matches!(state, State::Word | State::PointedWord);
            state = match state {
                State::Word if c.is_alphabetic() => State::Word,
                State::Word | State::PointedWord if c == '.' => State::PointedWord,
                State::Number if c.is_ascii_digit() => State::Number,
                State::Number if c == '.' || (c == ',' && token.len() >= 2) => State::PointedNumber,
                State::PointedWord if c.is_alphabetic() => State::PointedWord,
                State::PointedWord if c.is_ascii_digit() && after_point => State::PointedNumber,
                State::PointedNumber if c == '.' || c.is_ascii_digit() => State::PointedNumber,
                State::PointedNumber if c.is_alphabetic() && after_point => State::PointedWord,
                _ => break,
            };
            token.push(c);
            chars.pop_front();
        }
        let pointed = matches!(state, State::PointedWord | State::PointedNumber);
        if pointed && (letters || token.matches('.').count() > 1 || token.ends_with(['.', ','])) {
            let parts = token.split_inclusive(['.', ',']).flat_map(|part| {
                let word = part.trim_end_matches(['.', ',']);
                [word, &part[word.len()..]]
            });
            // dateutil keeps an empty first part, but a token never begins with a point.
            tokens.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
        } else if state == State::PointedNumber && !token.contains('.') {
            tokens.push(token.replace(',', "."));
        } else {
            tokens.push(token);
        }
    }
    tokens
}

/// Words and characters that mean nothing by themselves.
pub(super) fn is_filler(token: &str) -> bool {
    const FILLERS: &[&str] =
        &[" ", ".", ",", ";", "-", "/", "'", "at", "on", "and", "ad", "m", "t", "of", "st", "nd", "rd", "th"];
    FILLERS.contains(&token.to_lowercase().as_str())
}

/// Days from Monday.
pub(super) fn weekday(token: &str) -> Option<i64> {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    named(&DAYS, token)
}

/// 1 for January.
pub(super) fn month(token: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if token.eq_ignore_ascii_case("sept") {
        return Some(9);
    }
    named(&MONTHS, token).map(|at| at + 1)
}

/// The place of a name that is given in full or by its first three letters.
fn named(names: &[&str], token: &str) -> Option<i64> {
    let token = token.to_lowercase();
    names.iter().position(|name| *name == token || name[..3] == token).map(|at| at as i64)
}

/// 0 for hours, 1 for minutes, 2 for seconds.
pub(super) fn unit(token: &str) -> Option<usize> {
    match token.to_lowercase().as_str() {
        "h" | "hour" | "hours" => Some(0),
        "m" | "minute" | "minutes" => Some(1),
        "s" | "second" | "seconds" => Some(2),
        _ => None,
    }
}

/// `true` for the afternoon.
pub(super) fn afternoon(token: &str) -> Option<bool> {
    match token.to_lowercase().as_str() {
        "am" | "a" => Some(false),
        "pm" | "p" => Some(true),
        _ => None,
    }
}

/// Names of UTC.
pub(super) fn is_utc(token: &str) -> bool {
    matches!(token.to_lowercase().as_str(), "utc" | "gmt" | "z")
}
