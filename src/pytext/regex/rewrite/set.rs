//! Classes: `[…]`.

use super::{Item, Rewriter, placed};

impl Rewriter {
    /// Behind the bracket.
    pub(super) fn set(&mut self) -> Result<(), String> {
        let start = self.at - 1;
        let unterminated = || placed("unterminated character set", start);
        self.out.push('[');
        if self.next_if(|c| c == '^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            let begin = self.at;
            let c = self.next().ok_or_else(unterminated)?;
            if c == ']' && !is_first {
                self.write_item("]");
                return Ok(());
            }
            is_first = false;
            let low = self.set_item(c)?;
            // A dash makes a range unless the class ends behind it.
            if self.peek() != Some('-') || self.chars.get(self.at + 1) == Some(&']') {
                self.set_char(&low);
                continue;
            }
            self.at += 1;
            let middle = self.at;
            let c = self.next().ok_or_else(unterminated)?;
            let high = self.set_item(c)?;
            match (low, high) {
                (Item::Char(low), Item::Char(high)) if low <= high => {
                    self.set_char(&Item::Char(low));
                    self.out.push('-');
                    self.set_char(&Item::Char(high));
                }
                _ => return Err(self.bad_range(begin, middle)),
            }
        }
    }

    /// Python names what begins the ends of a range: one character, or a backslash and one.
    fn bad_range(&self, low: usize, high: usize) -> String {
        let token = |at: usize| -> String {
            let length = if self.chars[at] == '\\' { 2 } else { 1 };
            self.chars[at..].iter().take(length).collect()
        };
        let (low, high) = (token(low), token(high));
        let back = low.chars().count() + 1 + high.chars().count();
        self.error(&format!("bad character range {low}-{high}"), back)
    }

    fn set_item(&mut self, c: char) -> Result<Item, String> {
        if c != '\\' {
            return Ok(Item::Char(c));
        }
        match self.escaped_char()? {
            'b' => Ok(Item::Char('\u{8}')),
            '1'..='7' => self.octal_digits().map(Item::Char),
            c => self.escaped(c),
        }
    }

    fn set_char(&mut self, item: &Item) {
        match item {
            Item::Char(c) => self.literal(*c),
            Item::Set(set) => self.out.push_str(set),
        }
    }
}
