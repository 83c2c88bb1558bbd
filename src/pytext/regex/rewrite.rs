//! Patterns written for Python's `re`, written anew: what braces, brackets, `$`, `\w` and escapes mean differs.
//!
//! Left out: `\N{…}` names, the locale flag, and the rule that all branches of a look-behind are of one width.

use crate::pytext::repr_str;
use std::{collections::HashMap, fmt::Write};

/// The pattern in the syntax of `fancy-regex`.
pub fn rewrite(pattern: &str) -> Result<String, String> {
    let mut rewriter = Rewriter {
        rest: pattern.chars().collect::<Vec<_>>().into_iter().peekable(),
        out: String::new(),
        groups: vec![Flags::default()],
        captures: 0,
        names: HashMap::new(),
    };
    rewriter.run()?;
    Ok(rewriter.out)
}

#[derive(Clone, Copy, Default)]
struct Flags {
    multi_line: bool,
    verbose: bool,
    /// Inside a look-behind, whose width must be known.
    behind: bool,
    /// Words, digits and blanks are those of ASCII.
    ascii: bool,
}

struct Rewriter {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    out: String,
    /// The flags in force, one entry per open group.
    groups: Vec<Flags>,
    /// Capturing groups so far.
    captures: usize,
    /// The numbers of those with names.
    names: HashMap<String, usize>,
}

/// What an escape stands for inside a class.
enum Item {
    Char(char),
    Set(&'static str),
}

impl Rewriter {
    fn run(&mut self) -> Result<(), String> {
        // Whether the last thing written was a repetition, which may not be repeated again.
        let mut repeated = false;
        while let Some(c) = self.rest.next() {
            let flags = self.groups.last().copied().unwrap_or_default();
            if flags.verbose && self.is_filler(c) {
                continue;
            }
            let is_repeat = match c {
                '*' | '+' | '?' => {
                    if flags.behind {
                        return Err("look-behind requires fixed-width pattern".to_owned());
                    }
                    self.out.push(c);
                    true
                }
                '{' => self.braces(flags)?,
                _ => false,
            };
            if is_repeat {
                if repeated {
                    return Err("multiple repeat".to_owned());
                }
                if let Some(mode @ ('?' | '+')) = self.rest.peek().copied() {
                    self.rest.next();
                    self.out.push(mode);
                }
            }
            repeated = is_repeat;
            match c {
                '*' | '+' | '?' | '{' | '.' | '^' | '|' => {
                    if matches!(c, '.' | '^' | '|') {
                        self.out.push(c);
                    }
                }
                '$' => self.out.push_str(if flags.multi_line { "$" } else { r"(?=\n?\z)" }),
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    if self.groups.len() == 1 {
                        return Err("unbalanced parenthesis".to_owned());
                    }
                    self.groups.pop();
                    self.out.push(')');
                }
                other => self.literal(other),
            }
        }
        if self.groups.len() > 1 {
            return Err("missing ), unterminated subpattern".to_owned());
        }
        Ok(())
    }

    /// Spaces and comments of verbose patterns, which are left out here so that classes keep theirs.
    fn is_filler(&mut self, c: char) -> bool {
        if c == '#' {
            while self.rest.next_if(|next| *next != '\n').is_some() {}
        }
        c == '#' || matches!(c, ' ' | '\t'..='\r')
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_punctuation() {
            // Hexadecimal, as some escaped marks have meanings of their own (`\<`).
            _ = write!(self.out, "\\x{:02X}", c as u32);
        } else {
            self.out.push(c);
        }
    }

    /// `{1,2}` repeats; any other brace stands for itself.
    fn braces(&mut self, flags: Flags) -> Result<bool, String> {
        let ahead: String = self.rest.clone().take_while(|c| *c != '}').take(24).collect();
        let (low, high) = ahead.split_once(',').unwrap_or((&ahead, &ahead));
        let is_count = |text: &str| text.chars().all(|c| c.is_ascii_digit());
        let is_closed = self.rest.clone().nth(ahead.chars().count()) == Some('}');
        if ahead.is_empty() || !is_closed || !is_count(low) || !is_count(high) {
            self.literal('{');
            return Ok(false);
        }
        let low = if low.is_empty() { "0" } else { low };
        let count = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
        if !high.is_empty() && count(low) > count(high) {
            return Err("min repeat greater than max repeat".to_owned());
        }
        if flags.behind && low != high {
            return Err("look-behind requires fixed-width pattern".to_owned());
        }
        let text = if ahead.contains(',') { format!("{{{low},{high}}}") } else { format!("{{{low}}}") };
        self.out.push_str(&text);
        for _ in 0..=ahead.chars().count() {
            self.rest.next();
        }
        Ok(true)
    }

