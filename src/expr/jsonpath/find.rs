//! Following a query through a value.

use std::{borrow::Cow, rc::Rc};

use serde_json::Value;

use super::{Error, parser::Path};
use crate::pytext;

/// A value and the one it was found in.
struct Datum<'a> {
    value: Cow<'a, Value>,
    parent: Option<Found<'a>>,
}

type Found<'a> = Rc<Datum<'a>>;

pub(super) fn find<'a>(
    path: &Path,
    data: &'a Value,
    most: usize,
) -> Result<(Vec<Cow<'a, Value>>, usize), Error> {
    let root = Rc::new(Datum { value: Cow::Borrowed(data), parent: None });
    let mut search = Search { left: most };
    let found = search.find(path, &root)?;
    Ok((found.into_iter().map(|datum| datum.value.clone()).collect(), most - search.left))
}

struct Search {
    /// Visits that are left.
    left: usize,
}

impl Search {
    fn find<'a>(&mut self, path: &Path, datum: &Found<'a>) -> Result<Vec<Found<'a>>, Error> {
        self.visit()?;
        match path {
            Path::Root => {
                let mut root = datum;
                while let Some(parent) = &root.parent {
                    root = parent;
                }
                Ok(vec![root.clone()])
            }
            Path::This => Ok(vec![datum.clone()]),
            Path::Parent => match &datum.parent {
                Some(parent) => Ok(vec![parent.clone()]),
                None => Err(Error::Path("'NoneType' object has no attribute 'value'".to_owned())),
            },
            Path::Fields(names) => self.fields(names, datum),
            Path::Index(index) => index_of(*index, datum),
            Path::Slice(start, end) => self.slice(*start, *end, datum),
            Path::Child(left, right) => {
                let mut found = Vec::new();
                for left in self.find(left, datum)? {
                    found.extend(self.find(right, &left)?);
                }
                Ok(found)
            }
            Path::Descendants(left, right) => {
                let mut found = Vec::new();
                for left in self.find(left, datum)? {
                    self.descend(right, &left, &mut found)?;
                }
                Ok(found)
            }
            Path::Where(left, right) => {
                let mut found = Vec::new();
                for left in self.find(left, datum)? {
                    if !self.find(right, &left)?.is_empty() {
                        found.push(left);
                    }
                }
                Ok(found)
            }
            Path::Union(left, right) => {
                let mut found = self.find(left, datum)?;
                found.extend(self.find(right, datum)?);
                Ok(found)
            }
            Path::Intersect => Err(Error::Path(String::new())),
        }
    }

    fn visit(&mut self) -> Result<(), Error> {
        let too_many = || Error::Path("the query visits too many values".to_owned());
        self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
        Ok(())
    }

    fn descend<'a>(
        &mut self,
        path: &Path,
        datum: &Found<'a>,
        found: &mut Vec<Found<'a>>,
    ) -> Result<(), Error> {
        found.extend(self.find(path, datum)?);
        for value in members(&datum.value) {
            self.visit()?;
            self.descend(path, &inside(value, datum), found)?;
        }
        Ok(())
    }

    fn fields<'a>(&mut self, names: &[String], datum: &Found<'a>) -> Result<Vec<Found<'a>>, Error> {
        let is_object = matches!(&*datum.value, Value::Object(_));
        let mut found = Vec::new();
        if names.iter().any(|name| name == "*") {
            if is_object {
                for value in members(&datum.value) {
                    self.visit()?;
                    found.push(inside(value, datum));
                }
            }
            return Ok(found);
        }
        for name in names {
            if let Some(value) = member(&datum.value, name) {
                self.visit()?;
                found.push(inside(value, datum));
            }
        }
        Ok(found)
    }

    /// Part of a list. What is no list counts as a list of one, unless it is nothing or a float.
    fn slice<'a>(
        &mut self,
        start: Option<i64>,
        end: Option<i64>,
        datum: &Found<'a>,
    ) -> Result<Vec<Found<'a>>, Error> {
        let is_single = match &*datum.value {
            Value::Object(_) | Value::String(_) | Value::Bool(_) => true,
            Value::Number(number) => pytext::is_int(number),
            _ => false,
        };
        if is_single {
            let list = Value::Array(vec![datum.value.clone().into_owned()]);
            let wrapped = Rc::new(Datum { value: Cow::Owned(list), parent: datum.parent.clone() });
            return self.slice(start, end, &wrapped);
        }
        if !datum.value.is_array() {
            return Err(no_length(&datum.value));
        }
        let items = members(&datum.value);
        let length = items.len() as i64;
        let place = |bound: Option<i64>, default: i64| {
            let bound = bound.unwrap_or(default);
            (if bound < 0 { bound.saturating_add(length) } else { bound }).clamp(0, length) as usize
        };
        let (start, end) = (place(start, 0), place(end, length));
        let mut found = Vec::new();
        for value in items.into_iter().take(end).skip(start) {
            self.visit()?;
            found.push(inside(value, datum));
        }
        Ok(found)
    }
}

