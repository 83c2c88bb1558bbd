//! What a backslash begins.

use super::{Item, Rewriter};
use std::fmt::Write;

impl Rewriter {
    /// Outside a class, behind the backslash.
    pub(super) fn escape(&mut self) -> Result<(), String> {
        let c = self.escaped_char()?;
        match c {
            'w' | 'W' | 'd' | 'D' | 's' | 'S' if self.flags_now().ascii => {
                let set = match c.to_ascii_lowercase() {
                    'w' => "0-9A-Za-z_",
                    'd' => "0-9",
                    _ => r"\x09-\x0D\x20",
                };
                let not = if c.is_ascii_uppercase() { "^" } else { "" };
                self.write_item(&format!("[{not}{set}]"));
            }
            'A' => self.write_place(r"\A"),
            'b' => self.write_place(r"\b"),
            'B' => self.write_place(r"\B"),
            'Z' => self.write_place(r"\z"),
            'd' => self.write_item(r"\d"),
            'D' => self.write_item(r"\D"),
            'w' => self.write_item(r"[\p{L}\p{N}_]"),
            'W' => self.write_item(r"[^\p{L}\p{N}_]"),
            's' => self.write_item(r"[\s\x1C-\x1F]"),
            'S' => self.write_item(r"[^\s\x1C-\x1F]"),
            '1'..='9' => self.back_reference()?,
            _ => match self.escaped(c)? {
                Item::Char(c) => self.item(c),
                Item::Set(set) => self.write_item(set),
            },
        }
        Ok(())
    }

    pub(super) fn escaped_char(&mut self) -> Result<char, String> {
        self.next().ok_or_else(|| self.error("bad escape (end of pattern)", 1))
    }

    /// `\1` to `\99`, unless three octal digits name a character.
    fn back_reference(&mut self) -> Result<(), String> {
        let start = self.at - 2;
        let is_octal = |c: &char| matches!(c, '0'..='7');
        if self.next_if(|c| c.is_ascii_digit()).is_some()
            && self.chars[start + 1..self.at].iter().all(is_octal)
            && self.next_if(|c| is_octal(&c)).is_some()
        {
            let code = self.octal(start)?;
            self.item(code);
            return Ok(());
        }
        let digits: String = self.chars[start + 1..self.at].iter().collect();
        let group: usize = digits.parse().unwrap_or(usize::MAX);
        if group > self.captures {
            return Err(self.error(&format!("invalid group reference {group}"), digits.len()));
        }
        self.check_closed(group, digits.len() + 1)?;
        // The group keeps a digit that follows apart from the number.
        _ = write!(self.out, "(?:");
        self.write_item(&format!(r"\{group})"));
        Ok(())
    }

    /// The character that the octal digits behind the backslash at `start` name.
    fn octal(&self, start: usize) -> Result<char, String> {
        let digits: String = self.chars[start + 1..self.at].iter().collect();
        let code = u32::from_str_radix(&digits, 8).unwrap_or(u32::MAX);
        let code = Some(code).filter(|code| *code <= 0o377).and_then(char::from_u32);
        let message = || format!(r"octal escape value \{digits} outside of range 0-0o377");
        code.ok_or_else(|| self.error(&message(), digits.len() + 1))
    }

    /// The escapes that mean the same inside a class and outside.
    pub(super) fn escaped(&mut self, c: char) -> Result<Item, String> {
        Ok(Item::Char(match c {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.hexadecimal(c, 2)?,
            'u' => self.hexadecimal(c, 4)?,
            'U' => self.hexadecimal(c, 8)?,
            '0' => self.octal_digits()?,
            'd' => return Ok(Item::Set(r"\d")),
            'D' => return Ok(Item::Set(r"\D")),
            'w' => return Ok(Item::Set(r"\p{L}\p{N}_")),
            'W' => return Ok(Item::Set(r"[^\p{L}\p{N}_]")),
            's' => return Ok(Item::Set(r"\s\x1C-\x1F")),
            'S' => return Ok(Item::Set(r"[^\s\x1C-\x1F]")),
            c if c.is_ascii_alphanumeric() => return Err(self.error(&format!("bad escape \\{c}"), 2)),
            c => c,
        }))
    }

    /// Up to three octal digits, of which the first was read.
    pub(super) fn octal_digits(&mut self) -> Result<char, String> {
        let start = self.at - 2;
        for _ in 0..2 {
            self.next_if(|c| matches!(c, '0'..='7'));
        }
        self.octal(start)
    }

    fn hexadecimal(&mut self, kind: char, length: usize) -> Result<char, String> {
        let digits: String = (0..length).map_while(|_| self.next_if(|c| c.is_ascii_hexdigit())).collect();
        if digits.len() < length {
            return Err(self.error(&format!("incomplete escape \\{kind}{digits}"), digits.len() + 2));
        }
        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
        code.ok_or_else(|| self.error(&format!("bad escape \\{kind}{digits}"), digits.len() + 2))
    }
}
