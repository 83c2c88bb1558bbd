//! Tokens of a query.

use super::Error;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Id(String),
    Number(i64),
    /// What stands between backquotes.
    Named(String),
    Where,
    DoubleDot,
    /// One of `*.[]()$,:|&`.
    Mark(char),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
    pub(super) column: usize,
    /// Where in the whole text its last character is.
    pub(super) end: usize,
}

impl Kind {
    /// The value as messages show it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Id(text) | Self::Named(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Where => "where".to_owned(),
            Self::DoubleDot => "..".to_owned(),
            Self::Mark(mark) => mark.to_string(),
        }
    }

    /// The type as messages name it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Id(_) => "ID".to_owned(),
            Self::Number(_) => "NUMBER".to_owned(),
            Self::Named(_) => "NAMED_OPERATOR".to_owned(),
            Self::Where => "WHERE".to_owned(),
            Self::DoubleDot => "DOUBLEDOT".to_owned(),
            Self::Mark(mark) => mark.to_string(),
        }
    }
}

pub(super) struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    /// Where the line began, for columns; the library counts from the line's end before it.
    line_start: usize,
}

impl Lexer {
    pub(super) fn new(query: &str) -> Self {
        Self { chars: query.chars().collect(), at: 0, line: 1, line_start: 0 }
    }

    /// The next token, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token>, Error> {
        loop {
            let Some(&c) = self.chars.get(self.at) else { return Ok(None) };
            match c {
                ' ' | '\t' => self.at += 1,
                '\n' => {
                    self.line += 1;
                    self.line_start = self.at;
                    self.at += 1;
                }
                _ => break,
            }
        }
        let begin = self.at;
        let kind = self.kind()?;
        // The parts of a quoted text are read one by one, and the last of them gives the column.
        let column_of = if matches!(self.chars[begin], '\'' | '"' | '`') { self.at - 1 } else { begin };
        Ok(Some(Token { kind, line: self.line, column: column_of - self.line_start, end: self.at - 1 }))
    }

    fn kind(&mut self) -> Result<Kind, Error> {
        let c = self.chars[self.at];
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '-');
        match c {
            'a'..='z' | 'A'..='Z' | '_' | '@' => {
                let word = self.take(is_word);
                Ok(if word == "where" { Kind::Where } else { Kind::Id(word) })
            }
            '\'' | '"' | '`' => self.quoted(c),
            '.' if self.chars.get(self.at + 1) == Some(&'.') => {
                self.at += 2;
                Ok(Kind::DoubleDot)
            }
            '*' | '.' | '[' | ']' | '(' | ')' | '$' | ',' | ':' | '|' | '&' => {
                self.at += 1;
                Ok(Kind::Mark(c))
            }
            '-' | '0'..='9' => {
                let digits_follow = self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit);
                if c == '-' && !digits_follow {
                    return Err(self.unexpected("", self.at));
                }
                self.at += 1;
                let digits = self.take(|c| c.is_ascii_digit());
                // What does not fit is beyond every list.
                let far = if c == '-' { i64::MIN } else { i64::MAX };
                Ok(Kind::Number(format!("{c}{digits}").parse().unwrap_or(far)))
            }
            _ => Err(self.unexpected("", self.at)),
        }
    }

    fn take(&mut self, fits: impl Fn(char) -> bool) -> String {
        let begin = self.at;
        while self.chars.get(self.at).is_some_and(|c| fits(*c)) {
            self.at += 1;
        }
        self.chars[begin..self.at].iter().collect()
    }

    fn quoted(&mut self, quote: char) -> Result<Kind, Error> {
        let mut text = String::new();
        self.at += 1;
        loop {
            match self.chars.get(self.at) {
                None => {
                    return Err(Error::Lexer("Unexpected EOF in string literal or identifier".to_owned()));
                }
                Some('\\') => {
                    let Some(escaped) = self.chars.get(self.at + 1).filter(|c| **c != '\n') else {
                        let what = match quote {
                            '\'' => " while lexing singlequoted field",
                            '"' => " while lexing doublequoted field",
                            _ => " while lexing backquoted operator",
                        };
                        return Err(self.unexpected(what, self.at));
                    };
                    text.push(*escaped);
                    self.at += 2;
                }
                Some(c) if *c == quote => {
                    self.at += 1;
                    return Ok(if quote == '`' { Kind::Named(text) } else { Kind::Id(text) });
                }
                Some(c) => {
                    text.push(*c);
                    self.at += 1;
                }
            }
        }
    }

    fn unexpected(&self, what: &str, at: usize) -> Error {
        let (line, column, c) = (self.line, at - self.line_start, self.chars[at]);
        Error::Lexer(format!("Error on line {line}, col {column}{what}: Unexpected character: {c} "))
    }
}
