//! The two passes over the values: templates are rendered, then defaults come in where nothing was set.
//!
//! Which schema a nested value has is told by `properties`, then `patternProperties`, then `additionalProperties`, and
//! in lists by `items` and `additionalItems`.

use super::Error;
use crate::{datastore::Datastore, expr::jinja, pytext};
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    sync::{Arc, LazyLock},
};

/// Deepest value that is looked into; YAML and JSON nest less.
const DEEPEST: usize = 200;

static ANYTHING: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));

/// Renders the templates of one configuration.
pub(super) struct Renderer<'a> {
    pack: &'a str,
    datastore: &'a Datastore,
    context: jinja::Value,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(pack: &'a str, datastore: &'a Datastore, lookups: &Arc<dyn jinja::Datastore>) -> Self {
        let context = [("st2kv", jinja::st2kv(lookups))].into_iter().collect();
        Self { pack, datastore, context }
    }

    pub(super) fn render(
        &self,
        schema: &Map<String, Value>,
        values: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        for (name, value) in values {
            self.render_value(schema.get(name).unwrap_or(&ANYTHING), value, name)?;
        }
        Ok(())
    }

    fn render_value(&self, schema: &Value, value: &mut Value, path: &str) -> Result<(), Error> {
        if path.matches('.').count() > DEEPEST {
            return Ok(());
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.render_value(&schema_of_field(schema, name), value, &format!("{path}.{name}"))?;
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.render_value(schema_of_item(schema, index), item, &format!("{path}.{index}"))?;
                }
            }
            Value::String(text) if jinja::is_template(text) => {
                *value = self.rendered(schema, text, path)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Only texts come out of a template, and nothing comes out as null.
    fn rendered(&self, schema: &Value, text: &str, key: &str) -> Result<Value, Error> {
        let is_secret = schema.get("secret").is_some_and(pytext::truthy);
        if is_secret || text.contains("decrypt_kv") {
            tracing::info!(
                pack = self.pack,
                key,
                operation = "pack_config_value_decrypt",
                "Decrypting the value for key {key} from the config of pack {}",
                self.pack
            );
        }
        let rendered = jinja::Template::parse(text).and_then(|template| template.render(&self.context));
        let rendered = rendered.map_err(|cause| Error::Render {
            key: key.to_owned(),
            value: text.to_owned(),
            pack: self.pack.to_owned(),
            class: class_text(cause.class()),
            cause,
        })?;
        if rendered.is_empty() {
            return Ok(Value::Null);
        }
        if !is_secret {
            return Ok(Value::String(rendered));
        }
        let plain = self.datastore.decrypt_text(key, &rendered).map_err(|cause| Error::Decrypt {
            key: key.to_owned(),
            pack: self.pack.to_owned(),
            cause,
        })?;
        Ok(Value::String(plain))
    }
}

/// A class as Python prints it.
fn class_text(class: jinja::Class) -> String {
    use jinja::Class as C;
    let module = match class {
        C::FilterArgumentError
        | C::SecurityError
        | C::TemplateAssertionError
        | C::TemplateRuntimeError
        | C::TemplateSyntaxError
        | C::UndefinedError => "jinja2.exceptions.",
        C::JSONDecodeError => "json.decoder.",
        C::YAMLError => "yaml.error.",
        C::PatternError => "re.",
        _ => "",
    };
    format!("<class '{module}{}'>", class.name())
}

/// Puts defaults where nothing was set, also inside of objects and lists whose schema tells of their parts.
pub(super) fn fill_in(schema: &Map<String, Value>, values: &mut Map<String, Value>) {
    for (name, schema) in schema {
        fill_in_field(schema, values, name, 0);
    }
}

fn fill_in_field(schema: &Value, values: &mut Map<String, Value>, name: &str, depth: usize) {
    if let Some(default) = schema.get("default")
        && !values.contains_key(name)
    {
        values.insert(name.to_owned(), default.clone());
    }
    let Some(empty) = empty_of(schema) else { return };
    if !values.get(name).is_some_and(pytext::truthy) {
        values.insert(name.to_owned(), empty);
    }
    if let Some(value) = values.get_mut(name) {
        fill_in_parts(schema, value, depth + 1);
    }
}

/// What stands for an object or list with known parts that was not set.
fn empty_of(schema: &Value) -> Option<Value> {
    let tells = |keyword: &str| schema.get(keyword).is_some_and(pytext::truthy);
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => ["properties", "patternProperties", "additionalProperties"]
            .into_iter()
            .any(tells)
            .then(|| Value::Object(Map::new())),
        Some("array") => {
            ["items", "additionalItems"].into_iter().any(tells).then(|| Value::Array(Vec::new()))
        }
        _ => None,
    }
}

