//! `params`: casts, rendering of parameters, and the schema of a call.

use crate::support::corpus::{self, Case, Messages};
use serde_json::{Map, Value, json};
use st2d::{
    engine::execution::parameters::{self, Context, Parameters, cast},
    expr::jinja::Datastore,
    schema,
};
use std::sync::Arc;

#[test]
fn parameters_are_as_recorded() {
    corpus::run("params", |_| true, DIFFERENCES, check);
}

/// Python's bytes are no JSON value: no parameter can be one.
const BYTES: &str = "bytes are refused";

const DIFFERENCES: &corpus::Differences = &[
    ("cast-array-5990412b0f", BYTES),
    ("cast-object-e912bdeefb", BYTES),
    (
        "both-c5ed673133",
        "a parameter named st2kv is refused as upstream, without the names of Python's objects",
    ),
];

/// The user of the system in the tables.
const SYSTEM_USER: &str = "stanley";

fn check(case: &Case<'_>) -> Result<(), String> {
    if case.group.starts_with("cast-") {
        let value = corpus::plain(case.need("value"));
        let got = cast::to(case.text("type")).map_or_else(|| Ok(json!("no cast")), |cast| cast(&value));
        return case.check(got.as_ref().map_err(String::as_str), Messages::Compared);
    }
    let (runner, action) = (object(case.input("runner")), object(case.input("action")));
    if case.group == "call-schema" {
        let got = schema::for_call(&runner, &action, "p.a").map(titled).map_err(|error| error.to_string());
        return case.check(got.as_ref().map_err(String::as_str), Messages::Compared);
    }
    let given = object(case.input("params"));
    let world = World::of(case);
    let live = |given| {
        parameters::render_live(Parameters { runner: &runner, action: &action, given }, &world.context())
    };
    let complete = |given: &Map<String, Value>| {
        let parameters = Parameters { runner: &runner, action: &action, given };
        let complete = parameters::render_final(parameters, &world.context())?;
        Ok(json!({"runner": complete.runner, "action": complete.action}))
    };
    let got = match case.group {
        "live" | "context" | "trigger" => live(&given).map(Value::Object),
        "final" => complete(&given),
        "both" => live(&given).and_then(|given| complete(&given)),
        other => return Err(format!("unknown group `{other}`")),
    };
    let got = got.map_err(|error: parameters::Error| error.to_string());
    case.check(got.as_ref().map_err(String::as_str), Messages::Compared)
}

/// The tables' action has a name and a description; neither changes what fits.
fn titled(mut schema: Value) -> Value {
    if schema != json!({}) {
        schema["title"] = json!("a");
        schema["description"] = json!("text");
    }
    schema
}

/// What templates see.
struct World {
    action_context: Map<String, Value>,
    config_context: Value,
    additional: Map<String, Value>,
    datastore: Arc<dyn Datastore>,
}

impl World {
    fn of(case: &Case<'_>) -> Self {
        let action_context = object(case.input("context"));
        let user = parameters::user_of(&action_context).unwrap_or(SYSTEM_USER).to_owned();
        Self {
            config_context: case.input("config").map_or_else(|| json!({}), corpus::plain),
            additional: object(case.input("additional")),
            datastore: Arc::new(Recorded { keys: object(case.input("datastore")), user }),
            action_context,
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            action_context: &self.action_context,
            config_context: &self.config_context,
            additional: &self.additional,
            datastore: &self.datastore,
        }
    }
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

impl Datastore for Recorded {
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

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.map(corpus::plain).and_then(|value| value.as_object().cloned()).unwrap_or_default()
}
