//! The HTTP edge: every listener, every prefix, one table of routes.
//!
//! A request passes [`dispatch`], once and in this order: readiness, path, route, OPTIONS, caller, permission, then the
//! handler with its extractors. So an unknown path is 404 for anybody, and a bad query is 401 before it is 400.
//! Actix serves connections only; routing, errors and headers are ours, because clients depend on their details.

mod about;
pub mod attributes;
mod body;
mod cors;
mod error;
mod extract;
mod handlers;
mod home;
pub mod list;
mod log;
mod openapi;
mod path;
mod query;
mod respond;
mod routes;
mod table;
mod validate;

pub use body::{Body, Object, PlainText, Text, Unread, Whole};
pub use error::{ApiResult, Error, NOT_FOUND};
pub use extract::Path;
pub use path::Service;
pub use query::QueryString;
use query::moment;
pub use respond::{deleted, empty, json, json_bytes, text};

use crate::{app::App, service::Stop};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpServer, ResponseError,
    http::{
        Method,
        header::{ACCEPT, HeaderName, HeaderValue},
    },
    web::{self, Data, Payload},
};
use cors::Cors;
use futures_util::FutureExt;
use routes::{Gate, Routes};
use std::{net::TcpListener, panic::AssertUnwindSafe, sync::Arc, time::Instant};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What all requests of a listener share.
struct Edge {
    app: Data<App>,
    service: Service,
    routes: Arc<Routes>,
    cors: Cors,
    home: tokio::runtime::Handle,
}

/// Serves `listener`, whose unprefixed paths mean `service`, until asked to stop. Open requests are finished.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    service: Service,
    stop: Stop,
) -> std::io::Result<()> {
    let app = Data::from(app);
    let edge = Data::new(Edge {
        routes: Arc::new(table::routes()),
        cors: Cors::new(&app.config),
        home: tokio::runtime::Handle::current(),
        app: app.clone(),
        service,
    });
    let server = HttpServer::new(move || {
        actix_web::App::new().app_data(edge.clone()).app_data(app.clone()).default_service(web::to(dispatch))
    })
    .workers(std::thread::available_parallelism().map_or(1, usize::from))
    .disable_signals()
    .shutdown_timeout(5)
    .listen(listener)?
    .run();
    let handle = server.handle();
    let mut server = std::pin::pin!(server);
    tokio::select! {
        ended = &mut server => return ended,
        () = stop.requested() => {}
    }
    tokio::join!(handle.stop(true), server).1
}

async fn dispatch(edge: Data<Edge>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let started = Instant::now();
    let answered = home::run(&edge.home, answer(&edge, &request, payload));
    let mut response = home::stream(&edge.home, guarded(answered).await);
    let undecodable = request.extensions().contains::<path::Undecodable>();
    if !undecodable {
        // StackStorm answers such a path before anything that sets headers has run.
        edge.cors.apply(&request, response.headers_mut());
        response.headers_mut().insert(REQUEST_ID, request_id(&request));
    }
    // As StackStorm writes them: actions read `headers['Content-Type']` of answers.
    response.head_mut().set_camel_case_headers(true);
    log::answered(&request, &response, started.elapsed());
    response
}

/// What `answered` comes to, errors and panics included.
async fn guarded(answered: impl Future<Output = Result<HttpResponse, actix_web::Error>>) -> HttpResponse {
    match AssertUnwindSafe(answered).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => error.as_response_error().error_response(),
        Err(panic) => {
            let words = crate::service::panic_text(panic.as_ref()).to_owned();
            Error::Internal(anyhow::anyhow!("a handler panicked: {words}")).error_response()
        }
    }
}

/// An id that a handler has shown already.
struct RequestId(HeaderValue);

/// The id of a request, which its answer will have too.
fn keep_request_id(request: &HttpRequest) -> String {
    let id = request_id(request);
    let text = String::from_utf8_lossy(id.as_bytes()).into_owned();
    request.extensions_mut().insert(RequestId(id));
    text
}

fn request_id(request: &HttpRequest) -> HeaderValue {
    let kept = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    kept.or_else(|| request.headers().get(REQUEST_ID).cloned()).unwrap_or_else(|| {
        let mut buffer = uuid::Uuid::encode_buffer();
        let text = uuid::Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
        HeaderValue::from_str(text).expect("a UUID is a header value")
    })
}

async fn answer(
    edge: &Edge,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, actix_web::Error> {
    let target = match path::target(request.uri().path(), edge.service, wants_events(request)) {
        Ok(target) => target,
        Err(path) => {
            let text = format!(
                "Failed to parse request path \"{}\". URL likely contains invalid or incorrectly URL encoded values.",
                path.0
            );
            request.extensions_mut().insert(path);
            return Err(Error::bad_request(text).into());
        }
    };
    if request.method() == Method::OPTIONS {
        return Ok(empty());
    }
    if !edge.app.is_ready() {
        return Err(Error::NotReady.into());
    }
    let (route, variables) =
        edge.routes.find(request.method(), target.service, &target.path).ok_or_else(Error::nothing_here)?;
    let variables = extract::Variables::of(&target.path, &variables);
    request.extensions_mut().insert(variables);

    let access = &edge.app.access;
    let caller = match route.gate {
        Gate::Public => None,
        _ if !access.is_enabled() && target.service != Service::Auth => Some(access.system_caller()),
        _ => {
            let query = QueryString::of(request);
            match extract::credential(request, &query) {
                None if route.gate == Gate::Signed => None,
                credential => Some(access.authenticate(credential).await.map_err(Error::from)?),
            }
        }
    };
    let mut cookie = None;
    if let Some(caller) = caller {
        match route.gate {
            Gate::Permission(permission) => drop(caller.permit_any(permission).map_err(Error::from)?),
            Gate::Admin => caller.require_admin().map_err(Error::from)?,
            Gate::Public | Gate::Login | Gate::Signed => {}
        }
        cookie = extract::cookie(request, &caller, &edge.app.config.api);
        request.extensions_mut().insert(caller);
    }
    let mut response = route.handle(request.clone(), payload.into_inner()).await?;
    if let Some(cookie) = cookie {
        response.headers_mut().append(actix_web::http::header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn wants_events(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    #[tokio::test]
    async fn a_panic_is_an_internal_error_without_details() {
        let response = guarded(async { panic!("password is hunter2") }).await;
        assert_eq!(response.status().as_u16(), 500);
        let body = to_bytes(response.into_body()).await.unwrap();
        assert_eq!(&body[..], br#"{"faultstring":"Internal Server Error"}"#);
    }
}