    fn group(&mut self) -> Result<(), String> {
        let mut flags = self.groups.last().copied().unwrap_or_default();
        if self.rest.next_if_eq(&'?').is_none() {
            self.captures += 1;
            self.out.push('(');
            self.groups.push(flags);
            return Ok(());
        }
        match self.rest.next() {
            Some('#') => {
                let closed = self.rest.by_ref().any(|c| c == ')');
                return if closed { Ok(()) } else { Err("missing ), unterminated comment".to_owned()) };
            }
            Some('P') => match self.rest.next() {
                Some('<') => {
                    let name = identifier(self.until('>')?)?;
                    _ = write!(self.out, "(?P<{name}>");
                    self.captures += 1;
                    let number = self.captures;
                    if let Some(known) = self.names.insert(name.clone(), number) {
                        return Err(format!(
                            "redefinition of group name {} as group {number}; was group {known}",
                            repr_str(&name)
                        ));
                    }
                }
                Some('=') => {
                    let name = identifier(self.until(')')?)?;
                    _ = write!(self.out, r"(?:\k<{name}>)");
                    return Ok(());
                }
                _ => return Err("unknown extension ?P".to_owned()),
            },
            Some('(') => {
                let name = self.until(')')?;
                let is_number = !name.is_empty() && name.chars().all(|c| c.is_ascii_digit());
                let name = if is_number { name } else { identifier(name)? };
                _ = if is_number { write!(self.out, "(?({name})") } else { write!(self.out, "(?(<{name}>)") };
            }
            Some('<') => match self.rest.next() {
                Some(kind @ ('=' | '!')) => {
                    flags.behind = true;
                    _ = write!(self.out, "(?<{kind}");
                }
                _ => return Err("unknown extension ?<".to_owned()),
            },
            Some(kind @ (':' | '=' | '!' | '>')) => _ = write!(self.out, "(?{kind}"),
            Some(first) => return self.flags(first, flags),
            None => return Err("unexpected end of pattern".to_owned()),
        }
        self.groups.push(flags);
        Ok(())
    }

    fn until(&mut self, end: char) -> Result<String, String> {
        let mut name = String::new();
        for c in self.rest.by_ref() {
            if c == end {
                return if name.is_empty() { Err("missing group name".to_owned()) } else { Ok(name) };
            }
            name.push(c);
        }
        Err(format!("missing {end}, unterminated name"))
    }

