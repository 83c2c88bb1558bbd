//! Python's `re`, in a time that is bounded by the length of the text, whatever the pattern.
//!
//! A pattern is tried place by place as Python does it, by a machine that counts its steps. Where that takes long, and the
//! pattern has no look-around and no references to groups, an automaton tells in one pass whether it is found at all.
//! Where it is, or no automaton can tell, the machine goes on and gives up ([`TooManySteps`]) where Python would for
//! hours. Patterns and texts that people use take a few steps for each character.

mod automaton;
mod class;
mod found;
mod kept;
mod machine;
mod program;

use self::{automaton::Automaton, class::Class, machine::Task, program::Program};
use super::regex::{self, Rewritten};
use std::{fmt, sync::OnceLock};

pub use found::Found;
pub use kept::Asked;

/// Steps that any search may take; one is some ten nanoseconds.
const STEPS: usize = 2_000_000;

/// Steps more for each byte of the text.
const STEPS_PER_BYTE: usize = 20;

/// Steps after which an automaton is asked.
const TRIAL: usize = 20_000;

/// Bytes of text that an automaton passes in a step.
const BYTES_PER_STEP: usize = 4;

/// Steps that a match costs besides the search for it.
const STEPS_PER_MATCH: usize = 16;

/// The search was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the regular expression takes too many steps on this value")]
pub struct TooManySteps;

/// Python's flags, and the function the pattern is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Manner {
    /// `re.IGNORECASE`.
    pub ignores_case: bool,
    /// `re.MULTILINE`.
    pub multi_line: bool,
    /// `re.DOTALL`.
    pub dot_all: bool,
    /// `re.match`: it fits at the start or not at all.
    pub at_start: bool,
}

/// A pattern, compiled.
pub struct Search {
    program: Program,
    names: Vec<Option<String>>,
    /// The pattern as automata read it, and its automaton once it is needed.
    rewritten: String,
    automaton: OnceLock<Option<Automaton>>,
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("pattern", &self.rewritten).finish_non_exhaustive()
    }
}

impl Search {
    /// Compiles a pattern written for Python's `re`.
    ///
    /// # Errors
    /// What is wrong with the pattern, in Python's words.
    pub fn new(pattern: &str) -> Result<Self, String> {
        Self::of(pattern, Manner::default())
    }

