//! `include_attributes` and `exclude_attributes` of executions.

/// A field of the REST view that callers may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `id`: always shown.
    Id,
    /// Snapshot of the trigger.
    Trigger,
    /// Snapshot of its type.
    TriggerType,
    /// Snapshot of the occurrence.
    TriggerInstance,
    /// Snapshot of the rule.
    Rule,
    /// Snapshot of the action.
    Action,
    /// Snapshot of the runner type.
    Runner,
    /// The embedded live action.
    Liveaction,
    /// Id of the workflow it belongs to.
    WorkflowExecution,
    /// Id of the task it belongs to.
    TaskExecution,
    /// Status.
    Status,
    /// When it was requested.
    StartTimestamp,
    /// When it ended.
    EndTimestamp,
    /// Parameters as given.
    Parameters,
    /// Result.
    Result,
    /// Size of the result.
    ResultSize,
    /// Context.
    Context,
    /// Parent execution.
    Parent,
    /// Child executions.
    Children,
    /// Status history.
    Log,
    /// Requested delay.
    Delay,
    /// Link to the web page.
    WebUrl,
}

use Field::{
    Action, Children, Context, Delay, EndTimestamp, Id, Liveaction, Log, Parameters, Parent, Result,
    ResultSize, Rule, Runner, StartTimestamp, Status, TaskExecution, Trigger, TriggerInstance, TriggerType,
    WebUrl, WorkflowExecution,
};

/// Every field by its name, and whether paths may go into it.
const NAMES: &[(&str, Field, bool)] = &[
    ("id", Id, false),
    ("trigger", Trigger, true),
    ("trigger_type", TriggerType, true),
    ("trigger_instance", TriggerInstance, true),
    ("rule", Rule, true),
    ("action", Action, true),
    ("runner", Runner, true),
    ("liveaction", Liveaction, true),
    ("workflow_execution", WorkflowExecution, false),
    ("task_execution", TaskExecution, false),
    ("status", Status, false),
    ("start_timestamp", StartTimestamp, false),
    ("end_timestamp", EndTimestamp, false),
    ("parameters", Parameters, true),
    ("result", Result, false),
    ("result_size", ResultSize, false),
    ("context", Context, true),
    ("parent", Parent, false),
    ("children", Children, false),
    ("log", Log, true),
    ("delay", Delay, false),
    ("web_url", WebUrl, false),
];

/// What executions were given, or what shows it.
const INPUTS: &[Field] = &[
    Trigger,
    TriggerType,
    TriggerInstance,
    Rule,
    Liveaction,
    WorkflowExecution,
    TaskExecution,
    Parameters,
    Context,
];

/// What clients may leave out.
const EXCLUDABLE: &[Field] = &[Result, TriggerInstance, Status];

impl Field {
    /// The field of this name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, ..)| *known == name).map(|(_, field, _)| *field)
    }
}

/// Which fields to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fields {
    /// All there are.
    #[default]
    All,
    /// These, each whole (no paths) or only what the paths lead to.
    Only(Vec<(Field, Vec<String>)>),
    /// All but these.
    AllBut(Vec<Field>),
}

/// How much of a field to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Nothing.
    Hidden,
    /// All of it.
    Whole,
    /// What these dotted paths lead to.
    Narrow(&'a [String]),
}

/// A name that cannot be asked for or left out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadField {
    /// No such field.
    #[error("Cannot resolve field \"{0}\"")]
    Unknown(String),
    /// A path into a field that has no inside.
    #[error("Cannot resolve subfield or operator {path} on the field {field}")]
    NoInside {
        /// What was asked of it.
        path: String,
        /// The field.
        field: String,
    },
    /// A field that is always there.
    #[error("Invalid or unsupported exclude attribute specified: {0}")]
    NotExcludable(String),
}

impl Fields {
    /// Reads `include_attributes`, comma separated.
    ///
    /// # Errors
    /// The first name that is unknown.
    pub fn include(list: &str) -> std::result::Result<Self, BadField> {
        let mut only: Vec<(Field, Vec<String>)> = Vec::new();
        for name in list.split(',') {
            let (field, path) = resolve(name)?;
            match only.iter_mut().find(|(known, _)| *known == field) {
                None => only.push((field, path.into_iter().collect())),
                // Once whole, always whole.
                Some((_, paths)) if paths.is_empty() => {}
                Some((_, paths)) => match path {
                    Some(path) => paths.push(path),
                    None => paths.clear(),
                },
            }
        }
        Ok(Self::Only(only))
    }

