//! Lists, described once per resource: which query parameters filter, what sorts, how many come, which fields may be
//! chosen. [`List::read`] turns a query into a [`Request`]; [`Request::respond`] answers it.

use super::{ApiResult, Error, QueryString, attributes::Attributes};
use crate::{
    access::Caller,
    config,
    model::ObjectId,
    store::listing::{Condition, Direction, Listing, Page},
};
use actix_web::{
    HttpResponse,
    http::header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Map, Value};

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
const LIMIT: HeaderName = HeaderName::from_static("x-limit");

/// Largest offset of most lists: StackStorm checks it before its database does.
const LARGEST_OFFSET: i64 = i32::MAX as i64;

/// Ids a filter may name.
const MOST_IDS: usize = 100;

/// How a query parameter restricts a list. The text is an SQL expression over the table.
#[derive(Clone, Copy, Debug)]
pub enum Filter {
    /// Equal, or absent for the word `null`.
    Text(&'static str),
    /// Equal to one of several, separated by commas.
    Texts(&'static str),
    /// One of several ids, separated by commas.
    Ids(&'static str),
    /// One id; what is none is no row's.
    Id(&'static str),
    /// On or off.
    Flag(&'static str),
    /// A member of a text array.
    Member(&'static str),
    /// A moment, or a range `a..b` with both ends.
    Moment(&'static str),
    /// Not before this moment.
    Since(&'static str),
    /// Not after this moment.
    Until(&'static str),
}

/// A list endpoint.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// The table behind it.
    pub table: &'static str,
    /// Query parameters that restrict it. Those over one column sort it too.
    pub filters: &'static [(&'static str, Filter)],
    /// Order unless the client asks for another one.
    pub order: &'static [(&'static str, Direction)],
    /// Rows of a page unless the client says; `None`: all.
    pub default_limit: Option<i64>,
    /// Offsets beyond 32 bits are taken, where StackStorm does not check them.
    pub any_offset: bool,
    /// Fields that can be chosen.
    pub attributes: Attributes,
}

/// A list as one client wants it.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to look for.
    pub listing: Listing,
    choice: super::attributes::Choice,
}

/// Rows a page has at most, and rows before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// `None`: everything.
    pub limit: Option<i64>,
    /// Rows to skip.
    pub offset: i64,
}

impl Paging {
    /// Reads `limit` and `offset`.
    pub fn read(
        query: &QueryString,
        caller: &Caller,
        settings: &config::Api,
        default_limit: Option<i64>,
    ) -> ApiResult<Self> {
        let paging = Self::with_any_offset(query, caller, settings, default_limit)?;
        if paging.offset > LARGEST_OFFSET {
            let offset = paging.offset;
            return Err(Error::bad_request(format!("Offset \"{offset}\" specified is more than 32-bit int")));
        }
        Ok(paging)
    }

    fn with_any_offset(
        query: &QueryString,
        caller: &Caller,
        settings: &config::Api,
        default_limit: Option<i64>,
    ) -> ApiResult<Self> {
        let (limit, offset) = (query.integer("limit")?, query.integer("offset")?.unwrap_or(0));
        if offset < 0 {
            return Err(Error::bad_request(format!(
                "Offset \"{offset}\" specified, must be a positive number or 0."
            )));
        }
        Ok(Self { limit: Self::limit(limit.or(default_limit), caller, settings)?, offset })
    }

    fn limit(asked: Option<i64>, caller: &Caller, settings: &config::Api) -> ApiResult<Option<i64>> {
        match asked {
            None => Ok(None),
            Some(-1) if caller.is_admin() => Ok(None),
            Some(-1) => Err(Error::forbidden(
                "Administrator access required to be able to specify limit=-1 and retrieve all the records",
            )),
            Some(0) => Err(Error::bad_request(
                "Limit, \"0\" specified, must be a positive number or -1 for full result set.",
            )),
            Some(limit) if limit < 0 => {
                Err(Error::bad_request(format!("Limit, \"{limit}\" specified, must be a positive number.")))
            }
            Some(limit) if limit > i64::from(settings.max_page_size) && !caller.is_admin() => {
                Err(Error::forbidden(format!(
                    "Limit \"{limit}\" specified, maximum value is \"{}\"",
                    settings.max_page_size
                )))
            }
            Some(limit) => Ok(Some(limit)),
        }
    }
}

impl List {
    /// Reads what a client asks for.
    pub fn read(&self, query: &QueryString, caller: &Caller, settings: &config::Api) -> ApiResult<Request> {
        let choice = self.attributes.choose(query)?;
        let read = if self.any_offset { Paging::with_any_offset } else { Paging::read };
        let paging = read(query, caller, settings, self.default_limit)?;
        let mut ranges = Vec::new();
        let mut conditions = Vec::new();
        for (name, filter) in self.filters {
            // A list of names that is empty names one, the empty one; anything else that is empty is not asked for.
            let text = if matches!(filter, Filter::Texts(_)) { query.get(name) } else { query.text(name) };
            if let Some(text) = text {
                filter.read(text, &mut conditions, &mut ranges)?;
            }
        }
        let mut order = self.sorting(query);
        if order.is_empty() {
            order = ranges;
        }
        if order.is_empty() {
            order = self.order.to_vec();
        }
        let Paging { limit, offset } = paging;
        Ok(Request { listing: Listing { table: self.table, conditions, order, limit, offset }, choice })
    }

    /// The keys of `sort`; unknown ones are skipped.
    fn sorting(&self, query: &QueryString) -> Vec<(&'static str, Direction)> {
        let keys = query.list("sort").unwrap_or_default().into_iter();
        keys.filter_map(|key| {
            let (name, direction) = match key.strip_prefix('-') {
                Some(name) => (name, Direction::Descending),
                // An unescaped plus arrives as a blank.
                None => (key.trim_start_matches(['+', ' ']), Direction::Ascending),
            };
            let column = match name {
                "id" => Some("id"),
                _ => self
                    .filters
                    .iter()
                    .find(|(filter, _)| *filter == name)
                    .and_then(|(_, filter)| filter.column()),
            };
            column.map(|column| (column, direction))
        })
        .collect()
    }
}

impl Filter {
    /// The column to sort by under this parameter's name.
    fn column(self) -> Option<&'static str> {
        match self {
            Self::Text(column)
            | Self::Texts(column)
            | Self::Ids(column)
            | Self::Id(column)
            | Self::Flag(column)
            | Self::Moment(column) => Some(column),
            Self::Member(_) | Self::Since(_) | Self::Until(_) => None,
        }
    }

    fn read(
        self,
        text: &str,
        conditions: &mut Vec<Condition>,
        ranges: &mut Vec<(&'static str, Direction)>,
    ) -> ApiResult<()> {
        if text.eq_ignore_ascii_case("null")
            && let Some(column) = self.column()
        {
            conditions.push(Condition::Absent(column));
            return Ok(());
        }
        let condition = match self {
            Self::Text(column) => Condition::Text(column, text.to_owned()),
            Self::Texts(column) => Condition::TextIn(column, text.split(',').map(str::to_owned).collect()),
            Self::Ids(column) => Condition::IdIn(column, ids(text)?),
            Self::Id(column) => match text.parse() {
                Ok(id) => Condition::IdIn(column, vec![id]),
                Err(_) => Condition::Never,
            },
            Self::Flag(column) => Condition::Flag(column, flag(text)?),
            Self::Member(column) => Condition::Member(column, text.to_owned()),
            Self::Since(column) => Condition::Since(column, super::query::moment(text)?),
            Self::Until(column) => Condition::Until(column, super::query::moment(text)?),
            Self::Moment(column) => {
                let (from, to) = text.split_once("..").unwrap_or((text, text));
                let (from, to) = (super::query::moment(from)?, super::query::moment(to)?);
                if text.contains("..") {
                    let direction = if from > to { Direction::Descending } else { Direction::Ascending };
                    ranges.push((column, direction));
                }
                conditions.push(Condition::Since(column, from.min(to)));
                Condition::Until(column, from.max(to))
            }
        };
        conditions.push(condition);
        Ok(())
    }
}

/// Ids separated by commas.
fn ids(text: &str) -> ApiResult<Vec<ObjectId>> {
    let ids: Vec<&str> = text.split(',').collect();
    if ids.len() > MOST_IDS {
        return Err(Error::bad_request(format!(
            "Maximum of {MOST_IDS} items can be provided for a query parameter value"
        )));
    }
    Ok(ids.into_iter().map(str::parse).collect::<Result<_, _>>()?)
}

fn flag(text: &str) -> ApiResult<bool> {
    match text {
        "1" | "true" | "True" => Ok(true),
        "0" | "false" | "False" => Ok(false),
        _ => Err(Error::bad_request(format!("Invalid bool representation \"{text}\" provided."))),
    }
}

impl Request {
    /// The page as an answer. `items` are the rows of `page.ids`, in their order.
    pub fn respond(&self, page: &Page, items: impl IntoIterator<Item = Map<String, Value>>) -> HttpResponse {
        let items: Vec<Map<String, Value>> = items.into_iter().map(|item| self.choice.narrow(item)).collect();
        let bytes = serde_json::to_vec(&items).unwrap_or_default();
        listed(bytes, Some(page.total), self.listing.limit)
    }
}

/// A list that is JSON text already, with its counts in the headers.
pub fn listed(items: Vec<u8>, total: Option<i64>, limit: Option<i64>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "application/json"));
    if let Some(total) = total {
        response.insert_header((TOTAL, HeaderValue::from(total)));
    }
    if let Some(limit) = limit {
        response.insert_header((LIMIT, HeaderValue::from(limit)));
    }
    response.body(items)
}
