//! The formats of an alias: plain texts, or objects with a text for people and any number for the machine.

use serde_json::Value;

/// One text that a command can be held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Representation<'a> {
    /// The format it is of, as the alias has it.
    pub format: &'a Value,
    /// What people are shown.
    pub display: Option<&'a str>,
    /// What commands are held against; empty where there is only something to show.
    pub text: &'a str,
    /// Whether a command may fit several times; nothing is said where there is only something to show.
    pub match_multiple: Option<bool>,
}

/// All representations of an alias's formats, in order.
pub fn representations(formats: &[Value]) -> Vec<Representation<'_>> {
    let mut all = Vec::new();
    for format in formats {
        let (display, texts, match_multiple) = parts(format);
        let of = |text, match_multiple| Representation { format, display, text, match_multiple };
        if texts.is_empty() && display.is_some_and(|display| !display.is_empty()) {
            all.push(of("", None));
        }
        all.extend(texts.into_iter().map(|text| of(text, Some(match_multiple))));
    }
    all
}

/// What people are shown of a format, if anything.
pub(super) fn display(format: &Value) -> Option<&str> {
    parts(format).0.filter(|display| !display.is_empty())
}

/// Whether a format lets a command fit several times.
pub(super) fn matches_multiple(format: &Value) -> bool {
    parts(format).2
}

/// The texts that an execution may name as its format.
pub fn usable_formats(formats: &[Value]) -> impl Iterator<Item = &str> {
    formats.iter().flat_map(|format| parts(format).1)
}

fn parts(format: &Value) -> (Option<&str>, Vec<&str>, bool) {
    match format {
        Value::String(text) => (Some(text), vec![text], false),
        Value::Object(parts) => {
            let texts = match parts.get("representation") {
                Some(Value::String(text)) if !text.is_empty() => vec![text.as_str()],
                Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            let match_multiple = parts.get("match_multiple").is_some_and(|flag| *flag == true);
            (parts.get("display").and_then(Value::as_str), texts, match_multiple)
        }
        _ => (None, Vec::new(), false),
    }
}
