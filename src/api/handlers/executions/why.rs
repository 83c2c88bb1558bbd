//! `GET /executions/{id}/why`: the story of an execution. StackStorm has nothing like it.

use super::find_or_last;
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Path, json},
    app::App,
    engine::why::{self, Step},
    store::executions::query::Extent,
    wire::timestamp,
};
use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde_json::{Value, json as value};

/// Tells it.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
) -> ApiResult<HttpResponse> {
    let execution = find_or_last(&app, &id, Extent::STATE).await?.execution;
    caller.permit(Permission::ExecutionView, &*execution)?;
    let story = why::tell(&app.engine, execution.id).await?;
    let steps: Vec<Value> = story.steps.iter().map(step).collect();
    let body = value!({
        "id": execution.id,
        "action": execution.action_ref(),
        "status": execution.status,
        "steps": steps,
        "now": story.now,
        "next": story.next,
    });
    Ok(json(StatusCode::OK, &body))
}

fn step(it: &Step) -> Value {
    value!({"at": timestamp::micros(it.at), "what": it.what, "command": it.command})
}
