//! Variables that are named before anything sets them.
//!
//! The tasks are walked from the starts, each with what was set on the way to it; joins see what all of
//! their branches set. What is told is what orquesta tells, as often: a finding comes once for each way a task
//! is reached. Where the ways multiply without end, only those are still walked that lack what no earlier one
//! lacked.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
};

use serde_json::Value;

use super::{
    Finding, Kind, TASK,
    finding::Focus,
    view::{self, Next, View},
};
use crate::{
    expr::orquesta::{Reference, references},
    pytext::truthy,
    workflow::{ir::Command, orquesta::shape::Shape},
};

/// Variables that are set.
type Known<'a> = Rc<HashSet<&'a str>>;

/// A part of a definition that names variables, and those it sets for the parts after it.
struct Part<'a> {
    spec: String,
    schema: String,
    references: Vec<Reference>,
    sets: Vec<&'a str>,
}

/// The variables that are named too early.
pub(super) fn inspect<'a>(
    document: &'a Value,
    shape: &Shape<'a>,
    views: &'a [View<'a>],
    known: &[&'a str],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut rolling: HashSet<&str> = known.iter().copied().collect();
    for name in ["input", "vars"] {
        roll(
            &parts(document.get(name), name, &format!("properties.{name}"), true),
            &mut rolling,
            &mut findings,
        );
    }
    if document.get("tasks").is_some_and(truthy) {
        let walk = Walk { shape, views: views.iter().map(Prepared::of).collect(), findings: Vec::new() };
        let (found, all) = walk.run(&Rc::new(rolling.clone()));
        findings.extend(found);
        rolling.extend(all);
    }
    roll(&parts(document.get("output"), "output", "properties.output", true), &mut rolling, &mut findings);
    findings.sort_by(|a, b| a.spec_path.cmp(&b.spec_path));
    findings
}

/// The parts of a value: its items one by one, or all of it.
fn parts<'a>(value: Option<&'a Value>, spec: &str, schema: &str, sets: bool) -> Vec<Part<'a>> {
    let Some(value) = value.filter(|value| truthy(value)) else { return Vec::new() };
    let part = |value: &'a Value, spec: String| Part {
        spec,
        schema: schema.to_owned(),
        references: references(value),
        sets: if sets { names_set(value) } else { Vec::new() },
    };
    if let Value::Array(items) = value {
        return items.iter().enumerate().map(|(at, item)| part(item, format!("{spec}[{at}]"))).collect();
    }
    // What looks like parameters in line is read as such, wherever it stands.
    if let Some(Value::Array(pairs)) = value.as_str().map(view::pairs).filter(truthy) {
        let inline = pairs.iter().enumerate().map(|(at, pair)| Part {
            spec: format!("{spec}[{at}]"),
            schema: schema.to_owned(),
            references: references(pair),
            sets: Vec::new(),
        });
        return inline.collect();
    }
    vec![part(value, spec.to_owned())]
}

fn names_set(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => fields.keys().map(String::as_str).collect(),
        Value::String(name) => vec![name],
        // Refused as what it is, and still looked through.
        Value::Array(items) => items
            .iter()
            .flat_map(|item| match item {
                Value::Object(fields) if fields.len() == 1 => names_set(item),
                Value::String(_) => names_set(item),
                _ => Vec::new(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Goes through parts in their order: each sees what those before it set.
fn roll<'a>(parts: &[Part<'a>], known: &mut HashSet<&'a str>, findings: &mut Vec<Finding>) {
    for part in parts {
        for reference in &part.references {
            let Reference { variable, language, text } = reference;
            let mut tell = |message: String| {
                let mut finding =
                    Finding::new(Kind::Context, message, part.spec.clone(), part.schema.clone());
                finding.expression = Some((text.clone(), Some(*language)));
                finding.focus = Focus::Variable(variable.clone());
                findings.push(finding);
            };
            if variable.starts_with("__") {
                tell(format!(
                    "Variable \"{variable}\" that is prefixed with double underscores is considered a private \
                     variable and cannot be referenced."
                ));
            }
            if !known.contains(&**variable) {
                tell(format!("Variable \"{variable}\" is referenced before assignment."));
            }
        }
        known.extend(&part.sets);
    }
}

/// A task with its parts taken apart once, however often it is walked.
struct Prepared<'a> {
    own: Vec<Part<'a>>,
    next: Vec<Step<'a>>,
    /// Waits for its branches: what each of them set is seen together.
    joins: bool,
}

struct Step<'a> {
    to: Vec<&'a str>,
    parts: Vec<Part<'a>>,
}