    /// Reads `exclude_attributes`, comma separated.
    ///
    /// # Errors
    /// The first name that cannot be left out.
    pub fn exclude(list: &str) -> std::result::Result<Self, BadField> {
        list.split(',')
            .map(|name| {
                Field::named(name)
                    .filter(|field| EXCLUDABLE.contains(field))
                    .ok_or_else(|| BadField::NotExcludable(name.to_owned()))
            })
            .collect::<std::result::Result<_, _>>()
            .map(Self::AllBut)
    }

    /// How much of `field` to show.
    pub fn part(&self, field: Field) -> Part<'_> {
        match self {
            Self::All => Part::Whole,
            Self::AllBut(hidden) if hidden.contains(&field) => Part::Hidden,
            Self::AllBut(_) => Part::Whole,
            Self::Only(shown) => match shown.iter().find(|(known, _)| *known == field) {
                None => Part::Hidden,
                Some((_, paths)) if paths.is_empty() => Part::Whole,
                Some((_, paths)) => Part::Narrow(paths),
            },
        }
    }

    /// Whether any of a field is shown.
    pub fn want(&self, field: Field) -> bool {
        self.part(field) != Part::Hidden
    }

    /// Whether anything is shown of what executions were given.
    pub fn want_inputs(&self) -> bool {
        INPUTS.iter().any(|field| self.want(*field))
    }

    /// Whether fields that cannot be asked for by name are shown.
    pub(super) fn is_all_but_excluded(&self) -> bool {
        !matches!(self, Self::Only(_))
    }
}

/// The field a dotted name begins with, and the path into it. `context` and `parameters` are always shown whole.
pub(crate) fn resolve(name: &str) -> std::result::Result<(Field, Option<String>), BadField> {
    let (first, path) = name.split_once('.').map_or((name, None), |(first, path)| (first, Some(path)));
    let (_, field, has_inside) = NAMES
        .iter()
        .find(|(known, ..)| *known == first)
        .ok_or_else(|| BadField::Unknown(first.to_owned()))?;
    match path {
        Some(path) if !has_inside => {
            let path = path.split('.').next().unwrap_or(path).to_owned();
            Err(BadField::NoInside { path, field: first.to_owned() })
        }
        Some(path) if !matches!(field, Parameters | Context | Log) => Ok((*field, Some(path.to_owned()))),
        _ => Ok((*field, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_narrows_and_a_bare_name_widens() {
        let fields = Fields::include("action.ref,status,action.pack").unwrap();
        assert_eq!(fields.part(Action), Part::Narrow(&["ref".to_owned(), "pack".to_owned()]));
        assert_eq!(fields.part(Status), Part::Whole);
        assert_eq!(fields.part(Runner), Part::Hidden);
        assert_eq!(Fields::include("action.ref,action").unwrap().part(Action), Part::Whole);
        assert_eq!(Fields::include("action,action.ref").unwrap().part(Action), Part::Whole);
        assert!(!fields.want(Result) && Fields::All.want(Result));
        assert!(!fields.want_inputs() && Fields::include("rule.ref").unwrap().want_inputs());
    }

    #[test]
    fn unknown_names_are_told_as_stackstorm_tells_them() {
        let error = |list| Fields::include(list).unwrap_err().to_string();
        assert_eq!(error("status,nope"), "Cannot resolve field \"nope\"");
        assert_eq!(error("elapsed_seconds"), "Cannot resolve field \"elapsed_seconds\"");
        assert_eq!(error("result.stdout"), "Cannot resolve subfield or operator stdout on the field result");
        assert_eq!(
            Fields::exclude("result,action").unwrap_err().to_string(),
            "Invalid or unsupported exclude attribute specified: action"
        );
        assert_eq!(Fields::exclude("result,status").unwrap().part(Result), Part::Hidden);
    }
}
