//! The two hard tokens of a Python literal: numbers and strings.

use num_bigint::BigInt;
use serde_json::{Number, Value};

use crate::pytext::{
    integer::{MAX_DIGITS, integer, too_long},
    number::{from_big, from_f64},
};

/// Reads the number at the start of `text`; gives its value and its length in bytes.
///
/// # Errors
/// Python's words for the fault. Complex numbers are one, since JSON has none.
pub(super) fn number(text: &str) -> Result<(Value, usize), String> {
    let (value, length) = match text.get(..2) {
        Some("0x" | "0X") => radix(text, 16, "hexadecimal")?,
        Some("0o" | "0O") => radix(text, 8, "octal")?,
        Some("0b" | "0B") => radix(text, 2, "binary")?,
        _ => decimal(text)?,
    };
    match text[length..].chars().next() {
        Some('j' | 'J') => Err("complex numbers have no JSON form".to_owned()),
        Some(c) if c == '_' || c.is_alphanumeric() => Err("invalid decimal literal".to_owned()),
        _ => Ok((value, length)),
    }
}

/// The length of a run of digits with single underscores between them; 0 if there is no digit.
fn run(text: &str, radix: u32) -> usize {
    let mut length = 0;
    for (at, c) in text.char_indices() {
        let next_is_digit = || text[at + 1..].starts_with(|c: char| c.is_digit(radix));
        if c.is_digit(radix) || (c == '_' && at > 0 && length == at && next_is_digit()) {
            length = at + 1;
        } else {
            break;
        }
    }
    length
}

fn radix(text: &str, base: u32, name: &str) -> Result<(Value, usize), String> {
    let skip = if text[2..].starts_with('_') { 3 } else { 2 };
    let length = run(&text[skip..], base);
    if length == 0 {
        return Err(format!("invalid {name} literal"));
    }
    let digits = text[skip..skip + length].replace('_', "");
    // Powers of two have no limit in Python; ours keeps the cost of writing them out bounded.
    if digits.len() > MAX_DIGITS {
        return Err(too_long(digits.len()));
    }
    let value = BigInt::parse_bytes(digits.as_bytes(), base).unwrap_or_default();
    Ok((Value::Number(from_big(&value)), skip + length))
}

fn decimal(text: &str) -> Result<(Value, usize), String> {
    let whole = run(text, 10);
    let mut end = whole;
    if text[end..].starts_with('.') {
        end += 1 + run(&text[end + 1..], 10);
    }
    if let Some(rest) = text[end..].strip_prefix(['e', 'E']) {
        let sign = usize::from(rest.starts_with(['+', '-']));
        let digits = run(&rest[sign..], 10);
        if digits > 0 {
            end += 1 + sign + digits;
        }
    }
    let digits = text[..end].replace('_', "");
    if end > whole {
        return Ok((from_f64(digits.parse().unwrap_or(f64::NAN)), end));
    }
    if digits.starts_with('0') && digits.contains(|c| c != '0') && !text[end..].starts_with(['j', 'J']) {
        let message = "leading zeros in decimal integer literals are not permitted; use an 0o prefix for \
                       octal integers";
        return Err(message.to_owned());
    }
    if digits.len() > MAX_DIGITS {
        return Err(too_long(digits.len()));
    }
    let number: Number = integer(false, &digits);
    Ok((Value::Number(number), end))
}

/// What a string literal's prefix asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    /// `'x'`, `u'x'`
    Plain,
    /// `r'x'`
    Raw,
    /// `b'x'`, `rb'x'`
    Bytes,
    /// `f'x'`, `rf'x'`
    Format,
}

/// The prefix before a quote, if `word` is one.
pub(super) fn prefix(word: &str) -> Option<Prefix> {
    match word.to_ascii_lowercase().as_str() {
        "" | "u" => Some(Prefix::Plain),
        "r" => Some(Prefix::Raw),
        "b" | "br" | "rb" => Some(Prefix::Bytes),
        "f" | "fr" | "rf" => Some(Prefix::Format),
        _ => None,
    }
}

/// Reads the string whose opening quote stands at the start of `text`; gives it and its length.
///
/// # Errors
/// Python's words for the fault; also for `\N{…}`, whose table of names we do not carry, and for lone
/// surrogates, which no JSON text can hold.
pub(super) fn string(text: &str, raw: bool) -> Result<(String, usize), String> {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    let close = if text.starts_with(&triple) { triple.as_str() } else { quote };
    let mut out = String::new();
    let mut rest = &text[close.len()..];
    loop {
        if let Some(after) = rest.strip_prefix(close) {
            return Ok((out, text.len() - after.len()));
        }
        let mut chars = rest.chars();
        match chars.next() {
            None => return Err(unterminated(close)),
            Some('\n') if close.len() == 1 => return Err(unterminated(close)),
            Some('\\') if raw => {
                out.push('\\');
                let next = chars.next().ok_or_else(|| unterminated(close))?;
                out.push(next);
            }
            Some('\\') => {
                escape(&mut out, &mut chars).map_err(|fault| fault.unwrap_or_else(|| unterminated(close)))?;
            }
            Some(c) => out.push(c),
        }
        rest = chars.as_str();
    }
}

fn unterminated(close: &str) -> String {
    let kind = if close.len() == 3 { "triple-quoted string" } else { "string" };
    format!("unterminated {kind} literal (detected at line 1)")
}

/// Reads what follows a backslash. `None` as the error: the text ended.
fn escape(out: &mut String, chars: &mut std::str::Chars<'_>) -> Result<(), Option<String>> {
    match chars.next().ok_or(None)? {
        '\n' => {}
        c @ ('\\' | '\'' | '"') => out.push(c),
        'a' => out.push('\u{7}'),
        'b' => out.push('\u{8}'),
        'f' => out.push('\u{c}'),
        'n' => out.push('\n'),
        'r' => out.push('\r'),
        't' => out.push('\t'),
        'v' => out.push('\u{b}'),
        'x' => out.push(code_point(chars, 2, "truncated \\xXX escape")?),
        'u' => out.push(code_point(chars, 4, "truncated \\uXXXX escape")?),
        'U' => out.push(code_point(chars, 8, "truncated \\UXXXXXXXX escape")?),
        'N' => return Err(Some(unicode_error("unknown Unicode character name"))),
        first @ '0'..='7' => {
            let mut code = first.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                let Some(digit) = chars.as_str().chars().next().and_then(|c| c.to_digit(8)) else { break };
                code = code * 8 + digit;
                chars.next();
            }
            out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
        }
        // Python keeps an escape it does not know, backslash and all.
        other => {
            out.push('\\');
            out.push(other);
        }
    }
    Ok(())
}

fn code_point(
    chars: &mut std::str::Chars<'_>,
    length: usize,
    truncated: &str,
) -> Result<char, Option<String>> {
    let mut code = 0_u32;
    for _ in 0..length {
        let digit = chars.next().and_then(|c| c.to_digit(16));
        let digit = digit.ok_or_else(|| Some(unicode_error(truncated)))?;
        code = (code << 4) | digit;
    }
    char::from_u32(code).ok_or_else(|| {
        let surrogate = (0xd800..0xe000).contains(&code);
        Some(unicode_error(if surrogate { "surrogates not allowed" } else { "illegal Unicode character" }))
    })
}

fn unicode_error(reason: &str) -> String {
    format!("(unicode error) 'unicodeescape' codec can't decode bytes: {reason}")
}
