//! Parameter schemas: draft 4 of JSON Schema as StackStorm bends it, and what follows from a schema for a value.
//!
//! The validator answers in the words of Python's jsonschema, since REST clients show them and people search for
//! them; that is why it is ours. Around it: defaults, the schema that a call of an action must fit ([`CallSchema`]),
//! the check of definitions themselves, secrets, results ([`output`]) and pack configuration ([`pack_config`]).
//!
//! It leaves out where schemas come from and who may see what: it reads no rows and knows no users.

mod call;
mod check;
mod defaults;
mod definition;
mod error;
mod failure;
mod number;
pub mod output;
pub mod pack_config;
mod pattern;
mod pretty;
pub mod secrets;
mod unique;
mod walk;

pub use call::{CallSchema, for_call, for_parameters};
pub use definition::{any_schema, check_definition, is_type, parameter_schema};
pub use error::{Error, Kind, Step};

use crate::pytext::truthy;
use pattern::Patterns;
use serde_json::Value;
use walk::Walk;

/// How to validate.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Fill in defaults first.
    pub use_default: bool,
    /// Let null through where a property defaults to null; only together with `use_default`.
    pub allow_default_none: bool,
    /// Give errors their long text, with schema and instance.
    pub explain: bool,
}

/// Validates `instance` and returns it, with the defaults filled in if asked for.
///
/// For a schema that is used more than once, [`Validator`] is cheaper, and for calls of actions [`CallSchema`].
///
/// ```
/// use serde_json::json;
/// use st2d::schema::{Options, validate};
///
/// let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "required": true}}});
/// let error = validate(&schema, &json!({"n": "five"}), Options::default()).unwrap_err();
/// assert_eq!(error.to_string(), "'five' is not of type 'integer'");
/// assert_eq!(error.dotted_path(), "n");
/// ```
pub fn validate(schema: &Value, instance: &Value, options: Options) -> Result<Value, Error> {
    Compiled::new(schema.clone(), options)?.validate(instance.clone(), options)
}

/// A schema that many instances are validated with, made ready once.
#[derive(Debug)]
pub struct Validator {
    compiled: Compiled,
    options: Options,
}

impl Validator {
    /// # Errors
    /// The schema is no schema.
    pub fn new(schema: Value, options: Options) -> Result<Self, Error> {
        Ok(Self { compiled: Compiled::new(schema, options)?, options })
    }

    /// The same without what comes of it; an instance that nothing is filled in is not copied for that.
    pub fn check(&self, instance: &Value) -> Result<(), Error> {
        self.compiled.check(instance, self.options)
    }

    /// As [`validate`].
    pub fn validate(&self, instance: &Value) -> Result<Value, Error> {
        self.compiled.validate(instance.clone(), self.options)
    }
}

/// A schema made ready: checked itself, its patterns collected.
#[derive(Debug)]
struct Compiled {
    schema: Value,
    patterns: Patterns,
    /// It may fill something in.
    has_defaults: bool,
}

impl Compiled {
    /// # Errors
    /// The schema is no schema.
    fn new(mut schema: Value, options: Options) -> Result<Self, Error> {
        if options.use_default && options.allow_default_none {
            defaults::allow_none(&mut schema)?;
        }
        definition::check_schema(&schema, options.explain)?;
        Ok(Self::trusted(schema))
    }

    /// One of our own, which needs no check.
    fn trusted(schema: Value) -> Self {
        let patterns = Patterns::of(&schema);
        Self { has_defaults: defaults::are_in(&schema), schema, patterns }
    }

    fn schema(&self) -> &Value {
        &self.schema
    }

    fn validate(&self, mut instance: Value, options: Options) -> Result<Value, Error> {
        if options.use_default && instance.is_object() {
            defaults::assign(&mut instance, &self.schema);
        }
        self.walk(&instance, options).map(|()| instance)
    }

    fn check(&self, instance: &Value, options: Options) -> Result<(), Error> {
        if options.use_default && self.has_defaults {
            self.validate(instance.clone(), options).map(drop)
        } else {
            self.walk(instance, options)
        }
    }

