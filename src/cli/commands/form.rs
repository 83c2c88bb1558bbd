//! Questions on the terminal, one for each property of a schema.

use crate::cli::{console, json};
use crate::pytext;
use serde_json::{Map, Value};

const INTERRUPTED: &str = "Dialog interrupted.";

/// Asks for every property and returns the answers.
///
/// # Errors
/// When the input ends before all is answered.
pub(crate) fn fill(properties: &Value) -> Result<Value, String> {
    fill_below("", properties)
}

fn fill_below(prefix: &str, properties: &Value) -> Result<Value, String> {
    let mut answers = Map::new();
    for (name, schema) in properties.as_object().into_iter().flatten() {
        if let Some(answer) = question(&format!("{prefix}{name}"), schema)? {
            answers.insert(name.clone(), answer);
        }
    }
    Ok(Value::Object(answers))
}

/// Asks until the answer fits; `None` when nothing was answered and nothing had to be.
fn question(name: &str, schema: &Value) -> Result<Option<Value>, String> {
    let kind = schema["type"].as_str().unwrap_or("string");
    if kind == "object" && schema["properties"].is_object() {
        return fill_below(&format!("{name}."), &schema["properties"]).map(Some);
    }
    if kind == "array" && schema["items"]["properties"].is_object() {
        return objects(name, &schema["items"]["properties"]).map(Some);
    }
    let choices = schema["enum"].as_array().or_else(|| schema["items"]["enum"].as_array());
    let default = schema.get("default").filter(|default| !default.is_null());
    loop {
        let text = ask(&prompt(name, kind, schema, choices, default), schema["secret"] == Value::Bool(true))?;
        if text.is_empty() {
            if let Some(default) = default {
                return Ok(Some(default.clone()));
            }
            if schema["required"] != Value::Bool(true) {
                return Ok(None);
            }
        }
        match answer(kind, &text, choices) {
            Some(value) => return Ok(Some(value)),
            None => console::say(&format!("\"{text}\" is not a valid answer.")),
        }
    }
}

fn ask(prompt: &str, secret: bool) -> Result<String, String> {
    let answer = if secret { console::ask_secret(prompt) } else { console::ask(prompt) };
    answer.map(|text| text.trim().to_owned()).ok_or_else(|| INTERRUPTED.to_owned())
}

fn prompt(
    name: &str,
    kind: &str,
    schema: &Value,
    choices: Option<&Vec<Value>>,
    default: Option<&Value>,
) -> String {
    if let Some(choices) = choices {
        let list = choices.iter().enumerate().map(|(at, choice)| format!("{at} - {}\n", pytext::str(choice)));
        let text: String = list.collect();
        let several = if kind == "array" { "[, 2...]" } else { "" };
        return format!("{name}\n{text}Choose from 0, 1{several}: ");
    }
    let hint = match kind {
        _ if schema["secret"] == Value::Bool(true) => " (secret)",
        "boolean" => " (boolean) [y|n]",
        "integer" => " (integer)",
        "number" => " (float)",
        "array" => " (comma-separated list)",
        _ => "",
    };
    let default = default.map(|default| format!(" [{}]", pytext::str(default))).unwrap_or_default();
    format!("{name}{hint}{default}: ")
}

/// What an answer means; `None` if it means nothing.
fn answer(kind: &str, text: &str, choices: Option<&Vec<Value>>) -> Option<Value> {
    if let Some(choices) = choices {
        let pick = |text: &str| choices.get(text.trim().parse::<usize>().ok()?).cloned();
        return if kind == "array" {
            text.split(',').map(pick).collect::<Option<Vec<_>>>().map(Value::Array)
        } else {
            pick(text)
        };
    }
    match kind {
        "boolean" => match text.to_lowercase().as_str() {
            "1" | "y" | "yes" | "true" => Some(Value::Bool(true)),
            "0" | "n" | "no" | "nope" | "nah" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        "integer" => pytext::int(text).ok().map(Value::Number),
        "number" => pytext::float(text).ok().map(pytext::from_f64),
        "array" => Some(Value::Array(text.split(',').map(|item| item.trim().into()).collect())),
        "object" => json::loads(text).ok().filter(Value::is_object),
        _ => (!text.is_empty()).then(|| text.into()),
    }
}

/// A list of objects, asked for one after the other.
fn objects(name: &str, properties: &Value) -> Result<Value, String> {
    let mut items = Vec::new();
    loop {
        items.push(fill_below(&format!("{name}[{}].", items.len()), properties)?);
        let more = format!("~~~ Would you like to add another item to  \"{name}\" array / list? [y]: ");
        if !yes(&more)? {
            return Ok(Value::Array(items));
        }
    }
}

/// A question that is answered with yes unless somebody says no.
///
/// # Errors
/// When the input ends.
pub(crate) fn yes(question: &str) -> Result<bool, String> {
    Ok(answer("boolean", &ask(question, false)?, None) != Some(Value::Bool(false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_read_by_type() {
        assert_eq!(answer("boolean", "Nope", None), Some(json!(false)));
        assert_eq!(answer("boolean", "maybe", None), None);
        assert_eq!(answer("integer", "12", None), Some(json!(12)));
        assert_eq!(answer("integer", "x", None), None);
        assert_eq!(answer("array", "a, b", None), Some(json!(["a", "b"])));
        let choices = vec![json!("red"), json!("blue")];
        assert_eq!(answer("string", "1", Some(&choices)), Some(json!("blue")));
        assert_eq!(answer("array", "0,1", Some(&choices)), Some(json!(["red", "blue"])));
        assert_eq!(answer("string", "7", Some(&choices)), None);
        assert_eq!(answer("string", "", None), None);
    }

    #[test]
    fn prompts_name_the_kind_of_answer() {
        assert_eq!(prompt("n", "integer", &json!({}), None, Some(&json!(3))), "n (integer) [3]: ");
        assert_eq!(prompt("p", "string", &json!({"secret": true}), None, None), "p (secret): ");
    }
}
