//! Whether a regular expression ties itself to the beginning or the end of the text, seen as StackStorm sees it:
//! anchors count anywhere in a row of items, inside groups too, but of alternatives only in the second, and nowhere
//! in what is repeated.

/// Which ends a pattern is tied to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Anchors {
    pub(super) begin: bool,
    pub(super) end: bool,
}

/// Looks for anchors in a pattern that is known to be right.
pub(super) fn find(pattern: &str) -> Anchors {
    let mut reader = Reader { pattern: pattern.chars().collect(), at: 0 };
    anchors_of(&reader.alternatives())
}

/// A piece of a pattern, as far as it matters here.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Begin,
    End,
    Group(Vec<Self>),
    Branch(Vec<Vec<Self>>),
    /// Anything else: its text, to tell equal ones.
    Other(String),
}

fn anchors_of(items: &[Item]) -> Anchors {
    items.iter().fold(Anchors::default(), |sum, item| {
        let more = match item {
            Item::Begin => Anchors { begin: true, end: false },
            Item::End => Anchors { begin: false, end: true },
            Item::Group(items) => anchors_of(items),
            Item::Branch(alternatives) => {
                alternatives.get(1).map_or_else(Anchors::default, |items| anchors_of(items))
            }
            Item::Other(_) => Anchors::default(),
        };
        Anchors { begin: sum.begin || more.begin, end: sum.end || more.end }
    })
}

struct Reader {
    pattern: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.pattern.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    fn skip(&mut self, expected: char) -> bool {
        let is_it = self.peek() == Some(expected);
        self.at += usize::from(is_it);
        is_it
    }

    fn text_from(&self, start: usize) -> String {
        self.pattern[start..self.at].iter().collect()
    }

    /// Everything up to the end or to the parenthesis that closes the group.
    fn alternatives(&mut self) -> Vec<Item> {
        let mut alternatives = vec![self.row()];
        while self.skip('|') {
            alternatives.push(self.row());
        }
        if alternatives.len() == 1 {
            return alternatives.pop().unwrap_or_default();
        }
        // What all begin with is taken out before them, as Python does.
        let mut items = Vec::new();
        while let Some(first) = alternatives[0].first().cloned()
            && alternatives.iter().all(|row| row.first() == Some(&first))
        {
            for row in &mut alternatives {
                row.remove(0);
            }
            items.push(first);
        }
        items.push(Item::Branch(alternatives));
        items
    }

    fn row(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let start = self.at;
            let item = self.item();
            if self.repetition() {
                items.push(Item::Other(self.text_from(start)));
            } else {
                items.extend(item);
            }
        }
        items
    }

    fn item(&mut self) -> Option<Item> {
        let start = self.at;
        match self.next()? {
            '^' => return Some(Item::Begin),
            '$' => return Some(Item::End),
            '(' => return self.group(start),
            '[' => self.class(),
            '\\' => match self.next() {
                Some('A') => return Some(Item::Begin),
                Some('Z') => return Some(Item::End),
                _ => {}
            },
            _ => {}
        }
        Some(Item::Other(self.text_from(start)))
    }

    /// What follows an opening parenthesis. Comments and flags are nothing.
    fn group(&mut self, start: usize) -> Option<Item> {
        let mut is_plain = true;
        if self.skip('?') {
            match self.next() {
                Some('#') => {
                    while self.next().is_some_and(|it| it != ')') {}
                    return None;
                }
                Some('P') if self.peek() == Some('<') => while self.next().is_some_and(|it| it != '>') {},
                Some('P') => is_plain = false,
                Some('<') => {
                    self.next();
                    is_plain = false;
                }
                Some('=' | '!' | '>') => is_plain = false,
                Some('(') => {
                    while self.next().is_some_and(|it| it != ')') {}
                    is_plain = false;
                }
                Some(':') | None => {}
                Some(_) => {
                    while let Some(flag) = self.next() {
                        match flag {
                            ':' => break,
                            ')' => return None,
                            _ => {}
                        }
                    }
                }
            }
        }
        let items = self.alternatives();
        self.skip(')');
        Some(if is_plain { Item::Group(items) } else { Item::Other(self.text_from(start)) })
    }

    fn class(&mut self) {
        self.skip('^');
        self.skip(']');
        while let Some(next) = self.next() {
            match next {
                ']' => break,
                '\\' => drop(self.next()),
                _ => {}
            }
        }
    }

    /// Whether what was just read is repeated; reads how often.
    fn repetition(&mut self) -> bool {
        let is_repeated = match self.peek() {
            Some('*' | '+' | '?') => {
                self.at += 1;
                true
            }
            Some('{') => self.braces(),
            _ => false,
        };
        if is_repeated && matches!(self.peek(), Some('?' | '+')) {
            self.at += 1;
        }
        is_repeated
    }

    /// `{2}`, `{,2}` and the like; any other brace stands for itself.
    fn braces(&mut self) -> bool {
        let inside: String = self.pattern[self.at + 1..].iter().take_while(|it| **it != '}').collect();
        let length = inside.chars().count();
        let is_closed = self.pattern.get(self.at + 1 + length) == Some(&'}');
        let (low, high) = inside.split_once(',').unwrap_or((&inside, ""));
        let are_counts = low.chars().chain(high.chars()).all(|it| it.is_ascii_digit());
        let is_repetition = is_closed && length > 0 && are_counts;
        if is_repetition {
            self.at += length + 2;
        }
        is_repetition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_count_where_python_finds_them() {
        for (pattern, begin, end) in [
            ("run", false, false),
            ("^run$", true, true),
            (r"\Arun\Z", true, true),
            (r"\^run\$[$^]", false, false),
            ("(^run|^go$)", true, true),
            ("(^run$|^go)", true, false),
            ("(^run$|go)", false, false),
            ("^a$|b", false, false),
            ("(?:^|\\s)#", false, false),
            ("(?:\\s|^)#", true, false),
            ("(a$)?", false, false),
            ("((?P<x>^a)b)", true, false),
            ("(?=^a)", false, false),
            ("(?#^)a{2}(?i:x$)", false, true),
            ("a{b}$x", false, true),
        ] {
            assert_eq!(find(pattern), Anchors { begin, end }, "{pattern}");
        }
    }
}
