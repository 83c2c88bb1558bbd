//! `st2 trace`: what set off what.

use super::objects::{self, Printed, attributes, zone};
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::render::{Format, Look, doc, execution};
use crate::cli::resource::Resource;
use crate::cli::session::Session;
use serde_json::{Value, json};

/// What a trace shows above its parts.
const HEADER: &[&str] = &["id", "trace_tag", "start_timestamp"];

/// What a trace holds in JSON.
const DOCUMENT: &[&str] =
    &["id", "trace_tag", "action_executions", "rules", "trigger_instances", "start_timestamp"];

/// The lists of a trace, with the type its rows show and the words of `--attr` that choose it.
const PARTS: [(&str, &str, &[&str]); 3] = [
    (
        "trigger_instances",
        "trigger-instance",
        &["all", "trigger-instances", "trigger_instances", "triggerinstances", "triggers"],
    ),
    ("rules", "rule", &["all", "rules"]),
    (
        "action_executions",
        "execution",
        &["all", "executions", "action-executions", "action_executions", "actionexecutions", "actions"],
    ),
];

/// `list`; a single trace is shown whole.
pub(crate) fn list(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    let mut parameters = objects::filters(resource, values);
    match values.text("sort_order").unwrap_or("descending") {
        "asc" | "ascending" => parameters.push(("sort_asc", "True".into())),
        "desc" | "descending" => parameters.push(("sort_desc", "True".into())),
        _ => {}
    }
    let (items, total) = objects::page(session, resource, values, parameters)?;
    let limit = values.int("last").unwrap_or(objects::DEFAULT_LIMIT);
    if let [trace] = items.as_slice() {
        let shown = show(session, trace, values, &attributes(values, &["all"]))?;
        shown.note(resource.paged, limit.min(1), total);
        return Ok(());
    }
    let shown = attributes(values, resource.columns);
    objects::print_list(session, resource, values, items, &shown)?.note(resource.paged, limit, total);
    Ok(())
}

/// `get`; with `-e`, `-r` or `-g` only what led to that execution, rule or trigger instance.
pub(crate) fn get(
    session: &mut Session,
    resource: &'static Resource,
    values: &Matches,
) -> Result<(), Failure> {
    for mut trace in objects::get_all(session, resource, values.texts("id"), &[])? {
        let ends =
            [("execution", "action_execution"), ("rule", "rule"), ("trigger_instance", "trigger_instance")];
        if let Some((id, kind)) = ends.iter().find_map(|(dest, kind)| Some((values.filled(dest)?, *kind))) {
            keep_chain(&mut trace, id, kind);
        }
        hide(&mut trace, values);
        let _ = show(session, &trace, values, &attributes(values, resource.shown))?;
    }
    Ok(())
}

fn show(session: &Session, trace: &Value, values: &Matches, shown: &[String]) -> Result<Printed, Failure> {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    match Format::of(values) {
        Format::Json => {
            console::say(&doc::json(&doc::pick(trace, &names(DOCUMENT))));
            return Ok(Printed::default());
        }
        Format::Yaml => {
            console::say(&doc::yaml(&doc::pick(trace, &names(HEADER))));
            return Ok(Printed::default());
        }
        Format::Plain => {}
    }
    let look = Look { zone: zone(session)?, times: &["start_timestamp"], execution: false };
    console::say(&execution::render(trace, &names(HEADER), &look));
    let mut rows = Vec::new();
    for (list, kind, words) in PARTS {
        if !shown.iter().any(|name| words.contains(&name.as_str())) {
            continue;
        }
        for part in trace[list].as_array().into_iter().flatten() {
            rows.push(json!({
                "id": part["object_id"], "type": kind, "ref": part["ref"], "updated_at": part["updated_at"],
            }));
        }
    }
    if rows.is_empty() {
        return Ok(Printed::default());
    }
    rows.sort_by_key(|row| row["updated_at"].as_str().unwrap_or_default().to_owned());
    let columns = names(&["id", "type", "ref", "updated_at"]);
    Ok(objects::print_rows(&rows, &columns, &[], Format::Plain, &Look::PLAIN))
}

