//! Looking at executions.

use super::{find, find_or_last, listing, view};
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, NOT_FOUND, Path, QueryString, json, json_bytes, list::listed},
    app::App,
    model::ExecutionId,
    store::{
        self,
        executions::query::{self, Depth, Extent, Row},
    },
    wire::{
        self,
        execution::{Field, View},
        snapshot,
    },
};
use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE},
    },
    web::{Bytes, Data},
};
use flate2::{Compression, write::GzEncoder};
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, value::RawValue};
use sqlx::PgPool;
use std::{collections::BTreeSet, io::Write};

/// Largest `max_result_size`, in bytes.
const LARGEST_RESULT: i64 = 14 * 1024 * 1024;

/// Up to this size, in bytes, a result is read together with its execution: most are that small.
const SMALL_RESULT: usize = 16 * 1024;

/// Executions read at once for a list.
const AT_ONCE: usize = 200;

/// What can be asked for alone.
const ATTRIBUTES: [&str; 3] = ["result", "trigger_instance", "status"];

/// `GET /executions`.
pub(in crate::api) async fn list(
    app: Data<App>,
    caller: Caller,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let fields = listing::fields(&query)?;
    let asked = listing::read(&query, &caller, &app.config.api)?;
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    let view = View { fields, ..view(&app, mask) };
    let page = query::list(app.store.pool(), app.store.history(), &asked).await?;
    let limit = asked.limit.map(|limit| limit as i64);
    show_all(&app, page.ids, view, page.total, limit).await
}

/// `GET /executions/{id}`.
pub(in crate::api) async fn get(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let fields = listing::fields_of_one(&query)?;
    let mask = caller.masking(query.boolean("show_secrets")?.unwrap_or(false));
    let view = View { fields, max_result_size: max_result_size(&query)?, ..view(&app, mask) };
    let small = view.max_result_size.unwrap_or(SMALL_RESULT).min(SMALL_RESULT);
    let extent = extent(&view);
    let at_first = Extent { results: extent.results.map(|most| most.min(small)), ..extent };
    let mut row = find_or_last(&app, &id, at_first).await?;
    caller.permit(Permission::ExecutionView, &*row.execution)?;
    let fits = view.max_result_size.is_none_or(|most| row.result_bytes <= most);
    let is_missing = row.result_bytes > 0 && row.execution.result.is_none();
    if view.fields.want(Field::Result) && is_missing && fits {
        row = find(&app, &row.execution.id.to_string(), extent).await?;
    }
    let shown = wire::execution::execution(&row.execution, row.result_bytes, &view);
    Ok(json_bytes(StatusCode::OK, shown))
}

/// What has to be read to be shown so.
fn extent(View { fields, .. }: &View) -> Extent {
    Extent {
        inputs: fields.want_inputs(),
        children: fields.want(Field::Children),
        results: fields.want(Field::Result).then_some(usize::MAX),
    }
}

fn max_result_size(query: &QueryString) -> ApiResult<Option<usize>> {
    match query.integer("max_result_size")? {
        None | Some(0) => Ok(None),
        Some(size) if size < 0 => Err(Error::bad_request("max_result_size must be a positive number")),
        Some(size) if size > LARGEST_RESULT => {
            Err(Error::bad_request("max_result_size query parameter must be smaller than 14 MB"))
        }
        Some(size) => Ok(Some(size as usize)),
    }
}

/// `GET /executions/{id}/children`: everything below it.
pub(in crate::api) async fn children(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let depth = match query.integer("depth")?.unwrap_or(-1) {
        ..=0 => Depth::All,
        levels => Depth::Levels(i32::try_from(levels).unwrap_or(i32::MAX)),
    };
    let root = find(&app, &id, Extent::STATE).await?.execution;
    caller.permit(Permission::ExecutionView, &*root)?;
    let mut ids = query::descendants(app.store.pool(), root.id, depth).await?;
    if query.text("result_fmt") == Some("sorted") {
        ids.sort_unstable();
    }
    let total = ids.len() as u64;
    show_all(&app, ids, view(&app, caller.masking(false)), total, None).await
}

/// `GET /executions/{id}/attribute/{attribute}`: one field, bare.
pub(in crate::api) async fn attribute(
    app: Data<App>,
    caller: Caller,
    Path([id, name]): Path<2>,
) -> ApiResult<HttpResponse> {
    if !ATTRIBUTES.contains(&name.as_str()) {
        return Err(Error::bad_request(format!(
            "Invalid attribute \"{name}\" specified. Valid attributes are: {}",
            ATTRIBUTES.join(", ")
        )));
    }
    let extent = match name.as_str() {
        "status" => Extent::STATE,
        "result" => Extent { results: Some(usize::MAX), ..Extent::STATE },
        _ => Extent::NO_RESULT,
    };
    let row = find_by_object_id(&app, &caller, &id, extent).await?;
    let execution = &row.execution;
    Ok(match name.as_str() {
        "status" => json(StatusCode::OK, &execution.status),
        "result" => json_bytes(StatusCode::OK, result_text(&row, &caller).into_bytes()),
        name => {
            let text = execution.origin.get(name).map_or("{}", RawValue::get);
            json_bytes(StatusCode::OK, text.as_bytes().to_vec())
        }
    })
}

