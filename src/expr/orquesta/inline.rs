//! Finds expressions in texts: from one mark to the next, within a line.

/// One expression in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found<'a> {
    /// With its marks.
    pub(super) whole: &'a str,
    /// The byte behind it.
    pub(super) end: usize,
}

/// The first expression.
pub(super) fn find<'a>(text: &'a str, open: &str, close: &str) -> Option<Found<'a>> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find(open)?;
        let inner = start + open.len();
        let line_end = text[inner..].find('\n').map_or(text.len(), |at| inner + at);
        if let Some(at) = text[inner..line_end].find(close) {
            let end = inner + at + close.len();
            return Some(Found { whole: &text[start..end], end });
        }
        // Nothing on this line closes it, nor any other that begins on the line.
        from = line_end;
    }
}

/// All expressions, none of which begins inside another.
pub(super) fn all<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(next) = find(rest, open, close) {
        found.push(next.whole);
        rest = &rest[next.end..];
    }
    found
}

/// What stands between the marks: every character of theirs goes at both ends, and then the blanks.
pub(super) fn stripped<'a>(expression: &'a str, marks: &[char]) -> &'a str {
    expression.trim_matches(marks).trim_matches(crate::pytext::is_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_stay_within_a_line() {
        assert_eq!(all("a <% b %> <% c\n%> <%d%>%>", "<%", "%>"), ["<% b %>", "<%d%>"]);
        assert_eq!(all("{{ {'a': {'b': 1}} }}", "{{", "}}"), ["{{ {'a': {'b': 1}}"]);
        assert_eq!(all("<%%>", "<%", "%>"), ["<%%>"]);
        assert_eq!(all("<%>", "<%", "%>"), Vec::<&str>::new());
        assert_eq!(stripped("<% <% ctx().n %>", &['<', '%', '>']), "<% ctx().n");
    }
}
