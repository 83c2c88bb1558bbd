//! `/packs/views`: the files of a pack. Links that lead out of it are not there.

use super::packs::find;
use crate::{
    access::{Caller, Permission},
    api::{ApiResult, Error, Path, json},
    app::App,
    content::PackDir,
    model::Pack,
    pytext,
    wire::timestamp,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED},
    },
    web::Data,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json as value};
use std::{
    io::{self, Read},
    path,
    time::SystemTime,
};

/// Largest file shown, in bytes.
const LARGEST: u64 = 500_000;

/// How much of a file tells whether it is text.
const HEAD: usize = 1024;

/// Shown to everybody: pages have it in lists.
const ICON: &str = "icon.png";

/// `GET /packs/views/files/{ref_or_id}`: all text files.
pub(in crate::api) async fn all(
    app: Data<App>,
    caller: Caller,
    Path([name]): Path<1>,
) -> ApiResult<HttpResponse> {
    let pack = find(&app, &name).await?;
    caller.permit(Permission::PackView, &pack)?;
    let files = tokio::task::spawn_blocking(move || {
        let Ok(directory) = directory(&pack) else { return Vec::new() };
        let shown = pack.files.iter().filter_map(|name| {
            let bytes = read(&directory, name).ok()?.0;
            let head = &bytes[..bytes.len().min(HEAD)];
            let binary =
                head.contains(&0) || bytes.starts_with(b"\xEF\xBB\xBF") || bytes.starts_with(b"\xFF\xFE");
            let content = String::from_utf8(bytes).ok().filter(|_| !binary)?;
            Some(value!({"file_path": name, "content": content}))
        });
        shown.collect::<Vec<Value>>()
    });
    let files = files.await.map_err(|error| Error::Internal(error.into()))?;
    Ok(json(StatusCode::OK, &files))
}

/// `GET /packs/views/file/{ref_or_id}/{file_path}`: one file, unless the client has it.
pub(in crate::api) async fn one(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    Path([name, file]): Path<2>,
) -> ApiResult<HttpResponse> {
    let pack = find(&app, &name).await?;
    if file != ICON {
        caller.permit(Permission::PackView, &pack)?;
    }
    if !PackDir::is_plain(path::Path::new(&file)) {
        return Err(Error::bad_request(format!(
            "Invalid file path: \"{file}\". File path needs to be relative to the pack directory ({}). For example \
             \"my_action.py\".",
            pack.path
        )));
    }
    let kind = content_type(&file);
    let wanted = file.clone();
    let read = tokio::task::spawn_blocking(move || read(&directory(&pack)?, &wanted));
    let (bytes, changed) = match read.await.map_err(|error| Error::Internal(error.into()))? {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(Error::bad_request(format!(
                "File {file} exceeds maximum allowed file size ({LARGEST} bytes)"
            )));
        }
        Err(_) => return Err(Error::not_found(format!("File \"{file}\" not found"))),
        Ok(found) => found,
    };
    let tag = etag(changed);
    let date = timestamp::http_date(DateTime::<Utc>::from(changed));
    let sent = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let known = sent(header::IF_NONE_MATCH) == Some(tag.as_str())
        || sent(header::IF_MODIFIED_SINCE) == Some(date.as_str());
    let mut response = HttpResponse::build(if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    response.insert_header((ETAG, tag)).insert_header((LAST_MODIFIED, date));
    if known {
        return Ok(response.finish());
    }
    Ok(response.insert_header((CONTENT_TYPE, kind)).body(bytes))
}

/// Its time of change as Python prints it: clients only compare.
fn etag(changed: SystemTime) -> String {
    let since = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    pytext::float_repr(since.as_secs_f64())
}

fn directory(pack: &Pack) -> io::Result<PackDir> {
    PackDir::at(path::Path::new(&pack.path))
}

fn read(pack: &PackDir, file: &str) -> io::Result<(Vec<u8>, SystemTime)> {
    let mut file = pack.open_file(file).map_err(|_| io::ErrorKind::NotFound)?;
    let metadata = file.metadata()?;
    if metadata.len() > LARGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok((bytes, metadata.modified()?))
}

/// What Python guesses of the ending.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("py") => "text/x-python",
        Some("sh") => "text/x-sh",
        Some("txt") => "text/plain",
        Some("html" | "htm") => "text/html",
        Some("css") => "text/css",
        Some("csv") => "text/csv",
        Some("xml") => "text/xml",
        Some("md") => "text/markdown",
        Some("js") => "text/javascript",
        Some("json") => "application/json",
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("svg") => "image/svg+xml",
        Some("ico") => "image/vnd.microsoft.icon",
        _ => "application/octet-stream",
    }
}
