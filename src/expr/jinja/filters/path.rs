//! Parts of paths, by POSIX rules.

use super::{Filter, Table};
use crate::expr::jinja::{
    args::Signature,
    error::{Error, Result},
    value::Value,
};

pub(super) const FILTERS: Table = &[
    (
        "basename",
        Filter::new(Signature::new("basename", 1, &["path"]), |_, mut args| {
            let value = args.take(0);
            let path = path(&value)?;
            Ok(Value::str(path.rsplit_once('/').map_or(path, |(_, name)| name)))
        }),
    ),
    (
        "dirname",
        Filter::new(Signature::new("dirname", 1, &["path"]), |_, mut args| {
            let value = args.take(0);
            Ok(Value::str(dirname(path(&value)?)))
        }),
    ),
];

fn path(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| {
        let kind = value.type_name();
        Error::of_type(format!("expected str, bytes or os.PathLike object, not {kind}"))
    })
}

/// Everything before the last slash, without the slashes at its end unless there is nothing else.
fn dirname(path: &str) -> &str {
    let head = path.rfind('/').map_or("", |at| &path[..=at]);
    let trimmed = head.trim_end_matches('/');
    if trimmed.is_empty() { head } else { trimmed }
}
