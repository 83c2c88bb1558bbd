//! `inspect`: what orquesta finds wrong with definitions before they run.

use serde_json::{Map, Value};
use st2d::workflow::orquesta::{Definition, Finding, Kind};

use crate::support::corpus::{self, Differences, same};

const DIFFERENCES: &Differences = &[];

#[test]
fn definitions_are_inspected_as_recorded() {
    corpus::run(
        "inspect",
        |_| true,
        DIFFERENCES,
        |case| {
            let definition = Definition::of(case.need("spec").clone()).map_err(|error| error.to_string())?;
            let mut found: Map<String, Value> = Map::new();
            for finding in definition.inspect(given(case.name), None) {
                let list = found.entry(category(finding.kind)).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.push(told(&finding));
                }
            }
            same(&Value::Object(found), case.need("errors"))
        },
    );
}

/// What the recorded run began with; the table leaves it out.
fn given(name: &str) -> &'static [&'static str] {
    if name.ends_with("::test_ctx_ref_private_var") { &["__xyz"] } else { &[] }
}

fn category(kind: Kind) -> &'static str {
    match kind {
        Kind::Content => "contents",
        Kind::Context => "context",
        Kind::Expression => "expressions",
        Kind::Semantic => "semantics",
        Kind::Syntax => "syntax",
    }
}

/// A finding before StackStorm renames its members for the wire.
fn told(finding: &Finding) -> Value {
    let mut told = finding.to_json(None);
    let fields = told.as_object_mut().expect("a finding is an object");
    fields.remove("type");
    if let Some(language) = fields.remove("language") {
        fields.insert("type".to_owned(), language);
    }
    told
}