/// `GET /executions/{id}/result`: the result as it is, to look at or to download.
pub(in crate::api) async fn result(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let flag = |name| Ok::<_, Error>(query.boolean(name)?.unwrap_or(false));
    let (download, compress, pretty) = (flag("download")?, flag("compress")?, flag("pretty_format")?);
    let extent = Extent { results: Some(usize::MAX), ..Extent::STATE };
    let row = find_by_object_id(&app, &caller, &id, extent).await?;
    let mut text = result_text(&row, &caller);
    if pretty && let Ok(value) = serde_json::from_str::<Value>(&text) {
        text = serde_json::to_string_pretty(&value).unwrap_or(text);
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/json"));
    if download {
        let end = if compress { ".gz" } else { "" };
        let name = format!("attachment; filename=execution_{}_result.json{end}", row.execution.id);
        response.insert_header((CONTENT_DISPOSITION, name));
    }
    if compress {
        response.insert_header((CONTENT_TYPE, "application/x-gzip"));
        response.insert_header((CONTENT_ENCODING, "gzip"));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
        return Ok(response.body(packed.map_err(|error| Error::Internal(error.into()))?));
    }
    Ok(response.body(text))
}

/// `GET /executions/views/filters`: what lists can be filtered by.
pub(in crate::api) async fn filters(app: Data<App>, query: QueryString) -> ApiResult<HttpResponse> {
    let facets = app.store.history().facets(app.store.pool()).await?;
    let all: [(&str, &BTreeSet<String>); 7] = [
        ("action", &facets.action),
        ("status", &facets.status),
        ("rule", &facets.rule),
        ("runner", &facets.runner),
        ("trigger", &facets.trigger),
        ("trigger_type", &facets.trigger_type),
        ("user", &facets.user),
    ];
    let types = query.list("types");
    let wanted = |name: &str| types.as_ref().is_none_or(|types| types.contains(&name));
    let shown: Map<String, Value> = all
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, values)| (name.to_owned(), values.iter().cloned().map(Value::String).collect()))
        .collect();
    Ok(json(StatusCode::OK, &shown))
}

/// Here a bad id is told apart from an unknown one.
async fn find_by_object_id(app: &App, caller: &Caller, id: &str, extent: Extent) -> ApiResult<Row> {
    let id: ExecutionId = id.parse()?;
    let mut rows = query::find_rows(app.store.pool(), &[id], extent).await?;
    let row = rows.pop().ok_or_else(|| Error::not_found(NOT_FOUND))?;
    caller.permit(Permission::ExecutionView, &*row.execution)?;
    Ok(row)
}

/// The result's text, masked if this caller sees no secrets; `{}` while there is none.
fn result_text(row: &Row, caller: &Caller) -> String {
    let execution = &row.execution;
    match &execution.result {
        None => "{}".to_owned(),
        Some(result) if caller.masking(false) => {
            wire::execution::masked_result(execution, snapshot::views(&execution.snapshot), result)
                .into_owned()
        }
        Some(result) => result.get().to_owned(),
    }
}

/// A list of executions: in one piece, or, if it is long, as they are read, so that no list is too long for memory.
async fn show_all(
    app: &App,
    ids: Vec<ExecutionId>,
    view: View,
    total: u64,
    limit: Option<i64>,
) -> ApiResult<HttpResponse> {
    let mut pieces = Pieces { pool: app.store.pool().clone(), ids, looked_at: 0, begun: false, view };
    let mut first = Vec::with_capacity(16 * 1024);
    pieces.next(&mut first).await?;
    if pieces.is_done() {
        return Ok(listed(first, Some(total as i64), limit));
    }
    let mut response = HttpResponse::Ok();
    let headers = listed(Vec::new(), Some(total as i64), limit);
    for header in headers.headers() {
        response.append_header(header);
    }
    let rest = stream::try_unfold(pieces, |mut pieces| async move {
        if pieces.is_done() {
            return Ok::<_, store::Error>(None);
        }
        let mut piece = Vec::new();
        pieces.next(&mut piece).await?;
        Ok(Some((Bytes::from(piece), pieces)))
    });
    Ok(response.streaming(stream::once(async { Ok(Bytes::from(first)) }).chain(rest)))
}

/// A JSON array of executions, a piece at a time.
struct Pieces {
    pool: PgPool,
    ids: Vec<ExecutionId>,
    looked_at: usize,
    /// Whether anything is in the array; rows may have gone since their ids were read.
    begun: bool,
    view: View,
}

impl Pieces {
    fn is_done(&self) -> bool {
        self.looked_at >= self.ids.len()
    }

    /// Appends the next piece: brackets and commas come out right whatever the pieces are.
    async fn next(&mut self, out: &mut Vec<u8>) -> store::Result<()> {
        let end = (self.looked_at + AT_ONCE).min(self.ids.len());
        let ids = &self.ids[self.looked_at..end];
        let rows = query::find_rows(&self.pool, ids, extent(&self.view)).await?;
        if self.looked_at == 0 {
            out.push(b'[');
        }
        for row in &rows {
            if std::mem::replace(&mut self.begun, true) {
                out.push(b',');
            }
            wire::execution::write(out, &row.execution, row.result_bytes, &self.view);
        }
        self.looked_at = end;
        if self.is_done() {
            out.push(b']');
        }
        Ok(())
    }
}
