//! Routes, and how a path finds its own. The table of them is [`super::table`].
//!
//! Within a method the first route that fits wins, so literal paths stand before those with variables.

use super::{ApiResult, Service, about::About};
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
    /// Anybody, but credentials that are shown must be good; the handler asks who shows none for a proof of another kind.
    Signed,
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
    pub(super) service: Service,
    pub(super) method: Method,
    /// As written in the table.
    pub(super) path: &'static str,
    /// Name of the handler.
    pub(super) name: &'static str,
    /// For people.
    pub(super) about: About,
    pattern: Vec<Piece>,
    handler: Boxed,
}

/// What the table says of a route beside its handler.
pub(super) struct Line {
    pub(super) method: Method,
    pub(super) service: Service,
    pub(super) path: &'static str,
    pub(super) gate: Gate,
    pub(super) name: &'static str,
    pub(super) about: About,
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
#[derive(Default)]
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

    /// All routes, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Route> {
        self.0.values().flat_map(HashMap::values).flatten()
    }

    /// Adds a line of the table.
    pub(super) fn add<H, Args>(&mut self, line: Line, handler: H)
    where
        H: Handler<Args, Output = ApiResult<HttpResponse>> + Send + Sync,
        Args: FromRequest + 'static,
    {
        let Line { method, service, path, gate, name, about } = line;
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
        let route = Route { gate, service, method, path, name, about, pattern, handler };
        self.0.entry(service).or_default().entry(first).or_default().push(route);
    }
}
