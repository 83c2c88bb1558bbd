//! `/actions`: made, changed and deleted by clients, with the files they bring.

use super::actions::{find, shown_as};
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Object, Path, deleted, validate},
    app::App,
    config::Config,
    content::{self, PackDir, action as metadata},
    engine::trigger,
    model::{Action, ActionId, NewAction},
    pytext, schema,
    store::{self, Tx},
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::{io, path, sync::LazyLock};

/// What StackStorm's OpenAPI document declares of an action; what it leaves out is checked by the model.
pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "properties": {
            "id": {"type": "string"},
            "ref": {"type": "string"},
            "uid": {"type": "string"},
            "name": {"type": "string", "required": true},
            "description": {"type": "string"},
            "enabled": {"type": "boolean"},
            "runner_type": {"type": "string", "required": true},
            "entry_point": {"type": "string"},
            "pack": {"type": "string"},
            "parameters": {
                "type": "object",
                "patternProperties": {"^\\w+$": {"type": "object"}},
                "additionalProperties": false,
            },
            "tags": {"type": "array", "items": {"type": "object"}},
            "notify": {"type": "object"},
            "data_files": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "file_path": {"type": "string", "required": true},
                        "content": {"type": "string", "required": true},
                    },
                    "additionalProperties": false,
                },
            },
        }
    })
});

/// What it declares of `notify`…
static NOTIFY: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "on-complete": {"type": "object"},
            "on-failure": {"type": "object"},
            "on-success": {"type": "object"},
        },
        "additionalProperties": false,
    })
});

/// … and of each part of it: as for files, and routes are texts.
static NOTIFICATION: LazyLock<Value> = LazyLock::new(|| {
    let mut schema = content::action::notification_schema();
    for list in ["routes", "channels"] {
        schema["properties"][list]["items"] = value!({"type": "string"});
    }
    schema
});

pub(in crate::api) static DELETE: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {"remove_files": {"type": "boolean", "default": false}},
        "additionalProperties": false,
    })
});

/// A file a client brings: path below `actions/`, and what is in it.
struct DataFile {
    path: path::PathBuf,
    content: String,
}

/// `POST /actions`.
pub(in crate::api) async fn create(app: Data<App>, caller: Caller, body: Object) -> ApiResult<HttpResponse> {
    let (spec, files) = read(body.0, content::pack::DEFAULT_PACK)?;
    caller.permit(Permission::ActionCreate, spec.uid().as_str())?;
    refuse_core(&spec.pack)?;
    let pack = check(&app, &spec).await?;
    let mut tx = app.store.begin().await?;
    let reference = spec.reference();
    let made = match store::actions::insert(&mut tx, spec).await {
        Err(store::Error::Duplicate(what)) => return Err(conflict(&app, tx, what, &reference).await?),
        made => made?,
    };
    write(&app, &mut tx, pack, files, &reference).await?;
    tx.commit().await?;
    Ok(shown_as(StatusCode::CREATED, &made))
}

/// `PUT /actions/{ref_or_id}`.
pub(in crate::api) async fn replace(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let stored = match find(&app, &name).await {
        Ok(stored) => stored,
        // What is no action at all is told before that there is none to replace.
        Err(gone) => return Err(read(body.0, content::pack::DEFAULT_PACK).err().unwrap_or(gone)),
    };
    caller.permit(Permission::ActionModify, &stored)?;
    let (spec, files) = read(body.0, &stored.spec.pack)?;
    refuse_core(&stored.spec.pack)?;
    refuse_core(&spec.pack)?;
    let pack = check(&app, &spec).await?;
    let mut tx = app.store.begin().await?;
    match store::actions::update(&mut tx, stored.id, &spec).await {
        Err(store::Error::Duplicate(what)) => {
            return Err(conflict(&app, tx, what, &spec.reference()).await?);
        }
        Ok(false) => return Err(gone(&name)),
        done => drop(done?),
    }
    write(&app, &mut tx, pack, files, &spec.reference()).await?;
    tx.commit().await?;
    Ok(shown_as(StatusCode::OK, &Action { id: stored.id, spec }))
}

