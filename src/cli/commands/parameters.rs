//! `k=v` words of a command line, turned into an action's parameters.
//!
//! What a value becomes depends on the parameter's type, which the runner's metadata says before the
//! action's. The rules and the texts of their errors are those of the Python client, down to the
//! oddities: words after the first one without `=` become the parameter `cmd`, objects take `k=v`
//! pairs but arrays plain items, and numbers in an array given as `1,2` stay text.

use crate::cli::json;
use crate::pytext;
use serde_json::{Map, Value};
use std::path::Path;

/// What is known about an action's parameters.
pub(crate) struct Known<'a> {
    pub(crate) action_ref: &'a str,
    pub(crate) action: &'a Value,
    pub(crate) runner: &'a Value,
}

/// Turns words into parameters.
///
/// # Errors
/// The text of Python's own error for a value that does not fit its type.
pub(crate) fn parse(
    words: &[String],
    known: &Known<'_>,
    auto_dict: bool,
) -> Result<Map<String, Value>, String> {
    let mut found = Map::new();
    let mut file_name = None;
    for (at, word) in words.iter().enumerate() {
        let Some((name, text)) = word.split_once('=') else {
            found.insert("cmd".into(), words[at..].join(" ").into());
            break;
        };
        if let Some(name) = name.strip_prefix('@') {
            let content = read_file(text)?;
            if known.action_ref == "core.http" {
                file_name =
                    Some(Path::new(text).file_name().unwrap_or_default().to_string_lossy().into_owned());
                found.insert("file_content".into(), content.into());
            } else {
                found.insert(name.into(), content.into());
            }
            continue;
        }
        let value = convert(name, text, known, auto_dict)?;
        match (found.get_mut(name), value) {
            // An array given twice is one array.
            (Some(Value::Array(items)), Value::Array(more)) if kind(name, known) == Some("array") => {
                items.extend(more);
            }
            (_, value) => {
                found.insert(name.into(), value);
            }
        }
    }
    if found.contains_key("file_content") && known.action_ref == "core.http" {
        found.entry("method").or_insert_with(|| "POST".into());
        found.entry("file_name").or_insert_with(|| file_name.unwrap_or_default().into());
    }
    Ok(found)
}

fn read_file(path: &str) -> Result<String, String> {
    let absolute = crate::cli::metafile::absolute(path);
    let place = Path::new(&absolute);
    if !place.exists() {
        return Err(format!("File \"{absolute}\" doesn't exist"));
    }
    if !place.is_file() {
        return Err(format!("\"{absolute}\" is not a file"));
    }
    let bytes = std::fs::read(place).map_err(|error| format!("Cannot read \"{absolute}\": {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("\"{absolute}\" is not UTF-8 text"))
}

/// The declared type of a parameter.
fn kind<'a>(name: &str, known: &Known<'a>) -> Option<&'a str> {
    known.runner.get(name).or_else(|| known.action.get(name))?.get("type")?.as_str()
}

fn convert(name: &str, text: &str, known: &Known<'_>, auto_dict: bool) -> Result<Value, String> {
    match kind(name, known) {
        Some("array") => array(text, known.action.get(name), auto_dict),
        Some(kind) => scalar_or_object(kind, text),
        None => Ok(text.into()),
    }
}

fn scalar_or_object(kind: &str, text: &str) -> Result<Value, String> {
    match kind {
        "integer" => pytext::int(text).map(Value::Number),
        "number" => pytext::float(text).map(pytext::from_f64),
        // Python also tells where in its memory the text lay; any number will do.
        "boolean" => {
            pytext::literal(&capitalized(text)).map_err(|error| error.to_string().replace("0x…", "0x0"))
        }
        "object" => object(text),
        // "string", and types we know nothing about: the server judges them.
        _ => Ok(text.into()),
    }
}

/// As Python's `str.capitalize`: `TRUE` and `true` are the literal `True`.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        None => String::new(),
        Some(first) => first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect(),
    }
}

/// JSON, or pairs `k=v,k2=v2`; what is no pair is passed over.
fn object(text: &str) -> Result<Value, String> {
    if text.starts_with('{') {
        return json::loads(text);
    }
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    Ok(Value::Object(pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()))
}

/// One number, JSON, or items between commas.
fn array(text: &str, declared: Option<&Value>, auto_dict: bool) -> Result<Value, String> {
    let value = match pytext::int(text) {
        Ok(number) => Value::Array(vec![Value::Number(number)]),
        Err(_) => match json::loads(text) {
            Ok(value) => value,
            Err(_) => Value::Array(text.split(',').map(|item| item.trim().into()).collect()),
        },
    };
    let Value::Array(items) = &value else {
        return match value {
            // What is JSON but no list goes to the server as it is, which refuses it by its schema.
            Value::Object(_) | Value::String(_) => Ok(value),
            other => Err(format!("'{}' object is not iterable", pytext::type_name(&other))),
        };
    };
    let pairs: Option<Vec<(&str, &str)>> =
        items.iter().map(|item| item.as_str().and_then(|text| text.split_once(':'))).collect();
    match pairs {
        Some(pairs) if auto_dict => auto_object(&pairs, declared).map(|object| Value::Array(vec![object])),
        _ => Ok(value),
    }
}

