//! Directives, anchors, aliases and tags.

use crate::yaml::{
    error::{Error, Mark, Result},
    input::{Input, is_word},
    token::{Kind, Token},
};

fn fault<T>(context: &str, problem: &str, mark: Mark) -> Result<T> {
    Err(Error::new(format!("{context}, {problem}"), mark))
}

fn take_word(input: &mut Input) -> String {
    let mut out = String::new();
    while is_word(input.peek()) {
        out.push(input.next());
    }
    out
}

/// `%YAML 1.1` or `%TAG ! tag:example.org,2000:`, up to the end of its line.
pub(super) fn directive(input: &mut Input) -> Result<Token> {
    const CONTEXT: &str = "while scanning a directive";
    let start = input.mark();
    input.next();
    let name = take_word(input);
    if name.is_empty() {
        return fault(CONTEXT, "could not find expected directive name", input.mark());
    }
    if !input.is_gap_at(0) {
        return fault(CONTEXT, "found unexpected non-alphabetical character", input.mark());
    }
    let kind = match name.as_str() {
        "YAML" => version(input)?,
        "TAG" => tag_directive(input)?,
        _ => return fault(CONTEXT, "found unknown directive name", input.mark()),
    };
    let end = input.mark();
    input.skip_blanks();
    input.skip_comment();
    if !input.is_break_or_end() {
        return fault(CONTEXT, "did not find expected comment or line break", input.mark());
    }
    input.next_line();
    Ok(Token { kind, start, end })
}

fn version(input: &mut Input) -> Result<Kind> {
    const CONTEXT: &str = "while scanning a %YAML directive";
    let number = |input: &mut Input| {
        let mut digits = 0;
        let mut number = 0;
        while let Some(digit) = input.peek().to_digit(10) {
            digits += 1;
            if digits > 9 {
                return fault(CONTEXT, "found extremely long version number", input.mark());
            }
            number = number * 10 + digit;
            input.next();
        }
        if digits == 0 {
            return fault(CONTEXT, "did not find expected version number", input.mark());
        }
        Ok(number)
    };
    input.skip_blanks();
    let major = number(input)?;
    if !input.is('.') {
        return fault(CONTEXT, "did not find expected digit or '.' character", input.mark());
    }
    input.next();
    Ok(Kind::Version(major, number(input)?))
}

fn tag_directive(input: &mut Input) -> Result<Kind> {
    const CONTEXT: &str = "while scanning a %TAG directive";
    input.skip_blanks();
    let handle = tag_handle(input, true)?;
    if !input.is_blank() {
        return fault(CONTEXT, "did not find expected whitespace", input.mark());
    }
    input.skip_blanks();
    let prefix = tag_uri(input, Uri { flow_indicators: true, directive: true }, "")?;
    if !input.is_gap_at(0) {
        return fault(CONTEXT, "did not find expected whitespace or line break", input.mark());
    }
    Ok(Kind::TagDirective { handle, prefix })
}

pub(super) fn anchor(input: &mut Input) -> Result<Token> {
    name(input, "while scanning an anchor", Kind::Anchor)
}

pub(super) fn alias(input: &mut Input) -> Result<Token> {
    name(input, "while scanning an alias", Kind::Alias)
}

fn name(input: &mut Input, context: &str, kind: fn(String) -> Kind) -> Result<Token> {
    let start = input.mark();
    input.next();
    let name = take_word(input);
    let ends = input.is_gap_at(0) || matches!(input.peek(), '?' | ':' | ',' | ']' | '}' | '%' | '@' | '`');
    if name.is_empty() || !ends {
        return fault(context, "did not find expected alphabetic or numeric character", input.mark());
    }
    Ok(Token { kind: kind(name), start, end: input.mark() })
}

/// `!local`, `!!str`, `!e!thing`, `!<tag:yaml.org,2002:str>` or `!` alone.
pub(super) fn tag(input: &mut Input, in_flow: bool) -> Result<Token> {
    const CONTEXT: &str = "while scanning a tag";
    const SHORT: Uri = Uri { flow_indicators: false, directive: false };
    let start = input.mark();
    let (handle, suffix) = if input.peek_at(1) == '<' {
        input.skip(2);
        let suffix = tag_uri(input, Uri { flow_indicators: true, directive: false }, "")?;
        if !input.is('>') {
            return fault(CONTEXT, "did not find the expected '>'", input.mark());
        }
        input.next();
        (String::new(), suffix)
    } else {
        let handle = tag_handle(input, false)?;
        if handle.len() > 1 && handle.ends_with('!') {
            let suffix = tag_uri(input, SHORT, "")?;
            (handle, suffix)
        } else {
            let suffix = tag_uri(input, SHORT, &handle)?;
            if suffix.is_empty() { (String::new(), "!".to_owned()) } else { ("!".to_owned(), suffix) }
        }
    };
    let comma_follows = in_flow && input.is(',');
    if !comma_follows && !input.is_gap_at(0) {
        return fault(CONTEXT, "did not find expected whitespace or line break", input.mark());
    }
    Ok(Token { kind: Kind::Tag { handle, suffix }, start, end: input.mark() })
}

fn tag_handle(input: &mut Input, directive: bool) -> Result<String> {
    let context = if directive { "while scanning a tag directive" } else { "while scanning a tag" };
    if !input.is('!') {
        return fault(context, "did not find expected '!'", input.mark());
    }
    input.next();
    let mut handle = format!("!{}", take_word(input));
    if input.is('!') {
        input.next();
        handle.push('!');
    } else if directive && handle != "!" {
        return fault("while parsing a tag directive", "did not find expected '!'", input.mark());
    }
    Ok(handle)
}

#[derive(Clone, Copy)]
struct Uri {
    /// Whether `,`, `[` and `]` belong to it.
    flow_indicators: bool,
    directive: bool,
}

/// Takes the rest of a tag; what was read of it as a handle already is `head`.
fn tag_uri(input: &mut Input, uri: Uri, head: &str) -> Result<String> {
    let context = if uri.directive { "while parsing a %TAG directive" } else { "while parsing a tag" };
    let mut out = head.get(1..).unwrap_or_default().to_owned();
    let start = input.mark();
    loop {
        match input.peek() {
            '%' => out.push(escaped(input, context)?),
            c if is_word(c) || ";/?:@&=+$.!~*'()".contains(c) => out.push(input.next()),
            ',' | '[' | ']' if uri.flow_indicators => out.push(input.next()),
            _ => break,
        }
    }
    if head.is_empty() && input.mark() == start {
        return fault(context, "did not find expected tag URI", start);
    }
    Ok(out)
}

/// A character written as the `%XX` of its UTF-8 bytes.
fn escaped(input: &mut Input, context: &str) -> Result<char> {
    let mut bytes = Vec::new();
    let mut length = 1;
    while bytes.len() < length {
        let digit = |at| if input.is('%') { input.peek_at(at).to_digit(16) } else { None };
        let (Some(high), Some(low)) = (digit(1), digit(2)) else {
            return fault(context, "did not find URI escaped octet", input.mark());
        };
        let byte = (high << 4 | low) as u8;
        if bytes.is_empty() {
            length = match byte {
                0x00..=0x7f => 1,
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf7 => 4,
                _ => return fault(context, "found an incorrect leading UTF-8 octet", input.mark()),
            };
        } else if byte & 0xc0 != 0x80 {
            return fault(context, "found an incorrect trailing UTF-8 octet", input.mark());
        }
        bytes.push(byte);
        input.skip(3);
    }
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
    text.map_or_else(|| fault(context, "found an incorrect UTF-8 sequence", input.mark()), Ok)
}
