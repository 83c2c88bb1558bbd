//! YAML 1.1 as PyYAML's `safe_load` reads it with libyaml, and as its `safe_dump` writes it.
//!
//! Packs are written for that reader: `on` is true, `0777` is 511, `22:22` is 1342 and `1e3` is text.
//! The scanner and the grammar follow libyaml step by step, so what it refuses is refused, with the same
//! line and column; the types are YAML 1.1's. Left out on purpose: documents that contain themselves, and
//! documents beyond the limits below, are errors.
//!
//! ```
//! use serde_json::json;
//! use st2d::yaml;
//!
//! assert_eq!(yaml::load("enabled: yes\nport: 0777"), Ok(json!({"enabled": true, "port": 511})));
//! assert_eq!(yaml::load("a: [1").unwrap_err().line, 2);
//! ```

mod compose;
mod construct;
mod dump;
mod error;
mod input;
mod node;
mod position;
mod resolve;
mod scalar;
mod scanner;
mod time;
mod token;
mod value;

use serde_json::Value;

pub use dump::{Format, dump, dump_with};
pub use error::Error;
use error::{Mark, Result};
pub use position::Positions;
pub use value::Yaml;

/// How deep a document may nest; see [`crate::pytext::MAX_DEPTH`].
pub const MAX_DEPTH: usize = crate::pytext::MAX_DEPTH;

/// How many values a document may have once every alias stands for what it names.
pub const MAX_NODES: usize = 500_000;

/// How many bytes a document may have.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Reads a document as StackStorm's JSON shows it.
pub fn load(text: &str) -> Result<Value> {
    load_yaml(text, Keys::LastWins).map(Yaml::into_json)
}

/// Reads a document, and notes where its parts stand.
pub fn load_with_positions(text: &str) -> Result<(Value, Positions)> {
    let mut positions = Positions::default();
    let value = read(text, Keys::LastWins, Some(&mut positions))?;
    Ok((value.into_json(), positions))
}

/// What to make of a key that stands in a mapping twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Its last value counts, and `<<` merges: the reader of content registration and the workers.
    LastWins,
    /// It is an error, and so is `<<`: the reader of the API.
    Unique,
}

/// Reads a document with the types JSON lacks.
pub fn load_yaml(text: &str, keys: Keys) -> Result<Yaml> {
    read(text, keys, None)
}

fn read(text: &str, keys: Keys, positions: Option<&mut Positions>) -> Result<Yaml> {
    if text.len() > MAX_BYTES {
        return Err(Error::new("the document is too large", Mark::default()));
    }
    let scanner = scanner::Scanner::new(input::Input::new(text)?);
    let (graph, root) = compose::document(scanner)?;
    match root {
        Some(root) => construct::construct(graph, root, keys == Keys::Unique, positions),
        None => Ok(Yaml::Null),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_as_yaml_1_1() {
        for (text, value) in [
            ("", json!(null)),
            ("on: push", json!({"true": "push"})),
            ("1: a\n1.0: b", json!({"1": "b"})),
            ("a: &x {k: 1}\nb:\n  <<: *x\n  z: .inf", json!({"a": {"k": 1}, "b": {"k": 1, "z": null}})),
            (
                "- 2026-03-10\n- 2026-03-10 12:30:45.5 +2",
                json!(["2026-03-10", "2026-03-10T12:30:45.500000+02:00"]),
            ),
            ("!!omap [a: 1]", json!([["a", 1]])),
            ("!!binary aGVsbG8=", json!("hello")),
        ] {
            assert_eq!(load(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn errors_say_where() {
        let error = load("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
        assert_eq!((error.line, error.column), (3, 2));
        let message = "while parsing a flow sequence, did not find expected ',' or ']', line 3, column 2";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn documents_that_would_burst_are_refused() {
        let bomb: String = (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
            let below = level - 1;
            text + &format!("a{level}: &a{level} [*a{below}, *a{below}]\n")
        });
        assert!(load(&bomb).unwrap_err().message.contains("too large"));
        let merges: String = (1..40).fold("a0: &a0 {k: x}\n".to_owned(), |text, level| {
            let below = level - 1;
            text + &format!("a{level}: &a{level} {{<<: [*a{below}, *a{below}]}}\n")
        });
        assert!(load(&merges).unwrap_err().message.contains("too large"));
        assert!(load(&"[".repeat(100_000)).unwrap_err().message.contains("too deeply"));
        assert!(load("&a [*a]").unwrap_err().message.contains("contains itself"));
        assert!(load(&"- ".repeat(100_000)).unwrap_err().message.contains("too deeply"));
    }

    #[test]
    fn parts_have_positions() {
        let (_, positions) =
            load_with_positions("tasks:\n  t1:\n    action: core.noop\n  a/b: [x]\n").unwrap();
        assert_eq!(positions.of("/tasks/t1/action"), (3, 13));
        assert_eq!(positions.of("/tasks/a~1b/0"), (4, 9));
        assert_eq!(positions.of("/tasks/t1/next/0"), (3, 5));
        assert_eq!(positions.of(""), (1, 1));
        assert_eq!(positions.exact("/tasks/t1"), Some((3, 5)));
        assert_eq!(positions.exact("/tasks/t1/next"), None);
    }

    #[test]
    fn keys_may_have_to_be_unique() {
        assert_eq!(load("a: 1\na: 2"), Ok(json!({"a": 2})));
        let error = load_yaml("a: 1\na: 2", Keys::Unique).unwrap_err();
        assert_eq!(error.to_string(), "found duplicate key \"a\", line 2, column 1");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in r#"([ \n\t:,\-?\[\]{}#&*!|>'"%@`\\.0-9a-e<=~]|\PC){0,40}"#) {
            let _ = load_with_positions(&text);
            let _ = load_yaml(&text, Keys::Unique);
        }
    }
}
