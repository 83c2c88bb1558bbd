//! A run of a chain: where it is, what its nodes gave, what comes next.

use super::{Chain, Node, Scope, Unrendered};
use crate::model::ExecutionStatus;
use serde_json::{Map, Value, json};

/// A run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Entries of the nodes that ran, as the result shows them.
    tasks: Vec<Map<String, Value>>,
    /// What was published; `None` when the result shall not show it.
    published: Option<Map<String, Value>>,
    /// Variables: those of the definition and what was published.
    vars: Map<String, Value>,
    /// What went wrong with the chain itself.
    error: Option<String>,
    /// Entries before this place stand in rows as they are here.
    saved: usize,
}

/// Name of the piece that holds everything but the entries.
const REST: &str = "run";

/// Before the number of an entry: the name of its piece.
const ENTRY: &str = "task/";

/// How the execution of a node stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Its execution.
    pub execution_id: String,
    /// The second id of that.
    pub liveaction_id: String,
    /// When the node began, as the result shows it.
    pub created_at: String,
    /// When it was last looked at.
    pub updated_at: String,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// What it gave so far.
    pub result: Value,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The node with this name is to be started.
    Start(String),
    /// The last node waits, and the chain with it.
    Rest,
    /// The chain has ended, with [`Run::result`].
    End(ExecutionStatus),
    /// The chain broke: this, instead of a result.
    Broken(String),
}

impl Run {
    /// A run that has not begun.
    ///
    /// # Errors
    /// A variable cannot be rendered: the run with its error; it has failed.
    pub fn new(chain: &Chain, scope: &Scope, display_published: bool) -> Result<Self, Box<Self>> {
        let mut run = Self { published: display_published.then(Map::new), ..Self::default() };
        match scope.vars(&chain.vars) {
            Ok(vars) => run.vars = vars,
            Err(fault) => {
                run.error = Some(format!("Failed initializing ``vars`` in chain.. {fault}"));
                return Err(Box::new(run));
            }
        }
        Ok(run)
    }

    /// The first step.
    pub fn begin(&self, chain: &Chain) -> Step {
        chain.first().map_or(Step::End(ExecutionStatus::Succeeded), |node| Step::Start(node.name.clone()))
    }

    /// The parameters of a node, rendered.
    ///
    /// # Errors
    /// The chain ends, failed.
    pub fn parameters(&mut self, node: &Node, scope: &Scope) -> Result<Map<String, Value>, Step> {
        let rendered = scope.node_parameters(&node.parameters(), &self.results(), &self.vars);
        rendered.map_err(|Unrendered { key, template, why }| {
            let name = &node.name;
            self.fail(format!(
                "Failed to run task \"{name}\". Parameter rendering failed.. Failed rendering value for action \
                 parameter \"{key}\" in task \"{name}\" (template string={template}): {why}"
            ))
        })
    }

    /// The action of a node does not exist: the chain ends, failed.
    pub fn no_action(&mut self, node: &Node) -> Step {
        let Node { name, reference, .. } = node;
        self.fail(format!(
            "Failed to run task \"{name}\". Action with reference \"{reference}\" doesn't exist.. Task :: {name} - \
             Action with ref {reference} not registered."
        ))
    }

    fn fail(&mut self, error: String) -> Step {
        self.error = Some(error);
        Step::End(ExecutionStatus::Failed)
    }

    /// The action of a node was refused: that counts as its failure.
    pub fn refused(&mut self, chain: &Chain, node: &Node, why: &str, at: &str) -> Step {
        let error = format!("Failed running task \"{}\".. {why}", node.name);
        self.tasks.push(entry(
            &node.name,
            Value::Null,
            Value::Null,
            (at, at),
            ExecutionStatus::Failed,
            json!({"error": error, "traceback": ""}),
        ));
        self.follow(chain, node, "on-failure", ExecutionStatus::Failed)
    }

    /// The execution of a node has ended or waits. The same node may be told of again: what it gave before is replaced.
    pub fn update(&mut self, chain: &Chain, node: &Node, child: &Child, scope: &Scope) -> Step {
        let is_again =
            self.tasks.last().is_some_and(|last| last["execution_id"] == child.execution_id.as_str());
        if is_again {
            self.tasks.pop();
            self.saved = self.saved.min(self.tasks.len());
        }
        self.tasks.push(entry(
            &node.name,
            json!(child.execution_id),
            json!(child.liveaction_id),
            (&child.created_at, &child.updated_at),
            child.status,
            child.result.clone(),
        ));
        if !child.status.is_completed() {
            return Step::Rest;
        }
        if let Err(broken) = self.publish(node, scope) {
            return broken;
        }
        match child.status {
            ExecutionStatus::Succeeded => self.follow(chain, node, "on-success", ExecutionStatus::Succeeded),
            ExecutionStatus::Canceled => Step::End(ExecutionStatus::Canceled),
            ExecutionStatus::Timeout => self.follow(chain, node, "on-failure", ExecutionStatus::Timeout),
            _ => self.follow(chain, node, "on-failure", ExecutionStatus::Failed),
        }
    }

    fn publish(&mut self, node: &Node, scope: &Scope) -> Result<(), Step> {
        let mapping = node.publish();
        if mapping.is_empty() {
            return Ok(());
        }
        match scope.published(&mapping, &self.results(), &self.vars) {
            Ok(published) => {
                if let Some(shown) = &mut self.published {
                    shown.extend(published.clone());
                }
                self.vars.extend(published);
                Ok(())
            }
            Err(Unrendered { key, template, why }) => Err(Step::Broken(format!(
                "Failed rendering value for publish parameter \"{key}\" in task \"{}\" (template string={template}): \
                 {why}",
                node.name
            ))),
        }
    }

