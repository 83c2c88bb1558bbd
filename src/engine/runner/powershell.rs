//! PowerShell text: values, parameters and the command line that runs a script.

use super::arguments::Arguments;
use crate::pytext;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// A value as PowerShell writes it.
pub fn value(value: &Value) -> String {
    match value {
        Value::Null => "$null".to_owned(),
        Value::String(text) => quoted(text),
        Value::Bool(flag) => if *flag { "$true" } else { "$false" }.to_owned(),
        Value::Array(items) => format!("@({})", items.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries: Vec<_> =
                map.iter().map(|(key, item)| format!("{} = {}", quoted(key), self::value(item))).collect();
            format!("@{{{}}}", entries.join("; "))
        }
        number @ Value::Number(_) => pytext::str(number),
    }
}

/// The parameters of a script: `-name value` for each named one, then the positional ones.
pub fn parameters(arguments: &Arguments, prefix: &str) -> String {
    let mut text = String::new();
    if !arguments.named.is_empty() {
        let named: Vec<_> =
            arguments.named.iter().map(|(name, item)| format!("{prefix}{name} {}", value(item))).collect();
        text = named.join(" ");
        text.push(' ');
    }
    let positional: Vec<_> = arguments.positional.iter().map(|item| quoted(item)).collect();
    text + &positional.join(" ")
}

/// The command line that runs a script of any content.
pub fn command(script: &str) -> String {
    let bytes: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    format!("powershell -encodedcommand {}", STANDARD.encode(bytes))
}

/// A text as PowerShell reads it back.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        let escaped = match c {
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\u{b}' => 'v',
            '\0' => '0',
            '"' | '\'' | '`' | '$' => c,
            _ => {
                quoted.push(c);
                continue;
            }
        };
        quoted.push('`');
        quoted.push(escaped);
    }
    quoted.push('"');
    quoted
}
