//! Breaking text into lines, by the rules of Python's `textwrap`.
//!
//! A line is broken at blanks and behind hyphens between letters; blanks at a break are dropped,
//! those at the start of the text stay. A word longer than a line is cut.

/// `text` in lines of at most `width` characters.
pub(crate) fn fill(text: &str, width: usize) -> Vec<String> {
    fill_indented(text, width, "")
}

/// `text` in lines of at most `width` characters, each behind `indent`.
pub(crate) fn fill_indented(text: &str, width: usize, indent: &str) -> Vec<String> {
    let mut chunks = chunks(text);
    chunks.reverse();
    let width = width.saturating_sub(indent.chars().count()).max(1);
    let mut lines = Vec::new();
    while !chunks.is_empty() {
        if !lines.is_empty() && chunks.last().is_some_and(|chunk| is_blank(chunk)) {
            chunks.pop();
        }
        let mut line: Vec<Vec<char>> = Vec::new();
        let mut length = 0;
        while let Some(chunk) = chunks.pop_if(|chunk| length + chunk.len() <= width) {
            length += chunk.len();
            line.push(chunk);
        }
        if let Some(long) = chunks.last_mut().filter(|chunk| chunk.len() > width) {
            let room = width - length;
            if room > 0 || line.is_empty() {
                let cut = behind_hyphen(&long[..room.max(1)]).unwrap_or(room.max(1));
                line.push(long.drain(..cut).collect());
            }
        }
        if line.last().is_some_and(|chunk| is_blank(chunk)) {
            line.pop();
        }
        if !line.is_empty() {
            lines.push(indent.chars().chain(line.into_iter().flatten()).collect());
        }
    }
    lines
}

fn is_blank(chunk: &[char]) -> bool {
    chunk.iter().all(|c| *c == ' ')
}

/// Where a word that has to be cut anyway is cut best.
fn behind_hyphen(piece: &[char]) -> Option<usize> {
    let at = piece.iter().rposition(|c| *c == '-')?;
    (at > 0 && piece[..at].iter().any(|c| *c != '-')).then_some(at + 1)
}

/// Runs of blanks, and words cut behind the hyphens where a line may end.
fn chunks(text: &str) -> Vec<Vec<char>> {
    let mut chunks: Vec<Vec<char>> = Vec::new();
    let mut column = 0;
    let mut chars = Vec::new();
    for c in text.chars() {
        match c {
            '\t' => {
                let blanks = 8 - column % 8;
                chars.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            '\n' | '\r' => {
                chars.push(' ');
                column = 0;
            }
            c => {
                chars.push(if matches!(c, '\x0b' | '\x0c') { ' ' } else { c });
                column += 1;
            }
        }
    }
    for run in chars.chunk_by(|a, b| (*a == ' ') == (*b == ' ')) {
        if run[0] == ' ' {
            chunks.push(run.to_vec());
        } else {
            cut_word(run, &mut chunks);
        }
    }
    chunks
}

/// A hyphen ends a chunk if two letters stand before it and a letter, with another near, behind.
fn cut_word(word: &[char], chunks: &mut Vec<Vec<char>>) {
    let letter = |at: Option<usize>| at.and_then(|at| word.get(at)).is_some_and(|c| c.is_alphabetic());
    let mut start = 0;
    for at in 1..word.len() {
        if word[at] != '-' || at < start + 2 {
            continue;
        }
        let before = (letter(at.checked_sub(1)) && letter(at.checked_sub(2)))
            || (letter(at.checked_sub(1)) && at >= 3 && word[at - 2] == '-' && letter(at.checked_sub(3)));
        let behind = letter(Some(at + 1))
            && (letter(Some(at + 2)) || (word.get(at + 2) == Some(&'-') && letter(Some(at + 3))));
        if before && behind {
            chunks.push(word[start..=at].to_vec());
            start = at + 1;
        }
    }
    chunks.push(word[start..].to_vec());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_behind_hyphens() {
        assert_eq!(fill("one two-three four", 9), ["one two-", "three", "four"]);
        assert_eq!(fill("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(fill("ab-cdefghij", 5), ["ab-cd", "efghi", "j"]);
        assert_eq!(fill("ab-c1 de-fgh", 5), ["ab-c1", "de-", "fgh"]);
        assert_eq!(fill("", 4), Vec::<String>::new());
    }

    #[test]
    fn leading_blanks_stay_and_those_at_a_break_go() {
        assert_eq!(
            fill("    \"description\": \"Maximum number\"", 26),
            ["    \"description\":", "\"Maximum number\""]
        );
        assert_eq!(fill("a\tb\nc", 20), ["a       b c"]);
    }

    #[test]
    fn indented_lines_count_their_indent() {
        assert_eq!(fill_indented("aa bb cc", 7, "  "), ["  aa bb", "  cc"]);
    }
}
