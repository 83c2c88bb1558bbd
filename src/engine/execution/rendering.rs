//! Parameters of a request and of a run, with the context their templates see.
//!
//! Templates run on a thread of their own: a hostile one is ended by its budget, but must not hold up others until
//! then. Calls without templates, nearly all of them, need neither thread nor context.

use super::parameters::{self, Context, Final, Parameters, Phase};
use crate::{config::Config, engine::Engine, expr::jinja::Datastore, model::Snapshot, yaml};
use serde_json::{Map, Value};
use std::sync::{Arc, LazyLock};

/// Renders what a caller gave.
///
/// # Errors
/// [`parameters::Error`].
pub(super) async fn live(
    engine: &Engine,
    snapshot: &Arc<Snapshot>,
    given: &Map<String, Value>,
    context: &Map<String, Value>,
) -> Result<Map<String, Value>, parameters::Error> {
    let needs_context = of(snapshot, given).needs_context(Phase::Live);
    with_context(engine, snapshot, given, context, needs_context, parameters::render_live).await
}

/// Completes stored parameters for the run.
///
/// # Errors
/// [`parameters::Error`].
pub(in crate::engine) async fn complete(
    engine: &Engine,
    snapshot: &Arc<Snapshot>,
    given: &Map<String, Value>,
    context: &Map<String, Value>,
) -> Result<Final, parameters::Error> {
    let needs_context = of(snapshot, given).needs_context(Phase::Final);
    with_context(engine, snapshot, given, context, needs_context, parameters::render_final).await
}

fn of<'a>(snapshot: &'a Snapshot, given: &'a Map<String, Value>) -> Parameters<'a> {
    Parameters { runner: &snapshot.runner.runner_parameters, action: &snapshot.action.spec.parameters, given }
}

async fn with_context<T: Send + 'static>(
    engine: &Engine,
    snapshot: &Arc<Snapshot>,
    given: &Map<String, Value>,
    context: &Map<String, Value>,
    needs_context: bool,
    render: fn(Parameters<'_>, &Context<'_>) -> Result<T, parameters::Error>,
) -> Result<T, parameters::Error> {
    if !needs_context {
        return render(of(snapshot, given), &bare(context));
    }
    let (snapshot, given, context) = (snapshot.clone(), given.clone(), context.clone());
    let engine = engine.clone();
    let rendering = tokio::task::spawn_blocking(move || {
        let config = pack_config(engine.config(), &snapshot.action.spec.pack);
        let context = Context { config_context: &config, ..bare(&context) };
        render(of(&snapshot, &given), &context)
    });
    rendering.await.unwrap_or_else(|panic| {
        tracing::error!("Rendering parameters panicked: {panic}");
        Err(parameters::Error::Template("The template could not be rendered: internal error.".to_owned()))
    })
}

fn bare(action_context: &Map<String, Value>) -> Context<'_> {
    static NO_CONFIG: LazyLock<Value> = LazyLock::new(|| Value::Object(Map::new()));
    static NO_NAMES: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    static NO_DATASTORE: LazyLock<Arc<dyn Datastore>> = LazyLock::new(|| Arc::new(EmptyDatastore));
    Context { action_context, config_context: &NO_CONFIG, additional: &NO_NAMES, datastore: &NO_DATASTORE }
}

/// The datastore as long as nothing can be put into it: every key is missing, which templates see as empty text.
struct EmptyDatastore;

impl Datastore for EmptyDatastore {
    fn system(&self, _key: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn user(&self, _key: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn decrypt(&self, _value: &str) -> Result<String, String> {
        Err("There is no datastore to decrypt values of.".to_owned())
    }
}

/// The configuration of a pack as its file has it. One that cannot be read counts as empty, as in StackStorm; the log
/// says why.
fn pack_config(config: &Config, pack: &str) -> Value {
    let file = config.configs_dir().join(format!("{pack}.yaml"));
    let empty = || Value::Object(Map::new());
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return empty(),
        Err(error) => {
            tracing::warn!("Cannot read {}: {error}", file.display());
            return empty();
        }
    };
    match yaml::load(&text) {
        Ok(values @ Value::Object(_)) => values,
        Ok(Value::Null) => empty(),
        Ok(_) => {
            tracing::warn!("{} does not hold a mapping", file.display());
            empty()
        }
        Err(error) => {
            tracing::warn!("{}:{error}", file.display());
            empty()
        }
    }
}
