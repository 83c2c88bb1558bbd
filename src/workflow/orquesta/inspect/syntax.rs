//! The shape of the document, against orquesta's schema, in the words of Python's jsonschema.
//!
//! The schema is written as code: it is small, does not change, and its paths are part of the wire. Three
//! things StackStorm fails on without a word are findings here: a document that is a list, a task without
//! anything in it, a task whose name is no word.

use serde_json::{Map, Value};

use super::{Finding, Kind, finding::Focus};
use crate::pytext;

/// Names that tasks and variables have.
const WORD: &str = r"^\w+$";

/// `x, y in <% … %>`, or the expression alone.
const ITEMS: &str =
    r"^(\s+)?({{.*?}}|<%.*?%>)(\s+)?$|^(\s+)?((\w+,\s?|\s+)+)?(\w+)\s+in\s+({{.*?}}|<%.*?%>)(\s+)?$";

/// Where a value stands, in the document and in the schema.
#[derive(Clone)]
struct At {
    spec: String,
    schema: String,
}

impl At {
    fn key(&self, name: &str) -> Self {
        let join =
            |path: &str, rest: &str| if path.is_empty() { rest.to_owned() } else { format!("{path}.{rest}") };
        Self { spec: join(&self.spec, name), schema: join(&self.schema, &format!("properties.{name}")) }
    }

    fn named(&self, name: &str, pattern: &str) -> Self {
        Self {
            spec: format!("{}.{name}", self.spec),
            schema: format!("{}.patternProperties.{pattern}", self.schema),
        }
    }

    fn item(&self, index: usize) -> Self {
        Self { spec: format!("{}[{index}]", self.spec), schema: format!("{}.items", self.schema) }
    }
}

/// What is wrong with the shape.
pub(super) fn inspect(document: &Value) -> Vec<Finding> {
    let mut check = Check { findings: Vec::new() };
    check.workflow(document);
    check.findings
}

struct Check {
    findings: Vec<Finding>,
}

/// What a schema says about a value: whether it fits.
type Rule = fn(&Value) -> bool;

impl Check {
    fn say(&mut self, at: &At, keyword: &str, message: &str) {
        let schema =
            if at.schema.is_empty() { keyword.to_owned() } else { format!("{}.{keyword}", at.schema) };
        self.findings.push(Finding::new(Kind::Syntax, unescaped(message), at.spec.clone(), schema));
    }

    fn complain(&mut self, at: &At, keyword: &str, value: &Value, complaint: &str) {
        self.say(at, keyword, &format!("{} {complaint}", pytext::repr(value)));
    }

    fn workflow(&mut self, document: &Value) {
        let root = At { spec: String::new(), schema: String::new() };
        let names = ["name", "version", "description", "tags", "vars", "input", "output", "tasks"];
        let Some(fields) = self.object(&root, document, &names) else { return };
        let given = |name: &str| fields.get(name).map(|value| (root.key(name), value));
        for name in ["name", "description"] {
            if let Some((at, value)) = given(name) {
                self.text(&at, value);
            }
        }
        if let Some((at, value)) = given("version") {
            self.version(&at, value);
        }
        if let Some((at, value)) = given("tags") {
            self.list(&at, value, Self::text);
        }
        for name in ["vars", "output"] {
            if let Some((at, value)) = given(name) {
                self.list(&at, value, Self::pair);
            }
        }
        if let Some((at, value)) = given("input") {
            self.list(&at, value, |check, at, item| {
                check.one_of(at, item, &[is_text, is_pair]);
            });
        }
        match given("tasks") {
            Some((at, tasks)) => self.tasks(&at, tasks),
            None => self.say(&root, "required", "'tasks' is a required property"),
        }
    }

    fn version(&mut self, at: &At, version: &Value) {
        let number = |value: &Value| value.as_number().is_some_and(|number| pytext::to_f64(number) >= 0.0);
        if !is_text(version) && !number(version) {
            self.complain(at, "anyOf", version, "is not valid under any of the given schemas");
        }
        let is_one =
            version.as_number().is_some_and(|number| pytext::to_f64(number).to_bits() == 1.0_f64.to_bits());
        if version != "1.0" && !is_one {
            self.complain(at, "enum", version, "is not one of ['1.0', 1.0]");
        }
    }

