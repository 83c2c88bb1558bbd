//! `/timers`: the triggers that timers fire.

use super::content::whole;
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Path, QueryString, json},
    app::App,
    model::{Trigger, schedule::TIMER_TYPES},
    store::triggers,
    wire,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};

/// `GET /timers`: all of them, or those of one type.
pub(in crate::api) async fn list(app: Data<App>, query: QueryString) -> ApiResult<HttpResponse> {
    let types = match query.text("timer_type") {
        None => TIMER_TYPES.map(str::to_owned).to_vec(),
        Some(given) if TIMER_TYPES.contains(&given) => vec![given.to_owned()],
        Some(given) => {
            let known = TIMER_TYPES.map(|it| format!("'{it}'")).join(", ");
            return Err(Error::bad_request(format!(
                "Timer type {given} not in supported types - dict_keys([{known}])."
            )));
        }
    };
    let all = triggers::list_of_types(app.store.pool(), &types).await?;
    Ok(whole(all.iter().map(wire::content::trigger)))
}

/// `GET /timers/{ref_or_id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let pool = app.store.pool();
    let found = match name.parse() {
        Ok(id) => triggers::find_by_id(pool, id).await?,
        Err(_) => triggers::find(pool, &name).await?,
    };
    let is_timer = |trigger: &Trigger| TIMER_TYPES.contains(&trigger.trigger_type.as_str());
    let found = found
        .filter(is_timer)
        .ok_or_else(|| Error::not_found(format!("Resource with a reference or id \"{name}\" not found")))?;
    let uid = format!("timer:{}:{}", found.pack, found.name);
    caller.permit(Permission::TimerView, uid.as_str())?;
    Ok(json(StatusCode::OK, &wire::content::trigger(&found)))
}
