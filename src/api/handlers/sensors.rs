//! `/sensortypes/{ref_or_id}`: one sensor, how it is doing, and whether it shall run.

use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Object, Path, json},
    app::App,
    model::{Sensor, SensorId},
    store::sensors,
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Map, Value, json as value};
use std::sync::LazyLock;

/// The pack whose sensors are the program's own.
const SYSTEM_PACK: &str = "core";

/// For the description of the interface; whatever else a body holds is left alone.
pub(in crate::api) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    value!({
        "type": "object",
        "properties": {"enabled": {"type": "boolean", "default": false}},
    })
});

/// `GET /sensortypes/{ref_or_id}`: with how its process is doing, if there is anything to tell.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let sensor = find(&app, &name).await?;
    caller.permit(Permission::SensorTypeView, sensor.uid().as_str())?;
    Ok(json(StatusCode::OK, &shown(&app, &sensor).await?))
}

/// `PUT /sensortypes/{ref_or_id}`: enables or disables it; nothing else of it can be changed.
pub(in crate::api) async fn replace(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
    body: Object,
) -> ApiResult<HttpResponse> {
    let mut sensor = find(&app, &name).await?;
    caller.permit(Permission::SensorTypeModify, sensor.uid().as_str())?;
    if sensor.pack == SYSTEM_PACK {
        return Err(Error::bad_request("Resources belonging to system level packs can't be manipulated"));
    }
    sensor.enabled = match body.0.get("enabled") {
        None => false,
        // StackStorm's database fills in what it has as default.
        Some(Value::Null) => true,
        Some(Value::Bool(enabled)) => *enabled,
        Some(_) => {
            return Err(Error::bad_request(format!(
                "ValidationError (SensorTypeDB:{}) (BooleanField only accepts boolean values: ['enabled'])",
                sensor.id
            )));
        }
    };
    let mut tx = app.store.begin().await?;
    sensors::set_enabled(&mut tx, sensor.id, sensor.enabled).await?;
    tx.commit().await?;
    Ok(json(StatusCode::OK, &wire::content::sensor(&sensor)))
}

async fn find(app: &App, name: &str) -> ApiResult<Sensor> {
    let pool = app.store.pool();
    let found = match name.parse::<SensorId>() {
        _ if name.contains('.') => sensors::find(pool, name).await?,
        Ok(id) => sensors::find_by_id(pool, id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Error::not_found(format!("Resource with a reference or id \"{name}\" not found")))
}

/// A sensor; one that runs, or shall, has a `process` beside what StackStorm knows.
async fn shown(app: &App, sensor: &Sensor) -> ApiResult<Map<String, Value>> {
    let mut fields = wire::content::sensor(sensor);
    if let Some(report) = sensors::find_report(app.store.pool(), sensor.id).await? {
        let process = wire::content::sensor_process(&report);
        fields.insert("process".to_owned(), Value::Object(process));
    }
    Ok(fields)
}