fn fill_in_parts(schema: &Value, value: &mut Value, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    match value {
        Value::Object(fields) => {
            let given: Vec<String> = fields.keys().cloned().collect();
            for name in &given {
                let schema = schema_of_field(schema, name).into_owned();
                fill_in_field(&schema, fields, name, depth);
            }
            let declared = schema.get("properties").and_then(Value::as_object);
            for (name, schema) in declared.into_iter().flatten() {
                if !given.contains(name) {
                    fill_in_field(schema, fields, name, depth);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let schema = schema_of_item(schema, index);
                if let Some(empty) = empty_of(schema) {
                    if !pytext::truthy(item) {
                        *item = empty;
                    }
                    fill_in_parts(schema, item, depth + 1);
                }
            }
        }
        _ => {}
    }
}

/// The schema of a field of an object.
fn schema_of_field<'a>(schema: &'a Value, name: &str) -> Cow<'a, Value> {
    if let Some(declared) = schema.get("properties").and_then(|properties| properties.get(name)) {
        return Cow::Borrowed(declared);
    }
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let matching: Vec<&Map<String, Value>> = patterns
        .into_iter()
        .flatten()
        .filter(|(pattern, _)| {
            pytext::search::Search::new(pattern).is_ok_and(|it| it.is_match(name).unwrap_or(false))
        })
        .filter_map(|(_, schema)| schema.as_object())
        .collect();
    match matching[..] {
        [] => {}
        [only] => return Cow::Owned(Value::Object(only.clone())),
        // Later patterns win over earlier ones, keyword by keyword.
        _ => {
            return Cow::Owned(matching.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect());
        }
    }
    match schema.get("additionalProperties") {
        Some(additional @ Value::Object(_)) => Cow::Borrowed(additional),
        _ => Cow::Borrowed(&ANYTHING),
    }
}

/// The schema of an item of a list.
fn schema_of_item(schema: &Value, index: usize) -> &Value {
    let positional = match schema.get("items") {
        Some(each @ Value::Object(_)) => return each,
        Some(Value::Array(positional)) => positional.get(index),
        _ => None,
    };
    positional.or_else(|| schema.get("additionalItems").filter(|it| it.is_object())).unwrap_or(&ANYTHING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(schema: Value, values: Value) -> Value {
        let mut values = values.as_object().cloned().unwrap();
        fill_in(schema.as_object().unwrap(), &mut values);
        Value::Object(values)
    }

    #[test]
    fn defaults_come_in_where_nothing_was_set() {
        let schema = json!({
            "host": {"type": "string", "default": "localhost"},
            "plain": {"type": "object", "default": {"a": 1}},
            "nested": {"type": "object", "properties": {"region": {"default": "north"}, "token": {"secret": true}}},
            "list": {"type": "array", "items": {"type": "object", "properties": {"port": {"default": 80}}}},
            "any": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"default": 1}}}},
            "loose": {"type": "array"},
        });
        assert_eq!(
            filled(schema.clone(), json!({})),
            json!({"host": "localhost", "plain": {"a": 1}, "nested": {"region": "north"}, "list": [], "any": {}})
        );
        assert_eq!(
            filled(
                schema,
                json!({"host": null, "nested": {"region": null}, "list": [{}, {"port": 1}], "any": {"k": {}, "n": null}})
            ),
            json!({"host": null, "nested": {"region": null}, "list": [{"port": 80}, {"port": 1}],
                "any": {"k": {"x": 1}, "n": {"x": 1}}, "plain": {"a": 1}})
        );
    }

    #[test]
    fn the_closest_schema_counts() {
        let schema = json!({
            "properties": {"a": {"n": 1}},
            "patternProperties": {"^b": {"n": 2, "m": 1}, "c$": {"n": 3}},
            "additionalProperties": {"n": 4},
        });
        for (name, n) in [("a", 1), ("bx", 2), ("xc", 3), ("bc", 3), ("z", 4)] {
            assert_eq!(schema_of_field(&schema, name)["n"], n, "{name}");
        }
        assert_eq!(schema_of_field(&schema, "bc")["m"], 1);
        let lists = json!({"items": [{"n": 1}], "additionalItems": {"n": 2}});
        assert_eq!(
            (&schema_of_item(&lists, 0)["n"], &schema_of_item(&lists, 1)["n"]),
            (&json!(1), &json!(2))
        );
        assert_eq!(*schema_of_item(&json!({"items": [{"n": 1}]}), 1), json!({}));
    }

    #[test]
    fn classes_are_named_with_their_module() {
        assert_eq!(class_text(jinja::Class::UndefinedError), "<class 'jinja2.exceptions.UndefinedError'>");
        assert_eq!(class_text(jinja::Class::ValueError), "<class 'ValueError'>");
    }
}
