//! Text to tokens. Positions are counted in characters, as the reference reports them.

use std::sync::Arc;

use num_bigint::BigInt;

use super::{
    ast::Literal,
    error::{Error, Result},
};

/// One token.
#[derive(Debug, Clone)]
pub(super) enum Token {
    Const(Literal),
    Word(Arc<str>),
    Variable(Arc<str>),
    /// A name with the parenthesis that follows it.
    Function(Arc<str>),
    /// An operator or a punctuation mark.
    Mark(&'static str),
}

/// A token and where it begins.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) position: usize,
}

/// Words that are operators.
const OPERATOR_WORDS: [&str; 5] = ["mod", "in", "not", "and", "or"];

/// Marks, the longer before their own beginnings.
const MARKS: [&str; 22] = [
    "?.", "=~", "!~", ">=", "<=", "!=", "->", "=>", ".", "+", "-", "*", "/", ">", "<", "=", "(", ")", "[",
    "]", ",", "{",
];

/// The tokens up to the first character that begins none, and the error there.
pub(super) fn tokens(text: &str) -> (Vec<Placed>, Option<Error>) {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            at += 1;
            continue;
        }
        match next(&chars, at) {
            Ok((token, end)) => {
                found.push(Placed { token, position: at });
                at = end;
            }
            Err(error) => return (found, Some(error)),
        }
    }
    (found, None)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the word characters from `at` on end.
fn word_end(chars: &[char], at: usize) -> usize {
    at + chars[at..].iter().take_while(|c| is_word(**c)).count()
}

fn next(chars: &[char], at: usize) -> Result<(Token, usize)> {
    let c = chars[at];
    let illegal = || {
        Error::new("YaqlLexicalException", format!("Lexical error: illegal character '{c}' at position {at}"))
    };
    let slice = |from: usize, to: usize| chars[from..to].iter().collect::<String>();
    if c == '$' {
        let end = word_end(chars, at + 1);
        return Ok((Token::Variable(slice(at, end).into()), end));
    }
    if c.is_numeric() {
        let end = number_end(chars, at).ok_or_else(illegal)?;
        return Ok((Token::Const(number(&slice(at, end))?), end));
    }
    if is_word(c) {
        let end = word_end(chars, at);
        let word = slice(at, end);
        if chars.get(end) == Some(&'(') {
            return Ok((Token::Function(word.into()), end + 1));
        }
        if word.starts_with("__") {
            return Err(illegal());
        }
        let token = match word.as_str() {
            "true" => Token::Const(Literal::Bool(true)),
            "false" => Token::Const(Literal::Bool(false)),
            "null" => Token::Const(Literal::Null),
            word => match OPERATOR_WORDS.iter().find(|known| **known == word) {
                Some(known) => Token::Mark(known),
                None => Token::Word(word.into()),
            },
        };
        return Ok((token, end));
    }
    if matches!(c, '\'' | '"' | '`') {
        let end = string_end(chars, at).ok_or_else(illegal)?;
        let body = &chars[at + 1..end - 1];
        let text = if c == '`' { verbatim(body) } else { unescape(body) };
        return Ok((Token::Const(Literal::Str(text.into())), end));
    }
    if c == '}' {
        return Ok((Token::Mark("}"), at + 1));
    }
    let mark = MARKS.iter().find(|mark| {
        let mut rest = chars[at..].iter();
        mark.chars().all(|wanted| rest.next() == Some(&wanted))
    });
    mark.map(|mark| (Token::Mark(mark), at + mark.len())).ok_or_else(illegal)
}

/// Where a number ends; nothing if letters follow it at once.
fn number_end(chars: &[char], at: usize) -> Option<usize> {
    let digits_end = |from: usize| from + chars[from..].iter().take_while(|c| c.is_numeric()).count();
    let is_end = |end: usize| chars.get(end).is_none_or(|c| !is_word(*c));
    let whole = digits_end(at);
    if chars.get(whole) == Some(&'.') && chars.get(whole + 1).is_some_and(|c| c.is_numeric()) {
        let end = digits_end(whole + 1);
        if is_end(end) {
            return Some(end);
        }
    }
    is_end(whole).then_some(whole)
}

fn number(text: &str) -> Result<Literal> {
    if text.contains('.') {
        return crate::pytext::float(text).map(Literal::Float).map_err(Error::value);
    }
    if let Ok(small) = text.parse() {
        return Ok(Literal::Int(small));
    }
    let number = crate::pytext::int(text).map_err(Error::value)?;
    crate::pytext::big(&number)
        .map(|big: BigInt| Literal::Big(big))
        .ok_or_else(|| Error::value(format!("invalid number {text}")))
}

/// Where a quoted text ends, past its closing quote.
fn string_end(chars: &[char], at: usize) -> Option<usize> {
    let quote = chars[at];
    let mut index = at + 1;
    while let Some(&c) = chars.get(index) {
        if c == quote {
            return Some(index + 1);
        }
        // As in the reference, an escape does not reach over the end of a line.
        if c == '\\' {
            if chars.get(index + 1).is_none_or(|next| *next == '\n') {
                return None;
            }
            index += 1;
        }
        index += 1;
    }
    None
}

fn verbatim(body: &[char]) -> String {
    body.iter().collect::<String>().replace("\\`", "`")
}

fn unescape(body: &[char]) -> String {
    let mut out = String::with_capacity(body.len());
    let mut at = 0;
    while let Some(&c) = body.get(at) {
        if c == '\\'
            && let Some((decoded, length)) = escape(&body[at + 1..])
        {
            out.push(decoded);
            at += length + 1;
        } else {
            out.push(c);
            at += 1;
        }
    }
    out
}

/// What an escape stands for and how long it is without its backslash.
fn escape(rest: &[char]) -> Option<(char, usize)> {
    let hex = |count: usize| {
        let digits: String = rest.get(1..=count)?.iter().collect();
        let code = u32::from_str_radix(&digits, 16).ok()?;
        char::from_u32(code).map(|c| (c, count + 1))
    };
    match *rest.first()? {
        'a' => Some(('\u{7}', 1)),
        'b' => Some(('\u{8}', 1)),
        'f' => Some(('\u{c}', 1)),
        'n' => Some(('\n', 1)),
        'r' => Some(('\r', 1)),
        't' => Some(('\t', 1)),
        'v' => Some(('\u{b}', 1)),
        c @ ('\\' | '\'' | '"') => Some((c, 1)),
        'x' => hex(2),
        'u' => hex(4),
        'U' => hex(8),
        '0'..='7' => {
            let digits: String = rest.iter().take(3).take_while(|c| matches!(c, '0'..='7')).collect();
            let code = u32::from_str_radix(&digits, 8).ok()?;
            char::from_u32(code).map(|c| (c, digits.len()))
        }
        _ => None,
    }
}
