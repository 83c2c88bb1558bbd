//! Parts of nested objects: what dotted paths lead to.

use serde_json::value::RawValue;
use std::collections::HashMap;

/// What StackStorm shows of an action, whatever was asked: masking and permissions need it.
pub(super) const ACTION_ALWAYS: [&str; 4] = ["parameters", "output_schema", "pack", "uid"];

/// The same of a runner type.
pub(super) const RUNNER_ALWAYS: [&str; 2] = ["runner_parameters", "output_key"];

/// The parts of a JSON object that `paths` lead to, and the fields in `always`, as text.
pub(super) fn text(object: &str, paths: &[String], always: &[&str]) -> String {
    // Values that nobody asked for are skipped, not built.
    let Ok(fields) = serde_json::from_str::<HashMap<String, &RawValue>>(object) else {
        return object.to_owned();
    };
    let mut out = Vec::with_capacity(256);
    let mut written = super::Object::open(&mut out);
    for (name, inner) in grouped(paths, always) {
        let Some(raw) = fields.get(name) else { continue };
        if inner.is_empty() {
            written.text(name, raw.get());
        } else {
            let inner: Vec<String> = inner.into_iter().map(str::to_owned).collect();
            written.text(name, &text(raw.get(), &inner, &[]));
        }
    }
    written.close();
    String::from_utf8_lossy(&out).into_owned()
}

/// First segments in the order asked, each with the rests of its paths; no rests means all of it.
fn grouped<'a>(paths: &'a [String], always: &[&'a str]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let whole = |name: &str| paths.iter().any(|path| path == name) || always.contains(&name);
    let asked =
        paths.iter().map(|path| path.split_once('.').map_or((path.as_str(), None), |(a, b)| (a, Some(b))));
    for (name, rest) in asked.chain(always.iter().map(|name| (*name, None))) {
        let rest = rest.filter(|_| !whole(name));
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, rests)) => rests.extend(rest),
            None => groups.push((name, rest.into_iter().collect())),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_parts_and_some_parts_always_come() {
        let object =
            r#"{"ref":"core.local","uid":"u","tags":[],"parameters":{"cmd":{"type":"string"},"x":1}}"#;
        let paths = ["ref".to_owned(), "parameters.cmd.type".to_owned()];
        assert_eq!(
            text(object, &paths, &[]),
            r#"{"ref":"core.local","parameters":{"cmd":{"type":"string"}}}"#
        );
        assert_eq!(
            text(object, &paths, &["parameters", "uid"]),
            r#"{"ref":"core.local","parameters":{"cmd":{"type":"string"},"x":1},"uid":"u"}"#
        );
        let whole = r#"{"id":"1","payload":{"body":1,"headers":2}}"#;
        assert_eq!(text(whole, &["payload.body".to_owned()], &[]), r#"{"payload":{"body":1}}"#);
        assert_eq!(text("\"no object\"", &["a".to_owned()], &[]), "\"no object\"");
    }
}
