//! Criteria that are wrong, slow or meet what they did not expect: they end, and say what is the matter.

use crate::support::evil;
use serde_json::{Map, Value, json};
use st2d::{
    clock,
    criteria::{Criteria, Event, Verdict},
    expr::jinja,
};
use std::sync::Arc;

fn test(criteria: &Value, payload: &Value) -> Verdict {
    let datastore: Arc<dyn jinja::Datastore> = Arc::new(jinja::NoDatastore);
    let event = Event { payload, now: clock::now(), datastore: &datastore };
    Criteria::new(criteria.as_object().unwrap()).test(&event)
}

const OPERATORS: &[&str] = &[
    "equals",
    "nequals",
    "iequals",
    "contains",
    "ncontains",
    "icontains",
    "incontains",
    "startswith",
    "endswith",
    "istartswith",
    "iendswith",
    "lessthan",
    "greaterthan",
    "matchwildcard",
    "regex",
    "iregex",
    "matchregex",
    "timediff_lt",
    "timediff_gt",
    "exists",
    "nexists",
    "inside",
    "ninside",
    "search",
    "nonsense",
];

#[test]
fn any_operator_meets_any_value_and_ends() {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5),
        json!(1e300),
        json!(""),
        json!("a"),
        json!("(["),
        json!([]),
        json!([1, "a"]),
        json!({}),
        json!({"a": {"type": "equals", "pattern": 1}}),
        json!("\u{0}"),
        json!("9".repeat(400)),
        json!("2024-13-45T99:99:99Z"),
    ];
    let mut faults = 0;
    for operator in OPERATORS {
        for value in &values {
            for pattern in &values {
                for key in [
                    "trigger.v",
                    "trigger.nope.nope",
                    "trigger.v[0].x",
                    "trigger['v']",
                    "trigger..v",
                    "[",
                    "#",
                ] {
                    let criteria = json!({key: {"type": operator, "pattern": pattern, "condition": "any"}});
                    let verdict = test(&criteria, &json!({"v": value}));
                    assert!(!verdict.fits || verdict.faults.is_empty(), "{criteria} {value}");
                    faults += verdict.faults.len();
                }
            }
        }
    }
    assert!(faults > 1000, "{faults}");
}

#[test]
fn a_hundred_evil_patterns_end_on_a_long_text() {
    let text = "a".repeat(100_000);
    let (mut answered, mut given_up) = (0, 0);
    for pattern in evil::patterns() {
        let verdict = test(&json!({"trigger.t": {"type": "regex", "pattern": pattern}}), &json!({"t": text}));
        assert!(!verdict.fits, "{pattern}");
        let faults: Vec<String> = verdict.faults.iter().map(|fault| fault.message("p.r")).collect();
        // Two of them are no patterns, as Python says too.
        let is_given_up = |fault: &String| {
            fault.ends_with("takes too many steps on this value") || fault.contains("open group")
        };
        assert!(faults.iter().all(is_given_up), "{pattern}: {faults:?}");
        (answered, given_up) =
            if faults.is_empty() { (answered + 1, given_up) } else { (answered, given_up + 1) };
    }
    assert_eq!(answered + given_up, 100);
    assert!(answered > 20 && given_up > 20, "{answered} answered, {given_up} given up");
}

#[test]
fn templates_that_explode_are_faults() {
    for pattern in [
        "{{ trigger.nope.nope }}",
        "{{ 1 / 0 }}",
        "{{ 'x' * 1000000000 }}",
        "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}",
        "{{ [1] * 1000000000 }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ trigger.__class__.__mro__ }}",
        "{% include 'x' %}",
        "{{ ",
        "{{ trigger.v | nosuchfilter }}",
    ] {
        let verdict = test(&json!({"trigger.v": {"type": "equals", "pattern": pattern}}), &json!({"v": 1}));
        assert!(!verdict.fits, "{pattern}");
        assert_eq!(verdict.faults.len(), 1, "{pattern} {verdict:?}");
    }
}

#[test]
fn a_search_within_searches_ends() {
    let mut criteria = json!({"item": {"type": "equals", "pattern": 1}});
    for _ in 0..60 {
        criteria = json!({"item": {"type": "search", "condition": "any", "pattern": criteria}});
    }
    let criteria = json!({"trigger.v": {"type": "search", "condition": "any", "pattern": criteria}});
    let mut value = json!(1);
    for _ in 0..60 {
        value = json!([value]);
    }
    assert!(!test(&criteria, &json!({"v": value})).fits);
    let many: Map<String, Value> =
        (0..1000).map(|n| (format!("trigger.v{n}"), json!({"type": "exists", "pattern": 1}))).collect();
    assert!(!test(&Value::Object(many), &json!({"v": 1})).fits);
}
