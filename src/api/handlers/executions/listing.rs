//! What the query of a list asks for: filters, order, page.

use crate::{
    access::Caller,
    api::{ApiResult, Error, QueryString, list::Paging, moment},
    config,
    model::ExecutionId,
    store::executions::query::{Column, Condition, Document, Query, Sort, SortKey},
    wire::execution::{BadField, Field, Fields},
};

/// Executions of a page unless the client says.
const DEFAULT_LIMIT: i64 = 100;

/// Filters that compare a column.
const COLUMNS: [(&str, Column); 5] = [
    ("action", Column::ActionRef),
    ("runner", Column::Runner),
    ("status", Column::Status),
    ("user", Column::User),
    ("parent", Column::Parent),
];

/// Filters that compare a part of what started the execution.
const ORIGINS: [(&str, [&str; 2]); 4] = [
    ("rule", ["rule", "name"]),
    ("trigger", ["trigger", "name"]),
    ("trigger_type", ["trigger_type", "name"]),
    ("trigger_instance", ["trigger_instance", "id"]),
];

/// The fields a list shows.
pub(super) fn fields(query: &QueryString) -> ApiResult<Fields> {
    match (query.get("include_attributes"), query.get("exclude_attributes")) {
        (Some(_), Some(_)) => Err(Error::bad_request(
            "exclude_fields and include_fields arguments are mutually exclusive. You need to provide either one or another, but not both.",
        )),
        (Some(names), None) => Fields::include(names).map_err(|error| {
            let what = match error {
                BadField::Unknown(name) if !name.is_empty() => name,
                other => other.to_string(),
            };
            Error::bad_request(format!("Invalid or unsupported include attribute specified: {what}"))
        }),
        (None, Some(names)) => excluded(names),
        (None, None) => Ok(Fields::All),
    }
}

/// The fields that one execution shows. StackStorm words one error differently here.
pub(super) fn fields_of_one(query: &QueryString) -> ApiResult<Fields> {
    match (query.get("include_attributes"), query.get("exclude_attributes")) {
        (include, Some(names)) => {
            let fields = excluded(names)?;
            if include.is_some() {
                return Err(Error::bad_request(
                    "exclude_attributes and include_attributes arguments are mutually exclusive. You need to provide either one or another, but not both.",
                ));
            }
            Ok(fields)
        }
        (Some(names), None) => Fields::include(names).map_err(|error| {
            Error::bad_request(format!("Invalid or unsupported include attribute specified: {error}"))
        }),
        (None, None) => Ok(Fields::All),
    }
}

fn excluded(names: &str) -> ApiResult<Fields> {
    Fields::exclude(names).map_err(|error| Error::bad_request(error.to_string()))
}

/// The page a client asks for.
pub(super) fn read(query: &QueryString, caller: &Caller, settings: &config::Api) -> ApiResult<Query> {
    let paging = Paging::read(query, caller, settings, Some(DEFAULT_LIMIT))?;
    let mut filter = Vec::new();
    let mut range = None;
    if let Some(ids) = query.list("id") {
        filter.push(if is_null(query.text("id")) {
            Condition::Never
        } else {
            Condition::Ids(ids.into_iter().map(str::parse).collect::<Result<_, _>>()?)
        });
    }
    for (name, column) in COLUMNS {
        if let Some(text) = query.text(name) {
            filter.push(column_condition(column, text));
        }
    }
    for (name, path) in ORIGINS {
        if let Some(text) = query.text(name) {
            let path = path.map(str::to_owned).to_vec();
            filter.push(if is_null(Some(text)) {
                Condition::NoJson(Document::Origin, path)
            } else {
                Condition::Json(Document::Origin, path, text.to_owned())
            });
        }
    }
    if let Some(id) = query.text("liveaction") {
        filter.push(id.parse().map_or(Condition::Never, Condition::Liveaction));
    }
    if let Some(text) = query.text("timestamp") {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let (from, to) = (moment(from)?, moment(to)?);
        filter.extend(Condition::between(from.min(to), from.max(to)));
        // A range sorts by itself, in the direction it is written in.
        range = text.contains("..").then_some(from >= to);
    }
    if let Some(at) = query.moment("timestamp_gt")? {
        filter.push(Condition::after(at));
    }
    if let Some(at) = query.moment("timestamp_lt")? {
        filter.push(Condition::before(at));
    }
    if let Some(text) = query.text("filter") {
        for token in text.split(' ') {
            filter.push(advanced(token)?);
        }
    }
    Ok(Query {
        filter,
        order: order(query, range),
        offset: paging.offset.max(0) as u64,
        limit: paging.limit.map(|limit| limit.max(0) as u64),
    })
}

fn column_condition(column: Column, text: &str) -> Condition {
    if is_null(Some(text)) {
        return Condition::IsNull(column);
    }
    match column {
        Column::Parent => text.parse().map_or(Condition::Never, Condition::Parent),
        _ => Condition::Is(column, text.to_owned()),
    }
}

fn is_null(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.eq_ignore_ascii_case("null"))
}

/// `sort` beats `sort_asc` and `sort_desc`, a range of time beats those, and newest first is the rest.
fn order(query: &QueryString, range: Option<bool>) -> Vec<Sort> {
    let keys = query.list("sort").unwrap_or_default();
    let asked: Vec<Sort> = keys.into_iter().filter_map(sort).collect();
    if !asked.is_empty() {
        return asked;
    }
    let descending = if let Some(descending) = range {
        descending
    } else if query.text("timestamp_lt").is_some() || query.text("sort_desc").is_some() {
        true
    } else {
        query.text("timestamp_gt").is_none() && query.text("sort_asc").is_none()
    };
    vec![Sort { key: SortKey::Id, descending }]
}

