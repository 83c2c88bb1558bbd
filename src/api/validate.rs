//! Whether a body is what an endpoint takes, in the words of Python's jsonschema, which clients show.
//!
//! StackStorm looks twice: at the fields its OpenAPI document declares, one after the other, and then at the whole
//! against its model, where the most telling fault wins. Which fault is named depends on that order.

use super::{ApiResult, Error};
use crate::{
    pytext,
    schema::{self, Options},
};
use serde_json::{Map, Value};

impl From<schema::Error> for Error {
    fn from(error: schema::Error) -> Self {
        Self::bad_request(error.message)
    }
}

/// The complaint about a body that is no object.
pub(super) fn not_an_object(value: &Value) -> Error {
    Error::bad_request(format!("{} is not of type 'object'", pytext::repr(value)))
}

/// Looks twice. `schema` is an object schema with `required: true` at its required properties. Returns the body
/// with the schema's defaults.
pub(super) fn declared(schema: &Value, body: Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let properties = schema["properties"].as_object();
    let properties = || properties.into_iter().flatten();
    for (name, _) in
        properties().filter(|(name, rules)| rules["required"] == true && !body.contains_key(*name))
    {
        return Err(Error::bad_request(format!("{} is a required property", pytext::repr_str(name))));
    }
    for (name, rules) in properties() {
        if let Some(value) = body.get(name) {
            schema::validate(rules, value, Options::default())?;
        }
    }
    model(schema, body)
}

/// Looks once, at the whole. Returns the body with the schema's defaults.
pub(super) fn model(schema: &Value, body: Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let options = Options { use_default: true, allow_default_none: true, ..Options::default() };
    match schema::validate(schema, &Value::Object(body), options)? {
        Value::Object(body) => Ok(body),
        other => Err(not_an_object(&other)),
    }
}
