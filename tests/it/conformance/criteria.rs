//! `criteria`: operators, searches and whole criteria against events, with what is recorded when they fail.

use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Map, Value, json};
use st2d::{
    criteria::{Criteria, Event, Operator},
    expr::jinja,
    model::time,
};
use std::{collections::HashMap, sync::Arc};

use crate::support::corpus::{self, Case, Differences};

const NO_INFINITY: &str = "JSON has no infinity and no NaN: no event brings one";
const STORED_TEXT: &str =
    "a key of the datastore stands for its text; StackStorm compares an object of its own";
const RECORDED: &str = "an unknown operator fails its rule and is recorded; it does not end the whole event";

/// The deliberate differences, each with its reason.
const DIFFERENCES: &Differences = &[
    ("op-eq-b97261cc6a", NO_INFINITY),
    ("op-in-33ce715cfd", NO_INFINITY),
    ("op-nin-f2b54e1b51", NO_INFINITY),
    ("op-contains-b1a40aa138", NO_INFINITY),
    ("rule-c6d0f070f7", STORED_TEXT),
    ("rule-dcfadbc738", STORED_TEXT),
    ("rule-84e03a006b", STORED_TEXT),
    ("rule-6e08254c20", STORED_TEXT),
    ("rule-c8c4780363", STORED_TEXT),
    ("rule-b82b1afd43", STORED_TEXT),
    ("rule-c4b74ddf1d", STORED_TEXT),
    ("rule-26f3bd594d", STORED_TEXT),
    ("rule-849e651256", STORED_TEXT),
    ("rule-74d43d82f1", STORED_TEXT),
    ("rule-272347c780", STORED_TEXT),
    ("rule-052c2a23cb", STORED_TEXT),
    ("rule-922146621f", STORED_TEXT),
    ("rule-83f05f64e1", STORED_TEXT),
    ("rule-3f1163cd87", STORED_TEXT),
    ("rule-95fd25dab2", STORED_TEXT),
    ("rule-e29e4d48e9", STORED_TEXT),
    ("rule-fe2af7325d", STORED_TEXT),
    ("rule-0d6e874747", STORED_TEXT),
    ("rule-1ed88b0705", STORED_TEXT),
    ("rule-b771219261", STORED_TEXT),
    ("rule-ba2aac44a6", STORED_TEXT),
    ("rule-030864613d", STORED_TEXT),
    ("rule-7014ce5d5c", STORED_TEXT),
    ("rule-2d138b8cab", STORED_TEXT),
    ("rule-66052724b9", STORED_TEXT),
    ("rule-3c651ce73b", STORED_TEXT),
    ("rule-eac6a97aad", STORED_TEXT),
    ("rule-5b68edc433", STORED_TEXT),
    ("rule-791b98c769", RECORDED),
    ("rule-ba536ef5d2", RECORDED),
    ("rule-21ca7f20a5", RECORDED),
    ("rule-838ecdae44", RECORDED),
];

/// Rule and trigger instance of the recorded failures.
const RULE: &str = "p.r";
const INSTANCE: &str = "5e0000000000000000000002";

#[test]
fn criteria_are_as_recorded() {
    corpus::run("criteria", |_| true, DIFFERENCES, check);
}

fn check(case: &Case<'_>) -> Result<(), String> {
    if let Some(name) = case.group.strip_prefix("op-") {
        let pattern = corpus::plain(case.need("pattern"));
        let operator = Operator::new(name, Some(&pattern));
        let got = operator.compare(&corpus::plain(case.need("value")), &pattern, now(case));
        let got = got.map(Value::Bool);
        return case.check(got.as_ref().map_err(String::as_str), corpus::Messages::Ignored);
    }
    let (criteria, payload) = if case.group == "search" {
        let mut criterion = json!({"type": "search", "pattern": case.need("pattern")});
        if let Some(condition) = case.input("condition") {
            criterion["condition"] = condition.clone();
        }
        (json!({"trigger.v": criterion}), json!({"v": case.need("value")}))
    } else {
        (case.need("criteria").clone(), corpus::plain(case.need("payload")))
    };
    let datastore: Arc<dyn jinja::Datastore> = Arc::new(Keys::of(case));
    let event = Event { payload: &payload, now: now(case), datastore: &datastore };
    let verdict = Criteria::new(criteria.as_object().unwrap_or(&Map::new())).test(&event);
    let failures: Vec<String> = verdict
        .faults
        .iter()
        .map(|fault| {
            let message = fault.message(RULE);
            format!("Failed to match rule \"{RULE}\" against trigger instance \"{INSTANCE}\": {message}")
        })
        .collect();
    // A disabled rule is not tested; that is decided where rules are read.
    let fits = verdict.fits && case.flag("enabled", true);
    let got = json!({"match": fits, "failures": failures});
    case.check(Ok(&got), corpus::Messages::Compared)
}

fn now(case: &Case<'_>) -> DateTime<Utc> {
    match case.input("now").and_then(Value::as_str) {
        Some(text) => time::parse(text).unwrap_or_default(),
        None => Utc.with_ymd_and_hms(2026, 3, 10, 12, 30, 45).single().unwrap_or_default(),
    }
}

/// What the datastore of a case holds.
struct Keys(HashMap<String, String>);

impl Keys {
    fn of(case: &Case<'_>) -> Self {
        let system = case.input("datastore").and_then(|all| all["system"].as_object());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self(system.into_iter().flatten().map(|(key, value)| (key.clone(), text(value))).collect())
    }
}

impl jinja::Datastore for Keys {
    fn system(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.0.get(key).cloned())
    }

    fn user(&self, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn decrypt(&self, _: &str) -> Result<String, String> {
        Err("no key".to_owned())
    }
}