    fn tasks(&mut self, at: &At, tasks: &Value) {
        let Some(fields) = self.any_object(at, tasks) else { return };
        if fields.is_empty() {
            self.complain(at, "minProperties", tasks, "should be non-empty");
        }
        for (name, task) in fields {
            if is_word(name) {
                self.task(&at.named(name, WORD), task);
            } else {
                let message =
                    format!("{} does not match any of the regexes: '{WORD}'", pytext::repr_str(name));
                self.say(at, "additionalProperties", &message);
                if let Some(finding) = self.findings.last_mut() {
                    finding.focus = Focus::Key(name.clone());
                }
            }
        }
    }

    fn task(&mut self, at: &At, task: &Value) {
        let names = ["delay", "join", "with", "action", "input", "retry", "next"];
        let Some(fields) = self.object(at, task, &names) else { return };
        if fields.is_empty() {
            self.complain(at, "minProperties", task, "should be non-empty");
        }
        let given = |name: &str| fields.get(name).map(|value| (at.key(name), value));
        if let Some((at, value)) = given("delay") {
            self.one_of(&at, value, &[is_text, is_count]);
        }
        if let Some((at, value)) = given("join") {
            self.one_of(&at, value, &[|value| value == "all", is_count]);
        }
        if let Some((at, value)) = given("with") {
            self.items(&at, value);
        }
        if let Some((at, value)) = given("action") {
            self.text(&at, value);
        }
        if let Some((at, value)) = given("input") {
            let is_filled: Rule = |value| value.as_object().is_some_and(|fields| !fields.is_empty());
            self.one_of(&at, value, &[is_text, is_filled]);
        }
        if let Some((at, value)) = given("retry") {
            self.retry(&at, value);
        }
        if let Some((at, value)) = given("next") {
            self.next(&at, value);
        }
    }

    fn items(&mut self, at: &At, with: &Value) {
        let Some(fields) = self.object(at, with, &["items", "concurrency"]) else { return };
        if let Some(items) = fields.get("items") {
            let at = at.key("items");
            self.text(&at, items);
            let fits =
                |text: &str| pytext::regex::compile(ITEMS).is_ok_and(|re| re.is_match(text).unwrap_or(false));
            if items.as_str().is_some_and(|text| !fits(text)) {
                self.complain(&at, "pattern", items, &format!("does not match {}", pytext::repr_str(ITEMS)));
            }
        }
        if let Some(concurrency) = fields.get("concurrency") {
            self.one_of(&at.key("concurrency"), concurrency, &[is_text, is_count]);
        }
    }

    fn retry(&mut self, at: &At, retry: &Value) {
        let Some(fields) = self.object(at, retry, &["when", "count", "delay"]) else { return };
        if let Some(when) = fields.get("when") {
            self.text(&at.key("when"), when);
        }
        for name in ["count", "delay"] {
            if let Some(value) = fields.get(name) {
                self.one_of(&at.key(name), value, &[is_text, is_count]);
            }
        }
        if !fields.contains_key("count") {
            self.say(at, "required", "'count' is a required property");
        }
    }

    fn next(&mut self, at: &At, next: &Value) {
        let Value::Array(transitions) = next else {
            return self.complain(at, "type", next, "is not of type 'array'");
        };
        for (index, transition) in transitions.iter().enumerate() {
            let at = at.item(index);
            let Some(fields) = self.object(&at, transition, &["when", "publish", "do"]) else { continue };
            if let Some(when) = fields.get("when") {
                self.text(&at.key("when"), when);
            }
            if let Some(publish) = fields.get("publish") {
                self.one_of(&at.key("publish"), publish, &[is_text, |value| is_list(value, is_pair)]);
            }
            if let Some(to) = fields.get("do") {
                self.one_of(&at.key("do"), to, &[is_text, |value| is_list(value, is_text)]);
            }
        }
    }

