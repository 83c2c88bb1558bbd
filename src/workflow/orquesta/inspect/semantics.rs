//! What the tasks of a definition mean together.

use std::collections::{HashSet, VecDeque};

use super::{Finding, Kind, TASK, reach, view::View};
use crate::{
    pytext::truthy,
    workflow::{ir::Command, orquesta::shape::Shape},
};

/// What is wrong with the tasks as a whole.
pub(super) fn inspect(shape: &Shape<'_>, views: &[View<'_>]) -> Vec<Finding> {
    let at =
        |name: &str, message: String| Finding::new(Kind::Semantic, message, format!("tasks.{name}"), TASK);
    let mut findings = Vec::new();
    for view in views {
        if Command::WORDS.contains(&view.name) {
            let message = format!("The task name \"{}\" is reserved with special function.", view.name);
            findings.push(at(view.name, message));
        }
    }
    if !views.is_empty() && shape.starts().is_empty() {
        let message = "Unable to identify any tasks to start the workflow. If the workflow has a loop, please \
                       add a task that serves as an entry point (or lead) into the loop.";
        findings.push(Finding::new(Kind::Semantic, message, "tasks", "properties.tasks"));
    }
    undefined(shape, views, &mut findings);
    for name in reach::unreachable_joins(shape) {
        let message = format!(
            "The join task \"{name}\" is unreachable. A join task is determined to be unreachable if there are \
             nested forks from multi-referenced tasks that join on the said task. This is ambiguous to the \
             workflow engine because it does not know at which level should the join occurs."
        );
        findings.push(at(name, message));
    }
    for view in views {
        let has_items = view.fields.get("with").is_some_and(truthy);
        if has_items && !view.action.as_deref().is_some_and(truthy) {
            findings.push(at(view.name, "The action property is required for with items task.".to_owned()));
        }
    }
    findings
}

/// Destinations that are no tasks, of all tasks that can be reached.
fn undefined(shape: &Shape<'_>, views: &[View<'_>], findings: &mut Vec<Finding>) {
    let mut queue: VecDeque<&str> = shape.starts().into();
    let mut queued: HashSet<&str> = HashSet::new();
    let mut traversed: HashSet<&str> = HashSet::new();
    while let Some(name) = queue.pop_front() {
        traversed.insert(name);
        let Some(view) = shape.names.get(name).and_then(|at| views.get(*at)) else { continue };
        if Command::WORDS.contains(&name) {
            continue;
        }
        for (place, next) in view.next.iter().enumerate() {
            for to in next.names() {
                if traversed.contains(to) || Command::WORDS.contains(&to) {
                    continue;
                }
                match shape.names.get_key_value(to) {
                    Some((to, _)) => {
                        if queued.insert(to) {
                            queue.push_back(to);
                        }
                    }
                    None => findings.push(Finding::new(
                        Kind::Semantic,
                        format!("The task \"{to}\" is not defined."),
                        format!("tasks.{name}.next[{place}].do"),
                        format!("{TASK}.properties.next.items.properties.do"),
                    )),
                }
            }
        }
    }
}
