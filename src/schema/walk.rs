//! The walk over schema and instance: draft 4 keyword by keyword, with draft 3's boolean `required`.
//!
//! Left out: `$schema` in a sub-schema does not switch drafts, and references reach only the schema itself and
//! StackStorm's schema of schemas, never the network.

use super::{
    check::{Check, check_type},
    definition,
    error::Error,
    failure::{Failure, Says, Step},
    pattern::Patterns,
    truthy, unique,
};
use serde_json::{Map, Value};

/// How deep schemas may nest, references included. Python stops near this depth too (its recursion limit).
const DEPTH: usize = 200;

/// How many sub-schemas one check may visit: branches that refer to each other multiply quickly.
const STEPS: usize = 500_000;

/// One check in progress.
pub(super) struct Walk<'a> {
    /// The schema that `#` in a reference means.
    root: &'a Value,
    patterns: &'a Patterns,
    /// Whether `format: regex` is checked; only schemas of schemas are checked for it.
    formats: bool,
    depth: usize,
    steps: usize,
}

type Failures<'a> = Vec<Failure<'a>>;
type Outcome = Result<(), Box<Error>>;

impl<'a> Walk<'a> {
    pub(super) fn new(root: &'a Value, patterns: &'a Patterns) -> Self {
        Self { root, patterns, formats: false, depth: 0, steps: 0 }
    }

    pub(super) fn with_formats(mut self) -> Self {
        self.formats = true;
        self
    }