    /// Compiles a pattern under the flag `re.IGNORECASE`.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn ignoring_case(pattern: &str) -> Result<Self, String> {
        Self::of(pattern, Manner { ignores_case: true, ..Manner::default() })
    }

    /// Compiles a pattern for `re.match` under the flag `re.DOTALL`.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn at_start(pattern: &str) -> Result<Self, String> {
        Self::of(pattern, Manner { at_start: true, dot_all: true, ..Manner::default() })
    }

    /// Compiles a pattern.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn of(pattern: &str, manner: Manner) -> Result<Self, String> {
        let Rewritten { mut text, names } = regex::rewrite(pattern, manner.multi_line)?;
        let flags = [(manner.ignores_case, 'i'), (manner.multi_line, 'm'), (manner.dot_all, 's')];
        let flags: String = flags.into_iter().filter(|(is_on, _)| *is_on).map(|(_, flag)| flag).collect();
        if manner.at_start {
            text = format!("\\A(?{flags}:{text})");
        } else if !flags.is_empty() {
            text = format!("(?{flags}){text}");
        }
        let program = Program::of(&text)?;
        Ok(Self { program, names, rewritten: text, automaton: OnceLock::new() })
    }

    /// The names of groups; the first, which is the whole pattern, has none.
    pub fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// The number of the group of that name.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known.as_deref() == Some(name))
    }

    /// Whether the pattern is found in the text.
    ///
    /// # Errors
    /// [`TooManySteps`].
    pub fn is_match(&self, text: &str) -> Result<bool, TooManySteps> {
        self.is_match_within(text, &mut most_steps(text))
    }

    /// The same, with what is left of `steps`; takes from them what it costs.
    ///
    /// # Errors
    /// As for [`Self::is_match`].
    pub fn is_match_within(&self, text: &str, steps: &mut usize) -> Result<bool, TooManySteps> {
        Ok(self.limited(Task { text, from: 0, advances: false }, steps, true)?.is_some())
    }

    /// The first match.
    ///
    /// # Errors
    /// As for [`Self::is_match`].
    pub fn find<'t>(&self, text: &'t str) -> Result<Option<Found<'t>>, TooManySteps> {
        self.find_within(text, &mut most_steps(text))
    }

    /// The same, with what is left of `steps`; takes from them what it costs.
    ///
    /// # Errors
    /// As for [`Self::is_match`].
    pub fn find_within<'t>(
        &self,
        text: &'t str,
        steps: &mut usize,
    ) -> Result<Option<Found<'t>>, TooManySteps> {
        self.find_in(Task { text, from: 0, advances: false }, steps)
    }

    /// All matches as Python finds them: an empty one may stand behind another, and what is not empty may begin where an
    /// empty one is.
    ///
    /// # Errors
    /// As for [`Self::is_match`].
    pub fn find_all<'t>(&self, text: &'t str) -> Result<Vec<Found<'t>>, TooManySteps> {
        self.find_all_within(text, usize::MAX, &mut most_steps(text))
    }

    /// All of them or so many, with what is left of `steps`; takes from them what it costs.
    ///
    /// # Errors
    /// As for [`Self::is_match`].
    pub fn find_all_within<'t>(
        &self,
        text: &'t str,
        most: usize,
        steps: &mut usize,
    ) -> Result<Vec<Found<'t>>, TooManySteps> {
        let mut all = Vec::new();
        let mut task = Task { text, from: 0, advances: false };
        while all.len() < most {
            let Some(found) = self.find_in(task, steps)? else { break };
            *steps = steps.checked_sub(STEPS_PER_MATCH).ok_or(TooManySteps)?;
            task = Task { text, from: found.end(), advances: found.is_empty() };
            all.push(found);
        }
        Ok(all)
    }

    fn find_in<'t>(&self, task: Task<'t>, steps: &mut usize) -> Result<Option<Found<'t>>, TooManySteps> {
        let cells = self.limited(task, steps, false)?;
        Ok(cells.map(|cells| Found::new(task.text, cells, self.names.len())))
    }

    /// Looks within the limits of one search; takes from `steps` what it costs.
    fn limited(
        &self,
        task: Task<'_>,
        steps: &mut usize,
        asks_only: bool,
    ) -> Result<Option<Vec<usize>>, TooManySteps> {
        let given = (*steps).min(most_steps(task.text));
        let mut left = given;
        let found = self.look(task, &mut left, asks_only);
        *steps -= given - left;
        found
    }

    /// The cells of groups; not what they hold if it is only asked whether there is a match.
    fn look(
        &self,
        task: Task<'_>,
        left: &mut usize,
        asks_only: bool,
    ) -> Result<Option<Vec<usize>>, TooManySteps> {
        let given = TRIAL.min(*left);
        let mut trial = given;
        let tried = machine::find(&self.program, task, &mut trial);
        *left -= given - trial;
        if tried.is_ok() {
            return tried;
        }
        let rest = task.text.len() - task.from;
        if let Some(is_found) = self.automaton().and_then(|it| it.is_match(task.text, task.from)) {
            *left = left.saturating_sub(rest / BYTES_PER_STEP);
            if !is_found {
                return Ok(None);
            }
            if asks_only {
                return Ok(Some(Vec::new()));
            }
        }
        machine::find(&self.program, task, left)
    }

    fn automaton(&self) -> Option<&Automaton> {
        let made = self.automaton.get_or_init(|| {
            // The syntax of automata reads a repetition that gives nothing back as two.
            if self.program.gives_back() { Automaton::of(&self.rewritten) } else { None }
        });
        made.as_ref()
    }
}