fn inside<'a>(value: Cow<'a, Value>, parent: &Found<'a>) -> Found<'a> {
    Rc::new(Datum { value, parent: Some(parent.clone()) })
}

fn no_length(value: &Value) -> Error {
    Error::Path(format!("object of type '{}' has no len()", pytext::type_name(value)))
}

/// The items of a list or the values of an object.
fn members<'a>(value: &Cow<'a, Value>) -> Vec<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
        Cow::Borrowed(Value::Object(entries)) => entries.values().map(Cow::Borrowed).collect(),
        Cow::Owned(Value::Array(items)) => items.iter().cloned().map(Cow::Owned).collect(),
        Cow::Owned(Value::Object(entries)) => entries.values().cloned().map(Cow::Owned).collect(),
        _ => Vec::new(),
    }
}

fn member<'a>(value: &Cow<'a, Value>, name: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.as_object()?.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.as_object()?.get(name).cloned().map(Cow::Owned),
    }
}

/// The item at an index; also a character of a text, as subscription goes.
fn index_of<'a>(index: i64, datum: &Found<'a>) -> Result<Vec<Found<'a>>, Error> {
    let length = match &*datum.value {
        Value::Array(items) => items.len(),
        Value::Object(entries) => entries.len(),
        Value::String(text) => text.chars().count(),
        other => return Err(no_length(other)),
    } as i64;
    if length <= index {
        return Ok(Vec::new());
    }
    let place = if index < 0 { index.checked_add(length) } else { Some(index) };
    let place = place.and_then(|place| usize::try_from(place).ok());
    match &*datum.value {
        Value::Object(_) => Err(Error::Path(index.to_string())),
        Value::String(text) => match place.and_then(|place| text.chars().nth(place)) {
            Some(c) => Ok(vec![inside(Cow::Owned(Value::from(c.to_string())), datum)]),
            None => Err(Error::Path("string index out of range".to_owned())),
        },
        _ => match place.and_then(|place| members(&datum.value).into_iter().nth(place)) {
            Some(value) => Ok(vec![inside(value, datum)]),
            None => Err(Error::Path("list index out of range".to_owned())),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::JsonPath;

    fn found(query: &str, data: &serde_json::Value) -> Result<Vec<serde_json::Value>, String> {
        let path = JsonPath::parse(query).map_err(|error| error.to_string())?;
        let found = path.find(data).map_err(|error| error.to_string())?;
        Ok(found.into_iter().map(std::borrow::Cow::into_owned).collect())
    }

    #[test]
    fn an_unknown_operator_is_told_with_its_place() {
        let fault = |query| found(query, &json!({})).unwrap_err();
        assert_eq!(fault("trigger.`len`"), "Unknown named operator `len` at 1:12");
        assert_eq!(fault("a.\n`le`"), "Unknown named operator `le` at 2:6");
    }

    #[test]
    fn queries_find_what_the_library_finds() {
        let data = json!({"a": {"b": [1, {"c": 2}], "x y": 3}, "c": 4});
        for (query, expected) in [
            ("a.b[0]", json!([1])),
            ("$.a.b[1].c", json!([2])),
            ("a.'x y'", json!([3])),
            ("$..c", json!([4, 2])),
            ("a.b[*]", json!([1, {"c": 2}])),
            ("a.b[-1]", json!([{"c": 2}])),
            ("a.b[0:1]", json!([1])),
            ("a|c", json!([{"b": [1, {"c": 2}], "x y": 3}, 4])),
            ("a,c", json!([{"b": [1, {"c": 2}], "x y": 3}, 4])),
            ("a.b[1].c.`parent`.`parent`", json!([[1, {"c": 2}]])),
            ("* where b", json!([{"b": [1, {"c": 2}], "x y": 3}])),
            ("c[*]", json!([4])),
            ("nope", json!([])),
        ] {
            assert_eq!(found(query, &data), Ok(expected.as_array().unwrap().clone()), "{query}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_followed_says_so() {
        let data = json!({"a": [1], "n": null});
        for (query, message) in [
            ("", "'NoneType' object has no attribute 'lineno'"),
            ("a.", "'NoneType' object has no attribute 'lineno'"),
            ("a[?(@.b)]", "Error on line 1, col 2: Unexpected character: ? "),
            ("a[0,1]", "Parse error at 1:3 near token , (,)"),
            ("'a", "Unexpected EOF in string literal or identifier"),
            ("n[0]", "object of type 'NoneType' has no len()"),
            ("a[-5]", "list index out of range"),
        ] {
            assert_eq!(found(query, &data), Err(message.to_owned()), "{query}");
        }
    }

    #[test]
    fn queries_that_visit_too_much_end() {
        let mut data = json!(1);
        for _ in 0..60 {
            data = json!({"a": data});
        }
        assert!(found("$..*..*..*..*..*..*", &data).is_err());
    }
}