    /// `(?i)` at the start, or `(?i:…)`.
    fn flags(&mut self, first: char, mut flags: Flags) -> Result<(), String> {
        let at_start = self.out.is_empty() && self.groups.len() == 1;
        let (mut on, mut off, mut turning_off) = (String::new(), String::new(), false);
        let mut next = Some(first);
        loop {
            match next {
                Some('-') if !turning_off => turning_off = true,
                Some(c @ ('i' | 'm' | 's' | 'x' | 'a' | 'u')) => {
                    match c {
                        'm' => flags.multi_line = !turning_off,
                        'x' => flags.verbose = !turning_off,
                        'a' => flags.ascii = !turning_off,
                        _ => {}
                    }
                    if matches!(c, 'i' | 'm' | 's') {
                        if turning_off { &mut off } else { &mut on }.push(c);
                    }
                }
                Some(end @ (':' | ')')) => {
                    let dash = if off.is_empty() { "" } else { "-" };
                    if end == ':' {
                        _ = write!(self.out, "(?{on}{dash}{off}:");
                        self.groups.push(flags);
                        return Ok(());
                    }
                    if !at_start {
                        return Err("global flags not at the start of the expression".to_owned());
                    }
                    self.groups = vec![flags];
                    if !on.is_empty() {
                        _ = write!(self.out, "(?{on})");
                    }
                    return Ok(());
                }
                Some(other) => return Err(format!("unknown extension ?{other}")),
                None => return Err("missing -, : or )".to_owned()),
            }
            next = self.rest.next();
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(c) = self.rest.next() else { return Err("bad escape (end of pattern)".to_owned()) };
        match c {
            'w' | 'W' | 'd' | 'D' | 's' | 'S' if self.groups.last().is_some_and(|flags| flags.ascii) => {
                let set = match c.to_ascii_lowercase() {
                    'w' => "0-9A-Za-z_",
                    'd' => "0-9",
                    _ => r"\x09-\x0D\x20",
                };
                let not = if c.is_ascii_uppercase() { "^" } else { "" };
                _ = write!(self.out, "[{not}{set}]");
            }
            'A' | 'b' | 'B' | 'd' | 'D' => _ = write!(self.out, "\\{c}"),
            'Z' => self.out.push_str(r"\z"),
            'w' => self.out.push_str(r"[\p{L}\p{N}_]"),
            'W' => self.out.push_str(r"[^\p{L}\p{N}_]"),
            's' => self.out.push_str(r"[\s\x1C-\x1F]"),
            'S' => self.out.push_str(r"[^\s\x1C-\x1F]"),
            '1'..='9' => self.back_reference(c),
            _ => match self.escaped(c)? {
                Item::Char(c) => self.literal(c),
                Item::Set(set) => self.out.push_str(set),
            },
        }
        Ok(())
    }

    /// `\1` to `\99`, unless three octal digits name a character.
    fn back_reference(&mut self, first: char) {
        let mut digits = String::from(first);
        digits.extend(self.rest.next_if(char::is_ascii_digit));
        let is_octal = digits.len() == 2 && digits.chars().all(|c| c < '8') && first < '4';
        if is_octal && let Some(third) = self.rest.next_if(|c| matches!(c, '0'..='7')) {
            digits.push(third);
            let code = u32::from_str_radix(&digits, 8).unwrap_or(0);
            self.literal(char::from_u32(code).unwrap_or('\0'));
        } else {
            // The group keeps a digit that follows apart from the number.
            _ = write!(self.out, "(?:\\{digits})");
        }
    }

    /// The escapes that mean the same inside a class and outside.
    fn escaped(&mut self, c: char) -> Result<Item, String> {
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
            '0' => {
                let mut code = 0;
                for _ in 0..2 {
                    let Some(digit) = self.rest.next_if(|c| matches!(c, '0'..='7')) else { break };
                    code = code * 8 + digit.to_digit(8).unwrap_or(0);
                }
                char::from_u32(code).unwrap_or('\0')
            }
            'd' => return Ok(Item::Set(r"\d")),
            'D' => return Ok(Item::Set(r"\D")),
            'w' => return Ok(Item::Set(r"\p{L}\p{N}_")),
            'W' => return Ok(Item::Set(r"\W")),
            's' => return Ok(Item::Set(r"\s\x1C-\x1F")),
            'S' => return Ok(Item::Set(r"\S")),
            c if c.is_ascii_alphanumeric() => return Err(format!("bad escape \\{c}")),
            c => c,
        }))
    }

    fn hexadecimal(&mut self, kind: char, length: usize) -> Result<char, String> {
        let digits: String = (0..length).map_while(|_| self.rest.next_if(char::is_ascii_hexdigit)).collect();
        let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == length);
        code.and_then(char::from_u32).ok_or_else(|| format!("incomplete escape \\{kind}{digits}"))
    }

    fn class(&mut self) -> Result<(), String> {
        let unterminated = || "unterminated character set".to_owned();
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            let c = self.rest.next().ok_or_else(unterminated)?;
            if c == ']' && !is_first {
                self.out.push(']');
                return Ok(());
            }
            is_first = false;
            let low = self.class_item(c)?;
            // A dash makes a range unless the class ends behind it.
            let mut ahead = self.rest.clone();
            let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|after| after != ']');
            if !is_range {
                self.class_char(&low);
                continue;
            }
            self.rest.next();
            let c = self.rest.next().ok_or_else(unterminated)?;
            let high = self.class_item(c)?;
            match (low, high) {
                (Item::Char(low), Item::Char(high)) if low <= high => {
                    self.class_char(&Item::Char(low));
                    self.out.push('-');
                    self.class_char(&Item::Char(high));
                }
                _ => return Err("bad character range".to_owned()),
            }
        }
    }

    fn class_item(&mut self, c: char) -> Result<Item, String> {
        if c != '\\' {
            return Ok(Item::Char(c));
        }
        match self.rest.next() {
            None => Err("unterminated character set".to_owned()),
            Some('b') => Ok(Item::Char('\u{8}')),
            Some(first @ '1'..='7') => {
                let mut code = first.to_digit(8).unwrap_or(0);
                while let Some(digit) = self.rest.next_if(|c| matches!(c, '0'..='7')) {
                    code = (code * 8 + digit.to_digit(8).unwrap_or(0)).min(0o777);
                }
                Ok(Item::Char(char::from_u32(code).unwrap_or('\0')))
            }
            Some(c) => self.escaped(c),
        }
    }

    fn class_char(&mut self, item: &Item) {
        match item {
            Item::Char(c) => self.literal(*c),
            Item::Set(set) => self.out.push_str(set),
        }
    }
}

/// A group's name is a name of Python's.
fn identifier(name: String) -> Result<String, String> {
    let is_name =
        name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(char::is_numeric);
    if is_name { Ok(name) } else { Err(format!("bad character in group name {}", repr_str(&name))) }
}
