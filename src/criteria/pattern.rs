//! What a value is compared with: a constant, or a template.

use crate::{
    expr::jinja::{self, Class, Missing, Template},
    pytext,
};
use fancy_regex::Regex;
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, LazyLock},
};

/// A pattern, compiled.
pub enum Pattern {
    /// The same for every event.
    Plain(Value),
    /// Rendered for each event.
    Template(Box<Templates>),
}

/// A template in both forms it is tried in.
pub struct Templates {
    /// As written.
    source: String,
    /// Told to write JSON, so that what it stands for keeps its type.
    typed: Option<Result<Template, jinja::Error>>,
    plain: Result<Template, jinja::Error>,
}

/// What the last expression of a line is wrapped in, and what makes it write JSON.
static EXPRESSION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(\{\{)\s*(.*)\s*(\}\})").ok());
const TYPED: &str = "${1}${2} | to_complex${3}";

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => f.debug_tuple("Plain").field(value).finish(),
            Self::Template(template) => f.debug_tuple("Template").field(&template.source).finish(),
        }
    }
}

impl Pattern {
    /// Compiles a pattern. Only texts are templates; a text without any still passes through the template engine once,
    /// which takes a line break off its end.
    pub fn new(given: &Value) -> Self {
        let Value::String(source) = given else { return Self::Plain(given.clone()) };
        let plain = Template::parse(source);
        if !(jinja::is_template(source) || source.contains("{#"))
            && let Ok(template) = &plain
            && let Ok(text) = template.render(&jinja::to_value(&Value::Object(Map::new())))
        {
            return Self::Plain(Value::String(text));
        }
        let typed = EXPRESSION.as_ref().map(|expression| expression.replace_all(source, TYPED));
        let typed = typed.filter(|typed| *typed != source.as_str()).map(|typed| Template::parse(&typed));
        Self::Template(Box::new(Templates { source: source.clone(), typed, plain }))
    }

    /// The value to compare with. `context` is what templates see.
    ///
    /// # Errors
    /// What Python says about a template that cannot be rendered.
    pub fn value(&self, context: impl FnOnce() -> jinja::Value) -> Result<Cow<'_, Value>, String> {
        match self {
            Self::Plain(value) => Ok(Cow::Borrowed(value)),
            Self::Template(templates) => {
                templates.render(&context()).map(Cow::Owned).map_err(|error| error.to_string())
            }
        }
    }

    /// As it was written.
    pub fn source(&self) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Template(templates) => Value::String(templates.source.clone()),
        }
    }

    /// The constant, if it is one.
    pub fn plain(&self) -> Option<&Value> {
        match self {
            Self::Plain(value) => Some(value),
            Self::Template(_) => None,
        }
    }
}

impl Templates {
    fn render(&self, context: &jinja::Value) -> Result<Value, jinja::Error> {
        if let Some(typed) = &self.typed {
            let text = typed.as_ref().map_err(Clone::clone).and_then(|it| render(it, context));
            match text {
                Ok(text) => {
                    if let Ok(value) = pytext::json_loads(&text) {
                        return Ok(value);
                    }
                }
                // What is no JSON is text.
                Err(error) if matches!(error.class(), Class::ValueError | Class::JSONDecodeError) => {}
                // A key of the datastore stands for its text, where StackStorm fails.
                Err(error) if error.to_string().ends_with("KeyValueLookup is not JSON serializable") => {}
                Err(error) => return Err(error),
            }
        }
        let plain = self.plain.as_ref().map_err(Clone::clone)?;
        render(plain, context).map(Value::String)
    }
}

fn render(template: &Template, context: &jinja::Value) -> Result<String, jinja::Error> {
    template.render_with(context, Missing::Refused)
}

/// The context of patterns: the event under its name, and the datastore.
pub(super) fn context(name: &str, event: &Value, datastore: &Arc<dyn jinja::Datastore>) -> jinja::Value {
    let system = jinja::st2kv_system(datastore);
    [
        (name, jinja::to_value(event)),
        ("st2kv", [("system", system.clone())].into_iter().collect()),
        ("system", system),
    ]
    .into_iter()
    .collect()
}
