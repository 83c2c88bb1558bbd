//! Shell patterns as Python's `fnmatch` has them: `*`, `?`, `[seq]`, `[!seq]`, over the whole text, case and all.

/// One place of a pattern.
#[derive(Debug, PartialEq)]
enum Piece {
    /// `*`
    Any,
    /// `?`
    One,
    /// This character.
    Exactly(char),
    /// `[…]`, or with `!` anything else.
    Set { ranges: Vec<(char, char)>, is_negated: bool },
}

/// Whether a text fits a pattern.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    let pieces = pieces(pattern);
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut piece) = (0, 0);
    // Where to go on after the last `*`, with one more character given to it.
    let mut again: Option<(usize, usize)> = None;
    while at < text.len() {
        match pieces.get(piece) {
            Some(Piece::Any) => {
                again = Some((at, piece));
                piece += 1;
                continue;
            }
            Some(here) if here.takes(text[at]) => {
                at += 1;
                piece += 1;
                continue;
            }
            _ => {}
        }
        let Some((from, star)) = again else { return false };
        again = Some((from + 1, star));
        at = from + 1;
        piece = star + 1;
    }
    pieces[piece..].iter().all(|piece| *piece == Piece::Any)
}

impl Piece {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Exactly(wanted) => *wanted == c,
            Self::Set { ranges, is_negated } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *is_negated
            }
        }
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        at += 1;
        pieces.push(match c {
            // Many mean the same as one.
            '*' if pieces.last() == Some(&Piece::Any) => continue,
            '*' => Piece::Any,
            '?' => Piece::One,
            '[' => match set(&characters[at..]) {
                Some((piece, length)) => {
                    at += length;
                    piece
                }
                None => Piece::Exactly('['),
            },
            other => Piece::Exactly(other),
        });
    }
    pieces
}

/// What a bracket opens, and how long it is; `None` if it never closes.
fn set(rest: &[char]) -> Option<(Piece, usize)> {
    let is_negated = rest.first() == Some(&'!');
    let start = usize::from(is_negated);
    // A bracket that comes first belongs to the set.
    let searched = start + usize::from(rest.get(start) == Some(&']'));
    let end = searched + rest.get(searched..)?.iter().position(|c| *c == ']')?;
    let inner = &rest[start..end];
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&from) = inner.get(at) {
        if let (Some('-'), Some(&to)) = (inner.get(at + 1), inner.get(at + 2)) {
            // A range that runs backwards is empty.
            if from <= to {
                ranges.push((from, to));
            }
            at += 3;
        } else {
            ranges.push((from, from));
            at += 1;
        }
    }
    Some((Piece::Set { ranges, is_negated }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_python() {
        for (text, pattern, expected) in [
            ("abc", "abc", true),
            ("abc", "ABC", false),
            ("a\nb", "a*b", true),
            ("", "*", true),
            ("abcabc", "*bc", true),
            ("abcabd", "*bc", false),
            ("web1", "web[0-9]", true),
            ("webx", "web[!0-9]", true),
            ("a]", "a[]]", true),
            ("a[", "a[", true),
            ("b", "[z-a]", false),
            ("b", "[!z-a]", true),
            ("-", "[a-]", true),
            ("^", "[^]", true),
            ("xay", "?a?", true),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text:?} {pattern:?}");
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_the_product() {
        let text = "a".repeat(20_000);
        assert!(!matches(&text, "*a*a*a*a*a*a*a*a*a*a*b"));
    }
}
