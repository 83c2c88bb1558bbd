//! One page of a list: which rows, in which order, and how many there are in all.
//!
//! Conditions and order of a list are put together at run time, so this is the one place where SQL is. It selects
//! ids only; the rows themselves are read by id with a checked query. Names of tables and columns are constants of
//! the program and never come from a request.

use super::Result;
use crate::model::ObjectId;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};

/// A test a row has to pass. The first field is an SQL expression over the table's columns.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Equal to a text.
    Text(&'static str, String),
    /// Equal to one of the texts.
    TextIn(&'static str, Vec<String>),
    /// Equal to one of the ids.
    IdIn(&'static str, Vec<ObjectId>),
    /// A switch in this position.
    Flag(&'static str, bool),
    /// No value.
    Absent(&'static str),
    /// Not before.
    Since(&'static str, DateTime<Utc>),
    /// Not after.
    Until(&'static str, DateTime<Utc>),
    /// Begins with a text; the field sorts by code point.
    Prefix(&'static str, String),
    /// Absent, or later than this moment.
    UnlessPast(&'static str, DateTime<Utc>),
    /// One of the texts of an array.
    Member(&'static str, String),
    /// No row passes.
    Never,
}

/// Which way a key sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A list, as asked for.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The table.
    pub table: &'static str,
    /// All of them hold.
    pub conditions: Vec<Condition>,
    /// Sort keys, the most important one first; ids break ties.
    pub order: Vec<(&'static str, Direction)>,
    /// Rows of a page; all without.
    pub limit: Option<i64>,
    /// Rows to skip.
    pub offset: i64,
}

/// A page of ids.
#[derive(Clone, Debug)]
pub struct Page {
    /// The ids, in order.
    pub ids: Vec<ObjectId>,
    /// Rows that pass, on all pages.
    pub total: i64,
}

/// Finds the ids of a page.
pub async fn page(conn: &mut PgConnection, listing: &Listing) -> Result<Page> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT id FROM ");
    query.push(listing.table);
    restrict(&mut query, &listing.conditions);
    query.push(" ORDER BY ");
    for (key, direction) in &listing.order {
        query.push(key).push(if *direction == Direction::Descending { " DESC, " } else { ", " });
    }
    query.push("id");
    if listing
        .order
        .first()
        .is_some_and(|(key, direction)| *key == "id" && *direction == Direction::Descending)
    {
        query.push(" DESC");
    }
    if let Some(limit) = listing.limit {
        query.push(" LIMIT ").push_bind(limit);
    }
    if listing.offset > 0 {
        query.push(" OFFSET ").push_bind(listing.offset);
    }
    let rows = query.build().fetch_all(&mut *conn).await?;
    let ids = rows.iter().map(id_of).collect::<Result<Vec<_>>>()?;

    // A page that is not full is the last one, and the total follows from it.
    let seen = ids.len() as i64;
    let whole = listing.limit.is_none_or(|limit| seen < limit) && (seen > 0 || listing.offset == 0);
    let total = if whole { listing.offset + seen } else { count(conn, listing).await? };
    Ok(Page { ids, total })
}

async fn count(conn: &mut PgConnection, listing: &Listing) -> Result<i64> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT count(*) FROM ");
    query.push(listing.table);
    restrict(&mut query, &listing.conditions);
    Ok(query.build_query_scalar().fetch_one(conn).await?)
}

fn id_of(row: &sqlx::postgres::PgRow) -> Result<ObjectId> {
    let bytes: &[u8] = row.try_get(0)?;
    let bytes = bytes.try_into().map_err(|_| sqlx::Error::Decode("an id must have 12 bytes".into()))?;
    Ok(ObjectId(bytes))
}

fn restrict(query: &mut QueryBuilder<'_, Postgres>, conditions: &[Condition]) {
    let mut word = " WHERE ";
    for condition in conditions {
        query.push(word);
        word = " AND ";
        match condition {
            Condition::Text(field, text) => query.push(field).push(" = ").push_bind(text.clone()),
            Condition::TextIn(field, texts) => {
                query.push(field).push(" = ANY(").push_bind(texts.clone()).push(")")
            }
            Condition::IdIn(field, ids) => {
                let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.0.to_vec()).collect();
                query.push(field).push(" = ANY(").push_bind(ids).push(")")
            }
            Condition::Flag(field, flag) => query.push(field).push(" = ").push_bind(*flag),
            Condition::Absent(field) => query.push(field).push(" IS NULL"),
            Condition::Since(field, moment) => query.push(field).push(" >= ").push_bind(*moment),
            Condition::Until(field, moment) => query.push(field).push(" <= ").push_bind(*moment),
            Condition::Prefix(field, text) => {
                query.push(field).push(" >= ").push_bind(text.clone());
                query.push(" AND starts_with(").push(field).push(", ").push_bind(text.clone()).push(")")
            }
            Condition::UnlessPast(field, moment) => {
                query.push("(").push(field).push(" IS NULL OR ").push(field).push(" > ");
                query.push_bind(*moment).push(")")
            }
            Condition::Member(field, text) => {
                query.push_bind(text.clone()).push(" = ANY(").push(field).push(")")
            }
            Condition::Never => query.push("false"),
        };
    }
}
