//! The stream service: what happens, live. Wrong requests are answered as JSON, before anything streams.

use super::executions::find_or_last;
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Path, QueryString},
    app::App,
    store::executions::query::Extent,
    stream::{End, Everything, Filter, output::Follower},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName},
    web::{Bytes, Data},
};
use futures_util::Stream;
use std::time::Duration;

const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// `GET /stream`: everything that happens, as far as the client's filter lets it through.
pub(in crate::api) async fn everything(app: Data<App>, query: QueryString) -> ApiResult<HttpResponse> {
    let end = query.text("end_event").zip(query.text("end_execution_id"));
    let end = end.map(|(event, id)| End { event: event.to_owned(), execution_id: id.to_owned() });
    let filter =
        Filter::new(query.list("events"), query.list("action_refs"), query.list("execution_ids"), end);
    let heartbeat = Duration::from_secs(app.config.stream.heartbeat.max(1));
    let client = Everything::follow(&app.hub, &filter, heartbeat, app.closing.clone());
    let client = client.catching_up(app.store.pool(), &app.hub, &filter).await?;
    Ok(events(client.bytes()))
}

/// `GET /executions/{id}/output` of the stream service: what the execution printed and prints, to its end.
///
/// Beyond StackStorm, `Last-Event-ID` (browsers send it when they come back) or `after` name the last line that the
/// client has.
pub(in crate::api) async fn output(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    Path([id]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let after = match query.integer("after")? {
        Some(line) => {
            Some(u64::try_from(line).map_err(|_| Error::bad_request("\"after\" must be zero or more."))?)
        }
        None => request
            .headers()
            .get(LAST_EVENT_ID)
            .and_then(|value| value.to_str().ok())
            .and_then(|line| line.parse().ok()),
    };
    let kind = query.text("output_type").filter(|kind| *kind != "all").map(str::to_owned);
    let execution = find_or_last(&app, &id, Extent::STATE).await?.execution;
    caller.permit(Permission::ExecutionView, &*execution)?;
    let follower =
        Follower::follow(&app.hub, app.store.pool(), execution, kind, after, app.closing.clone()).await?;
    Ok(events(follower.bytes()))
}

fn events(bytes: impl Stream<Item = std::io::Result<Bytes>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream; charset=UTF-8"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((ACCEL_BUFFERING, "no"))
        .streaming(bytes)
}
