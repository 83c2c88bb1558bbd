//! The table of routes, and how a path finds its line. A new endpoint is one line here.
//!
//! Within a method the first line that fits wins, so literal paths stand before those with variables.

use super::{ApiResult, Service, handlers::*};
use crate::access::Permission;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, dev::Payload, http::Method};
use futures_util::future::LocalBoxFuture;
use std::{collections::HashMap, ops::Range};

/// Who may pass before the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// Anybody.
    Public,
    /// Anybody who says who he is; the handler checks more where there is more to check.
    Login,
    /// Administrators.
    Admin,
    /// Who has this permission in general.
    Permission(Permission),
}

type Boxed = Box<
    dyn Fn(HttpRequest, Payload) -> LocalBoxFuture<'static, Result<HttpResponse, actix_web::Error>>
        + Send
        + Sync,
>;

/// A line of the table.
pub(super) struct Route {
    pub(super) gate: Gate,
    method: Method,
    pattern: Vec<Piece>,
    handler: Boxed,
}

enum Piece {
    /// This very segment.
    Literal(&'static str),
    /// Any one segment.
    One,
    /// Everything that is left, slashes included, unless it begins with one of these.
    Rest(&'static [&'static str]),
}

/// Where in the path the variables are.
pub(super) type Variables = Vec<Range<usize>>;

/// All routes, by service and first segment.
pub(super) struct Routes(HashMap<Service, HashMap<&'static str, Vec<Route>>>);

impl Route {
    /// Runs extractors and handler.
    pub(super) fn handle(
        &self,
        request: HttpRequest,
        payload: Payload,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, actix_web::Error>> {
        (self.handler)(request, payload)
    }

    /// The variables, if the path fits.
    fn fit(&self, path: &str) -> Option<Variables> {
        let mut variables = Variables::new();
        let mut at = 1;
        for (index, piece) in self.pattern.iter().enumerate() {
            if index > 0 {
                // Past the end of the path, or before the slash that ends the last segment.
                if path.as_bytes().get(at) != Some(&b'/') {
                    return None;
                }
                at += 1;
            }
            let rest = &path[at..];
            let end = rest.find('/').unwrap_or(rest.len());
            match piece {
                Piece::Literal(text) if rest[..end] == **text => at += end,
                Piece::One if end > 0 => {
                    variables.push(at..at + end);
                    at += end;
                }
                Piece::Rest(excluded)
                    if !rest.is_empty() && !excluded.iter().any(|word| rest.starts_with(word)) =>
                {
                    variables.push(at..path.len());
                    return Some(variables);
                }
                _ => return None,
            }
        }
        (at == path.len()).then_some(variables)
    }
}

impl Routes {
    /// The route of a path, and its variables.
    pub(super) fn find(&self, method: &Method, service: Service, path: &str) -> Option<(&Route, Variables)> {
        let first = path[1..].split('/').next().unwrap_or_default();
        self.0
            .get(&service)?
            .get(first)?
            .iter()
            .filter(|route| route.method == *method)
            .find_map(|route| Some((route, route.fit(path)?)))
    }

    fn add<H, Args>(&mut self, service: Service, method: Method, path: &'static str, gate: Gate, handler: H)
    where
        H: Handler<Args, Output = ApiResult<HttpResponse>> + Send + Sync,
        Args: FromRequest + 'static,
    {
        let pattern: Vec<Piece> = path[1..]
            .split('/')
            .map(|piece| match piece {
                "{rest}" => Piece::Rest(&[]),
                "{pack}" => Piece::Rest(&["index", "views"]),
                "{alias}" => Piece::Rest(&["match", "help"]),
                "{rule}" => Piece::Rest(&["views"]),
                _ if piece.starts_with('{') => Piece::One,
                _ => Piece::Literal(piece),
            })
            .collect();
        let first = path[1..].split('/').next().unwrap_or_default();
        let handler: Boxed = Box::new(move |request, mut payload| {
            let handler = handler.clone();
            Box::pin(async move {
                let args = Args::from_request(&request, &mut payload).await.map_err(Into::into)?;
                Ok(handler.call(args).await?)
            })
        });
        self.0.entry(service).or_default().entry(first).or_default().push(Route {
            gate,
            method,
            pattern,
            handler,
        });
    }
}

macro_rules! routes {
    ($($method:ident $service:ident $path:literal $gate:expr => $handler:path;)*) => {{
        let mut table = Routes(HashMap::new());
        $(table.add(Service::$service, Method::$method, $path, $gate, $handler);)*
        table
    }};
}

/// Every route.
pub(super) fn table() -> Routes {
    use Gate::{Admin, Login, Permission as Needs, Public};
    use Permission as P;
    routes! {
        GET Api "/" Login => root::version;
        GET Api "/user" Login => user::whoami;

        POST Auth "/tokens" Public => tokens::create;
        POST Auth "/tokens/validate" Login => tokens::check;
        GET Auth "/sso" Public => sso::enabled;
        GET Auth "/sso/request" Public => sso::unavailable;
        POST Auth "/sso/callback" Public => sso::unavailable;

        GET Stream "/stream" Needs(P::StreamView) => stream::everything;
        GET Stream "/executions/{id}/output" Needs(P::StreamView) => stream::output;

        GET Api "/actions" Needs(P::ActionList) => actions::list;
        GET Api "/actions/views/overview" Needs(P::ActionList) => action_views::list;
        GET Api "/actions/views/overview/{ref_or_id}" Login => action_views::get;
        GET Api "/actions/views/parameters/{ref_or_id}" Login => action_views::parameters;
        GET Api "/actions/views/entry_point/{ref_or_id}" Login => action_views::entry_point;
        GET Api "/actions/{ref_or_id}" Login => actions::get;

        GET Api "/packs" Needs(P::PackList) => packs::list;
        GET Api "/packs/{pack}" Login => packs::get;

        GET Api "/runnertypes" Needs(P::RunnerTypeList) => runner_types::list;
        GET Api "/runnertypes/{name_or_id}" Login => runner_types::get;
        PUT Api "/runnertypes/{name_or_id}" Login => runner_types::replace;

        GET Api "/service_registry/groups" Admin => service_registry::groups;
        GET Api "/service_registry/groups/{id}/members" Admin => service_registry::members;
        GET Api "/rbac/permission_types" Admin => rbac::permission_types;
        GET Api "/rbac/permission_types/{type}" Admin => rbac::permission_type;

        GET Api "/executions" Needs(P::ExecutionList) => executions::read::list;
        GET Api "/executions/views/filters" Needs(P::ExecutionViewsFiltersList) => executions::read::filters;
        GET Api "/executions/{id}" Login => executions::read::get;
        GET Api "/executions/{id}/children" Login => executions::read::children;
        GET Api "/executions/{id}/output" Login => executions::output::text;
        GET Api "/executions/{id}/attribute/{name}" Login => executions::read::attribute;
        GET Api "/executions/{id}/result" Login => executions::read::result;
        POST Api "/executions" Login => executions::write::create;
        PUT Api "/executions/{id}" Login => executions::write::change;
        DELETE Api "/executions/{id}" Login => executions::write::cancel;
        POST Api "/executions/{id}/re_run" Login => executions::write::rerun;

        GET Api "/apikeys" Needs(P::ApiKeyList) => api_keys::list;
        POST Api "/apikeys" Needs(P::ApiKeyCreate) => api_keys::create;
        GET Api "/apikeys/{id}" Login => api_keys::get;
        PUT Api "/apikeys/{id}" Login => api_keys::replace;
        DELETE Api "/apikeys/{id}" Login => api_keys::delete;
    }
}