    /// All failures of `instance` under the root.
    pub(super) fn failures(mut self, instance: &'a Value) -> Result<Failures<'a>, Box<Error>> {
        let mut failures = vec![];
        self.keywords(self.root, instance, &mut failures)?;
        Ok(failures)
    }

    /// Checks a sub-schema, adding the steps that led to it to each failure.
    fn descend(
        &mut self,
        instance: &'a Value,
        schema: &'a Value,
        path: Option<Step<'a>>,
        schema_path: Option<Step<'a>>,
        failures: &mut Failures<'a>,
    ) -> Outcome {
        let outer = self.root;
        if schema.get("id").is_some_and(Value::is_string) && !std::ptr::eq(schema, outer) {
            self.root = definition::by_id(schema).unwrap_or(schema);
        }
        let start = failures.len();
        let outcome = self.keywords(schema, instance, failures);
        self.root = outer;
        outcome?;
        for failure in &mut failures[start..] {
            failure.path.extend(path);
            failure.schema_path.extend(schema_path);
        }
        Ok(())
    }

    fn is_valid(&mut self, instance: &'a Value, schema: &'a Value) -> Result<bool, Box<Error>> {
        let mut failures = vec![];
        self.descend(instance, schema, None, None, &mut failures)?;
        Ok(failures.is_empty())
    }

    fn keywords(&mut self, schema: &'a Value, instance: &'a Value, failures: &mut Failures<'a>) -> Outcome {
        self.steps += 1;
        if self.steps > STEPS {
            return Err(Box::new(Error::fault("the schema takes too many steps to check")));
        }
        if self.depth == DEPTH {
            return Err(Box::new(Error::fault("maximum recursion depth exceeded")));
        }
        let Some(keywords) = schema.as_object() else { return Ok(()) };
        self.depth += 1;
        let mut outcome = Ok(());
        for (keyword, value) in keywords {
            let start = failures.len();
            let check = Check { keyword, value, schema, keywords, instance };
            outcome = self.keyword(&check, failures);
            if outcome.is_err() {
                break;
            }
            if keyword != "$ref" {
                for failure in &mut failures[start..] {
                    failure.schema_path.push(Step::Key(keyword));
                }
            }
        }
        self.depth -= 1;
        outcome
    }

    fn keyword(&mut self, check: &Check<'a>, failures: &mut Failures<'a>) -> Outcome {
        let Check { keyword, value, instance, .. } = *check;
        match (keyword, instance) {
            ("$ref", _) => return self.reference(value, instance, failures),
            ("allOf", _) => {
                for (index, branch) in items(value).enumerate() {
                    self.descend(instance, branch, None, Some(Step::Index(index)), failures)?;
                }
            }
            ("anyOf" | "oneOf", _) => return self.branches(check, failures),
            ("not", _) if self.is_valid(instance, value)? => failures.push(check.failure()),
            ("type", _) => return check_type(check, failures),
            ("enum", _) if !items(value).any(|item| unique::equal(item, instance)) => {
                failures.push(check.failure());
            }
            ("pattern", Value::String(text)) => {
                if let Some(pattern) = value.as_str()
                    && !self.patterns.search(pattern, text)?
                {
                    failures.push(check.failure());
                }
            }
            ("format", Value::String(text))
                if self.formats && value == "regex" && !Patterns::is_valid(text) =>
            {
                failures.push(check.failure());
            }
            ("minimum" | "maximum" | "multipleOf", Value::Number(number)) => {
                if let Value::Number(limit) = value
                    && !check.is_within(number, limit)
                {
                    failures.push(check.failure());
                }
            }
            (_, Value::String(text)) => check.size("Length", failures, || text.chars().count()),
            (_, Value::Array(list)) => return self.array(check, list, failures),
            (_, Value::Object(map)) => return self.object(check, map, failures),
            _ => {}
        }
        Ok(())
    }

    fn array(&mut self, check: &Check<'a>, list: &'a [Value], failures: &mut Failures<'a>) -> Outcome {
        let Check { keyword, value, keywords, .. } = *check;
        match (keyword, value) {
            ("items", Value::Object(_)) => {
                for (index, item) in list.iter().enumerate() {
                    self.descend(item, value, Some(Step::Index(index)), None, failures)?;
                }
            }
            ("items", Value::Array(schemas)) => {
                for (index, (item, schema)) in list.iter().zip(schemas).enumerate() {
                    let step = Some(Step::Index(index));
                    self.descend(item, schema, step, step, failures)?;
                }
            }
            ("additionalItems", _) => {
                let positional = match keywords.get("items") {
                    None | Some(Value::Object(_)) => return Ok(()),
                    Some(schemas) => items(schemas).count(),
                };
                let extra = list.get(positional..).unwrap_or_default();
                if value.is_object() {
                    for (index, item) in extra.iter().enumerate() {
                        self.descend(item, value, Some(Step::Index(positional + index)), None, failures)?;
                    }
                } else if !truthy(value) && !extra.is_empty() {
                    failures.push(check.failure_saying(Says::ExtraItems(extra)));
                }
            }
            ("uniqueItems", _) if truthy(value) && !unique::all(list) => failures.push(check.failure()),
            _ => check.size("Items", failures, || list.len()),
        }
        Ok(())
    }

    fn object(
        &mut self,
        check: &Check<'a>,
        map: &'a Map<String, Value>,
        failures: &mut Failures<'a>,
    ) -> Outcome {
        let Check { keyword, value, .. } = *check;
        match (keyword, value) {
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    let step = Some(Step::Key(name));
                    if let Some(item) = map.get(name) {
                        self.descend(item, schema, step, step, failures)?;
                    } else if let Some(required) = schema.get("required").filter(|required| truthy(required))
                    {
                        let mut failure = check.failure_saying(Says::Missing(name));
                        failure.keyword = "required";
                        failure.value = required;
                        failure.path.extend(step);
                        failure.schema_path.extend([Step::Key("required"), Step::Key(name)]);
                        failures.push(failure);
                    }
                }
            }
            ("patternProperties", Value::Object(patterns)) => {
                for (pattern, schema) in patterns {
                    for (name, item) in map {
                        if self.patterns.search(pattern, name)? {
                            let (path, schema_path) = (Some(Step::Key(name)), Some(Step::Key(pattern)));
                            self.descend(item, schema, path, schema_path, failures)?;
                        }
                    }
                }
            }
            ("additionalProperties", Value::Object(_)) => {
                for name in self.extras(check, map)? {
                    self.descend(&map[name], value, Some(Step::Key(name)), None, failures)?;
                }
            }
            ("additionalProperties", _) if !truthy(value) => {
                let mut extras = self.extras(check, map)?;
                if !extras.is_empty() {
                    extras.sort_unstable();
                    failures.push(check.failure_saying(Says::Extras(extras)));
                }
            }
            ("dependencies", Value::Object(dependencies)) => {
                for (of, dependency) in dependencies.iter().filter(|(of, _)| map.contains_key(*of)) {
                    if let Value::Array(names) = dependency {
                        let absent =
                            names.iter().filter(|name| !name.as_str().is_some_and(|n| map.contains_key(n)));
                        failures
                            .extend(absent.map(|each| check.failure_saying(Says::Dependency { each, of })));
                    } else {
                        self.descend(check.instance, dependency, None, Some(Step::Key(of)), failures)?;
                    }
                }
            }
            _ => check.size("Properties", failures, || map.len()),
        }
        Ok(())
    }

    /// The keys that neither `properties` nor `patternProperties` mentions.
    fn extras(&self, check: &Check<'a>, map: &'a Map<String, Value>) -> Result<Vec<&'a str>, Box<Error>> {
        let properties = check.keywords.get("properties").and_then(Value::as_object);
        let patterns = check.keywords.get("patternProperties").and_then(Value::as_object);
        let mut extras = vec![];
        'keys: for name in map.keys() {
            if properties.is_some_and(|properties| properties.contains_key(name)) {
                continue;
            }
            for pattern in patterns.into_iter().flat_map(Map::keys) {
                if self.patterns.search(pattern, name)? {
                    continue 'keys;
                }
            }
            extras.push(name.as_str());
        }
        Ok(extras)
    }

    fn branches(&mut self, check: &Check<'a>, failures: &mut Failures<'a>) -> Outcome {
        let mut context = vec![];
        let mut fitting = None;
        let mut rest = items(check.value).enumerate();
        for (index, branch) in rest.by_ref() {
            let start = context.len();
            self.descend(check.instance, branch, None, Some(Step::Index(index)), &mut context)?;
            if context.len() == start {
                fitting = Some(branch);
                break;
            }
        }
        let Some(fitting) = fitting else {
            failures.push(Failure { context, ..check.failure() });
            return Ok(());
        };
        if check.keyword == "oneOf" {
            let mut also = vec![];
            for (_, branch) in rest {
                if self.is_valid(check.instance, branch)? {
                    also.push(branch);
                }
            }
            if !also.is_empty() {
                also.push(fitting);
                failures.push(check.failure_saying(Says::Each(also)));
            }
        }
        Ok(())
    }

    fn reference(
        &mut self,
        reference: &'a Value,
        instance: &'a Value,
        failures: &mut Failures<'a>,
    ) -> Outcome {
        let Some(reference) = reference.as_str() else { return Ok(()) };
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let target =
            if base.is_empty() || self.root.get("id").is_some_and(|id| definition::is_same_id(id, base)) {
                Some(self.root)
            } else {
                definition::by_uri(base)
            };
        let found = target.and_then(|target| Some((target, target.pointer(&percent_decoded(fragment))?)));
        let Some((target, schema)) = found else {
            return Err(Box::new(Error::fault(format!("Unresolvable: {reference}"))));
        };
        let outer = std::mem::replace(&mut self.root, target);
        let outcome = self.keywords(schema, instance, failures);
        self.root = outer;
        outcome
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn percent_decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = tail.get(..2).filter(|_| byte == b'%').and_then(|pair| hex::decode(pair).ok());
        if let Some(decoded) = decoded {
            bytes.extend(decoded);
            rest = &tail[2..];
        } else {
            bytes.push(byte);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