/// Walks from one part up to what caused it and drops everything else.
fn keep_chain(trace: &mut Value, id: &str, kind: &str) {
    let mut next = Some((id.to_owned(), kind.to_owned()));
    let mut kept: Vec<(String, Value)> = Vec::new();
    // Set when a cause names both a rule and the trigger instance it was seen with.
    let mut must_be_caused_by: Option<String> = None;
    while let Some((id, kind)) = next.take() {
        let list = format!("{kind}s");
        for part in trace[&list].as_array().into_iter().flatten() {
            if part["object_id"].as_str() != Some(&id) {
                continue;
            }
            let cause = part["caused_by"]["id"].as_str().unwrap_or_default();
            if must_be_caused_by.as_deref().is_some_and(|wanted| wanted != cause) {
                continue;
            }
            let cause_kind = part["caused_by"]["type"].as_str().unwrap_or_default().to_owned();
            let (first, second) = cause.split_once(':').map_or((cause, None), |(a, b)| (a, Some(b)));
            must_be_caused_by = second.map(str::to_owned);
            next = (!first.is_empty() && !kept.iter().any(|(_, seen)| seen == part))
                .then(|| (first.to_owned(), cause_kind));
            kept.push((list.clone(), part.clone()));
            break;
        }
    }
    if let Some(fields) = trace.as_object_mut() {
        for (list, _, _) in PARTS {
            let parts = kept.iter().filter(|(name, _)| name == list).map(|(_, part)| part.clone()).collect();
            fields.insert(list.into(), Value::Array(parts));
        }
    }
}

/// Drops the kinds of parts that were not asked for, and triggers that set off nothing.
fn hide(trace: &mut Value, values: &Matches) {
    let wanted = [
        ("trigger_instances", values.flag("show_trigger_instances")),
        ("rules", values.flag("show_rules")),
        ("action_executions", values.flag("show_executions")),
    ];
    let all = wanted.iter().all(|(_, wanted)| !wanted);
    let rules: Vec<Value> = trace["rules"].as_array().cloned().unwrap_or_default();
    let Some(fields) = trace.as_object_mut() else { return };
    if values.flag("hide_noop_triggers")
        && let Some(Value::Array(triggers)) = fields.get_mut("trigger_instances")
    {
        triggers.retain(|trigger| rules.iter().any(|rule| rule["caused_by"]["id"] == trigger["object_id"]));
    }
    for (list, wanted) in wanted {
        if !all && !wanted {
            fields.insert(list.into(), Value::Array(vec![]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_leads_from_an_execution_to_its_trigger() {
        let mut trace = json!({
            "action_executions": [
                {"object_id": "e1", "caused_by": {"id": "r1:t1", "type": "rule"}},
                {"object_id": "e2", "caused_by": {}},
            ],
            "rules": [
                {"object_id": "r1", "caused_by": {"id": "t0", "type": "trigger_instance"}},
                {"object_id": "r1", "caused_by": {"id": "t1", "type": "trigger_instance"}},
            ],
            "trigger_instances": [{"object_id": "t0", "caused_by": {}}, {"object_id": "t1", "caused_by": {}}],
        });
        keep_chain(&mut trace, "e1", "action_execution");
        let ids = |list: &str| -> Vec<String> {
            trace[list]
                .as_array()
                .unwrap()
                .iter()
                .map(|part| part["object_id"].as_str().unwrap().into())
                .collect()
        };
        assert_eq!(ids("action_executions"), ["e1"]);
        assert_eq!(trace["rules"][0]["caused_by"]["id"], "t1");
        assert_eq!(ids("rules").len(), 1);
        assert_eq!(ids("trigger_instances"), ["t1"]);
    }
}