    fn walk(&self, instance: &Value, options: Options) -> Result<(), Error> {
        let failures = Walk::new(&self.schema, &self.patterns).failures(instance).map_err(|error| *error)?;
        match failure::best(failures) {
            Some(best) => Err(best.into_error(Kind::Value, options.explain)),
            None => Ok(()),
        }
    }

    /// Checks a schema against this schema of schemas.
    fn check_as_schema(&self, schema: &Value, explain: bool) -> Result<(), Error> {
        let walk = Walk::new(&self.schema, &self.patterns).with_formats();
        let failures = walk.failures(schema).map_err(|error| *error)?;
        match failure::first(failures) {
            Some(first) => Err(first.into_error(Kind::Schema, explain)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Schemas made of real keywords with values of any kind, so that many are broken.
    fn schema() -> impl Strategy<Value = Value> {
        let keyword = prop::sample::select(vec![
            "type",
            "properties",
            "items",
            "additionalItems",
            "additionalProperties",
            "patternProperties",
            "enum",
            "anyOf",
            "oneOf",
            "allOf",
            "not",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "multipleOf",
            "minLength",
            "maxItems",
            "uniqueItems",
            "minProperties",
            "pattern",
            "dependencies",
            "required",
            "default",
            "$ref",
            "id",
            "definitions",
            "format",
            "a",
        ]);
        let leaf = prop_oneof![
            any::<i32>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
            prop::sample::select(vec![
                "string",
                "object",
                "array",
                "integer",
                "null",
                "#",
                "#/definitions/a",
                "^a+$",
                "["
            ])
            .prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 48, 6, move |inner| {
            prop_oneof![
                prop::collection::vec((keyword.clone(), inner.clone()), 0..5).prop_map(|entries| entries
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect()),
                prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_makes_the_validator_panic(schema in schema(), instance in schema(), explain: bool) {
            for use_default in [false, true] {
                let options = Options { use_default, allow_default_none: use_default, explain };
                let _ = validate(&schema, &instance, options);
            }
            // The same without the check of the schema, which lets few of these through.
            let options = Options { use_default: true, allow_default_none: false, explain };
            let _ = Compiled::trusted(schema).validate(instance, options);
        }
    }

    #[test]
    fn schemas_that_refer_to_themselves_come_to_an_end() {
        let endless = json!({"$ref": "#"});
        let error = validate(&endless, &json!(1), Options::default()).unwrap_err();
        assert_eq!(error.kind, Kind::Fault);
        let exploding = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]});
        let error = validate(&exploding, &json!(1), Options::default()).unwrap_err();
        assert_eq!(error.kind, Kind::Fault);
    }

    #[test]
    fn deep_schemas_and_values_fit_the_stack() {
        let mut schema = json!({"type": "object"});
        let mut instance = json!({});
        for _ in 0..500 {
            schema = json!({"type": "object", "properties": {"a": schema}, "default": {}});
            instance = json!({"a": instance});
        }
        let options = Options { use_default: true, allow_default_none: true, explain: true };
        let run = move || validate(&schema, &instance, options).unwrap_err().kind;
        // What worker threads have.
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap();
        assert_eq!(thread.join().unwrap(), Kind::Fault);
    }

    #[test]
    fn references_reach_the_schema_itself() {
        let schema = json!({"definitions": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/definitions/n"}}});
        assert!(validate(&schema, &json!({"a": 1}), Options::default()).is_ok());
        let error = validate(&schema, &json!({"a": "x"}), Options::default()).unwrap_err();
        assert_eq!(error.to_string(), "'x' is not of type 'integer'");
        let draft = json!({"properties": {"a": {"$ref": "http://json-schema.org/draft-04/schema#"}}});
        let error = validate(&draft, &json!({"a": {"required": "yes"}}), Options::default()).unwrap_err();
        assert_eq!(error.to_string(), "'yes' is not of type 'boolean'");
    }
}
