//! `GET /executions/{id}/output`: what was printed so far, as plain text. Never waits; following live is the
//! stream's business.
//!
//! Beyond StackStorm, a client that polls says what it has, and gets what came after: `offset` counts bytes of all
//! the output, `after` names a line by its number. The answer tells where to go on (`X-Output-Offset`,
//! `X-Output-Line`) and whether more can come (`X-Output-Complete`).

use super::find_or_last;
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Path, QueryString},
    app::App,
    model::ExecutionId,
    store::{
        executions::query::Extent,
        outputs::{self, Line, Lines},
    },
};
use actix_web::{
    HttpResponse,
    http::header::{CONTENT_TYPE, HeaderName, HeaderValue},
    web::{Bytes, Data},
};
use futures_util::{Stream, stream};
use sqlx::PgPool;

const OFFSET: HeaderName = HeaderName::from_static("x-output-offset");
const LINE: HeaderName = HeaderName::from_static("x-output-line");
const COMPLETE: HeaderName = HeaderName::from_static("x-output-complete");

/// Answers up to this size are sent in one piece, with their length.
const ONE_PIECE: u64 = 256 * 1024;

/// `GET /executions/{id}/output`.
pub(in crate::api) async fn text(
    app: Data<App>,
    caller: Caller,
    Path([id]): Path<1>,
    query: QueryString,
) -> ApiResult<HttpResponse> {
    let (offset, after) = (natural(&query, "offset")?.unwrap_or(0), natural(&query, "after")?);
    let kind = query.text("output_type").filter(|kind| *kind != "all").map(str::to_owned);
    let execution = find_or_last(&app, &id, Extent::STATE).await?.execution;
    caller.permit(Permission::ExecutionView, &*execution)?;
    let pool = app.store.pool();
    // After the status: what has ended prints no more, so what is there now is all.
    let (bytes, lines) = outputs::ends(pool, execution.id).await?;

    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "text/plain; charset=UTF-8"));
    response.insert_header((OFFSET, HeaderValue::from(bytes)));
    // The number to give as `after` next time; there is none before the first line.
    if let Some(last) = lines.checked_sub(1) {
        response.insert_header((LINE, HeaderValue::from(last)));
    }
    response.insert_header((COMPLETE, if execution.status.is_completed() { "true" } else { "false" }));

    let first_line = after.map_or(0, |line| line.saturating_add(1));
    let from = match first_line {
        0 => offset,
        line => offset.max(outputs::chunk_of_line(pool, execution.id, line).await?),
    };
    let part = Part { pool: pool.clone(), id: execution.id, from, first_line, to: bytes, kind };
    if bytes.saturating_sub(from) <= ONE_PIECE {
        return Ok(response.body(part.all().await?));
    }
    Ok(response.streaming(part.pieces()))
}

fn natural(query: &QueryString, name: &str) -> ApiResult<Option<u64>> {
    query
        .integer(name)?
        .map(|number| {
            u64::try_from(number).map_err(|_| Error::bad_request(format!("\"{name}\" must be zero or more.")))
        })
        .transpose()
}

/// A part of an output, read piece by piece.
struct Part {
    pool: PgPool,
    id: ExecutionId,
    /// Next byte to read.
    from: u64,
    /// First line to send.
    first_line: u64,
    /// Where it ends.
    to: u64,
    /// Only lines of this kind.
    kind: Option<String>,
}

impl Part {
    /// The next piece; `None` at the end.
    async fn next(&mut self) -> crate::store::Result<Option<Vec<u8>>> {
        while self.from < self.to {
            let lines = outputs::read_from_byte(&self.pool, self.id, self.from).await?;
            let Some(end) = lines.byte_end() else { break };
            let piece = self.wanted(&lines);
            self.from = end;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    fn wanted(&self, lines: &Lines) -> Vec<u8> {
        let mut piece = Vec::new();
        let wanted = |line: &Line<'_>| {
            line.number >= self.first_line && self.kind.as_ref().is_none_or(|kind| line.kind.as_str() == kind)
        };
        for line in lines.iter().filter(wanted) {
            // A line may be begun before the offset, or have come after the end was looked at.
            let begin = line.byte_end - line.data.len() as u64;
            let cut = |at: u64| at.saturating_sub(begin).min(line.data.len() as u64) as usize;
            piece.extend_from_slice(&line.data[cut(self.from)..cut(self.to)]);
        }
        piece
    }

    async fn all(mut self) -> crate::store::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    fn pieces(self) -> impl Stream<Item = crate::store::Result<Bytes>> {
        stream::try_unfold(self, |mut part| async move {
            Ok(part.next().await?.map(|piece| (Bytes::from(piece), part)))
        })
    }
}
