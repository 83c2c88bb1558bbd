//! Packs are registered and unregistered.

use super::{Job, Raised};
use crate::{
    content::{self, Kind, Scope},
    packs::remove,
    store,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// `packs.load`.
pub(super) async fn load(job: &Job<'_>) -> Result<Value, Raised> {
    let packs = job.texts("packs");
    let kinds = job.parameter("register").as_str().unwrap_or("all");
    register(job, &packs, kinds, true).await
}

/// Registers packs, all if none is named; answers how many of each kind. `fail`: a broken file stops everything.
pub(super) async fn register(
    job: &Job<'_>,
    packs: &[String],
    kinds: &str,
    fail: bool,
) -> Result<Value, Raised> {
    let kinds = kinds_of(kinds)?;
    let scope = Scope {
        packs: (!packs.is_empty()).then(|| packs.to_vec()),
        kinds: kinds.clone(),
        stop_at_problem: fail,
        ..Scope::everything()
    };
    let report = content::register(job.engine.store(), job.engine.config(), &scope).await;
    let report = report.map_err(|error| Raised::other(error.to_string()))?;
    for problem in &report.problems {
        job.say(&problem.to_string()).await;
    }
    if report.stopped {
        let first = report.problems.first().map(content::Problem::failure);
        return Err(Raised::other(first.unwrap_or_default()));
    }
    let mut counts = Map::new();
    for kind in Kind::CONTENT {
        if kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind)) {
            counts.insert(kind.plural().to_owned(), json!(report.count(kind)));
        }
    }
    Ok(Value::Object(counts))
}

/// The kinds that a list with commas names; `None`: all. What the program brings itself is always registered.
fn kinds_of(names: &str) -> Result<Option<BTreeSet<Kind>>, Raised> {
    const NAMES: [(&str, &str, Option<Kind>); 10] = [
        ("action", "actions", Some(Kind::Action)),
        ("trigger", "triggers", Some(Kind::Trigger)),
        ("sensor", "sensors", Some(Kind::Sensor)),
        ("rule", "rules", Some(Kind::Rule)),
        ("alias", "aliases", Some(Kind::Alias)),
        ("policy", "policies", Some(Kind::Policy)),
        ("config", "configs", Some(Kind::Config)),
        ("runner", "runners", None),
        ("rule_type", "rule_types", None),
        ("policy_type", "policy_types", None),
    ];
    let mut kinds = BTreeSet::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name == "all" {
            return Ok(None);
        }
        let known = NAMES.iter().find(|(one, many, _)| name == *one || name == *many);
        let (.., kind) = known.ok_or_else(|| {
            let all: Vec<&str> = NAMES.iter().map(|(_, many, _)| *many).collect();
            Raised::value(format!("\"{name}\" cannot be registered. There are: all, {}", all.join(", ")))
        })?;
        kinds.extend(*kind);
    }
    Ok((!kinds.is_empty()).then_some(kinds))
}

/// `packs.unload`.
pub(super) async fn unload(job: &Job<'_>) -> Result<Value, Raised> {
    let packs = job.texts("packs");
    let blocked = remove::system_packs(&packs);
    if !blocked.is_empty() {
        let names = blocked.join(", ");
        return Err(Raised::value(format!("Unregister includes an unregisterable pack - {names}.")));
    }
    let mut tx = job.engine.store().begin().await?;
    for pack in &packs {
        let line = if store::unload::unload(&mut tx, pack).await? {
            format!("Unregistered {pack} and what belongs to it")
        } else {
            format!("No pack {pack} was registered; removed what there was of it")
        };
        job.say(&line).await;
    }
    tx.commit().await?;
    Ok(Value::Null)
}
