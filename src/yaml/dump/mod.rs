//! Block style text, as PyYAML's `safe_dump(value, default_flow_style=False)` writes it with libyaml.
//!
//! Keys are sorted, text outside ASCII is escaped unless asked otherwise, and lines fold at 80
//! columns unless another width is given.
//! Left out: anchors for values that occur twice, since ours have no identity, and the line `...` that
//! follows a bare scalar, which StackStorm's `to_yaml_string` cuts off too.

mod analysis;
mod writer;

use serde_json::Value;

use super::{Yaml, resolve::Tag};
use crate::pytext;
use analysis::Style;
use writer::Writer;

/// How to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Columns per level; what is not 2 to 9 counts as 2.
    pub indent: usize,
    /// Whether text outside ASCII stays as it is.
    pub unicode: bool,
    /// Behind which column a line folds at the next blank.
    pub width: usize,
}

impl Default for Format {
    fn default() -> Self {
        Self { indent: 2, unicode: false, width: 80 }
    }
}

/// Writes a JSON value with the default format.
pub fn dump(value: &Value) -> String {
    dump_with(&Yaml::from_json(value), Format::default())
}

/// Writes a value. What has a type of its own but in YAML is written as JSON shows it.
pub fn dump_with(value: &Yaml, format: Format) -> String {
    let mut emitter = Emitter { writer: Writer::new(format), indent: None };
    emitter.node(value, Place::Root);
    emitter.writer.finish()
}

/// What a node is to the node around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    Value,
    /// A key short enough to stand before its colon.
    SimpleKey,
    /// A key behind `?`.
    LongKey,
}

struct Emitter {
    writer: Writer,
    /// Column of the collection being written; `None` outside of any.
    indent: Option<usize>,
}

impl Emitter {
    fn node(&mut self, value: &Yaml, place: Place) {
        match value {
            Yaml::Seq(items) if items.is_empty() => self.empty("[]"),
            Yaml::Seq(items) => self.sequence(items, place),
            Yaml::Map(entries) if entries.is_empty() => self.empty("{}"),
            Yaml::Map(entries) => self.mapping(entries),
            Yaml::Null => self.scalar("null", true, place),
            Yaml::Bool(flag) => self.scalar(if *flag { "true" } else { "false" }, true, place),
            Yaml::Int(number) => self.scalar(&pytext::str(&Value::Number(number.clone())), true, place),
            Yaml::Float(number) => self.scalar(&float(*number), true, place),
            Yaml::Str(text) => self.scalar(text, Tag::implied(text) == Tag::Str, place),
            other => self.node(&Yaml::from_json(&other.clone().into_json()), place),
        }
    }

    /// The column one level deeper. The outermost collection begins at the margin.
    fn deeper(&self) -> usize {
        self.indent.map_or(0, |indent| indent + self.writer.step())
    }

    fn empty(&mut self, text: &str) {
        self.writer.indicator(text, true);
    }

    fn sequence(&mut self, items: &[Yaml], place: Place) {
        let outer = self.indent;
        // The dashes of a sequence that is a value stand under its key.
        let under_key = matches!(place, Place::Value | Place::LongKey) && !self.writer.is_indented();
        if !under_key || outer.is_none() {
            self.indent = Some(self.deeper());
        }
        for item in items {
            self.writer.line(self.indent);
            self.writer.indentation_indicator("-");
            self.node(item, Place::Item);
        }
        self.indent = outer;
    }

    fn mapping(&mut self, entries: &[(Yaml, Yaml)]) {
        let outer = self.indent;
        self.indent = Some(self.deeper());
        let mut entries: Vec<_> = entries.iter().collect();
        if entries.iter().all(|(key, _)| matches!(key, Yaml::Str(_))) {
            entries.sort_by(|(a, _), (b, _)| match (a, b) {
                (Yaml::Str(a), Yaml::Str(b)) => a.cmp(b),
                _ => std::cmp::Ordering::Equal,
            });
        }
        for (key, value) in entries {
            self.writer.line(self.indent);
            if analysis::is_simple_key(key) {
                self.node(key, Place::SimpleKey);
                self.writer.indicator(":", false);
            } else {
                self.writer.indentation_indicator("?");
                self.node(key, Place::LongKey);
                self.writer.line(self.indent);
                self.writer.indentation_indicator(":");
            }
            self.node(value, Place::Value);
        }
        self.indent = outer;
    }

    /// Writes a scalar; `plain_fits` says that its text without quotes is read as the same value.
    fn scalar(&mut self, text: &str, plain_fits: bool, place: Place) {
        let simple_key = place == Place::SimpleKey;
        let indent = self.indent.map_or(self.writer.step(), |indent| indent + self.writer.step());
        match analysis::style(text, plain_fits, simple_key, self.writer.unicode()) {
            Style::Plain => self.writer.plain(text, !simple_key, indent),
            Style::Single => self.writer.single_quoted(text, !simple_key, indent),
            Style::Double => self.writer.double_quoted(text, !simple_key, indent),
        }
    }
}

/// A float as YAML 1.1 reads it: with a point, also before an exponent.
fn float(value: f64) -> String {
    let text = pytext::float_repr(value);
    match text.as_str() {
        "inf" => ".inf".to_owned(),
        "-inf" => "-.inf".to_owned(),
        "nan" => ".nan".to_owned(),
        text if text.contains('.') => text.to_owned(),
        text => text.replacen('e', ".0e", 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn collections_are_written_in_block_style() {
        let value = json!({"b": [1, {"x": [], "y": {}}, [2, [3]]], "a": {"k": null}});
        assert_eq!(dump(&value), "a:\n  k: null\nb:\n- 1\n- x: []\n  y: {}\n- - 2\n  - - 3\n");
        let wide = Format { indent: 4, unicode: true, ..Format::default() };
        assert_eq!(dump_with(&Yaml::from_json(&json!({"ž": [{"a": "é"}]})), wide), "ž:\n-   a: é\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in r#"([ \n\t\r:#'"\-?!&*,\[\]{}%@`\\0-9a-zé🐎\u{85}\u{2028}\u{feff}]|\PC){0,60}"#) {
            let value = json!({"k": [text.clone(), {text.clone(): text}]});
            prop_assert_eq!(super::super::load(&dump(&value)), Ok(value.clone()));
        }
    }
}
