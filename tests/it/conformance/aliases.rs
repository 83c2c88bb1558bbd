//! `aliases`: formats, matching, help and immutable parameters of action aliases; and of `metadata` what is asked of
//! them.

use crate::support::corpus::{self, Case, Messages};
use serde_json::{Map, Value, json};
use st2d::{
    alias::{self, Command, Error, Format, Page},
    content,
    expr::jinja,
    model::Alias,
};
use std::sync::Arc;

#[test]
fn aliases_are_understood_as_recorded() {
    corpus::run("aliases", |_| true, DIFFERENCES, check);
}

const DIFFERENCES: &corpus::Differences =
    &[("help-e681339033", "a limit that is a text never gets there: the query parameter is a number")];

#[test]
fn requests_of_chats_are_checked_as_recorded() {
    corpus::run(
        "metadata",
        |group| matches!(group, "alias-execution" | "alias-match"),
        &[],
        |case| {
            let document = corpus::plain(case.need("document"));
            let checked = match case.group {
                "alias-execution" => alias::request::named(&document),
                _ => alias::request::matched(&document),
            };
            let checked = checked.map_err(|error| error.to_string());
            case.check(checked.as_ref().map_err(String::as_str), Messages::Compared)
        },
    );
}

fn check(case: &Case<'_>) -> Result<(), String> {
    let got = match case.group {
        "extract" | "multiple" => extract(case).map_err(|error| error.to_string()),
        "regex" => Format::compile(case.text("format"))
            .map(|format| json!(format.pattern()))
            .map_err(|error| error.to_string()),
        "match" => matched(case),
        "formats" => Ok(formats(case)),
        "help" => help(case),
        "immutable" => immutable(case),
        other => return Err(format!("unknown group `{other}`")),
    };
    // Who looks for a format is told which one is wrong, besides what Python says about it.
    let is_wrapped = case.group == "match" && case.error_type() == Some("error");
    let messages = if is_wrapped { Messages::Ignored } else { Messages::Compared };
    case.check(got.as_ref().map_err(String::as_str), messages)
}

fn extract(case: &Case<'_>) -> Result<Value, Error> {
    let format = Format::compile(case.text("format"))?;
    let command = Command::read(case.text("command"))?;
    if case.flag("match_multiple", false) {
        Ok(format.extract_all(&command)?.into_iter().collect())
    } else {
        Ok(Value::Object(format.extract(&command)?))
    }
}

fn matched(case: &Case<'_>) -> Result<Value, String> {
    let aliases = aliases(case);
    let found = alias::find(&aliases, case.text("command")).map_err(|error| error.to_string())?;
    let representation = found.representation;
    Ok(json!({
        "alias": found.alias.name,
        "format": representation.format,
        "display": representation.display,
        "representation": representation.text,
        "match_multiple": representation.match_multiple,
    }))
}

fn formats(case: &Case<'_>) -> Value {
    let formats = case.need("formats").as_array().unwrap();
    let all = alias::representations(formats).into_iter().map(|it| {
        let mut shown = json!({"format": it.format, "display": it.display, "representation": it.text});
        if let Some(match_multiple) = it.match_multiple {
            shown["match_multiple"] = json!(match_multiple);
        }
        shown
    });
    all.collect()
}

fn help(case: &Case<'_>) -> Result<Value, String> {
    let aliases = aliases(case);
    let text = |key| case.need(key).as_str().unwrap_or_default();
    let number = |key| case.need(key).as_i64().unwrap_or_default();
    let page =
        Page { filter: text("filter"), pack: text("pack"), limit: number("limit"), offset: number("offset") };
    let (available, lines) = alias::help(&aliases, page)?;
    Ok(json!({"available": available, "helpstrings": lines}))
}

fn immutable(case: &Case<'_>) -> Result<Value, String> {
    let object = |key| case.input(key).and_then(Value::as_object).cloned().unwrap_or_default();
    let sets = case.need("parameters").as_array().unwrap();
    let mut sets: Vec<Map<String, Value>> = sets.iter().map(|it| it.as_object().cloned().unwrap()).collect();
    let context = object("context");
    let user = context.get("user").and_then(Value::as_str).unwrap_or_default().to_owned();
    let datastore: Arc<dyn jinja::Datastore> = Arc::new(Recorded { keys: object("datastore"), user });
    let names = context.iter().map(|(name, value)| (name.as_str(), jinja::to_value(value)));
    let seen: jinja::Value = names.chain([("st2kv", jinja::st2kv(&datastore))]).collect();
    alias::fix(&object("immutable_parameters"), &mut sets, &seen).map_err(|error| error.to_string())?;
    Ok(sets.into_iter().collect())
}

fn aliases(case: &Case<'_>) -> Vec<Alias> {
    let described = case.need("aliases").as_array().unwrap();
    let alias = |it: &Value| {
        let pack = it["pack"].as_str().unwrap_or_default();
        content::alias::from_fields(it.as_object().unwrap(), pack)
    };
    described.iter().map(alias).collect()
}

/// The keys of a case, `<user>:<key>` for those of users.
struct Recorded {
    keys: Map<String, Value>,
    user: String,
}

impl Recorded {
    fn get(&self, scope: &str, key: &str) -> Option<String> {
        Some(self.keys.get(scope)?.get(key)?.as_str()?.to_owned())
    }
}

impl jinja::Datastore for Recorded {
    fn system(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.get("system", key))
    }

    fn user(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.get("user", &format!("{}:{key}", self.user)))
    }

    fn decrypt(&self, _: &str) -> Result<String, String> {
        Err("no value of the tables is encrypted".to_owned())
    }
}
