//! Groups: `(…)` and all that `(?` begins.

use super::{Flags, Kind, Last, Open, Rewriter, placed};
use crate::pytext::repr_str;
use std::fmt::Write;

/// The flags a pattern may turn on and off.
const FLAGS: &str = "iLmsxau";

impl Rewriter {
    /// Behind the bracket.
    pub(super) fn group(&mut self) -> Result<(), String> {
        let start = self.at - 1;
        let mut open = Open { flags: self.flags_now(), start, written: self.out.len(), ..Open::default() };
        if self.next_if(|c| c == '?').is_none() {
            open.number = Some(self.capture());
            open.kind = Kind::Other;
            self.out.push('(');
            self.open.push(open);
            return Ok(());
        }
        match self.next() {
            Some('#') => {
                while self.peek().is_some_and(|c| c != ')') {
                    self.at += 1;
                }
                return self.next().map(drop).ok_or_else(|| placed("missing ), unterminated comment", start));
            }
            Some('P') => match self.next() {
                Some('<') => {
                    let name = self.identifier('>')?;
                    _ = write!(self.out, "(?P<{name}>");
                    let number = self.capture();
                    open.number = Some(number);
                    open.kind = Kind::Other;
                    if let Some(known) = self.names.insert(name.clone(), number) {
                        let message = format!(
                            "redefinition of group name {} as group {number}; was group {known}",
                            repr_str(&name)
                        );
                        return Err(self.error(&message, name.chars().count() + 1));
                    }
                }
                Some('=') => {
                    let name = self.identifier(')')?;
                    let back = name.chars().count() + 1;
                    let number = self.known(&name, back)?;
                    self.check_closed(number, back)?;
                    self.write_item(&format!(r"(?:\{number})"));
                    return Ok(());
                }
                Some(other) => return Err(self.unknown("?P", other)),
                None => return Err(self.error("unexpected end of pattern", 0)),
            },
            Some('(') => {
                let number = self.condition()?;
                _ = write!(self.out, "(?({number})");
                open.branches = Some(1);
                open.kind = Kind::Other;
            }
            Some('<') => match self.next() {
                Some(kind @ ('=' | '!')) => {
                    open.kind = Kind::Look;
                    _ = write!(self.out, "(?<{kind}");
                }
                Some(other) => return Err(self.unknown("?<", other)),
                None => return Err(self.error("unexpected end of pattern", 0)),
            },
            Some(kind @ (':' | '=' | '!' | '>')) => {
                open.kind = match kind {
                    ':' => Kind::Plain,
                    '>' => Kind::Other,
                    _ => Kind::Look,
                };
                _ = write!(self.out, "(?{kind}");
            }
            Some(first) if first == '-' || FLAGS.contains(first) => match self.flags(first, open.flags)? {
                Some(flags) => open.flags = flags,
                None => return self.global_flags(start),
            },
            Some(other) => return Err(self.unknown("?", other)),
            None => return Err(self.error("unexpected end of pattern", 0)),
        }
        self.open.push(open);
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<(), String> {
        if self.open.len() == 1 {
            return Err(self.error("unbalanced parenthesis", 1));
        }
        let closed = self.open.pop().unwrap_or_default();
        self.out.push(')');
        let is_solid = closed.kind == Kind::Other || closed.kind == Kind::Plain && closed.is_solid;
        self.note(if is_solid { Last::Item } else { Last::Hollow(closed.written) });
        Ok(())
    }

    /// An error about what stands behind `(?`; a backslash is one thing with what it escapes.
    fn unknown(&mut self, before: &str, c: char) -> String {
        let mut found = format!("{before}{c}");
        if c == '\\' {
            found.extend(self.next());
        }
        let back = found.chars().count();
        self.error(&format!("unknown extension {found}"), back)
    }

    fn capture(&mut self) -> usize {
        self.captures += 1;
        self.captures
    }

    /// A name up to `end`, which is a name of Python's.
    fn identifier(&mut self, end: char) -> Result<String, String> {
        let name = self.until(end)?;
        if is_identifier(&name) { Ok(name) } else { Err(self.bad_name(&name)) }
    }

    fn until(&mut self, end: char) -> Result<String, String> {
        let start = self.at;
        while let Some(c) = self.next() {
            if c == end {
                let name: String = self.chars[start..self.at - 1].iter().collect();
                return if name.is_empty() { Err(self.error("missing group name", 1)) } else { Ok(name) };
            }
        }
        Err(if self.at == start {
            self.error("missing group name", 0)
        } else {
            placed(&format!("missing {end}, unterminated name"), start)
        })
    }

    fn bad_name(&self, name: &str) -> String {
        let message = format!("bad character in group name {}", repr_str(name));
        self.error(&message, name.chars().count() + 1)
    }

    fn known(&self, name: &str, back: usize) -> Result<usize, String> {
        let unknown = || self.error(&format!("unknown group name {}", repr_str(name)), back);
        self.names.get(name).copied().ok_or_else(unknown)
    }

    /// A group can be referred to once it is closed.
    pub(super) fn check_closed(&self, group: usize, back: usize) -> Result<(), String> {
        if self.open.iter().any(|open| open.number == Some(group)) {
            return Err(self.error("cannot refer to an open group", back));
        }
        Ok(())
    }

    /// The group that a condition asks about.
    fn condition(&mut self) -> Result<usize, String> {
        let name = self.until(')')?;
        let back = name.chars().count() + 1;
        if is_identifier(&name) {
            return self.known(&name, back);
        }
        let number: usize = name.parse().map_err(|_| self.bad_name(&name))?;
        if number == 0 {
            return Err(self.error("bad group number", back));
        }
        self.asked.push((number, self.at - back));
        Ok(number)
    }

    /// `(?i:` and its like, or `None` for `(?i)`, whose flags are put in force here.
    fn flags(&mut self, first: char, before: Flags) -> Result<Option<Flags>, String> {
        let (mut on, mut off) = (String::new(), String::new());
        let mut c = first;
        if c != '-' {
            loop {
                if c == 'L' {
                    return Err(self.error("bad inline flags: cannot use 'L' flag with a str pattern", 0));
                }
                on.push(c);
                if on.contains('a') && on.contains('u') {
                    return Err(self.error("bad inline flags: flags 'a', 'u' and 'L' are incompatible", 0));
                }
                c = self.flag("missing -, : or )", ")-:")?;
                if ")-:".contains(c) {
                    break;
                }
            }
        }
        let flags = with(before, &on, true);
        let known = |flags: &str| -> String { flags.chars().filter(|flag| "ims".contains(*flag)).collect() };
        if c == ')' {
            if !known(&on).is_empty() {
                _ = write!(self.out, "(?{})", known(&on));
            }
            if let Some(open) = self.open.last_mut() {
                open.flags = flags;
            }
            return Ok(None);
        }
        if c == '-' {
            c = self.flag("missing flag", "")?;
            loop {
                if "auL".contains(c) {
                    return Err(self.error("bad inline flags: cannot turn off flags 'a', 'u' and 'L'", 0));
                }
                off.push(c);
                c = self.flag("missing :", ":")?;
                if c == ':' {
                    break;
                }
            }
            if off.chars().any(|flag| on.contains(flag)) {
                return Err(self.error("bad inline flags: flag turned on and off", 1));
            }
        }
        let (on, off_known) = (known(&on), known(&off));
        let dash = if off_known.is_empty() { "" } else { "-" };
        _ = write!(self.out, "(?{on}{dash}{off_known}:");
        Ok(Some(with(flags, &off, false)))
    }

    /// The next flag, or one of `ends`.
    fn flag(&mut self, missing: &str, ends: &str) -> Result<char, String> {
        let Some(c) = self.next() else { return Err(self.error(missing, 0)) };
        if ends.contains(c) || FLAGS.contains(c) {
            return Ok(c);
        }
        Err(self.error(if c.is_alphabetic() { "unknown flag" } else { missing }, 1))
    }

    /// Flags for the whole pattern are fine before anything else only.
    fn global_flags(&mut self, start: usize) -> Result<(), String> {
        let is_first = matches!(self.open.as_slice(), [only] if !only.is_begun && only.last == Last::Nothing);
        if is_first { Ok(()) } else { Err(placed("global flags not at the start of the expression", start)) }
    }
}

fn with(mut flags: Flags, letters: &str, is_on: bool) -> Flags {
    for letter in letters.chars() {
        match letter {
            'm' => flags.multi_line = is_on,
            'x' => flags.verbose = is_on,
            'a' => flags.ascii = is_on,
            'u' => flags.ascii = false,
            _ => {}
        }
    }
    flags
}

fn is_identifier(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(char::is_numeric)
}