    /// The node after this one, if it leads to one.
    fn follow(&mut self, chain: &Chain, node: &Node, on: &str, status: ExecutionStatus) -> Step {
        let target = node.leads_to(on);
        if target.is_empty() {
            return Step::End(status);
        }
        match chain.node(target) {
            Some(next) => Step::Start(next.name.clone()),
            None => self.fail(format!(
                "Failed to get next node \"{}\".. Unable to find node with name \"{target}\".",
                node.name
            )),
        }
    }

    /// Where it goes on after a rest between two nodes.
    pub fn after_last(&mut self, chain: &Chain) -> Step {
        let Some(last) = self.tasks.last() else { return self.begin(chain) };
        let state = last["state"].as_str().and_then(|word| word.parse().ok());
        let node = last["name"].as_str().and_then(|name| chain.node(name));
        let (Some(node), Some(state)) = (node.cloned(), state) else {
            return Step::Broken("The state of the chain does not fit its definition.".to_owned());
        };
        match state {
            ExecutionStatus::Succeeded => self.follow(chain, &node, "on-success", state),
            ExecutionStatus::Canceled => Step::End(state),
            ExecutionStatus::Timeout => self.follow(chain, &node, "on-failure", state),
            ExecutionStatus::Failed | ExecutionStatus::Abandoned => {
                self.follow(chain, &node, "on-failure", ExecutionStatus::Failed)
            }
            _ => Step::Rest,
        }
    }

    /// The entry of an execution, if it has one.
    pub fn entry_of(&self, execution_id: &str) -> Option<&Map<String, Value>> {
        self.tasks.iter().rev().find(|task| task["execution_id"] == execution_id)
    }

    /// The parts of the state that changed since the last call: name and JSON text.
    pub fn changes(&mut self) -> Vec<(String, String)> {
        let rest = json!({"published": self.published, "vars": self.vars, "error": self.error});
        let mut changes = vec![(REST.to_owned(), rest.to_string())];
        for (at, task) in self.tasks.iter().enumerate().skip(self.saved) {
            changes.push((format!("{ENTRY}{at}"), json!(task).to_string()));
        }
        self.saved = self.tasks.len();
        changes
    }

    /// The run whose parts are these.
    ///
    /// # Errors
    /// What is missing or no state of a chain.
    pub fn restore<'a>(pieces: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut rest = None;
        let mut tasks = Vec::new();
        for (name, text) in pieces {
            let broken = |why: &dyn std::fmt::Display| format!("The state \"{name}\" cannot be read: {why}");
            if name == REST {
                rest = Some(serde_json::from_str::<Value>(text).map_err(|error| broken(&error))?);
            } else if let Some(at) = name.strip_prefix(ENTRY) {
                let at: usize = at.parse().map_err(|error| broken(&error))?;
                let task: Map<String, Value> = serde_json::from_str(text).map_err(|error| broken(&error))?;
                tasks.push((at, task));
            }
        }
        tasks.sort_by_key(|(at, _)| *at);
        if tasks.iter().enumerate().any(|(place, (at, _))| place != *at) {
            return Err("An entry of a node is missing in the state.".to_owned());
        }
        let mut rest = rest.ok_or("The state of the chain is missing.")?;
        let object = |value: Value| if let Value::Object(fields) = value { Some(fields) } else { None };
        Ok(Self {
            published: object(rest["published"].take()),
            vars: object(rest["vars"].take()).unwrap_or_default(),
            error: rest["error"].as_str().map(str::to_owned),
            saved: tasks.len(),
            tasks: tasks.into_iter().map(|(_, task)| task).collect(),
        })
    }

    /// Whether something went wrong with the chain itself.
    pub fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// The variables as they stand.
    pub fn vars(&self) -> &Map<String, Value> {
        &self.vars
    }

    /// What the nodes gave, by name; of a node that ran more than once, what it gave last.
    fn results(&self) -> Map<String, Value> {
        let named =
            self.tasks.iter().filter_map(|task| Some((task.get("name")?.as_str()?, task.get("result")?)));
        named.map(|(name, result)| (name.to_owned(), result.clone())).collect()
    }

    /// The result of the chain's execution.
    pub fn result(&self) -> Map<String, Value> {
        let tasks = self.tasks.iter().cloned().map(Value::Object).collect();
        let mut result = Map::from_iter([("tasks".to_owned(), Value::Array(tasks))]);
        if let Some(published) = &self.published {
            result.insert("published".to_owned(), Value::Object(published.clone()));
        }
        if let Some(error) = &self.error {
            result.insert("error".to_owned(), json!(error));
            result.insert("traceback".to_owned(), json!(""));
        }
        result
    }
}

fn entry(
    name: &str,
    execution_id: Value,
    liveaction_id: Value,
    (created_at, updated_at): (&str, &str),
    state: ExecutionStatus,
    result: Value,
) -> Map<String, Value> {
    let fields = [
        ("id", json!(name)),
        ("name", json!(name)),
        ("execution_id", execution_id),
        ("liveaction_id", liveaction_id),
        ("workflow", Value::Null),
        ("created_at", json!(created_at)),
        ("updated_at", json!(updated_at)),
        ("state", json!(state)),
        ("result", result),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests;
