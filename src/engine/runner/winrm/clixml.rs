//! What PowerShell writes to stderr when nobody sits before it: errors as XML, made readable.

use roxmltree::{Document, Node};

/// The first line of such output.
const MARK: &str = "#< CLIXML";

/// The errors in `text`; `text` itself when it is something else, or holds none.
///
/// Other streams that travel the same way (progress, warnings) are left out when there are errors, as upstream: all
/// texts at the top are taken for the message.
pub(super) fn readable(text: &str) -> String {
    let Some(xml) = text.strip_prefix(MARK).map(str::trim_start) else { return text.to_owned() };
    let Ok(document) = Document::parse(xml) else { return text.to_owned() };
    let is_text = |node: &Node<'_, '_>| node.tag_name().name() == "S";
    let parts = document.root_element().children().filter(is_text).filter_map(|node| node.text());
    let message: String = parts.map(unescape).collect();
    let message = message.trim();
    if message.is_empty() { text.to_owned() } else { message.to_owned() }
}

/// `_x000D__x000A_` is the end of a line, and other characters are written likewise.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text;
    loop {
        let escaped = rest.strip_prefix("_x").and_then(|after| {
            let unit = u16::from_str_radix(after.get(..4)?, 16).ok()?;
            Some((unit, after[4..].strip_prefix('_')?))
        });
        if let Some((unit, after)) = escaped {
            units.push(unit);
            rest = after;
            continue;
        }
        plain.extend(char::decode_utf16(units.drain(..)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
        let Some(c) = rest.chars().next() else { break };
        plain.push(c);
        rest = &rest[c.len_utf8()..];
    }
    plain.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_out_as_text() {
        let xml = "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\
            <Obj S=\"progress\" RefId=\"0\"><MS><S N=\"x\">Preparing</S></MS></Obj>\
            <S S=\"Error\">nope : The term_x000D__x000A_</S><S S=\"Error\">At line:1 &lt;here&gt;_x000D__x000A_</S></Objs>";
        assert_eq!(readable(xml), "nope : The term\nAt line:1 <here>");
    }

    #[test]
    fn anything_else_stays_as_it_is() {
        let progress = "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"p\"><Obj S=\"progress\"/></Objs>";
        for text in ["plain", "", "#< CLIXML\r\n<broken", progress] {
            assert_eq!(readable(text), text);
        }
        assert_eq!(unescape("a_xD83D__xDE00_b_x00_"), "a😀b_x00_");
    }
}
