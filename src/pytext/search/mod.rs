//! `re.search` as a yes or no, in a time that is bounded by the length of the text, whatever the pattern.
//!
//! A pattern without look-around and references to groups is run by an automaton in one pass. Where that is not possible,
//! or its states become too many, the pattern is tried place by place as Python does it, by a machine that counts its
//! steps and gives up ([`TooManySteps`]) where Python would go on for hours. Patterns and texts that people use take a few
//! steps for each character.
//!
//! Left out: what the groups hold in the end; whoever needs that uses [`super::regex`].

mod automaton;
mod class;
mod machine;
mod program;

use self::{automaton::Automaton, class::Class, program::Program};
use super::regex;
use std::fmt;

/// The search was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the regular expression takes too many steps on this value")]
pub struct TooManySteps;

/// A pattern, compiled.
pub struct Search {
    automaton: Option<Automaton>,
    program: Program,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("is_linear", &self.automaton.is_some()).finish_non_exhaustive()
    }
}

impl Search {
    /// Compiles a pattern written for Python's `re`.
    ///
    /// # Errors
    /// What is wrong with the pattern, in words close to Python's.
    pub fn new(pattern: &str) -> Result<Self, String> {
        Self::of(&regex::rewrite(pattern)?)
    }

    /// Compiles a pattern under the flag `re.IGNORECASE`.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn ignoring_case(pattern: &str) -> Result<Self, String> {
        Self::of(&format!("(?i){}", regex::rewrite(pattern)?))
    }

    /// Compiles a pattern for `re.match` under the flag `re.DOTALL`: it fits at the start or not at all.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn at_start(pattern: &str) -> Result<Self, String> {
        Self::of(&format!("\\A(?s:{})", regex::rewrite(pattern)?))
    }

    fn of(rewritten: &str) -> Result<Self, String> {
        // Says what is wrong with a pattern in the same words as everywhere.
        regex::check(rewritten)?;
        let program = Program::of(rewritten)?;
        // The syntax of automata reads a repetition that gives nothing back as two.
        let automaton = if program.gives_back() { Automaton::of(rewritten) } else { None };
        Ok(Self { automaton, program })
    }

    /// Whether the pattern is found in the text.
    ///
    /// # Errors
    /// [`TooManySteps`].
    pub fn is_match(&self, text: &str) -> Result<bool, TooManySteps> {
        match self.automaton.as_ref().and_then(|automaton| automaton.is_match(text)) {
            Some(found) => Ok(found),
            None => machine::is_match(&self.program, text),
        }
    }
}

/// Something that is exactly one character of a text.
#[derive(Clone, Debug)]
enum One {
    /// This one.
    Char(char),
    /// One of these.
    Class(Class),
    /// Any.
    Any,
    /// Any but the end of a line.
    Inline,
}

impl One {
    fn is(&self, c: char) -> bool {
        match self {
            Self::Char(wanted) => *wanted == c,
            Self::Class(class) => class.has(c),
            Self::Any => true,
            Self::Inline => c != '\n',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the machine says, and what another engine says to the same.
    fn both(pattern: &str, text: &str) -> (Result<bool, TooManySteps>, bool) {
        let rewritten = regex::rewrite(pattern).unwrap();
        let program = Program::of(&rewritten).unwrap();
        (machine::is_match(&program, text), regex::compile(pattern).unwrap().is_match(text).unwrap())
    }

    #[test]
    fn the_machine_finds_what_other_engines_find() {
        let parts = [
            "a",
            "[^a]",
            "(a|b)",
            r"\b",
            "$",
            "b+",
            "(a*)*",
            "(?:ab)+?",
            "(?:a|ab){1,2}",
            "(?!b)",
            "(?<=a)",
            "(?>a*)",
            "(?i:É)",
        ];
        let texts =
            ["", "a", "b", "ab", "ba", "aab", "abab", "bbaa", "éa b", "aÉ", "ab\n", "a\nb", "\n", "abba ab"];
        let mut found = [0, 0];
        let mut check = |pattern: &str| {
            for text in texts {
                let (ours, theirs) = both(pattern, text);
                assert_eq!(ours, Ok(theirs), "{pattern:?} on {text:?}");
                assert_eq!(
                    Search::new(pattern).unwrap().is_match(text),
                    Ok(theirs),
                    "{pattern:?} on {text:?}"
                );
                found[usize::from(theirs)] += 1;
            }
        };
        for first in parts {
            for second in parts {
                check(&format!("{first}{second}"));
                check(&format!("(?:{first}|{second})b$"));
            }
        }
        for pattern in [
            r"(a|b)\1",
            r"(a*)b\1$",
            r"^(a)?(?(1)b|c)",
            r"(?P<x>a|b).*(?P=x)",
            r"(?i:(a))\1",
            r"((a)|b)+\2",
            r"(?=(a+))\1b",
            r"(?<=(?:a|bc))b",
            "(?m)^b$",
            "(?s)a.b",
            "(?:(?:a|b){2}){2}",
            "(a??)*b",
            r"(?!.*bb)a",
            "(|a)+b",
            "(?:a|b)*+b",
            r"^\w\W*",
            r"\Aa?.\s",
            r"[ab]\Z",
            "(?<!ab)b",
            "(?:b?){2,3}a",
            "a{2}b?é",
        ] {
            check(pattern);
        }
        assert!(found[0] > 500 && found[1] > 500, "{found:?}");
    }

    #[test]
    fn whatever_has_an_answer_in_one_pass_gets_it() {
        let text = "a".repeat(100_000);
        for pattern in
            ["(a+)+!", "^(a|aa)+!$", r"(\w+\s?)+[^a]$", "(a?){30}a{30}!", r"^(([a-z])+.)+[A-Z]([a-z])+$"]
        {
            assert_eq!(Search::new(pattern).unwrap().is_match(&text), Ok(false), "{pattern}");
        }
        assert_eq!(Search::new("^([a-z]+)*$").unwrap().is_match(&text), Ok(true));
        assert_eq!(Search::new(r"\w{255}").unwrap().is_match(&text), Ok(true));
    }

    #[test]
    fn long_texts_are_no_trouble_for_patterns_that_look_around() {
        let text = "lorem ipsum dolor sit amet, ".repeat(40_000);
        let found = |pattern: &str| Search::new(pattern).unwrap().is_match(&text);
        assert_eq!(found(r"(?<!x)dolor(?= sit)"), Ok(true));
        assert_eq!(found(r"(?<!x)dolor(?= sat)"), Ok(false));
        assert_eq!(found(r"\b(\w+) \1\b"), Ok(false));
        assert_eq!(found(r"^(?!.*consectetur).*$"), Ok(true));
        assert_eq!(found(r"^(?=.*amet)(?=.*nope)"), Ok(false));
    }

    #[test]
    fn what_would_not_end_is_given_up() {
        let text = "a".repeat(100_000);
        for pattern in [r"((a+)+)\1!", r"(?=(a+))\1b", "(?<!b)(a+)+!(?=b)", r"(?:(a|a)*)(?=!)\1"] {
            assert_eq!(Search::new(pattern).unwrap().is_match(&text), Err(TooManySteps), "{pattern}");
        }
        let large = Search::new(r"(?:\w{10}){20}(?=!)").unwrap();
        assert_eq!(large.is_match(&text), Err(TooManySteps));
    }
}
