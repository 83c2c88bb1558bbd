//! Parameters written in line: `action: core.echo message="hi"`, `publish: x=1 y=<% result() %>`.

use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::Value;

use crate::pytext::{self, regex};

/// A YAQL expression; it does not span lines.
const YAQL: &str = "<%.*?%>";

static PARAMETERS: LazyLock<Regex> = LazyLock::new(|| {
    let value = [
        r"\[.*\]\s*",
        r#""[^"]*"\s*"#,
        r"'[^']*'\s*",
        r"[-]?\d*\.\d+",
        r"[-]?\d+",
        r"(?i:true)",
        r"(?i:false)",
        r"null",
        r"\{\{.*?\}\}",
        YAQL,
    ];
    regex::compile(&format!(r"(\w+)=({})", value.join("|"))).expect("the pattern is ours")
});

/// The parameters in a text, in order; text between them is passed over.
pub(super) fn parse(text: &str) -> Vec<(String, Value)> {
    // Matching costs more than looking for what every parameter has.
    if !text.contains('=') {
        return Vec::new();
    }
    let found = PARAMETERS.captures_iter(text).map_while(Result::ok);
    found
        .filter_map(|found| Some((found.get(1)?.as_str().to_owned(), value(found.get(2)?.as_str()))))
        .collect()
}

fn value(text: &str) -> Value {
    let text = text.trim();
    let bare = |text: &str, quote: char| -> String {
        let text = text.strip_prefix(quote).unwrap_or(text);
        text.strip_suffix(quote).unwrap_or(text).to_owned()
    };
    let quoted = |quote: char| text.find(quote).is_some_and(|at| text[at + 1..].contains(quote));
    let quoted = quoted('"') || quoted('\'');
    let text = bare(&bare(text, '"'), '\'');
    if quoted && !text.is_empty() && !(text.starts_with('{') && text.ends_with('}')) {
        return Value::String(text);
    }
    let lower = text.to_lowercase();
    let json = if lower == "true" || lower == "false" { &lower } else { &text };
    pytext::json_loads(json).unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_as_orquesta_reads_them() {
        let got: Vec<Value> =
            parse(r#"x.y a=1 b="q w" d=true e=null f=-1.5 h=[1,2] m="true" o="" j=abc k={x} n=<% ctx(a) %>"#)
                .into_iter()
                .map(|(name, value)| json!([name, value]))
                .collect();
        let expected = json!([
            ["a", 1],
            ["b", "q w"],
            ["d", true],
            ["e", null],
            ["f", -1.5],
            ["h", [1, 2]],
            ["m", "true"],
            ["o", ""],
            ["n", "<% ctx(a) %>"]
        ]);
        assert_eq!(Value::Array(got), expected);
        assert_eq!(parse(r#"cmd="echo 'hi'""#), [("cmd".to_owned(), json!("echo 'hi"))]);
    }
}