/// `DELETE /actions/{ref_or_id}`, with its files if asked for.
pub(in crate::api) async fn delete(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let action = find(&app, &name).await?;
    caller.permit(Permission::ActionDelete, &action)?;
    refuse_core(&action.spec.pack)?;
    let wanted = validate::declared(&DELETE, body.0)?;
    let mut tx = app.store.begin().await?;
    if !store::actions::delete(&mut tx, action.id).await? {
        return Err(gone(&name));
    }
    if wanted["remove_files"] == true
        && let Some(pack) = PackDir::find(&content::base_dirs(&app.config), &action.spec.pack)
    {
        // Before the commit: if a file may not be removed, the action stays as well.
        remove_files(pack, action.spec).await?;
    }
    tx.commit().await?;
    Ok(deleted())
}

/// The action a body describes, and its files.
fn read(mut body: Map<String, Value>, default_pack: &str) -> ApiResult<(NewAction, Vec<DataFile>)> {
    validate::object(&SCHEMA, &body)?;
    if let Some(Value::Object(notify)) = body.get("notify") {
        validate::object(&NOTIFY, notify)?;
        for mut part in notify.values().filter_map(Value::as_object).cloned() {
            // Nothing in a list of routes is as good as left out.
            part.values_mut()
                .filter_map(Value::as_array_mut)
                .for_each(|list| list.retain(|it| !it.is_null()));
            validate::object(&NOTIFICATION, &part)?;
        }
    }
    check_types(&body)?;
    let mut files = Vec::new();
    if let Some(Value::Array(given)) = body.shift_remove("data_files") {
        for file in given {
            let text = |key: &str| file[key].as_str().unwrap_or_default();
            let path = path::PathBuf::from(text("file_path"));
            files.push(DataFile { path, content: text("content").to_owned() });
        }
    }
    let given_pack = body.get("pack").and_then(Value::as_str);
    let pack = given_pack.unwrap_or(default_pack).to_owned();
    body.insert("pack".to_owned(), Value::String(pack.clone()));
    let filled = metadata::validate(&Value::Object(body))?;
    let fields = filled.as_object().ok_or_else(|| validate::not_an_object(&filled))?;
    let spec = metadata::from_fields(fields, &pack);
    if !pack.is_empty() {
        // That there is no such pack is told later.
        validate::referable(&pack, &spec.name)?;
    }
    Ok((spec, files))
}

/// The first of StackStorm's two looks at a body stops at the first type that is none, and has less to say of it.
fn check_types(body: &Map<String, Value>) -> ApiResult<()> {
    let parameters = body.get("parameters").and_then(Value::as_object);
    let mut types = parameters.into_iter().flatten().filter_map(|(_, parameter)| parameter.get("type"));
    match types.find(|kind| !schema::is_type(kind)) {
        None => Ok(()),
        Some(kind) => {
            let kind = pytext::repr(kind);
            Err(Error::bad_request(format!("{kind} is not valid under any of the given schemas")))
        }
    }
}

/// Checks an action against what is there: its runner and its pack.
pub(super) async fn check(app: &App, spec: &NewAction) -> ApiResult<PackDir> {
    let runner = store::runner_types::find(app.store.pool(), &spec.runner_type).await?;
    let runner = runner.ok_or_else(|| metadata::unknown_runner(&spec.runner_type))?;
    let pack = pack_with_actions(&app.config, &spec.pack).ok_or_else(|| {
        let searched: Vec<String> =
            content::base_dirs(&app.config).iter().map(|base| base.display().to_string()).collect();
        Error::bad_request(format!(
            "Content pack \"{}\" is not found or doesn't contain actions directory. Searched in: {}",
            spec.pack,
            searched.join(",")
        ))
    })?;
    metadata::check_parameters(spec, &runner)?;
    Ok(pack)
}

