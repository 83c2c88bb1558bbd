//! Metadata of rules, and what can be said of their criteria before any event comes.

use super::form::{self, Error, Fields};
use crate::{
    model::{ResourceRef, Rule, RuleId},
    pytext,
    schema::{Step, Validator},
};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The operators, in the order StackStorm lists them.
pub const OPERATORS: &[&str] = &[
    "matchwildcard",
    "matchregex",
    "regex",
    "iregex",
    "eq",
    "equals",
    "neq",
    "nequals",
    "ieq",
    "iequals",
    "contains",
    "icontains",
    "ncontains",
    "incontains",
    "startswith",
    "istartswith",
    "endswith",
    "iendswith",
    "lt",
    "lessthan",
    "gt",
    "greaterthan",
    "td_lt",
    "timediff_lt",
    "td_gt",
    "timediff_gt",
    "exists",
    "nexists",
    "inside",
    "in",
    "ninside",
    "nin",
    "search",
];

/// The kind of rule that does not say.
pub const STANDARD: &str = "standard";

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    form::validator(form::closed(json!({
        "id": {"type": "string", "default": null},
        "ref": form::text(),
        "uid": form::text(),
        "name": form::required_text(),
        "pack": {"type": "string", "default": super::pack::DEFAULT_PACK},
        "description": form::text(),
        "type": form::closed(json!({"ref": form::required_text(), "parameters": form::object()})),
        "trigger": {
            "type": "object",
            "required": true,
            "properties": {
                "type": form::required_text(),
                "parameters": {"type": "object", "default": {}},
                "ref": form::text(),
                "description": form::text()
            },
            "additionalProperties": true
        },
        "criteria": {"type": "object", "default": {}},
        "action": {
            "type": "object",
            "required": true,
            "properties": {
                "ref": form::required_text(),
                "parameters": form::object(),
                "description": form::text()
            },
            "additionalProperties": false
        },
        "enabled": {"type": "boolean", "default": false},
        "context": form::object(),
        "tags": form::tags(),
        "metadata_file": {"type": "string", "default": ""}
    })))
});

/// Checks the form of metadata; returns it with the schema's defaults filled in.
pub fn validate(document: &Value) -> Result<Value, Error> {
    Ok(VALIDATOR.validate(document)?)
}

/// A rule as it is written: its trigger is still a type and parameters.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Everything else; [`Rule::trigger`] is empty.
    pub rule: Rule,
    /// Reference of the trigger type.
    pub trigger_type: String,
    /// What it says to it.
    pub trigger_parameters: Map<String, Value>,
}

/// The rule that metadata of a valid form describes, with a new id. Missing parts have their defaults.
pub fn from_fields(fields: &Map<String, Value>, pack: &str) -> Draft {
    let fields = Fields(fields);
    let (kind, trigger, action) = (fields.object("type"), fields.object("trigger"), fields.object("action"));
    let text = |part: Option<Fields<'_>>, key: &str| part.and_then(|part| part.text(key));
    let map = |part: Option<Fields<'_>>, key: &str| part.map(|part| part.map(key)).unwrap_or_default();
    let rule = Rule {
        id: RuleId::generate(),
        pack: pack.to_owned(),
        name: fields.text("name").unwrap_or_default(),
        description: fields.text("description"),
        enabled: fields.flag("enabled", false),
        rule_type: text(kind, "ref").unwrap_or_else(|| STANDARD.to_owned()),
        type_parameters: map(kind, "parameters"),
        trigger: String::new(),
        criteria: fields.map("criteria"),
        action: text(action, "ref").unwrap_or_default(),
        action_parameters: map(action, "parameters"),
        action_description: text(action, "description"),
        context: fields.map("context"),
        tags: fields.tags(),
        metadata_file: fields.text("metadata_file").unwrap_or_default(),
    };
    Draft {
        rule,
        trigger_type: text(trigger, "type").unwrap_or_default(),
        trigger_parameters: map(trigger, "parameters"),
    }
}

/// Checks the first level of criteria; the patterns of a `search` are looked at when an event comes.
pub fn check_criteria(criteria: &Value) -> Result<(), Error> {
    let Value::Object(criteria) = criteria else {
        return Err(Error::new("Criteria should be a dict.", []));
    };
    for (field, criterion) in criteria {
        let Value::Object(criterion) = criterion else {
            let message = format!("'{}' object has no attribute 'get'", pytext::type_name(criterion));
            return Err(Error::new(message, [field]));
        };
        let operator = match criterion.get("type") {
            Some(Value::String(name)) if !name.is_empty() => name,
            Some(other) if pytext::truthy(other) => {
                let kind = pytext::type_name(other);
                let message = format!("can only concatenate str (not \"{kind}\") to str");
                return Err(Error::new(message, [field, "type"]));
            }
            _ => return Err(Error::new(format!("Operator not specified for field: {field}"), [field])),
        };
        if !OPERATORS.contains(&operator.as_str()) {
            let all = Value::from(OPERATORS.to_vec());
            let message = format!(
                "For field: {field}, operator {operator} not in list of allowed operators: {}",
                pytext::repr(&all)
            );
            return Err(Error::new(message, [field, "type"]));
        }
        if criterion.get("pattern").is_none_or(Value::is_null) {
            let message = format!("For field: {field}, no pattern specified for operator {operator}");
            return Err(Error::new(message, [field]));
        }
    }
    Ok(())
}

/// Checks the references a rule is made of.
pub(super) fn check_references(draft: &Draft) -> Result<(), Error> {
    let reference = |text: &str, path: [&str; 2]| -> Result<ResourceRef, Error> {
        text.parse().map_err(|error| Error::new(format!("{error}"), path))
    };
    reference(&draft.trigger_type, ["trigger", "type"])?;
    reference(&draft.rule.action, ["action", "ref"])?;
    Ok(())
}

/// Says that nothing of this type is there to wait for.
pub fn unknown_trigger(trigger_type: &str) -> Error {
    let message = format!(
        "Trigger \"{trigger_type}\" defined in the rule does not exist in system or it's missing required \
         \"parameters\" attribute"
    );
    Error { message, path: ["trigger", "type"].map(|key| Step::Key(key.to_owned())).to_vec() }
}
