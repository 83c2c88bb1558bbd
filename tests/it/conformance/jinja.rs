//! `jinja`: templates as Jinja2 with StackStorm's filters renders them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};
use st2d::expr::jinja::{self, Class, Datastore, Missing, Template};

use crate::support::corpus::{self, Case, Differences, Messages};

/// Python's text can hold half of a surrogate pair, which is then refused by whatever gets it.
const SURROGATES: &str = "half a surrogate pair is refused where it is written";

const DIFFERENCES: &Differences = &[("expr-cdd25e8a5e", SURROGATES)];

#[test]
fn templates_render_as_recorded() {
    corpus::run("jinja", |_| true, DIFFERENCES, check);
}

fn check(case: &Case<'_>) -> Result<(), String> {
    let got = match case.group {
        "is-jinja" => Ok(Value::Bool(case.need("value").as_str().is_some_and(jinja::is_template))),
        "raw-block" => Ok(jinja::wrap_raw(case.need("value"))),
        "values" => {
            let Value::Object(mapping) = case.need("mapping") else { return Err("no mapping".to_owned()) };
            jinja::render_values(mapping, &context(case), Missing::Refused).map(Value::Object)
        }
        _ => Template::parse(case.text("template"))
            .and_then(|template| template.render_with(&context(case), missing(case)))
            .map(Value::String),
    };
    let messages = match got.as_ref().map_err(jinja::Error::class) {
        Err(class) if is_pythons_own(class) => Messages::Ignored,
        _ => Messages::Compared,
    };
    let got = got.map_err(|error| error.to_string());
    case.check(got.as_ref().map_err(String::as_str), messages)
}

fn missing(case: &Case<'_>) -> Missing {
    if case.flag("allow_undefined", false) { Missing::Empty } else { Missing::Refused }
}

/// Classes whose texts are Python's own, and not part of what users match on.
fn is_pythons_own(class: Class) -> bool {
    matches!(
        class,
        Class::TypeError
            | Class::AttributeError
            | Class::FileNotFoundError
            | Class::PatternError
            | Class::YAMLError
            | Class::LimitExceeded
            | Class::RecursionError
    )
}

fn context(case: &Case<'_>) -> jinja::Value {
    let empty = Map::new();
    let names = case.input("context").and_then(Value::as_object).unwrap_or(&empty);
    let mut names: Vec<(String, jinja::Value)> =
        names.iter().map(|(name, value)| (name.clone(), jinja::to_value(&corpus::plain(value)))).collect();
    if let Some(datastore) = case.input("datastore") {
        let datastore: Arc<dyn Datastore> = Arc::new(Recorded::of(datastore));
        names.push(("st2kv".to_owned(), jinja::st2kv(&datastore)));
    }
    names.into_iter().collect()
}

/// The datastore of a case, as its user `stanley` sees it.
struct Recorded {
    system: BTreeMap<String, String>,
    user: BTreeMap<String, String>,
}

impl Recorded {
    fn of(value: &Value) -> Self {
        let scope = |name: &str| -> BTreeMap<String, String> {
            let entries = value[name].as_object().into_iter().flatten();
            entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        };
        Self { system: scope("system"), user: scope("user") }
    }
}

impl Datastore for Recorded {
    fn system(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.system.get(key).cloned())
    }

    fn user(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.user.get(&format!("stanley:{key}")).cloned())
    }

    fn decrypt(&self, _value: &str) -> Result<String, String> {
        Err("there is no key".to_owned())
    }
}
