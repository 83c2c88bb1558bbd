//! Paths, made plain once: decoded, without prefix, version and trailing slash, and with the service they mean.

use std::borrow::Cow;

/// The three services StackStorm has on ports of their own. Every listener serves them all by prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// `/api`
    Api,
    /// `/auth`
    Auth,
    /// `/stream`
    Stream,
}

/// A path ready to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) service: Service,
    /// Begins with `/`; `/` alone is the root.
    pub(super) path: String,
}

/// A path whose escapes are not UTF-8; holds it as StackStorm shows it, one character per byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Undecodable(pub(super) String);

/// Reads the path of a request that came in on the listener of `own`.
///
/// `wants_events`: the client asks for an event stream, which tells the two meanings of `…/output` apart where
/// neither prefix nor port does.
pub(super) fn target(raw: &str, own: Service, wants_events: bool) -> Result<Target, Undecodable> {
    let decoded = decode(raw)?;
    let path = decoded.strip_suffix('/').unwrap_or(&decoded);

    let (prefixed, rest) = match split(path) {
        // `/stream` itself is the stream, not an empty path below its prefix.
        ("stream", "") => (None, path),
        ("api", rest) => (Some(Service::Api), rest),
        ("auth", rest) => (Some(Service::Auth), rest),
        ("stream", rest) => (Some(Service::Stream), rest),
        _ => (None, path),
    };
    let rest = match split(rest) {
        ("v1", rest) => rest,
        _ => rest,
    };
    let path = match split(rest) {
        ("actionexecutions", tail) => Cow::Owned(format!("/executions{tail}")),
        _ if rest.is_empty() => Cow::Borrowed("/"),
        _ => Cow::Borrowed(rest),
    };

    let mut service = prefixed.unwrap_or(own);
    if service == Service::Api
        && (path == "/stream" || (prefixed.is_none() && wants_events && is_output(&path)))
    {
        service = Service::Stream;
    }
    Ok(Target { service, path: path.into_owned() })
}

fn is_output(path: &str) -> bool {
    path.strip_prefix("/executions/")
        .and_then(|rest| rest.strip_suffix("/output"))
        .is_some_and(|id| !id.contains('/'))
}

/// First segment, and what follows it (empty, or with its slash).
fn split(path: &str) -> (&str, &str) {
    let Some(inner) = path.strip_prefix('/') else { return ("", path) };
    match inner.find('/') {
        Some(end) => inner.split_at(end),
        None => (inner, ""),
    }
}

/// Undoes percent escapes. A `%` that begins none stays, as in Python.
fn decode(raw: &str) -> Result<Cow<'_, str>, Undecodable> {
    if !raw.contains('%') && raw.is_ascii() {
        return Ok(Cow::Borrowed(raw));
    }
    match percent_encoding::percent_decode_str(raw).decode_utf8() {
        Ok(text) => Ok(text),
        Err(_) => Err(Undecodable(percent_encoding::percent_decode_str(raw).map(char::from).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(raw: &str, own: Service) -> (Service, String) {
        let target = target(raw, own, false).unwrap();
        (target.service, target.path)
    }

    #[test]
    fn every_form_of_a_path_means_the_same() {
        use Service::{Api, Auth, Stream};
        let table = [
            ("/v1/executions", Api, Api, "/executions"),
            ("/executions/", Api, Api, "/executions"),
            ("/api/v1/actionexecutions/x/children/", Api, Api, "/executions/x/children"),
            ("/api/executions", Auth, Api, "/executions"),
            ("/", Api, Api, "/"),
            ("/v1", Api, Api, "/"),
            ("/v1/", Api, Api, "/"),
            ("/api", Stream, Api, "/"),
            ("/api/", Stream, Api, "/"),
            ("/tokens", Auth, Auth, "/tokens"),
            ("/auth/v1/tokens", Api, Auth, "/tokens"),
            ("/auth/tokens/validate", Api, Auth, "/tokens/validate"),
            ("/stream", Stream, Stream, "/stream"),
            ("/v1/stream", Stream, Stream, "/stream"),
            ("/stream", Api, Stream, "/stream"),
            ("/v1/stream", Api, Stream, "/stream"),
            ("/api/stream", Api, Stream, "/stream"),
            ("/api/v1/stream/", Auth, Stream, "/stream"),
            ("/stream/stream", Api, Stream, "/stream"),
            ("/stream/v1/stream", Api, Stream, "/stream"),
            ("/stream/v1/executions/1/output", Api, Stream, "/executions/1/output"),
            ("/executions/1/output", Stream, Stream, "/executions/1/output"),
            ("/executions/1/output", Api, Api, "/executions/1/output"),
            ("/keys/no%2Fsuch", Api, Api, "/keys/no/such"),
            ("/actions/conform%2Etypes", Api, Api, "/actions/conform.types"),
            ("/actions/%zz", Api, Api, "/actions/%zz"),
            ("/actions/%C3%A9", Api, Api, "/actions/é"),
            ("//v1//packs", Api, Api, "//v1//packs"),
            ("/v1//packs", Api, Api, "//packs"),
            ("/v2/actions", Api, Api, "/v2/actions"),
            ("/actionexecutionsx", Api, Api, "/actionexecutionsx"),
        ];
        for (raw, own, service, path) in table {
            assert_eq!(seen(raw, own), (service, path.to_owned()), "{raw} on {own:?}");
        }
    }

    #[test]
    fn an_event_source_gets_the_stream_on_a_shared_port_only() {
        let service = |raw, own| target(raw, own, true).unwrap().service;
        assert_eq!(service("/v1/executions/1/output", Service::Api), Service::Stream);
        assert_eq!(service("/api/v1/executions/1/output", Service::Stream), Service::Api);
        assert_eq!(service("/v1/executions/1/x/output", Service::Api), Service::Api);
        assert_eq!(service("/v1/executions/1", Service::Api), Service::Api);
    }

    #[test]
    fn what_is_not_text_is_shown_byte_by_byte() {
        let error = |raw| target(raw, Service::Api, false).unwrap_err().0;
        assert_eq!(error("/v1/keys/%ff"), "/v1/keys/ÿ");
        assert_eq!(error("/v1/actions/%e0%a4%a"), "/v1/actions/à¤%a");
    }
}
