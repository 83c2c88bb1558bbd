//! Expressions that cannot be read.

use serde_json::Value;

use super::{Finding, Kind, TASK, view::View};
use crate::expr::orquesta;

/// What is wrong with the expressions of the definition.
pub(super) fn inspect(document: &Value, views: &[View<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut look = |value: Option<&Value>, spec: &str, schema: &str| {
        let Some(value) = value else { return };
        for mistake in orquesta::validate(value) {
            let mut finding = Finding::new(Kind::Expression, mistake.message, spec, schema);
            finding.expression = Some((mistake.expression, mistake.language));
            findings.push(finding);
        }
    };
    for name in ["vars", "input", "output"] {
        look(document.get(name), name, &format!("properties.{name}"));
    }
    for view in views {
        let spec = |part: &str| format!("tasks.{}.{part}", view.name);
        let mut part = |value: Option<&Value>, name: &str| {
            look(value, &spec(name), &format!("{TASK}.{}", schema_of(name)));
        };
        for name in ["delay", "join"] {
            part(view.fields.get(name), name);
        }
        part(view.action.as_deref(), "action");
        part(view.input.as_deref(), "input");
        for (name, inner) in [("with", &["items", "concurrency"][..]), ("retry", &["when", "count", "delay"])]
        {
            for field in inner {
                part(view.fields.get(name).and_then(|value| value.get(field)), &format!("{name}.{field}"));
            }
        }
        for (at, next) in view.next.iter().enumerate() {
            part(next.when, &format!("next[{at}].when"));
            part(next.publish.as_deref(), &format!("next[{at}].publish"));
            part(Some(&next.to), &format!("next[{at}].do"));
        }
    }
    findings
}

/// The path of a part of a task in the schema.
fn schema_of(part: &str) -> String {
    part.split('.')
        .map(|step| match step.split_once('[') {
            Some((name, _)) => format!("properties.{name}.items"),
            None => format!("properties.{step}"),
        })
        .collect::<Vec<_>>()
        .join(".")
}