    // ── kinds of values ─────────────────────────────────────────────────────────────────────

    fn any_object<'a>(&mut self, at: &At, value: &'a Value) -> Option<&'a Map<String, Value>> {
        if !value.is_object() {
            self.complain(at, "type", value, "is not of type 'object'");
        }
        value.as_object()
    }

    fn object<'a>(&mut self, at: &At, value: &'a Value, names: &[&str]) -> Option<&'a Map<String, Value>> {
        let fields = self.any_object(at, value)?;
        let mut extra: Vec<&str> =
            fields.keys().map(String::as_str).filter(|name| !names.contains(name)).collect();
        if !extra.is_empty() {
            extra.sort_unstable();
            let verb = if extra.len() == 1 { "was" } else { "were" };
            let key = extra[0].to_owned();
            let extra: Vec<String> = extra.into_iter().map(pytext::repr_str).collect();
            let message =
                format!("Additional properties are not allowed ({} {verb} unexpected)", extra.join(", "));
            self.say(at, "additionalProperties", &message);
            if let Some(finding) = self.findings.last_mut() {
                finding.focus = Focus::Key(key);
            }
        }
        Some(fields)
    }

    fn text(&mut self, at: &At, value: &Value) {
        match value {
            Value::String(text) if text.is_empty() => {
                self.complain(at, "minLength", value, "should be non-empty");
            }
            Value::String(_) => {}
            _ => self.complain(at, "type", value, "is not of type 'string'"),
        }
    }

    /// An object with one key.
    fn pair(&mut self, at: &At, value: &Value) {
        match self.any_object(at, value).map(Map::len) {
            Some(0) => self.complain(at, "minProperties", value, "should be non-empty"),
            Some(2..) => self.complain(at, "maxProperties", value, "has too many properties"),
            _ => {}
        }
    }

    /// A list of different values, at least one.
    fn list(&mut self, at: &At, value: &Value, mut each: impl FnMut(&mut Self, &At, &Value)) {
        let Value::Array(items) = value else {
            return self.complain(at, "type", value, "is not of type 'array'");
        };
        if items.is_empty() {
            self.complain(at, "minItems", value, "should be non-empty");
        }
        if !are_different(items) {
            self.complain(at, "uniqueItems", value, "has non-unique elements");
        }
        for (index, item) in items.iter().enumerate() {
            each(self, &at.item(index), item);
        }
    }

    fn one_of(&mut self, at: &At, value: &Value, rules: &[Rule]) {
        if !rules.iter().any(|rule| rule(value)) {
            self.complain(at, "oneOf", value, "is not valid under any of the given schemas");
        }
    }
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

/// A whole number that is not negative; `1.0` is one, `True` is none.
fn is_count(value: &Value) -> bool {
    let Some(number) = value.as_number() else { return false };
    let float = pytext::to_f64(number);
    (pytext::is_int(number) || float.fract() == 0.0) && float >= 0.0
}

fn is_pair(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| fields.len() == 1)
}

fn is_list(value: &Value, each: Rule) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty() && items.iter().all(each) && are_different(items))
}

fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether no two items are equal, as jsonschema sees it: `1` equals `1.0`, and `true` no number.
fn are_different(items: &[Value]) -> bool {
    let mut seen = std::collections::HashSet::with_capacity(items.len());
    items.iter().all(|item| seen.insert(canonical(item)))
}

/// A text that equal values share.
fn canonical(value: &Value) -> String {
    match value {
        Value::Number(number) if pytext::is_float(number) => {
            let float = pytext::to_f64(number);
            if float.fract() == 0.0 { format!("{float:.0}") } else { number.to_string() }
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let mut fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name:?}:{}", canonical(value))).collect();
            fields.sort_unstable();
            format!("{{{}}}", fields.join(","))
        }
        other => other.to_string(),
    }
}

/// Python's escapes resolved, as orquesta does to every message; what is no ASCII stays as it is.
fn unescaped(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut chars = message.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(c @ ('\\' | '\'' | '"')) => out.push(c),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}
