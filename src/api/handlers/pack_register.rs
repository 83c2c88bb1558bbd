//! `/packs/register`: the files of packs are read again.

use crate::{
    api::{ApiResult, Error, body::Object, json, validate},
    app::App,
    content::{self, Kind, Report, Scope},
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, sync::LazyLock};

/// What can be asked for besides `all`: the name, and the kind of content it stands for.
const TYPES: [(&str, &str, Option<Kind>); 10] = [
    ("runner", "runners", None),
    ("action", "actions", Some(Kind::Action)),
    ("trigger", "triggers", Some(Kind::Trigger)),
    ("sensor", "sensors", Some(Kind::Sensor)),
    ("rule", "rules", Some(Kind::Rule)),
    ("rule_type", "rule_types", None),
    ("alias", "aliases", Some(Kind::Alias)),
    ("policy_type", "policy_types", None),
    ("policy", "policies", Some(Kind::Policy)),
    ("config", "configs", Some(Kind::Config)),
];

pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let names = TYPES.iter().flat_map(|(one, many, _)| [*one, *many]);
    // StackStorm knows this one by the singular alone.
    let names: Vec<&str> = std::iter::once("all").chain(names).filter(|name| *name != "runners").collect();
    json!({
        "type": "object",
        "properties": {
            "packs": {"type": "array", "items": {"type": "string"}},
            "types": {"type": "array", "items": {"type": "string", "enum": names}},
            "fail_on_failure": {
                "type": "boolean",
                "description": "Register nothing if any file has a fault",
                "default": true
            },
            "report": {
                "type": "boolean",
                "description": "List the faults, with their places, beside the counts"
            }
        }
    })
});

/// `POST /packs/register`.
pub(in crate::api) async fn register(app: Data<App>, body: Object) -> ApiResult<HttpResponse> {
    let body = validate::declared(&SCHEMA, body.0)?;
    let names = |key: &str| -> Vec<String> {
        let list = body.get(key).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (types, packs) = (names("types"), names("packs"));
    let is_all = types.is_empty() || types.iter().any(|name| name == "all");
    let asked = |one: &str, many: &str| is_all || types.iter().any(|name| name == one || name == many);
    let kinds: BTreeSet<Kind> =
        TYPES.iter().filter(|(one, many, _)| asked(one, many)).filter_map(|(.., kind)| *kind).collect();
    // What the program brings is in no pack: then none is looked at, nor missed.
    let named = if kinds.is_empty() { Some(Vec::new()) } else { (!packs.is_empty()).then_some(packs) };
    let scope = Scope {
        packs: named,
        kinds: (!is_all).then_some(kinds.clone()),
        stop_at_problem: body.get("fail_on_failure") != Some(&Value::Bool(false)),
        ..Scope::default()
    };
    let report = content::register(&app.store, &app.config, &scope).await?;
    if report.stopped {
        let first = report.problems.first().map(content::Problem::failure).unwrap_or_default();
        return Err(Error::bad_request(first));
    }
    for problem in &report.problems {
        tracing::warn!("Not registered: {problem}");
    }
    let mut answer = counts(&report, &kinds, asked);
    if body.get("report") == Some(&Value::Bool(true)) {
        answer.insert("problems".to_owned(), report.problems.iter().map(told).collect());
    }
    Ok(json(StatusCode::OK, &answer))
}

/// How much of each kind, in the order it was registered. Kinds that were not asked for are not named.
fn counts(report: &Report, kinds: &BTreeSet<Kind>, asked: impl Fn(&str, &str) -> bool) -> Map<String, Value> {
    let mut counts = Map::new();
    let mut count = |name: String, number: usize| counts.insert(name, json!(number));
    if asked("runner", "runners") || asked("action", "actions") {
        count("runners".to_owned(), report.runners);
    }
    if asked("rule_type", "rule_types") || asked("rule", "rules") {
        count("rule_types".to_owned(), report.rule_types);
    }
    if asked("policy_type", "policy_types") || asked("policy", "policies") {
        count("policy_types".to_owned(), report.policy_types);
    }
    for kind in Kind::CONTENT.into_iter().filter(|kind| kinds.contains(kind)) {
        count(kind.plural().to_owned(), report.count(kind));
        if report.overridden(kind) > 0 {
            count(format!("{}(overridden)", kind.plural()), report.overridden(kind));
        }
    }
    counts
}

fn told(problem: &content::Problem) -> Value {
    json!({
        "kind": problem.kind.noun(),
        "file": problem.file,
        "line": problem.position.map(|at| at.line),
        "column": problem.position.map(|at| at.column),
        "message": problem.message,
    })
}
