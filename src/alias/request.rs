//! What a chat asks for: an alias by name with the format that fits, or whatever a command means.

use crate::schema::{Error, Options, Validator};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The form of a request that names its alias.
pub static NAMED: LazyLock<Value> = LazyLock::new(|| {
    closed(json!({
        "name": {"type": "string", "required": true},
        "format": {"type": "string", "required": true},
        "command": {"type": "string", "required": true},
        "user": {"type": "string", "default": "channel"},
        "source_channel": {"type": "string", "required": true},
        "source_context": {"type": "object"},
        "notification_channel": {"type": "string"},
        "notification_route": {"type": "string"},
    }))
});

/// The form of a request with a command alone.
pub static MATCHED: LazyLock<Value> = LazyLock::new(|| {
    closed(json!({
        "command": {"type": "string", "required": true},
        "user": {"type": "string"},
        "source_channel": {"type": "string", "required": true},
        "notification_channel": {"type": "string", "default": null},
        "notification_route": {"type": "string", "default": null},
    }))
});

fn closed(properties: Value) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// Checks a request that names its alias, and fills in defaults.
///
/// # Errors
/// What does not fit.
pub fn named(document: &Value) -> Result<Value, Error> {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(&NAMED));
    VALIDATOR.validate(document)
}

/// Checks a request with a command alone, and fills in defaults.
///
/// # Errors
/// What does not fit.
pub fn matched(document: &Value) -> Result<Value, Error> {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(&MATCHED));
    VALIDATOR.validate(document)
}

fn validator(form: &Value) -> Validator {
    let options = Options { use_default: true, allow_default_none: true, explain: false };
    Validator::new(form.clone(), options).expect("our own schema is one")
}

/// Where a command came from, and where its result shall go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// What was typed.
    pub command: String,
    /// Who typed it, in the words of the chat; null if nobody said.
    pub user: Value,
    /// Where.
    pub source_channel: Value,
    /// What the bot knows of the message; null if it does not say.
    pub source_context: Value,
    /// The route of the notification; null for none.
    pub route: Value,
}

impl Origin {
    /// Reads a request that was checked.
    pub fn of(request: &Map<String, Value>) -> Self {
        let value = |key: &str| request.get(key).cloned().unwrap_or_default();
        let given = |key: &str| request.get(key).filter(|it| it.as_str().is_some_and(|it| !it.is_empty()));
        let route = given("notification_route").or_else(|| request.get("notification_channel"));
        Self {
            command: value("command").as_str().unwrap_or_default().to_owned(),
            user: value("user"),
            source_channel: value("source_channel"),
            source_context: value("source_context"),
            route: route.cloned().unwrap_or_default(),
        }
    }

    /// The notification section of the execution.
    pub fn notify(&self) -> Map<String, Value> {
        let data = json!({
            "user": self.user, "source_channel": self.source_channel, "source_context": self.source_context,
        });
        Map::from_iter([("on-complete".to_owned(), json!({"data": data, "routes": [self.route]}))])
    }

    /// The context of the execution; `alias` is the reference by which its result finds the alias again.
    pub fn context(&self, alias: &Value, user: &str) -> Map<String, Value> {
        Map::from_iter([
            ("action_alias_ref".to_owned(), alias.clone()),
            ("api_user".to_owned(), self.user.clone()),
            ("user".to_owned(), json!(user)),
            ("source_channel".to_owned(), self.source_channel.clone()),
        ])
    }
}
