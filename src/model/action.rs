//! Actions and the runner types that run them.

use super::{ActionId, RunnerTypeId};
use serde_json::{Map, Value};
use std::sync::{Arc, OnceLock};

/// What can be run: metadata registered from a pack or made through the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Identity.
    pub id: ActionId,
    /// What was written in its metadata.
    pub spec: NewAction,
}

/// The metadata of an action, before it has an id.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct NewAction {
    /// Pack ref.
    pub pack: String,
    /// Name, unique within the pack.
    pub name: String,
    /// For people; absent stays absent on the wire.
    pub description: Option<String>,
    /// A disabled action is refused.
    pub enabled: bool,
    /// Name of the runner type.
    pub runner_type: String,
    /// Script relative to the pack's `actions/`, or empty.
    pub entry_point: String,
    /// Name → parameter schema, in the order written.
    pub parameters: Map<String, Value>,
    /// JSON schema of the result, or an empty object.
    pub output_schema: Value,
    /// `[{name, value}]`.
    pub tags: Vec<Value>,
    /// `{on-complete, on-success, on-failure}`, or empty.
    pub notify: Map<String, Value>,
    /// Path of the metadata file relative to the pack, or empty.
    pub metadata_file: String,
}

impl NewAction {
    /// `pack.name`.
    pub fn reference(&self) -> String {
        format!("{}.{}", self.pack, self.name)
    }

    /// `action:pack:name`.
    pub fn uid(&self) -> String {
        super::uid("action", &[&self.pack, &self.name])
    }
}

/// The registered description of a runner.
#[derive(Clone, Debug, PartialEq)]
pub struct RunnerType {
    /// Identity.
    pub id: RunnerTypeId,
    /// Name, as in an action's `runner_type`.
    pub name: String,
    /// For people.
    pub description: String,
    /// A disabled runner fails its executions.
    pub enabled: bool,
    /// Python package of StackStorm that held it; clients show it.
    pub runner_package: String,
    /// Python module of StackStorm that held it.
    pub runner_module: String,
    /// Parameters every action of this runner has.
    pub runner_parameters: Map<String, Value>,
    /// The part of the result an action's output schema describes.
    pub output_key: Option<String>,
    /// JSON schema of the whole result, or an empty object.
    pub output_schema: Value,
}

/// An action and its runner as they were when an execution was requested.
///
/// Executions share it: it is stored once per version of the pair, not once per execution. So what can be worked
/// out from it is worked out once: see [`SnapshotViews`].
#[derive(Debug)]
pub struct Snapshot {
    /// Row in `action_snapshots`.
    pub id: i64,
    /// The action.
    pub action: Arc<Action>,
    /// Its runner type.
    pub runner: Arc<RunnerType>,
    /// Filled by the first who shows an execution of it.
    pub views: OnceLock<SnapshotViews>,
}

/// What every view of an execution repeats of its snapshot.
#[derive(Debug)]
pub struct SnapshotViews {
    /// JSON text of the action as clients see it.
    pub action: Box<str>,
    /// JSON text of the runner type as clients see it.
    pub runner: Box<str>,
    /// Which parameters are secret, those of the runner included; `None` if none is.
    pub secret_parameters: Option<Value>,
    /// Whether the output schema may hide parts of the result.
    pub masks_result: bool,
}

impl Snapshot {
    /// A snapshot with its row.
    pub fn new(id: i64, action: Arc<Action>, runner: Arc<RunnerType>) -> Self {
        Self { id, action, runner, views: OnceLock::new() }
    }
}
