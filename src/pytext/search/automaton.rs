//! Patterns that need no memory: a deterministic automaton, of which only the states are made that a text leads to.

use parking_lot::Mutex;
use regex_automata::{
    Input,
    hybrid::dfa::{Cache, Config, DFA},
    nfa::thompson,
};

/// Bytes of states that are kept for one text; past it, few characters for each new state end the search.
const STATES: usize = 1 << 20;

/// Bytes of states that are kept for the next text.
const KEPT: usize = 64 << 10;

/// Bytes of what the states are made of.
const SIZE: usize = 2 << 20;

/// The automaton of a pattern.
pub(super) struct Automaton {
    dfa: DFA,
    cache: Mutex<Option<Cache>>,
}

impl Automaton {
    /// The automaton of a pattern in the syntax of [`crate::pytext::regex::rewrite`]; `None` where there is none, or it is
    /// too large.
    pub(super) fn of(rewritten: &str) -> Option<Self> {
        let config = Config::new()
            .cache_capacity(STATES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(1))
            .minimum_bytes_per_state(Some(10))
            .unicode_word_boundary(true);
        let nfa =
            thompson::Config::new().nfa_size_limit(Some(SIZE)).which_captures(thompson::WhichCaptures::None);
        let dfa =
            DFA::builder().configure(config).thompson(nfa).build(&without_look_ahead(rewritten)).ok()?;
        Some(Self { dfa, cache: Mutex::new(None) })
    }

    /// Whether the pattern is found from a place on; `None`: that would take too many states, or the text has characters
    /// for which the automaton does not know what a word is.
    pub(super) fn is_match(&self, text: &str, from: usize) -> Option<bool> {
        let kept = self.cache.lock().take();
        let mut cache = kept.unwrap_or_else(|| self.dfa.create_cache());
        let input = Input::new(text).range(from..).earliest(true);
        let found = self.dfa.try_search_fwd(&mut cache, &input).ok().map(|found| found.is_some());
        if cache.memory_usage() <= KEPT {
            *self.cache.lock() = Some(cache);
        }
        found
    }
}

/// The end of the text, or the line break before it, as [`crate::pytext::regex::rewrite`] writes it.
const END: &str = r"(?=\n?\z)";

/// A pattern whose last thing is the end of the text need not look ahead: it may go there.
fn without_look_ahead(rewritten: &str) -> String {
    let mut out = String::with_capacity(rewritten.len());
    let mut rest = rewritten;
    while let Some((before, after)) = rest.split_once(END) {
        out.push_str(before);
        out.push_str(if is_nothing(after) { r"(?:\n?\z)" } else { END });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Whether nothing needs to follow: the groups around end, and other branches of theirs may come.
fn is_nothing(mut rest: &str) -> bool {
    loop {
        rest = match rest.as_bytes().first() {
            None => return true,
            Some(b')') => rest[1..].trim_start_matches(['*', '+', '?']),
            Some(b'|') => match end_of_group(rest) {
                Some(rest) => rest,
                None => return true,
            },
            Some(_) => return false,
        };
    }
}

/// From the bracket on that closes the group in which `rest` stands; `None`: it stands in none.
fn end_of_group(rest: &str) -> Option<&str> {
    let (mut depth, mut is_class, mut is_escaped) = (0, false, false);
    for (at, c) in rest.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            ']' => is_class = false,
            _ if is_class => {}
            '[' => is_class = true,
            '(' => depth += 1,
            ')' if depth == 0 => return Some(&rest[at..]),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_end_that_is_last_may_be_gone_to() {
        for (pattern, is_linear) in [
            ("a(?=\\n?\\z)", true),
            ("(?:a(?=\\n?\\z)|b(?=\\n?\\z))?", true),
            ("a(?=\\n?\\z)\\n", false),
            ("(?:a(?=\\n?\\z)|[)])b", false),
            ("(?:a(?=\\n?\\z)){2}", false),
            ("(?=a(?=\\n?\\z))", false),
            ("(a)\\1", false),
        ] {
            assert_eq!(Automaton::of(pattern).is_some(), is_linear, "{pattern}");
        }
    }
}
