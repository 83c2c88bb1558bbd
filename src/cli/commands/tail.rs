//! Following the output of an execution and of the executions below it.
//!
//! The server's event stream tells of every execution; [`Tail`] picks what belongs to the one
//! followed. Whoever follows a running execution opens the stream first and looks at the execution
//! then, so that its end cannot fall between the two.

use super::wait::{COMPLETED, status};
use crate::cli::args::Matches;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::http::{Stream, encode, query};
use crate::cli::session::Session;
use crate::cli::sse::Events;
use serde_json::Value;

const EVENTS: [&str; 2] = ["st2.execution__update", "st2.execution.output__create"];

/// Opens the stream of updates and output; with `end`, the server closes it with that execution.
pub(crate) fn open(session: &mut Session, end: Option<&str>) -> Result<Stream, Failure> {
    Ok(session.client.events(&EVENTS, end)?)
}

/// `st2 execution tail [ID|last]`.
pub(crate) fn tail(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let given = values.text("id").unwrap_or("last");
    let Some(id) = resolve(session, given)? else { return Ok(()) };
    let kind = values.text("output_type");
    let path = format!("/executions/{}", encode(&id));
    let missing = || Failure::new(format!("Execution  with id {given} not found."));
    let mut execution = session.client.find(&path)?.ok_or_else(missing)?;
    if !COMPLETED.contains(&status(&execution)) {
        let stream = open(session, Some(&id))?;
        execution = session.client.find(&path)?.ok_or_else(missing)?;
        if !COMPLETED.contains(&status(&execution)) {
            return Tail::new(&execution, kind, values.flag("include_metadata")).follow(session, stream);
        }
    }
    console::say(&output(session, &id, kind)?);
    console::say(&format!("Execution {id} has completed (status={}).", status(&execution)));
    Ok(())
}

/// `st2 execution output ID|last`: what an execution has written so far, and nothing else.
pub(crate) fn print_output(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let given = values.text("id").unwrap_or("last");
    let Some(id) = resolve(session, given)? else { return Ok(()) };
    console::show(&output(session, &id, values.text("output_type"))?);
    Ok(())
}

/// The id meant; `last` is the newest execution.
pub(crate) fn resolve(session: &mut Session, given: &str) -> Result<Option<String>, Failure> {
    if given != "last" {
        return Ok(Some(given.to_owned()));
    }
    let (newest, _) = session.client.list("/executions/?limit=1")?;
    let id = newest.first().and_then(|execution| execution["id"].as_str()).map(str::to_owned);
    if id.is_none() {
        console::say("No executions found in db.");
    }
    Ok(id)
}

fn output(session: &mut Session, id: &str, kind: Option<&str>) -> Result<String, Failure> {
    let mut path = format!("/executions/{}/output", encode(id));
    if let Some(kind) = kind {
        path = format!("{path}?{}", query(&[("output_type", kind)]));
    }
    Ok(session.client.get(&path)?.text())
}

/// What has to be known to pick the events of one execution.
pub(crate) struct Tail {
    id: String,
    /// The execution followed and all below it, as far as seen.
    family: Vec<String>,
    /// Whether the execution followed is itself a task of a workflow.
    is_child: bool,
    kind: Option<String>,
    metadata: bool,
}

/// What an event means for the one who follows.
#[derive(Debug, PartialEq)]
enum Step {
    Print(String),
    /// The last thing to print.
    End(String),
    Nothing,
}

impl Tail {
    /// Follows `execution`, as the API shows it.
    pub(crate) fn new(execution: &Value, kind: Option<&str>, metadata: bool) -> Tail {
        let id = execution["id"].as_str().unwrap_or_default().to_owned();
        let mut family = vec![id.clone()];
        let children = execution["children"].as_array().into_iter().flatten();
        family.extend(children.filter_map(Value::as_str).map(str::to_owned));
        let is_child = execution["parent"].is_string() || parent_of(execution).is_some();
        Tail { id, family, is_child, kind: kind.map(str::to_owned), metadata }
    }

    /// Prints what the stream brings until the execution has ended.
    pub(crate) fn follow(mut self, session: &mut Session, stream: Stream) -> Result<(), Failure> {
        let mut stream = Some(stream);
        while let Some(current) = stream.take() {
            for event in Events::new(current.body) {
                let Ok(text) = event else { break };
                let Ok(event) = serde_json::from_str::<Value>(&text) else { continue };
                match self.step(&event) {
                    Step::Print(text) => console::show(&text),
                    Step::Nothing => {}
                    Step::End(text) => {
                        console::show(&text);
                        return Ok(());
                    }
                }
            }
            // The stream broke. If the execution ended meanwhile, that is all; else go on.
            super::wait::pause();
            let again = open(session, Some(&self.id))?;
            let execution = super::wait::fetch(session, &self.id)?;
            if COMPLETED.contains(&status(&execution)) {
                console::show(&self.ended(status(&execution)));
                return Ok(());
            }
            stream = Some(again);
        }
        Ok(())
    }