/// The pack on disk. One of ours may lack the directory until something is in it.
fn pack_with_actions(config: &Config, name: &str) -> Option<PackDir> {
    if name.is_empty() {
        return None;
    }
    let pack = PackDir::find(&content::base_dirs(config), name)?;
    let actions = pack.path.join("actions");
    let there =
        actions.is_dir() || (name == content::pack::DEFAULT_PACK && std::fs::create_dir(actions).is_ok());
    there.then_some(pack)
}

/// Writes the files a client brought with an action, lists them with their pack, and tells of them.
async fn write(
    app: &App,
    tx: &mut Tx,
    pack: PackDir,
    files: Vec<DataFile>,
    reference: &str,
) -> ApiResult<()> {
    if files.is_empty() {
        return Ok(());
    }
    if let Some(file) = files.iter().find(|file| !PackDir::is_plain(&file.path)) {
        return Err(Error::bad_request(format!(
            "Invalid file path: \"{}\". File path needs to be relative to the pack actions directory ({}/). \
             For example \"my_action.py\".",
            path::Path::new("actions").join(&file.path).display(),
            pack.path.join("actions").display()
        )));
    }
    let name = pack.name.clone();
    let names: Vec<String> =
        files.iter().map(|file| path::Path::new("actions").join(&file.path).display().to_string()).collect();
    let written: Vec<_> = names.iter().map(|name| pack.path.join(name)).collect();
    on_disk(move || {
        for file in files {
            pack.write(&path::Path::new("actions").join(&file.path), file.content.as_bytes())
                .map_err(|error| refused(&error, &file.path))?;
        }
        Ok(())
    })
    .await?;
    store::packs::add_files(tx, &name, &names).await?;
    Ok(trigger::files::written(&app.engine, tx, reference, &written).await?)
}

/// Removes metadata and script of an action.
pub(super) async fn remove_files(pack: PackDir, spec: NewAction) -> ApiResult<()> {
    let script = path::Path::new("actions").join(&spec.entry_point);
    let files =
        [(!spec.entry_point.is_empty(), script), (!spec.metadata_file.is_empty(), spec.metadata_file.into())];
    on_disk(move || {
        for (_, file) in files.into_iter().filter(|(given, file)| *given && PackDir::is_plain(file)) {
            pack.remove(&file).map_err(|error| match error.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::forbidden(
                    format!("No permission to delete \"{}\" file from disk", pack.path.join(&file).display()),
                ),
                _ => refused(&error, &file),
            })?;
        }
        Ok(())
    })
    .await
}

/// Runs what waits for the disk on a thread of its own.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))?
}

pub(super) fn refused(error: &io::Error, file: &path::Path) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidInput => {
            Error::bad_request(format!("Invalid file path: \"{}\": {error}", file.display()))
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::forbidden(format!("No permission to write \"{}\" on disk", file.display()))
        }
        _ => Error::Internal(anyhow::anyhow!("{}: {error}", file.display())),
    }
}

/// Content of the pack `core` is the system's.
fn refuse_core(pack: &str) -> ApiResult<()> {
    if pack == "core" { Err(system_pack()) } else { Ok(()) }
}

pub(super) fn system_pack() -> Error {
    Error::bad_request("Resources belonging to system level packs can't be manipulated")
}

fn gone(name: &str) -> Error {
    Error::not_found(format!("Resource with a reference or id \"{name}\" not found"))
}

/// Names the action that has the reference already.
pub(super) async fn conflict(app: &App, failed: Tx, what: String, reference: &str) -> ApiResult<Error> {
    // The transaction is over with the failed statement; looking needs its connection back.
    drop(failed);
    let there = store::actions::find(app.store.pool(), reference).await?;
    Ok(Error::Conflict { what, id: there.map_or_else(ActionId::generate, |action| action.id).to_string() })
}
