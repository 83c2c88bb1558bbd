//! `/actions/{ref_or_id}/clone`: a copy of an action, with its files, in another pack or under another name.

use super::{
    action_edits::{conflict, on_disk, refused, remove_files, system_pack},
    actions::{find, shown_as},
};
use crate::{
    access::{self, Caller, Permission},
    api::{ApiResult, Error, Object, Path, validate},
    app::App,
    content::{self, PackDir, pack::SYSTEM_PACKS},
    model::{Action, NewAction},
    store, yaml,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::{io::Read, path, sync::LazyLock};

pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {
            "dest_pack": {"type": "string", "required": true},
            "dest_action": {"type": "string", "required": true},
            "overwrite": {"type": "boolean", "default": false},
        },
        "additionalProperties": false,
    })
});

/// `POST /actions/{ref_or_id}/clone`.
pub(in crate::api) async fn clone(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let wanted = validate::declared(&SCHEMA, body.0)?;
    let text = |key: &str| wanted[key].as_str().unwrap_or_default();
    let (pack, action) = (text("dest_pack"), text("dest_action"));
    let source = find(&app, &name).await?;
    caller.permit(Permission::ActionView, &source)?;
    if SYSTEM_PACKS.contains(&pack) {
        return Err(system_pack());
    }
    let bases = content::base_dirs(&app.config);
    let registered = store::packs::find(app.store.pool(), pack).await?.is_some();
    let directory = PackDir::find(&bases, pack)
        .filter(|_| registered)
        .ok_or_else(|| Error::bad_request(format!("Destination pack '{pack}' doesn't exist")))?;
    if action.is_empty() || action.contains('/') || !PackDir::is_plain(path::Path::new(action)) {
        return Err(Error::bad_request(format!("Invalid name of an action: \"{action}\"")));
    }

    let copy = copy_of(&source.spec, pack, action);
    let there = store::actions::find(app.store.pool(), &copy.reference()).await?;
    permit(&caller, Permission::ActionCreate, &copy)?;
    if let Some(there) = &there {
        if wanted["overwrite"] != true {
            return Err(Error::bad_request("The requested destination action already exists"));
        }
        permit(&caller, Permission::ActionDelete, &there.spec)?;
    }

    let mut tx = app.store.begin().await?;
    if let Some(there) = there {
        store::actions::delete(&mut tx, there.id).await?;
        remove_files(directory.clone(), there.spec).await?;
    }
    let reference = copy.reference();
    let made = match store::actions::insert(&mut tx, copy).await {
        Err(store::Error::Duplicate(what)) => return Err(conflict(&app, tx, what, &reference).await?),
        made => made?,
    };
    let files = copy_files(PackDir::find(&bases, &source.spec.pack), directory, source.spec, &made).await?;
    store::packs::add_files(&mut tx, &made.spec.pack, &files).await?;
    tx.commit().await?;
    Ok(shown_as(StatusCode::CREATED, &made))
}

/// Where StackStorm answers a denial with 401.
fn permit(caller: &Caller, permission: Permission, spec: &NewAction) -> ApiResult<()> {
    match caller.permit(permission, spec.uid().as_str()) {
        Err(error @ access::Error::Forbidden { .. }) => {
            Err(Error::Answer(StatusCode::UNAUTHORIZED, error.to_string()))
        }
        done => Ok(done.map(drop)?),
    }
}

/// The metadata of the copy: files are named after it, and lie where the originals lie.
fn copy_of(source: &NewAction, pack: &str, name: &str) -> NewAction {
    let mut copy = source.clone();
    pack.clone_into(&mut copy.pack);
    name.clone_into(&mut copy.name);
    copy.metadata_file = format!("actions/{name}.yaml");
    if !source.entry_point.is_empty() {
        let script = path::Path::new(&source.entry_point);
        let ending =
            script.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        copy.entry_point = script.with_file_name(format!("{name}{ending}")).display().to_string();
    }
    copy
}

/// Copies the script and writes the metadata; answers the paths relative to the pack.
async fn copy_files(
    from: Option<PackDir>,
    to: PackDir,
    source: NewAction,
    made: &Action,
) -> ApiResult<Vec<String>> {
    let text = yaml::dump(&Value::Object(as_written(&made.spec)));
    let copy = made.spec.clone();
    on_disk(move || {
        let metadata = path::PathBuf::from(&copy.metadata_file);
        to.write(&metadata, text.as_bytes()).map_err(|error| refused(&error, &metadata))?;
        let mut files = vec![copy.metadata_file];
        let original = path::Path::new("actions").join(&source.entry_point);
        // A script that is missing, or lies outside of its pack, has nothing to copy.
        let found =
            from.filter(|_| !source.entry_point.is_empty()).and_then(|pack| pack.open_file(&original).ok());
        if let Some(mut found) = found {
            let place = path::Path::new("actions").join(&copy.entry_point);
            let mut bytes = Vec::new();
            found.read_to_end(&mut bytes).map_err(|error| refused(&error, &original))?;
            to.write(&place, &bytes).map_err(|error| refused(&error, &place))?;
            files.push(place.display().to_string());
        }
        Ok(files)
    })
    .await
}

/// The metadata as a file says it.
fn as_written(spec: &NewAction) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| {
        let empty = value.is_null()
            || value.as_object().is_some_and(Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            fields.insert(name.to_owned(), value);
        }
    };
    set("name", value!(spec.name));
    set("pack", value!(spec.pack));
    set("description", value!(spec.description));
    set("enabled", value!(spec.enabled));
    set("runner_type", value!(spec.runner_type));
    set("entry_point", value!(spec.entry_point));
    set("parameters", value!(spec.parameters));
    set("output_schema", spec.output_schema.clone());
    set("tags", value!(spec.tags));
    set("notify", value!(spec.notify));
    fields
}
