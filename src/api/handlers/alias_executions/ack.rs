//! What the chat is told at once, as the alias wants it said.

use crate::expr::jinja::{self, Error, Missing, Object, Run, Value as Seen};
use serde_json::{Map, Value};
use std::{collections::HashMap, sync::Arc};

/// Adds `message` and `extra` to a result that has its execution and its alias. An acknowledgement that cannot be
/// rendered says so itself: the execution is on its way already.
pub(super) fn add(ack: &Map<String, Value>, result: &mut Map<String, Value>) {
    let mut names = vec![
        (
            "execution",
            ApiObject::seen("st2common.models.api.execution.ActionExecutionAPI", &result["execution"]),
        ),
        (
            "actionalias",
            ApiObject::seen("st2common.models.api.action.ActionAliasAPI", &result["actionalias"]),
        ),
    ];
    if let Some(format) = ack.get("format") {
        let format = Map::from_iter([("alias".to_owned(), format.clone())]);
        let message = match render(&format, &names) {
            Ok(mut rendered) => rendered.remove("alias").unwrap_or_default(),
            Err(error) => failed("format", &error),
        };
        names.push(("message", jinja::to_value(&message)));
        result.insert("message".to_owned(), message);
    }
    if let Some(Value::Object(extra)) = ack.get("extra") {
        let extra = render(extra, &names).map_or_else(|error| failed("extra", &error), Value::Object);
        result.insert("extra".to_owned(), extra);
    }
}

fn render(templates: &Map<String, Value>, names: &[(&str, Seen)]) -> Result<Map<String, Value>, Error> {
    let seen: Seen = names.iter().cloned().collect();
    jinja::render_values(templates, &seen, Missing::Refused)
}

fn failed(field: &str, error: &Error) -> Value {
    format!("Cannot render \"{field}\" in field \"ack\" for alias. {error}").into()
}

/// An object of StackStorm's API: messages about what it lacks name its class.
struct ApiObject {
    class: &'static str,
    fields: HashMap<String, Seen>,
}

impl ApiObject {
    fn seen(class: &'static str, value: &Value) -> Seen {
        let fields = value.as_object().into_iter().flatten();
        let fields = fields.map(|(name, value)| (name.clone(), jinja::to_value(value))).collect();
        Seen::Object(Arc::new(Self { class, fields }))
    }
}

impl Object for ApiObject {
    fn type_name(&self) -> &'static str {
        self.class.rsplit('.').next().unwrap_or(self.class)
    }

    fn described(&self) -> String {
        format!("{} object", self.class)
    }

    fn attribute(&self, name: &str, _: &mut Run) -> Result<Option<Seen>, Error> {
        Ok(self.fields.get(name).cloned())
    }

    fn item(&self, key: &Seen, run: &mut Run) -> Result<Option<Seen>, Error> {
        match key {
            Seen::Str(name) => self.attribute(name, run),
            _ => Ok(None),
        }
    }
}
