//! Patterns written for Python's `re`, written anew: what braces, brackets, `$`, `\w` and escapes mean differs.
//!
//! What is wrong with a pattern is told as Python tells it, with the place. Left out: `\N{…}` names, the locale flag,

mod escape;
mod group;
mod set;

use std::{collections::HashMap, fmt::Write};

/// A pattern in the syntax of `fancy-regex`.
#[derive(Debug)]
pub struct Rewritten {
    /// The pattern.
    pub text: String,
    /// The names of groups; the first, which is the whole pattern, has none.
    pub names: Vec<Option<String>>,
}

/// The pattern in the syntax of `fancy-regex`; `multi_line` is Python's flag `re.MULTILINE`.
///
/// # Errors
/// What Python says about a pattern it cannot read.
pub fn rewrite(pattern: &str, multi_line: bool) -> Result<Rewritten, String> {
    let flags = Flags { multi_line, ..Flags::default() };
    let mut rewriter = Rewriter {
        chars: pattern.chars().collect(),
        at: 0,
        out: String::new(),
        open: vec![Open { flags, ..Open::default() }],
        captures: 0,
        names: HashMap::new(),
        asked: Vec::new(),
    };
    rewriter.run()?;
    let mut names = vec![None; rewriter.captures + 1];
    for (name, group) in rewriter.names {
        names[group] = Some(name);
    }
    Ok(Rewritten { text: rewriter.out, names })
}

#[derive(Clone, Copy, Default)]
struct Flags {
    multi_line: bool,
    verbose: bool,
    /// Words, digits and blanks are those of ASCII.
    ascii: bool,
}

/// A group that is not closed yet; the first is the whole pattern.
#[derive(Clone, Copy, Default)]
struct Open {
    flags: Flags,
    /// Where its bracket stands, and where it was written.
    start: usize,
    written: usize,
    kind: Kind,
    /// Whether anything in it passes characters, as far as `fancy-regex` cares.
    is_solid: bool,
    /// Its number, if it captures.
    number: Option<usize>,
    /// For `(?(1)…)`: how many branches it has.
    branches: Option<usize>,
    last: Last,
    /// Whether anything stands in it.
    is_begun: bool,
}

/// What a group is to `fancy-regex` when it is repeated.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// What is in it.
    #[default]
    Plain,
    /// A look around, which cannot be repeated.
    Look,
    Other,
}

/// What stands before a repetition.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    /// Nothing, or a place between characters.
    #[default]
    Nothing,
    Item,
    /// A group that passes nothing, written there.
    Hollow(usize),
    Repetition,
}

struct Rewriter {
    chars: Vec<char>,
    /// The next of them.
    at: usize,
    out: String,
    open: Vec<Open>,
    /// Capturing groups so far.
    captures: usize,
    /// The numbers of those with names.
    names: HashMap<String, usize>,
    /// Groups that conditions ask about, and where.
    asked: Vec<(usize, usize)>,
}

/// What an escape stands for inside a class.
enum Item {
    Char(char),
    Set(&'static str),
}

impl Rewriter {
    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.next() {
            let flags = self.flags_now();
            if flags.verbose && self.is_filler(c) {
                continue;
            }
            match c {
                '*' | '+' | '?' => self.repetition(self.at - 1, &c.to_string())?,
                '{' => match self.counts()? {
                    Some(counts) => self.repetition(counts.start, &counts.text)?,
                    None => self.item('{'),
                },
                '.' => self.write_item("."),
                '^' => self.write_place("^"),
                '$' => self.write_place(if flags.multi_line { "$" } else { r"(?=\n?\z)" }),
                '|' => self.branch()?,
                '\\' => self.escape()?,
                '[' => self.set()?,
                '(' => self.group()?,
                ')' => self.close()?,
                other => self.item(other),
            }
        }
        match self.open.as_slice() {
            [_, .., open] => Err(placed("missing ), unterminated subpattern", open.start)),
            _ => match self.asked.iter().find(|(group, _)| *group > self.captures) {
                Some((group, at)) => Err(placed(&format!("invalid group reference {group}"), *at)),
                None => Ok(()),
            },
        }
    }

    // ── reading ─────────────────────────────────────────────────────────────────────────────

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next_if(&mut self, fits: impl Fn(char) -> bool) -> Option<char> {
        self.peek().filter(|c| fits(*c)).inspect(|_| self.at += 1)
    }

