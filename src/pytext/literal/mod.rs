//! `ast.literal_eval`: a value from the text of a Python literal.
//!
//! StackStorm casts text to arrays and objects with it. Tuples and sets become arrays, as they do when
//! StackStorm writes them as JSON; keys that are not strings become the text `json.dumps` gives them.
//! Left out is what JSON cannot hold: bytes, complex numbers and lone surrogates are errors.

mod keys;
mod parser;
mod tokens;

use serde_json::Value;

use parser::Parser;

/// Why a text is not a literal, in Python's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LiteralError {
    /// Not Python at all.
    #[error("{message} (<unknown>, line {line})")]
    Syntax {
        /// Python's message.
        message: String,
        /// Line, from 1; 0 for an empty text.
        line: usize,
    },
    /// Python, but more than a literal: a name, a call, an operation. The address is not made up.
    #[error("malformed node or string on line {line}: <ast.{node} object at 0x…>")]
    Malformed {
        /// The class of the syntax node.
        node: &'static str,
        /// Line, from 1.
        line: usize,
    },
    /// A literal whose value cannot be kept.
    #[error("{0}")]
    Unsupported(String),
}

/// Evaluates a Python literal.
pub fn literal(text: &str) -> Result<Value, LiteralError> {
    let text = text.trim_start_matches([' ', '\t']);
    Parser::new(text).literal()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn literals_are_evaluated() {
        for (text, value) in [
            ("  12", json!(12)),
            ("+12", json!(12)),
            ("- 5", json!(-5)),
            ("-(5)", json!(-5)),
            ("1_000", json!(1000)),
            ("0x_ff", json!(255)),
            ("0o17", json!(15)),
            ("0b101", json!(5)),
            ("00", json!(0)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("012.5", json!(12.5)),
            ("1e3", json!(1000.0)),
            ("'a' \"b\" r'\\n'", json!("ab\\n")),
            ("u'x'", json!("x")),
            ("'''a\nb'''", json!("a\nb")),
            (r"'\x41\u017e\U0001F40E\101\q\'\n'", json!("Až🐎A\\q'\n")),
            ("[1, 'a', None, True,]", json!([1, "a", null, true])),
            ("(1)", json!(1)),
            ("(1,)", json!([1])),
            ("()", json!([])),
            ("1, 2", json!([1, 2])),
            ("{1, 2, 1.0}", json!([1, 2])),
            ("set()", json!([])),
            ("{}", json!({})),
            ("{'a': [1, {'b': (2, 3)}], 1: 2, None: 3}", json!({"a": [1, {"b": [2, 3]}], "1": 2, "null": 3})),
            ("{1: 'a', True: 'b'}", json!({"1": "b"})),
            ("[1, # c\n 2]\n\n", json!([1, 2])),
        ] {
            assert_eq!(literal(text), Ok(value), "{text}");
        }
        assert_eq!(
            literal("123456789012345678901234567890").unwrap().to_string(),
            "123456789012345678901234567890"
        );
    }

    #[test]
    fn what_is_no_literal_is_refused_in_pythons_words() {
        for (text, message) in [
            ("", "invalid syntax (<unknown>, line 0)"),
            ("abc", "malformed node or string on line 1: <ast.Name object at 0x…>"),
            ("a,b", "malformed node or string on line 1: <ast.Name object at 0x…>"),
            ("f(1)", "malformed node or string on line 1: <ast.Call object at 0x…>"),
            ("1 + 1", "malformed node or string on line 1: <ast.BinOp object at 0x…>"),
            ("--5", "malformed node or string on line 1: <ast.UnaryOp object at 0x…>"),
            ("[1,", "'[' was never closed (<unknown>, line 1)"),
            ("a: 1", "invalid syntax (<unknown>, line 1)"),
            ("1L", "invalid decimal literal (<unknown>, line 1)"),
            ("1]", "unmatched ']' (<unknown>, line 1)"),
            ("1\n 2", "unexpected indent (<unknown>, line 2)"),
            ("1\\\n", "unexpected EOF while parsing (<unknown>, line 1)"),
            ("٣", "invalid character '٣' (U+0663) (<unknown>, line 1)"),
            ("{[]: 1}", "unhashable type: 'list'"),
            ("b'x'", "Type is not JSON serializable: bytes"),
        ] {
            assert_eq!(literal(text).unwrap_err().to_string(), message, "{text}");
        }
        assert!(literal("012").is_err());
        assert!(literal("'a").is_err());
        assert!(literal("1 2").is_err());
        assert!(literal(&"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in r#"([\[\](){},:'"\\uxNbrf0-9eE_.+\-# \n]|\PC){0,24}"#) {
            let _ = literal(&text);
        }

        #[test]
        fn what_repr_writes_is_read_back(text in any::<String>(), number in any::<i64>()) {
            let value = json!({"k": [text.clone(), number], text: null});
            prop_assert_eq!(literal(&crate::pytext::repr(&value)), Ok(value));
        }
    }
}
