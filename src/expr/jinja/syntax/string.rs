//! What string literals stand for.
//!
//! Jinja2 encodes the literal as ASCII with escapes and decodes it as Python's `unicode-escape`. So an
//! unknown escape keeps its backslash, and a backslash before a character outside ASCII yields that
//! character's escape as text.

/// The text between the quotes, decoded.
///
/// Lone surrogates, which Python's text can hold and ours cannot, are refused.
pub(super) fn decode(raw: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(escape) = chars.next() else { return Err("\\ at end of string") };
        match escape {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(escape),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            'x' => out.push(hexadecimal(&mut chars, 2, "truncated \\xXX escape")?),
            'u' => out.push(hexadecimal(&mut chars, 4, "truncated \\uXXXX escape")?),
            'U' => out.push(hexadecimal(&mut chars, 8, "truncated \\UXXXXXXXX escape")?),
            'N' => return Err("unknown Unicode character name"),
            '0'..='7' => {
                let mut code = escape.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = chars.next_if(|c| matches!(c, '0'..='7')) else { break };
                    code = code * 8 + digit.to_digit(8).unwrap_or(0);
                }
                out.push(char::from_u32(code).unwrap_or('\0'));
            }
            other if other.is_ascii() => {
                out.push('\\');
                out.push(other);
            }
            other => {
                let code = u32::from(other);
                let text = match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                };
                out.push_str(&text);
            }
        }
    }
    Ok(out)
}

fn hexadecimal(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    length: usize,
    truncated: &'static str,
) -> Result<char, &'static str> {
    let mut code = 0;
    for _ in 0..length {
        let digit = chars.next_if(char::is_ascii_hexdigit).and_then(|c| c.to_digit(16)).ok_or(truncated)?;
        code = code * 16 + digit;
    }
    match char::from_u32(code) {
        Some(c) => Ok(c),
        None if code <= 0xffff => Err("surrogates not allowed"),
        None => Err("illegal Unicode character"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_python() {
        for (raw, text) in [
            (r"a\n\t\\\'", "a\n\t\\'"),
            (r"\d\w", r"\d\w"),
            (r"\x41\u017e\U0001f40e\101", "Až🐎A"),
            ("a\\\nb", "ab"),
            (r"\ž", r"\u017e"),
            ("žluť", "žluť"),
        ] {
            assert_eq!(decode(raw).as_deref(), Ok(text), "{raw}");
        }
        assert_eq!(decode(r"\x4"), Err("truncated \\xXX escape"));
        assert_eq!(decode(r"\ud83d"), Err("surrogates not allowed"));
        assert_eq!(decode(r"\U00110000"), Err("illegal Unicode character"));
    }
}
