//! Parameters of a request and of a run, with the context their templates see.
//!
//! Templates run where they hold up nobody: a hostile one is ended by its budget only. Calls without templates, nearly
//! all of them, need neither that nor a context.

use super::parameters::{self, Context, Final, Parameters, Phase};
use crate::{
    datastore,
    engine::Engine,
    expr::jinja,
    model::Snapshot,
    pack_config, service,
    store::{self, MayBeAway, patiently},
};
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

/// Why parameters could not be rendered now.
#[derive(Debug, thiserror::Error)]
pub(in crate::engine) enum Error {
    /// They cannot be rendered at all.
    #[error(transparent)]
    Parameters(#[from] parameters::Error),
    /// The database is away: they may be rendered later.
    #[error(transparent)]
    Away(#[from] store::Error),
}

impl MayBeAway for Error {
    fn is_unavailable(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

impl Error {
    /// A read that failed: for good, which the template is to blame for, or for now.
    fn of_read(error: datastore::Error) -> Self {
        match error {
            datastore::Error::Store(error) if error.is_unavailable() => Self::Away(error),
            error => Self::Parameters(parameters::Error::Template(error.to_string())),
        }
    }
}

/// Renders what a caller gave; a rule's templates see the event as `trigger` too.
///
/// # Errors
/// [`Error`].
pub(super) async fn live(
    engine: &Engine,
    snapshot: &Arc<Snapshot>,
    given: &Map<String, Value>,
    context: &Map<String, Value>,
    trigger: Option<&Value>,
) -> Result<Map<String, Value>, Error> {
    let render = parameters::render_live;
    with_context(engine, snapshot, given, context, trigger, Phase::Live, render).await
}

/// Completes stored parameters for the run. Waits while the database is away.
///
/// # Errors
/// [`parameters::Error`].
pub(in crate::engine) async fn complete(
    engine: &Engine,
    snapshot: &Arc<Snapshot>,
    given: &Map<String, Value>,
    context: &Map<String, Value>,
) -> Result<Final, parameters::Error> {
    let completed = || completed(engine, snapshot, given, context);
    match patiently("a run that takes parameters from the datastore", completed).await {
        Ok(complete) => Ok(complete),
        Err(Error::Parameters(error)) => Err(error),
        Err(Error::Away(error)) => Err(parameters::Error::Template(error.to_string())),
    }
}

/// The same, without waiting.
///
/// # Errors
/// [`Error`].
pub(in crate::engine) async fn completed(
    engine: &Engine,
    snapshot: &Arc<Snapshot>,
    given: &Map<String, Value>,
    context: &Map<String, Value>,
) -> Result<Final, Error> {
    let render = parameters::render_final;
    with_context(engine, snapshot, given, context, None, Phase::Final, render).await
}

fn of<'a>(snapshot: &'a Snapshot, given: &'a Map<String, Value>) -> Parameters<'a> {
    Parameters { runner: &snapshot.runner.runner_parameters, action: &snapshot.action.spec.parameters, given }
}

async fn with_context<T: Send + 'static>(
    engine: &Engine,
    snapshot: &Arc<Snapshot>,
    given: &Map<String, Value>,
    context: &Map<String, Value>,
    trigger: Option<&Value>,
    phase: Phase,
    render: fn(Parameters<'_>, &Context<'_>) -> Result<T, parameters::Error>,
) -> Result<T, Error> {
    let parameters = of(snapshot, given);
    if !parameters.needs_context(phase) {
        return Ok(render(parameters, &bare(context))?);
    }
    let templates = templates(parameters);
    let user = parameters::user_of(context);
    let lookups = engine.datastore().for_templates(user, templates.iter().copied()).await;
    let lookups = lookups.map_err(Error::of_read)?;
    let datastore: Arc<dyn jinja::Datastore> = lookups.clone();
    let config = if templates.iter().any(|text| text.contains("config_context")) {
        pack_config(engine, &snapshot.action.spec.pack, user, phase).await?
    } else {
        Value::Object(Map::new())
    };
    let additional: Map<String, Value> =
        trigger.map(|event| ("trigger".to_owned(), event.clone())).into_iter().collect();
    let (snapshot, given, context) = (snapshot.clone(), given.clone(), context.clone());
    let rendering = service::compute(move || {
        let context = Context {
            config_context: &config,
            datastore: &datastore,
            additional: &additional,
            ..bare(&context)
        };
        render(of(&snapshot, &given), &context)
    });
    let rendered = rendering.await.unwrap_or_else(|panic| {
        tracing::error!("Rendering parameters panicked: {panic}");
        Err(parameters::Error::Template("The template could not be rendered: internal error.".to_owned()))
    });
    Ok(lookups.checked(rendered)??)
}

/// Every text that may be rendered: what was given, and the defaults.
fn templates(parameters: Parameters<'_>) -> Vec<&str> {
    let defaults = [parameters.runner, parameters.action].into_iter().flat_map(Map::values);
    let defaults = defaults.filter_map(|schema| schema.get("default"));
    let texts = parameters.given.values().chain(defaults).flat_map(datastore::texts_of);
    texts.filter(|text| jinja::is_template(text)).collect()
}

/// The configuration of the action's pack. A request goes on without one that cannot be resolved, a run does not; in
/// both StackStorm does the same.
async fn pack_config(engine: &Engine, pack: &str, user: Option<&str>, phase: Phase) -> Result<Value, Error> {
    match engine.pack_config(pack, user).await {
        Ok(config) => Ok(Value::Object(config)),
        Err(
            pack_config::Error::Store(error) | pack_config::Error::Datastore(datastore::Error::Store(error)),
        ) if error.is_unavailable() => Err(Error::Away(error)),
        Err(error) if phase == Phase::Live => {
            tracing::warn!(pack, "Failed to retrieve the config of pack {pack}: {error}");
            Ok(Value::Object(Map::new()))
        }
        Err(error) => Err(parameters::Error::Template(error.to_string()).into()),
    }
}

fn bare(action_context: &Map<String, Value>) -> Context<'_> {
    static NO_CONFIG: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
    static NO_NAMES: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    static NO_DATASTORE: LazyLock<Arc<dyn jinja::Datastore>> = LazyLock::new(|| Arc::new(jinja::NoDatastore));
    Context { action_context, config_context: &NO_CONFIG, additional: &NO_NAMES, datastore: &NO_DATASTORE }
}
