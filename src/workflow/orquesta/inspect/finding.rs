//! One thing that is wrong, and where.

use serde_json::{Map, Value, json};

use super::Places;
use crate::expr::orquesta::Language;

/// What sort of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An action, or what it is called with.
    Content,
    /// A variable.
    Context,
    /// An expression that cannot be read.
    Expression,
    /// The tasks as a whole.
    Semantic,
    /// The shape of the document.
    Syntax,
}

impl Kind {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Context => "context",
            Self::Expression => "expression",
            Self::Semantic => "semantic",
            Self::Syntax => "syntax",
        }
    }
}

/// One thing that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What sort of thing.
    pub kind: Kind,
    /// What is wrong.
    pub message: String,
    /// Where in the definition: `tasks.t.next[0].when`; nothing for all of it.
    pub spec_path: Option<String>,
    /// Where in orquesta's schema.
    pub schema_path: String,
    /// The expression, and its language unless it mixes two; for expressions and variables.
    pub expression: Option<(String, Option<Language>)>,
    /// What exactly at that place.
    pub(super) focus: Focus,
}

/// What a finding is about, closer than its path tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Focus {
    /// All that is there.
    #[default]
    All,
    /// A key that should not be there.
    Key(String),
    /// A variable.
    Variable(String),
}

impl Finding {
    pub(super) fn new(
        kind: Kind,
        message: impl Into<String>,
        spec_path: impl Into<String>,
        schema_path: impl Into<String>,
    ) -> Self {
        let (message, spec_path) = (message.into(), Some(spec_path.into()).filter(|path| !path.is_empty()));
        Self {
            kind,
            message,
            spec_path,
            schema_path: schema_path.into(),
            expression: None,
            focus: Focus::All,
        }
    }

    /// The finding as clients see it; with `places`, line and column are told too.
    pub fn to_json(&self, places: Option<&Places>) -> Value {
        let mut finding = Map::new();
        finding.insert("type".to_owned(), json!(self.kind.name()));
        if let Some((expression, language)) = &self.expression {
            finding.insert("language".to_owned(), json!(language.map(Language::name)));
            finding.insert("expression".to_owned(), json!(expression));
        }
        finding.insert("message".to_owned(), json!(self.message));
        finding.insert("spec_path".to_owned(), json!(self.spec_path));
        finding.insert("schema_path".to_owned(), json!(self.schema_path));
        if let Some(places) = places {
            let (line, column) = places.of(self);
            finding.insert("position".to_owned(), json!({"line": line, "column": column}));
        }
        Value::Object(finding)
    }
}
