//! `include_attributes` and `exclude_attributes`: which fields of a thing a client wants.

use super::{ApiResult, Error, QueryString};
use serde_json::{Map, Value};

/// What may be chosen of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    /// Every field it has. Empty: any name is taken.
    pub fields: &'static [&'static str],
    /// Fields that come whatever is chosen.
    pub always: &'static [&'static str],
    /// Fields that may be left out; `None`: any.
    pub droppable: Option<&'static [&'static str]>,
}

/// What a client chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Everything.
    All,
    /// Only these paths, split at dots, and what always comes.
    Only(Vec<Vec<String>>, &'static [&'static str]),
    /// All but these fields.
    Without(Vec<String>),
}

impl Attributes {
    /// Nothing may be chosen: the parameters are not declared, and so not looked at.
    pub const NONE: Self = Self { fields: &[], always: &[], droppable: None };

    /// Reads the two parameters.
    pub fn choose(&self, query: &QueryString) -> ApiResult<Choice> {
        if self.is_none() {
            return Ok(Choice::All);
        }
        let given = |name| match query.get(name) {
            // An empty list names one attribute, the empty one; where any name is taken, it chooses nothing.
            Some("") if !self.fields.is_empty() => Some(vec![""]),
            _ => query.list(name),
        };
        match (given("include_attributes"), given("exclude_attributes")) {
            (Some(_), Some(_)) => Err(Error::bad_request(
                "exclude_fields and include_fields arguments are mutually exclusive. \
                 You need to provide either one or another, but not both.",
            )),
            (Some(names), None) => {
                let mut paths = Vec::with_capacity(names.len());
                for name in names {
                    let path: Vec<String> = name.split('.').map(str::to_owned).collect();
                    if name.is_empty() && !self.fields.is_empty() {
                        return Err(unsupported("include", "Cannot resolve field \"\""));
                    }
                    if !self.knows(&path[0]) {
                        return Err(unsupported("include", name));
                    }
                    paths.push(path);
                }
                Ok(Choice::Only(paths, self.always))
            }
            (None, Some(names)) => {
                for name in &names {
                    let known = match self.droppable {
                        Some(droppable) => droppable.contains(name),
                        None => self.knows(name),
                    };
                    if !known {
                        return Err(unsupported("exclude", name));
                    }
                }
                Ok(Choice::Without(names.into_iter().map(str::to_owned).collect()))
            }
            (None, None) => Ok(Choice::All),
        }
    }

    /// Whether nothing may be chosen.
    pub fn is_none(&self) -> bool {
        // Something always comes where anything may be chosen.
        self.always.is_empty()
    }

    fn knows(&self, name: &str) -> bool {
        self.fields.is_empty() || self.fields.contains(&name)
    }
}

fn unsupported(what: &str, name: &str) -> Error {
    Error::bad_request(format!("Invalid or unsupported {what} attribute specified: {name}"))
}

impl Choice {
    /// Leaves of `item` what was chosen.
    pub fn narrow(&self, mut item: Map<String, Value>) -> Map<String, Value> {
        match self {
            Self::All => item,
            Self::Without(names) => {
                item.retain(|name, _| !names.contains(name));
                item
            }
            Self::Only(paths, always) => {
                let wanted: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
                item.retain(|name, _| {
                    always.contains(&name.as_str()) || wanted.iter().any(|path| path[0] == *name)
                });
                for (name, value) in &mut item {
                    if !always.contains(&name.as_str()) {
                        let inner: Vec<&[String]> =
                            wanted.iter().filter(|path| path[0] == *name).map(|path| &path[1..]).collect();
                        keep(value, &inner);
                    }
                }
                item
            }
        }
    }
}

/// Narrows a nested object to the paths; an empty path wants all of it.
fn keep(value: &mut Value, paths: &[&[String]]) {
    if paths.iter().any(|path| path.is_empty()) {
        return;
    }
    if let Value::Object(fields) = value {
        fields.retain(|name, _| paths.iter().any(|path| path[0] == *name));
        for (name, value) in fields {
            let inner: Vec<&[String]> =
                paths.iter().filter(|path| path[0] == *name).map(|path| &path[1..]).collect();
            keep(value, &inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn narrowed(choice: Choice) -> Value {
        let item =
            json!({"id": "1", "ref": "a.b", "name": "b", "parameters": {"x": {"type": 1, "y": 2}, "z": {}}});
        Value::Object(choice.narrow(item.as_object().cloned().unwrap()))
    }

    #[test]
    fn chosen_paths_stay_and_ids_stay_always() {
        let only = |text: &str| {
            let paths = text.split(',').map(|path| path.split('.').map(str::to_owned).collect()).collect();
            narrowed(Choice::Only(paths, &["id", "ref"]))
        };
        assert_eq!(only("name"), json!({"id": "1", "ref": "a.b", "name": "b"}));
        assert_eq!(only("parameters.x.y"), json!({"id": "1", "ref": "a.b", "parameters": {"x": {"y": 2}}}));
        assert_eq!(
            only("parameters.z,parameters"),
            json!({"id": "1", "ref": "a.b", "parameters": {"x": {"type": 1, "y": 2}, "z": {}}})
        );
        assert_eq!(
            narrowed(Choice::Without(vec!["parameters".into(), "id".into()])),
            json!({"ref": "a.b", "name": "b"})
        );
    }
}
