//! How a chain begins: its definition is read and checked; and how it is read back from its rows.

use super::{
    children::Family,
    logic::{CURRENT, Current, Running},
};
use crate::{
    engine::{
        Engine,
        runner::entry_point,
        workflow::{Beginning, Begun, Ended, Logic, Resumed},
    },
    model::ExecutionStatus,
    pytext,
    workflow::action_chain::{Chain, Run},
    yaml,
};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Name of the piece that holds what a chain was called with.
pub(super) const CALL: &str = "call";

/// What a chain was called with.
#[derive(Clone, Debug, Default)]
pub(super) struct Call {
    /// The parameters of its action.
    pub(super) parameters: Map<String, Value>,
    /// Nodes that no notification of the chain is handed on to.
    pub(super) skip_notify: Vec<String>,
    /// The result shows what was published.
    pub(super) display_published: bool,
}

impl Call {
    fn of(runner: &Map<String, Value>, parameters: Map<String, Value>) -> Self {
        let skipped = runner.get("skip_notify").and_then(Value::as_array).into_iter().flatten();
        Self {
            parameters,
            skip_notify: skipped.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            display_published: runner.get("display_published").is_none_or(pytext::truthy),
        }
    }

    /// As it is kept.
    pub(super) fn text(&self) -> String {
        let Self { parameters, skip_notify, display_published } = self;
        json!({"parameters": parameters, "skip_notify": skip_notify, "display_published": display_published})
            .to_string()
    }

    fn read(text: &str) -> Result<Self, String> {
        let mut kept: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let Value::Object(parameters) = kept["parameters"].take() else {
            return Err("the parameters of the chain are missing".to_owned());
        };
        let runner = kept.as_object().cloned().unwrap_or_default();
        Ok(Self::of(&runner, parameters))
    }
}

/// Makes a chain that has not begun.
pub(super) async fn begin(engine: &Engine, at: Beginning) -> Result<Begun, Ended> {
    let spec = &at.execution.snapshot.action.spec;
    let file = entry_point::find(&engine.shared.pack_dirs, spec).await.ok().flatten();
    let file = file.map(|found| found.path).unwrap_or_default();
    let document = read(&at.source, &file).map_err(|why| {
        failed(&format!("Failed to parse action chain definition from \"{}\": {why}", file.display()))
    })?;
    let chain = Chain::of(&document, &spec.name).map_err(|why| failed(&why))?;
    let call = Call::of(&at.runner_parameters, at.action_parameters);
    let family = Family::of(&at.execution, &engine.config().system_user.name());
    let logic = Running::new(engine, chain, call, family);
    Ok(Begun { logic: Box::new(logic), lines: Vec::new() })
}

/// A chain from its rows.
pub(super) fn resume(engine: &Engine, resumed: &Resumed) -> Result<Box<dyn Logic>, String> {
    let source = &resumed.stored.source;
    let written_as = if source.trim_start().starts_with('{') { "chain.json" } else { "chain.yaml" };
    let document = read(source, Path::new(written_as)).or_else(|_| read(source, Path::new("chain.yaml")))?;
    let chain = Chain::of(&document, &resumed.execution.snapshot.action.spec.name)?;
    let piece =
        |name: &str| resumed.pieces.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str());
    let call = Call::read(piece(CALL).ok_or("what the chain was called with is missing")?)?;
    let family = Family::of(&resumed.execution, &engine.config().system_user.name());
    let run = Run::restore(resumed.pieces.iter().map(|(key, text)| (key.as_str(), text.as_str())))?;
    let current = piece(CURRENT).map_or(Ok(None), Current::read)?;
    let status = resumed.execution.status;
    Ok(Box::new(Running::restored(engine, chain, call, family, run, current, status)))
}

/// The definition as a value; it must be a mapping.
fn read(source: &str, file: &Path) -> Result<Value, String> {
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    let value = if is_json {
        pytext::json_loads(source).map_err(|error| error.to_string())?
    } else {
        yaml::load(source).map_err(|error| error.to_string())?
    };
    if value.is_object() {
        return Ok(value);
    }
    Err(format!("Expected \"dict\", got \"{}\"", pytext::type_name(&value)))
}

/// A chain that could not begin.
fn failed(error: &str) -> Ended {
    Ended { status: ExecutionStatus::Failed, result: json!({"error": error, "traceback": ""}) }
}