fn most_steps(text: &str) -> usize {
    STEPS + STEPS_PER_BYTE * text.len()
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
        let rewritten = regex::rewrite(pattern, false).unwrap();
        let program = Program::of(&rewritten.text).unwrap();
        let mut steps = usize::MAX;
        let found = machine::find(&program, Task { text, from: 0, advances: false }, &mut steps);
        (found.map(|found| found.is_some()), regex::compile(pattern).unwrap().is_match(text).unwrap())
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
    fn matches_and_groups_are_where_python_has_them() {
        // Matches in order; of each the bytes of the whole and of its groups, as `re.finditer` of Python 3.11 says.
        let table = [
            ("(a*)*", "aab", "0-2,2-2 2-2,2-2 3-3,3-3"),
            ("(a|ab)(c|bcd)?(d*)", "abcd", "0-4,0-1,1-4,4-4"),
            ("(a??)*b", "aab", "0-3,2-2"),
            ("(?:(a)|b)+", "abba", "0-4,3-4"),
            ("((a)|b)+\\2?", "aab", "0-3,2-3,1-2"),
            ("(a?){3}b", "ab", "0-2,1-1"),
            ("(|a)+", "aa", "0-0,0-0 0-1,1-1 1-1,1-1 1-2,2-2 2-2,2-2"),
            ("|a", "aa", "0-0 0-1 1-1 1-2 2-2"),
            ("a*?", "aa", "0-0 0-1 1-1 1-2 2-2"),
            ("(?=(a+))a*b\\1", "aaba", "1-4,1-2"),
            ("(?<=(a))b", "ab", "1-2,0-1"),
            ("(?<!a)(b)", "abb", "2-3,2-3"),
            ("(a+)(?:b|\\1)", "aaab", "0-4,0-3"),
            ("(?P<x>a)(?P=x)?", "aaa", "0-2,0-1 2-3,2-3"),
            ("^(a)?(?(1)b|c)", "abc", "0-2,0-1"),
            ("(?i:(é))É", "éÉ", "0-4,0-2"),
            ("(?>a*)(b)?", "aab", "0-3,2-3 3-3,-"),
            ("(a++)(b)?", "aab", "0-3,0-2,2-3"),
            ("(\\w+) (\\w+)", "one two three", "0-7,0-3,4-7"),
            ("(?m)^(.)?", "a\n\nb", "0-1,0-1 2-2,- 3-4,3-4"),
            ("\\b", "ab c", "0-0 2-2 3-3 4-4"),
            ("\\B", "ab c", "1-1"),
            ("$", "a\n", "1-1 2-2"),
            ("(a{1,2}?)(a*)", "aaaa", "0-4,0-1,1-4"),
            ("(?:(?=(b))b)*", "bb", "0-2,1-2 2-2,-"),
            ("(?!(a))b", "ab", "1-2,-"),
            ("(?:(?!x))?a", "a", "0-1"),
            ("(\\d*)(\\D*)", "12ab3", "0-4,0-2,2-4 4-5,4-5,5-5 5-5,5-5,5-5"),
            ("[^\\W\\d](.)?", "a1é2", "0-2,1-2 2-5,4-5"),
            ("(?s)(.)\\s", "a\n b", "0-2,0-1"),
            ("(a|b|c){2,}", "abcab", "0-5,4-5"),
        ];
        for (pattern, text, expected) in table {
            let search = Search::new(pattern).unwrap();
            let span = |found: &Found<'_>, group| match found.span(group) {
                Some((start, end)) => format!("{start}-{end}"),
                None => "-".to_owned(),
            };
            let shown = |found: &Found<'_>| {
                (0..found.groups()).map(|group| span(found, group)).collect::<Vec<_>>().join(",")
            };
            let found: Vec<String> = search.find_all(text).unwrap().iter().map(shown).collect();
            assert_eq!(found.join(" "), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_as_python_tells_it() {
        for (pattern, message) in [
            ("[", "unterminated character set at position 0"),
            ("a[b-a]", "bad character range b-a at position 2"),
            (r"[\d-a]", r"bad character range \d-a at position 1"),
            ("(a", "missing ), unterminated subpattern at position 0"),
            ("a)", "unbalanced parenthesis at position 1"),
            ("*a", "nothing to repeat at position 0"),
            ("^*", "nothing to repeat at position 1"),
            ("a**", "multiple repeat at position 2"),
            ("a{2,1}", "min repeat greater than max repeat at position 2"),
            (r"\y", r"bad escape \y at position 0"),
            ("a\\", "bad escape (end of pattern) at position 1"),
            (r"(a)\2", "invalid group reference 2 at position 4"),
            (r"(a\1)", "cannot refer to an open group at position 2"),
            ("(?P<a>x)(?P<a>y)", "redefinition of group name 'a' as group 2; was group 1 at position 12"),
            ("(?P<1>a)", "bad character in group name '1' at position 4"),
            ("(?P=x)", "unknown group name 'x' at position 4"),
            ("(?z)", "unknown extension ?z at position 1"),
            ("a(?i)b", "global flags not at the start of the expression at position 1"),
            ("(?<=a+)b", "look-behind requires fixed-width pattern"),
            (r"\x4", r"incomplete escape \x4 at position 0"),
        ] {
            assert_eq!(Search::new(pattern).unwrap_err(), message, "{pattern}");
        }
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
