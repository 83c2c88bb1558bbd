//! Questions on the terminal, one for each property of a schema.

use crate::cli::{console, json};
use crate::pytext;
use crate::schema::{Options, validate};
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
    if let Some(description) = schema["description"].as_str() {
        console::say(description);
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
        let Some(value) = answer(kind, &text, schema, choices) else {
            console::say(&format!("\"{text}\" is not a valid answer."));
            continue;
        };
        // A template stands for a value that comes from the datastore later.
        match validate(schema, &value, Options::default()) {
            Err(error) if !text.contains("{{") => console::say(&error.message),
            _ => return Ok(Some(value)),
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
    let default = default.map(|default| format!(" [{}]", shown(default, choices))).unwrap_or_default();
    if let Some(choices) = choices {
        let list =
            choices.iter().enumerate().map(|(at, choice)| format!("\n {at} - {}", pytext::str(choice)));
        let some: Vec<String> = (0..choices.len().min(3)).map(|at| at.to_string()).collect();
        let more = if choices.len() > 3 { "..." } else { "" };
        return format!(
            "{name}: {}\nChoose from {}{more}{default}: ",
            list.collect::<String>(),
            some.join(", ")
        );
    }
    let hint = match kind {
        _ if schema["secret"] == Value::Bool(true) => " (secret)",
        "boolean" => " (boolean)",
        "integer" => " (integer)",
        "number" => " (float)",
        "array" => " (comma-separated list)",
        _ => "",
    };
    format!("{name}{hint}{default}: ")
}

/// A default as it would be typed.
fn shown(default: &Value, choices: Option<&Vec<Value>>) -> String {
    if let Some(choices) = choices {
        let place = |value: &Value| choices.iter().position(|it| it == value).map(|at| at.to_string());
        return match default {
            Value::Array(items) => items.iter().filter_map(place).collect::<Vec<_>>().join(", "),
            one => place(one).unwrap_or_else(|| pytext::str(one)),
        };
    }
    match default {
        Value::Bool(true) => "y".to_owned(),
        Value::Bool(false) => "n".to_owned(),
        Value::Array(items) => items.iter().map(pytext::str).collect::<Vec<_>>().join(","),
        other => pytext::str(other),
    }
}

/// What an answer means; `None` if it means nothing.
fn answer(kind: &str, text: &str, schema: &Value, choices: Option<&Vec<Value>>) -> Option<Value> {
    if let Some(choices) = choices {
        let pick = |text: &str| choices.get(text.trim().parse::<usize>().ok()?).cloned();
        let items = || text.split(',').filter(|item| !item.trim().is_empty());
        return if kind == "array" {
            items().map(pick).collect::<Option<Vec<_>>>().map(Value::Array)
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
        "array" => {
            let of = schema["items"]["type"].as_str().unwrap_or("string");
            let items = text.split(',').map(|item| answer(of, item.trim(), &schema["items"], None));
            items.collect::<Option<Vec<_>>>().map(Value::Array)
        }
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
    Ok(answer("boolean", &ask(question, false)?, &Value::Null, None) != Some(Value::Bool(false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_are_read_by_type() {
        let read = |kind: &str, text: &str| answer(kind, text, &Value::Null, None);
        assert_eq!(read("boolean", "Nope"), Some(json!(false)));
        assert_eq!(read("boolean", "maybe"), None);
        assert_eq!(read("integer", "12"), Some(json!(12)));
        assert_eq!(read("integer", "x"), None);
        assert_eq!(read("array", "a, b"), Some(json!(["a", "b"])));
        let numbers = json!({"items": {"type": "integer"}});
        assert_eq!(answer("array", "1, 2", &numbers, None), Some(json!([1, 2])));
        assert_eq!(answer("array", "1, x", &numbers, None), None);
        let choices = vec![json!("red"), json!("blue")];
        let pick = |kind: &str, text: &str| answer(kind, text, &Value::Null, Some(&choices));
        assert_eq!(pick("string", "1"), Some(json!("blue")));
        assert_eq!(pick("array", "0,1,"), Some(json!(["red", "blue"])));
        assert_eq!(pick("string", "7"), None);
        assert_eq!(read("string", ""), None);
    }

    #[test]
    fn prompts_name_the_kind_of_answer_and_the_default() {
        let plain = |kind, schema: Value, default: Value| {
            prompt("n", kind, &schema, None, Some(&default).filter(|default| !default.is_null()))
        };
        assert_eq!(plain("integer", json!({}), json!(3)), "n (integer) [3]: ");
        assert_eq!(plain("string", json!({"secret": true}), json!(null)), "n (secret): ");
        assert_eq!(plain("boolean", json!({}), json!(false)), "n (boolean) [n]: ");
        assert_eq!(plain("array", json!({}), json!(["a", "b"])), "n (comma-separated list) [a,b]: ");
        let colours: Vec<Value> = ["red", "green", "blue", "grey"].map(Value::from).into();
        assert_eq!(
            prompt("n", "string", &json!({}), Some(&colours), Some(&json!("blue"))),
            "n: \n 0 - red\n 1 - green\n 2 - blue\n 3 - grey\nChoose from 0, 1, 2... [2]: "
        );
    }
}
