//! Where in an event a criterion looks.

use crate::expr::jsonpath::JsonPath;
use serde_json::Value;
use std::borrow::Cow;

/// A key, compiled.
#[derive(Debug)]
pub enum Place {
    /// Names one below the other, the first being the event itself or an item: nearly all keys.
    Names(Vec<String>),
    /// Anything else that is a path.
    Path(JsonPath),
    /// A key of the datastore.
    Stored(String),
    /// No path; says why.
    Wrong(String),
}

/// Words of the path language.
const RESERVED: [&str; 2] = ["parent", "where"];

impl Place {
    /// Compiles a key. From the first `#` on it is a tag, which only tells keys apart.
    pub fn new(key: &str) -> Self {
        let path = key.split('#').next().unwrap_or_default();
        if let Some(stored) = stored(path) {
            return Self::Stored(stored);
        }
        let names: Vec<&str> = path.split('.').collect();
        if names.iter().all(|name| is_name(name)) {
            return Self::Names(names.into_iter().map(str::to_owned).collect());
        }
        match JsonPath::parse(path) {
            Ok(path) => Self::Path(path),
            Err(error) => Self::Wrong(error.to_string()),
        }
    }

    /// The value there: of several the first, null when there is none. `root` is the name that the event goes by.
    pub(super) fn find<'a>(
        &self,
        root: &str,
        event: &'a Value,
        whole: impl FnOnce() -> &'a Value,
    ) -> Result<Cow<'a, Value>, String> {
        match self {
            Self::Names(names) => {
                let mut names = names.iter();
                let mut found = names.next().filter(|name| *name == root).map(|_| event);
                for name in names {
                    found = found.and_then(|value| value.as_object()?.get(name));
                }
                Ok(Cow::Borrowed(found.unwrap_or(&Value::Null)))
            }
            Self::Path(path) => {
                let found = path.find(whole()).map_err(|error| error.to_string())?;
                Ok(found.into_iter().next().unwrap_or(Cow::Borrowed(&Value::Null)))
            }
            Self::Stored(_) => Ok(Cow::Borrowed(&Value::Null)),
            Self::Wrong(why) => Err(why.clone()),
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&name)
}

/// The key of the datastore that a path names: `system.some_key`, dots in it included, or `system['some key']`.
fn stored(path: &str) -> Option<String> {
    let rest = path.strip_prefix("system")?;
    if let Some(key) = rest.strip_prefix('.') {
        return (!key.is_empty() && key.split('.').all(is_name)).then(|| key.to_owned());
    }
    let quoted = rest.strip_prefix('[')?.strip_suffix(']')?;
    ['\'', '"'].iter().find_map(|quote| {
        let key = quoted.strip_prefix(*quote)?.strip_suffix(*quote)?;
        (!key.is_empty() && !key.contains(*quote)).then(|| key.to_owned())
    })
}