    /// An error so many characters before the next one.
    fn error(&self, message: &str, back: usize) -> String {
        placed(message, self.at - back)
    }

    /// Spaces and comments of verbose patterns, which are left out here so that classes keep theirs.
    fn is_filler(&mut self, c: char) -> bool {
        if c == '#' {
            while self.next_if(|next| next != '\n').is_some() {}
        }
        c == '#' || matches!(c, ' ' | '\t'..='\r')
    }

    // ── writing ─────────────────────────────────────────────────────────────────────────────

    fn flags_now(&self) -> Flags {
        self.open.last().map(|open| open.flags).unwrap_or_default()
    }

    /// Something was written that may be repeated, or not.
    fn note(&mut self, last: Last) {
        if let Some(open) = self.open.last_mut() {
            open.last = last;
            open.is_begun = true;
            open.is_solid |= last == Last::Item;
        }
    }

    fn item(&mut self, c: char) {
        self.literal(c);
        self.note(Last::Item);
    }

    fn write_item(&mut self, text: &str) {
        self.out.push_str(text);
        self.note(Last::Item);
    }

    fn write_place(&mut self, text: &str) {
        self.out.push_str(text);
        self.note(Last::Nothing);
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_punctuation() {
            // Hexadecimal, as some escaped marks have meanings of their own (`\<`).
            _ = write!(self.out, "\\x{:02X}", c as u32);
        } else {
            self.out.push(c);
        }
    }

    // ── repetitions ─────────────────────────────────────────────────────────────────────────

    fn repetition(&mut self, start: usize, text: &str) -> Result<(), String> {
        match self.open.last().map(|open| open.last) {
            Some(Last::Item) => {}
            Some(Last::Hollow(written)) => {
                // Python repeats what passes nothing, `fancy-regex` does not: a choice of nothings goes with it.
                self.out.insert_str(written, "(?:(?:|)");
                self.out.push(')');
            }
            Some(Last::Repetition) => return Err(placed("multiple repeat", start)),
            _ => return Err(placed("nothing to repeat", start)),
        }
        self.out.push_str(text);
        if let Some(mode) = self.next_if(|c| matches!(c, '?' | '+')) {
            self.out.push(mode);
        }
        self.note(Last::Repetition);
        Ok(())
    }

    /// `{1,2}` behind its brace; `None` where the brace stands for itself.
    fn counts(&mut self) -> Result<Option<Counts>, String> {
        let start = self.at - 1;
        if self.peek() == Some('}') {
            return Ok(None);
        }
        let digits = |this: &mut Self| -> String {
            std::iter::from_fn(|| this.next_if(|c| c.is_ascii_digit())).collect()
        };
        let low = digits(self);
        let high = match self.next_if(|c| c == ',') {
            Some(_) => digits(self),
            None => low.clone(),
        };
        let has_comma = self.chars[start..self.at].contains(&',');
        if self.next_if(|c| c == '}').is_none() {
            self.at = start + 1;
            return Ok(None);
        }
        let count = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
        if [&low, &high].into_iter().any(|text| !text.is_empty() && count(text) >= u64::from(u32::MAX)) {
            return Err("the repetition number is too large".to_owned());
        }
        if !high.is_empty() && !low.is_empty() && count(&low) > count(&high) {
            return Err(placed("min repeat greater than max repeat", start + 1));
        }
        let low = if low.is_empty() { "0" } else { &low };
        let text = if has_comma { format!("{{{low},{high}}}") } else { format!("{{{low}}}") };
        Ok(Some(Counts { start, text }))
    }

    fn branch(&mut self) -> Result<(), String> {
        if let Some(open) = self.open.last_mut() {
            open.last = Last::Nothing;
            open.is_begun = true;
            if let Some(branches) = &mut open.branches {
                *branches += 1;
                if *branches > 2 {
                    return Err(self.error("conditional backref with more than two branches", 1));
                }
            }
        }
        self.out.push('|');
        Ok(())
    }
}

/// `{…}` as it is written, and where it stands.
struct Counts {
    start: usize,
    text: String,
}

/// A message with the place it is about.
fn placed(message: &str, at: usize) -> String {
    format!("{message} at position {at}")
}