/// One key of `sort`; `None` if there is no such key.
fn sort(key: &str) -> Option<Sort> {
    let (name, descending) = match key.strip_prefix('-') {
        Some(name) => (name, true),
        // An unescaped plus arrives as a blank.
        None => (key.trim_start_matches(['+', ' ']), false),
    };
    let column = COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, column)| SortKey::Column(*column));
    let origin = || ORIGINS.iter().find(|(known, _)| *known == name);
    let key = match name {
        // The start time is part of the id.
        "id" | "timestamp" | "timestamp_gt" | "timestamp_lt" => SortKey::Id,
        // Executions have no name: StackStorm takes the key and leaves the rows as they were stored.
        "name" => return Some(Sort { key: SortKey::Id, descending: false }),
        "liveaction" => SortKey::Liveaction,
        _ => match (column, origin()) {
            (Some(column), _) => column,
            (None, Some((_, path))) => SortKey::Json(Document::Origin, path.map(str::to_owned).to_vec()),
            (None, None) => return None,
        },
    };
    Some(Sort { key, descending })
}

/// `dotted.field:value`.
fn advanced(token: &str) -> ApiResult<Condition> {
    let (name, value) = token
        .split_once(':')
        .ok_or_else(|| Error::bad_request(format!("invalid format for filter \"{token}\"")))?;
    let (field, path) = resolve(name)?;
    let json = |document, path: Vec<String>| Condition::Json(document, path, value.to_owned());
    let under = |first: &str| [vec![first.to_owned()], path.clone()].concat();
    let id = |condition: fn(ExecutionId) -> Condition| value.parse().map_or(Condition::Never, condition);
    let inner = path.first().map_or("", String::as_str);
    Ok(match field {
        Field::Id => id(|id| Condition::Ids(vec![id])),
        Field::Parent => id(Condition::Parent),
        Field::Children => id(Condition::HasChild),
        Field::Status => Condition::Is(Column::Status, value.to_owned()),
        Field::Action if path == ["ref"] => Condition::Is(Column::ActionRef, value.to_owned()),
        Field::Runner if path == ["name"] => Condition::Is(Column::Runner, value.to_owned()),
        Field::Context if path == ["user"] => Condition::Is(Column::User, value.to_owned()),
        Field::Action => json(Document::Action, path),
        Field::Runner => json(Document::Runner, path),
        Field::Context => json(Document::Context, path),
        Field::Parameters => json(Document::Parameters, path),
        Field::Liveaction if inner == "id" => value.parse().map_or(Condition::Never, Condition::Liveaction),
        Field::Liveaction if inner == "action" => Condition::Is(Column::ActionRef, value.to_owned()),
        Field::Liveaction if inner == "parameters" => json(Document::Parameters, path[1..].to_vec()),
        Field::Log if inner == "status" => Condition::Had(value.to_owned()),
        Field::Trigger => json(Document::Origin, under("trigger")),
        Field::TriggerType => json(Document::Origin, under("trigger_type")),
        Field::TriggerInstance => json(Document::Origin, under("trigger_instance")),
        Field::Rule => json(Document::Origin, under("rule")),
        Field::WorkflowExecution => json(Document::Origin, under("workflow_execution")),
        Field::TaskExecution => json(Document::Origin, under("task_execution")),
        // Text never equals a number, a moment or a whole object.
        _ => Condition::Never,
    })
}

/// The field a dotted name begins with, and the path into it.
fn resolve(name: &str) -> ApiResult<(Field, Vec<String>)> {
    // Attributes and filters know the same fields, and complain in the same words.
    Fields::include(name).map_err(|error| Error::bad_request(error.to_string()))?;
    let mut segments = name.split('.').map(str::to_owned);
    let first = segments.next().unwrap_or_default();
    let field = Field::named(&first).unwrap_or(Field::Id);
    Ok((field, segments.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<T: std::fmt::Debug>(result: ApiResult<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn advanced_filters_find_their_place() {
        let is = |column, text: &str| Condition::Is(column, text.to_owned());
        assert_eq!(advanced("status:failed").unwrap(), is(Column::Status, "failed"));
        assert_eq!(advanced("action.ref:a.b:c").unwrap(), is(Column::ActionRef, "a.b:c"));
        let path = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            advanced("context.own.x:y").unwrap(),
            Condition::Json(Document::Context, path(&["own", "x"]), "y".to_owned())
        );
        assert_eq!(
            advanced("rule.ref:a.r").unwrap(),
            Condition::Json(Document::Origin, path(&["rule", "ref"]), "a.r".to_owned())
        );
        assert_eq!(advanced("log.status:paused").unwrap(), Condition::Had("paused".to_owned()));
        assert_eq!(advanced("start_timestamp:x").unwrap(), Condition::Never);
        assert_eq!(words(advanced("nope")), "invalid format for filter \"nope\"");
        assert_eq!(words(advanced("nope.x:1")), "Cannot resolve field \"nope\"");
        assert_eq!(
            words(advanced("result.return_code:2")),
            "Cannot resolve subfield or operator return_code on the field result"
        );
    }

    #[test]
    fn sort_keys_are_filter_names_and_unknown_ones_are_skipped() {
        assert_eq!(sort("-timestamp"), Some(Sort { key: SortKey::Id, descending: true }));
        assert_eq!(
            sort("+action"),
            Some(Sort { key: SortKey::Column(Column::ActionRef), descending: false })
        );
        assert_eq!((sort("start_timestamp"), sort("nope")), (None, None));
    }
}
