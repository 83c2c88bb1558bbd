//! What the table of routes tells people about an endpoint, beside how to reach it: made into the OpenAPI document.

use super::list::{Filter, List};
use actix_web::http::Method;
use serde_json::Value;
use std::sync::LazyLock;

/// The kind of a query parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    Number,
    /// Values separated by commas.
    Texts,
    Moment,
}

/// About an endpoint.
#[derive(Clone, Debug)]
pub(super) struct About {
    pub(super) summary: &'static str,
    pub(super) query: Vec<(&'static str, Kind)>,
    pub(super) body: Option<&'static LazyLock<Value>>,
    /// Media type of the answer; `None`: it has no body.
    pub(super) produces: Option<&'static str>,
    /// Status of success, where it is not what the method makes one expect.
    pub(super) status: Option<u16>,
    pub(super) is_list: bool,
}

/// Begins a description; `summary` is one line for people.
pub(super) fn about(summary: &'static str) -> About {
    About {
        summary,
        query: Vec::new(),
        body: None,
        produces: Some("application/json"),
        status: None,
        is_list: false,
    }
}

impl About {
    /// It takes these query parameters.
    pub(super) fn query(mut self, parameters: &[(&'static str, Kind)]) -> Self {
        self.query.extend_from_slice(parameters);
        self
    }

    /// It unmasks secrets for administrators who ask.
    pub(super) fn secrets(self) -> Self {
        self.query(&[("show_secrets", Kind::Flag)])
    }

    /// It narrows what it shows.
    pub(super) fn attributes(self) -> Self {
        self.query(&[("include_attributes", Kind::Texts), ("exclude_attributes", Kind::Texts)])
    }

    /// It answers with pages.
    pub(super) fn pages(mut self) -> Self {
        self.is_list = true;
        self.query(&[("limit", Kind::Number), ("offset", Kind::Number), ("sort", Kind::Texts)])
    }

    /// It is this list.
    pub(super) fn list(self, list: &List) -> Self {
        let filters: Vec<(&'static str, Kind)> =
            list.filters.iter().map(|(name, it)| (*name, kind(*it))).collect();
        let about = self.query(&filters).pages();
        if list.attributes.is_none() { about } else { about.attributes() }
    }

    /// It takes a body of this schema.
    pub(super) fn body(mut self, schema: &'static LazyLock<Value>) -> Self {
        self.body = Some(schema);
        self
    }

    /// It answers with this type of content.
    pub(super) fn produces(mut self, media_type: &'static str) -> Self {
        self.produces = Some(media_type);
        self
    }

    /// It succeeds with this status.
    pub(super) fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The status of success.
    pub(super) fn success(&self, method: &Method) -> u16 {
        self.status.unwrap_or(match *method {
            Method::POST => 201,
            Method::DELETE => 204,
            _ => 200,
        })
    }
}

fn kind(filter: Filter) -> Kind {
    match filter {
        Filter::Text(_) | Filter::Id(_) | Filter::Member(_) | Filter::Flag(_) => Kind::Text,
        Filter::Texts(_) | Filter::Ids(_) => Kind::Texts,
        Filter::Moment(_) | Filter::Since(_) | Filter::Until(_) => Kind::Moment,
    }
}