impl<'a> Prepared<'a> {
    fn of(view: &'a View<'a>) -> Self {
        let spec = |part: &str| format!("tasks.{}.{part}", view.name);
        let mut own = Vec::new();
        let mut add = |value: Option<&'a Value>, name: &str, schema: &str| {
            own.extend(parts(value, &spec(name), &format!("{TASK}.{schema}"), false));
        };
        add(view.fields.get("delay"), "delay", "properties.delay");
        let with = view.fields.get("with").filter(|with| with.is_object());
        for name in ["items", "concurrency"] {
            let schema = format!("properties.with.properties.{name}");
            add(with.and_then(|with| with.get(name)), &format!("with.{name}"), &schema);
        }
        add(view.action.as_deref(), "action", "properties.action");
        add(view.input.as_deref(), "input", "properties.input");
        own.sort_by(|a, b| a.spec.cmp(&b.spec));
        let next = view.next.iter().enumerate().map(|(at, next)| step(view, at, next)).collect();
        Self { own, next, joins: view.fields.get("join").is_some_and(truthy) }
    }
}

fn step<'a>(view: &View<'_>, at: usize, next: &'a Next<'_>) -> Step<'a> {
    let spec = |part: &str| format!("tasks.{}.next[{at}].{part}", view.name);
    let schema = |part: &str| format!("{TASK}.properties.next.items.properties.{part}");
    let mut all = parts(next.when, &spec("when"), &schema("when"), false);
    all.extend(parts(next.publish.as_deref(), &spec("publish"), &schema("publish"), true));
    all.extend(parts(Some(&next.to), &spec("do"), &schema("do"), false));
    Step { to: next.names(), parts: all }
}

struct Walk<'a, 's> {
    shape: &'s Shape<'a>,
    views: Vec<Prepared<'a>>,
    findings: Vec<Finding>,
}

impl<'a> Walk<'a, '_> {
    /// The findings, and all variables that any task saw.
    fn run(mut self, known: &Known<'a>) -> (Vec<Finding>, HashSet<&'a str>) {
        let mut all: HashSet<&str> = known.iter().copied().collect();
        let mut queue: VecDeque<(&str, Option<Known<'a>>)> =
            self.shape.starts().into_iter().map(|name| (name, Some(known.clone()))).collect();
        let mut traversed: HashSet<&str> = HashSet::new();
        // What joins gathered, and what other tasks were last sent.
        let mut gathered: HashMap<&str, Known<'a>> = HashMap::new();
        let mut sent: HashMap<&str, Known<'a>> = HashMap::new();
        let mut repeats = 50 * self.views.len() + 1_000;
        // What every walk of a task saw set: only what is missing from it could be told once more.
        let mut least: HashMap<&str, HashSet<&str>> = HashMap::new();
        while let Some((name, seen)) = queue.pop_front() {
            let again = !traversed.insert(name);
            let seen = match seen.filter(|seen| !seen.is_empty()) {
                Some(seen) => seen,
                None => gathered.get(name).cloned().unwrap_or_default(),
            };
            if again {
                if repeats == 0 && least.get(name).is_some_and(|least| least.is_subset(&seen)) {
                    continue;
                }
                repeats = repeats.saturating_sub(1);
            }
            least
                .entry(name)
                .and_modify(|least| least.retain(|variable| seen.contains(variable)))
                .or_insert_with(|| HashSet::clone(&seen));
            all.extend(seen.iter());
            let Some(at) = self.shape.names.get(name).filter(|_| !Command::WORDS.contains(&name)) else {
                continue;
            };
            let task = &self.views[*at];
            let mut own = HashSet::clone(&seen);
            roll(&task.own, &mut own, &mut self.findings);
            for step in &task.next {
                for to in &step.to {
                    let mut branch = HashSet::clone(&seen);
                    let first = self.findings.len();
                    roll(&step.parts, &mut branch, &mut self.findings);
                    self.findings[first..].sort_by(|a, b| a.spec_path.cmp(&b.spec_path));
                    let is_command = Command::WORDS.contains(to);
                    let place = self.shape.names.get(to).copied();
                    if traversed.contains(to) || (place.is_none() && !is_command) {
                        continue;
                    }
                    let joins = place.is_some_and(|at| !is_command && self.views[at].joins);
                    if joins {
                        let before = gathered.entry(to).or_default();
                        if !branch.is_subset(before) {
                            *before = Rc::new(before.union(&branch).copied().collect());
                        }
                        queue.push_back((to, None));
                    } else if sent.get(to).is_none_or(|last| **last != branch) {
                        let branch = Rc::new(branch);
                        sent.insert(to, branch.clone());
                        queue.push_back((to, Some(branch)));
                    }
                }
            }
        }
        (self.findings, all)
    }
}