/// `--auto-dict`: all `k:v` items are one object, its values cast where the schema names types.
fn auto_object(pairs: &[(&str, &str)], declared: Option<&Value>) -> Result<Value, String> {
    let mut map = Map::new();
    for (name, text) in pairs {
        if text.contains(':') {
            return Err("too many values to unpack (expected 2)".into());
        }
        let kind = declared
            .and_then(|schema| schema.get("properties"))
            .and_then(|properties| properties.get(name)?.get("type")?.as_str());
        let value = match kind {
            Some("array") => array(text, None, true)?,
            Some(kind) => scalar_or_object(kind, text)?,
            None => (*text).into(),
        };
        map.insert((*name).into(), value);
    }
    Ok(Value::Object(map))
}

/// Variables that belong to a terminal session and mean nothing to an action elsewhere.
const PRIVATE_VARIABLES: [&str; 17] = [
    "pwd",
    "mail",
    "username",
    "user",
    "path",
    "home",
    "ps1",
    "shell",
    "pythonpath",
    "ssh_tty",
    "ssh_connection",
    "lang",
    "ls_colors",
    "logname",
    "oldpwd",
    "term",
    "xdg_session_id",
];

/// `--inherit-env`: the environment of the client, for the parameter `env`.
pub(crate) fn inherited_environment() -> Value {
    let variables = std::env::vars().filter(|(name, _)| {
        let lower = name.to_lowercase();
        let one_case = *name == lower || *name == name.to_uppercase();
        !(one_case && PRIVATE_VARIABLES.contains(&lower.as_str()))
    });
    Value::Object(variables.map(|(name, value)| (name, value.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(words: &[&str], auto_dict: bool) -> Result<Value, String> {
        let action = json!({
            "s": {"type": "string"}, "i": {"type": "integer"}, "n": {"type": "number"}, "b": {"type": "boolean"},
            "a": {"type": "array", "properties": {"n": {"type": "integer"}}}, "o": {"type": "object"},
            "both": {"type": "string"}, "free": {},
        });
        let runner = json!({"both": {"type": "integer"}});
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let known = Known { action_ref: "p.a", action: &action, runner: &runner };
        parse(&words, &known, auto_dict).map(Value::Object)
    }

    fn one(word: &str) -> Value {
        run(&[word], false).unwrap().as_object().unwrap().values().next().unwrap().clone()
    }

    #[test]
    fn values_take_the_declared_type() {
        let cases = [
            ("s=a=b=c", json!("a=b=c")),
            ("s=", json!("")),
            ("i= 5 ", json!(5)),
            ("n=1.5", json!(1.5)),
            ("b=TRUE", json!(true)),
            ("b=false", json!(false)),
            ("b=1", json!(1)),
            ("both=7", json!(7)),
            ("free=7", json!("7")),
            ("unknown=7", json!("7")),
            ("o={\"a\": 1}", json!({"a": 1})),
            ("o=a=1,b=2,c", json!({"a": "1", "b": "2"})),
            ("o=nothing", json!({})),
        ];
        for (word, want) in cases {
            assert_eq!(one(word), want, "{word}");
        }
        // Integers of any length survive.
        assert_eq!(one("i=123456789012345678901234567890").to_string(), "123456789012345678901234567890");
    }

    #[test]
    fn arrays_are_numbers_json_or_items() {
        let cases = [
            ("a=5", json!([5])),
            ("a=1,2", json!(["1", "2"])),
            ("a=[1,2]", json!([1, 2])),
            ("a=", json!([""])),
            ("a=x , y", json!(["x", "y"])),
            ("a=k:v,l:w", json!(["k:v", "l:w"])),
        ];
        for (word, want) in cases {
            assert_eq!(one(word), want, "{word}");
        }
        assert_eq!(run(&["a=1", "a=x,y"], false).unwrap(), json!({"a": [1, "x", "y"]}));
        assert_eq!(run(&["a=k:v,n:2"], true).unwrap(), json!({"a": [{"k": "v", "n": 2}]}));
        assert_eq!(run(&["s=1", "s=2"], false).unwrap(), json!({"s": "2"}));
    }

    #[test]
    fn the_first_plain_word_starts_the_command() {
        let got = run(&["a=1,2", "b=true", "echo", "x=1", "y"], false).unwrap();
        assert_eq!(got, json!({"a": ["1", "2"], "b": true, "cmd": "echo x=1 y"}));
    }

    #[test]
    fn errors_are_pythons() {
        assert_eq!(run(&["i=x"], false).unwrap_err(), "invalid literal for int() with base 10: 'x'");
        assert_eq!(run(&["n=x"], false).unwrap_err(), "could not convert string to float: 'x'");
        assert!(run(&["b=maybe"], false).unwrap_err().starts_with("malformed node or string"));
        assert_eq!(run(&["a=1.5"], false).unwrap_err(), "'float' object is not iterable");
    }

    #[test]
    fn files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f.txt");
        std::fs::write(&path, "text\n").unwrap();
        assert_eq!(run(&[&format!("@s={}", path.display())], false).unwrap(), json!({"s": "text\n"}));
        let missing = run(&["@s=/nowhere/f"], false).unwrap_err();
        assert_eq!(missing, "File \"/nowhere/f\" doesn't exist");
        let words = [format!("@x={}", path.display())];
        let known = Known { action_ref: "core.http", action: &json!({}), runner: &json!({}) };
        let got = parse(&words, &known, false).unwrap();
        assert_eq!(
            Value::Object(got),
            json!({"file_content": "text\n", "method": "POST", "file_name": "f.txt"})
        );
    }
}
