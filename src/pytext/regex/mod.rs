//! Python's regular expressions on `fancy-regex`, for patterns of our own: a pattern is rewritten ([`rewrite()`]), then
//! compiled. Those of users are for [`search`](super::search), which always ends soon.

mod rewrite;

pub use rewrite::{Rewritten, rewrite};

use fancy_regex::{Regex, RegexBuilder};

/// Compiles a pattern written for Python's `re`.
///
/// # Errors
/// What is wrong with the pattern, in words close to Python's.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&rewrite(pattern, false)?.text).build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text).unwrap()
    }

    #[test]
    fn the_dollar_also_matches_before_a_last_newline() {
        assert!(finds("^a$", "a\n"));
        assert!(!finds("^a$", "a\n\n"));
        assert!(!finds(r"^a\Z", "a\n"));
        assert!(finds("(?m)^a$", "b\na\nc"));
        assert!(!finds("^a$", "b\na\nc"));
    }

    #[test]
    fn braces_and_brackets_stand_for_themselves_where_python_lets_them() {
        assert!(finds("a{b}", "a{b}"));
        assert!(finds("^{{ x }}$", "{{ x }}"));
        assert!(finds("^a{,2}$", "aa"));
        assert!(finds("^[[a]+$", "[a"));
        assert!(finds("^[]a]+$", "]a"));
        assert!(finds("^[a&&b]+$", "&ab"));
        assert!(finds(r"^[\w.-]+$", "a.b-c"));
        assert!(finds(r"\<a\>", "<a>"));
    }

    #[test]
    fn escapes_groups_and_flags_are_those_of_python() {
        assert!(finds(r"^(?P<x>a)(?P=x)$", "aa"));
        assert!(finds(r"^(a)\1$", "aa"));
        assert!(finds(r"^\x41\u0042\103$", "ABC"));
        assert!(finds("(?x) a b # comment\n [ ]", "ab "));
        assert!(finds("(?i)ABC", "abc"));
        assert!(finds("(?<=a)b(?!c)", "abd"));
        assert!(!finds(r"^\w$", "\u{301}"));
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in [
            "[",
            "(",
            ")",
            r"\y",
            "a**",
            "*a",
            "(?P<x",
            "[b-a]",
            "a(?i)b",
            "\\",
            "(?z)",
            "(?P<1>a)",
            "(?P<a>)(?P<a>)",
        ] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