    fn ended(&self, status: &str) -> String {
        format!("\nExecution {} has completed (status={status}).\n", self.id)
    }

    fn step(&mut self, event: &Value) -> Step {
        match event["status"].as_str() {
            Some(status) => self.update(event, status),
            None => self.output(event),
        }
    }

    fn update(&mut self, event: &Value, status: &str) -> Step {
        let id = event["id"].as_str().unwrap_or_default();
        let parent = parent_of(event);
        let known = |id: &str| self.family.iter().any(|member| member == id);
        let related = match parent {
            Some(parent) if !self.is_child => known(parent),
            _ => known(id),
        };
        if !related {
            return Step::Nothing;
        }
        if !known(id) {
            self.family.push(id.to_owned());
        }
        let completed = COMPLETED.contains(&status);
        if parent.is_some() {
            let task = task_of(event);
            return match (status == "running", completed) {
                (true, _) => Step::Print(format!("Child execution (task={task}) {id} has started.\n\n")),
                (_, true) => {
                    let text =
                        format!("\nChild execution (task={task}) {id} has finished (status={status}).\n");
                    if self.is_child { Step::End(text) } else { Step::Print(text) }
                }
                _ => Step::Nothing,
            };
        }
        let childless = event["children"].as_array().is_none_or(Vec::is_empty);
        if status == "running" && childless {
            Step::Print(format!("Execution {} has started.\n\n", self.id))
        } else if completed {
            Step::End(self.ended(status))
        } else {
            Step::Nothing
        }
    }

    fn output(&self, event: &Value) -> Step {
        let owner = event["execution_id"].as_str().unwrap_or_default();
        let kind = event["output_type"].as_str().unwrap_or_default();
        let wanted = self.kind.as_deref().is_none_or(|wanted| matches!(wanted, "all" | "") || wanted == kind);
        if !wanted || !self.family.iter().any(|member| member == owner) {
            return Step::Nothing;
        }
        let data = event["data"].as_str().unwrap_or_default();
        if self.metadata {
            let time = event["timestamp"].as_str().unwrap_or_default();
            return Step::Print(format!("[{time}][{kind}] {data}"));
        }
        Step::Print(data.to_owned())
    }
}

fn parent_of(execution: &Value) -> Option<&str> {
    execution["context"]["parent"]["execution_id"].as_str()
}

fn task_of(execution: &Value) -> &str {
    let context = &execution["context"];
    let name = if context["orquesta"].is_null() {
        &context["chain"]["name"]
    } else {
        &context["orquesta"]["task_name"]
    };
    name.as_str().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn child(id: &str, parent: &str, status: &str) -> Value {
        json!({"id": id, "status": status, "context": {"parent": {"execution_id": parent}, "orquesta": {"task_name": "t"}}})
    }

    #[test]
    fn a_workflow_is_followed_with_all_below_it() {
        let mut tail = Tail::new(&json!({"id": "r"}), None, false);
        let print = |text: &str| Step::Print(text.to_owned());
        assert_eq!(
            tail.step(&json!({"id": "r", "status": "running"})),
            print("Execution r has started.\n\n")
        );
        assert_eq!(tail.step(&json!({"id": "r", "status": "running", "children": ["c"]})), Step::Nothing);
        assert_eq!(tail.step(&json!({"execution_id": "c", "data": "early"})), Step::Nothing);
        assert_eq!(
            tail.step(&child("c", "r", "running")),
            print("Child execution (task=t) c has started.\n\n")
        );
        assert_eq!(
            tail.step(&child("d", "c", "running")),
            print("Child execution (task=t) d has started.\n\n")
        );
        assert_eq!(tail.step(&child("x", "y", "running")), Step::Nothing);
        assert_eq!(tail.step(&json!({"execution_id": "d", "data": "out\n"})), print("out\n"));
        assert_eq!(
            tail.step(&child("c", "r", "failed")),
            print("\nChild execution (task=t) c has finished (status=failed).\n")
        );
        assert_eq!(
            tail.step(&json!({"id": "r", "status": "succeeded"})),
            Step::End("\nExecution r has completed (status=succeeded).\n".into())
        );
    }

    #[test]
    fn a_child_is_followed_alone() {
        let mut tail = Tail::new(&child("c", "r", "running"), Some("stdout"), true);
        assert_eq!(tail.step(&child("d", "r", "running")), Step::Nothing);
        let output =
            |kind: &str| json!({"execution_id": "c", "data": "x", "output_type": kind, "timestamp": "T"});
        assert_eq!(tail.step(&output("stderr")), Step::Nothing);
        assert_eq!(tail.step(&output("stdout")), Step::Print("[T][stdout] x".into()));
        assert!(matches!(tail.step(&child("c", "r", "succeeded")), Step::End(_)));
    }
}
