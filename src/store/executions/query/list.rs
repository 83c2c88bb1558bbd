//! Pages of executions, and how many there are in all.
//!
//! Flat however long the history is: pages in order of id are found from a landmark near them instead of by
//! skipping rows, what a filter lets through rarely is remembered, and counts add what is new to what was counted
//! before. See [`History`].

use super::{
    filter::{Condition, Sort, SortKey, push_order, push_where},
    history::{Frozen, History},
};
use crate::{model::ExecutionId, store::Result};
use sqlx::{PgPool, Postgres, QueryBuilder};
use std::time::{Duration, Instant};

/// Offsets up to this are simply skipped.
const SKIP: u64 = 1000;

/// A page that takes longer was searched for among many rows that the filter does not let through.
const SLOW: Duration = Duration::from_millis(10);

/// Which executions, in which order.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// All of these must hold.
    pub filter: Vec<Condition>,
    /// Newest first when empty.
    pub order: Vec<Sort>,
    /// How many to pass over.
    pub offset: u64,
    /// How many to answer; all when `None`.
    pub limit: Option<u64>,
}

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The executions on it.
    pub ids: Vec<ExecutionId>,
    /// How many the filter lets through.
    pub total: u64,
}

/// The executions that a query asks for.
pub async fn list(pool: &PgPool, history: &History, query: &Query) -> Result<Page> {
    let newest_first = [Sort { key: SortKey::Id, descending: true }];
    let order = if query.order.is_empty() { &newest_first } else { query.order.as_slice() };
    let by_id = order.first().filter(|sort| sort.key == SortKey::Id).map(|sort| sort.descending);
    if let Some(descending) = by_id {
        let deep = query.offset > SKIP;
        let frozen = if deep {
            Some(history.frozen(pool, &query.filter).await?)
        } else {
            history.remembered(pool, &query.filter).await?
        };
        match frozen {
            Some(frozen) if frozen.is_complete() => {
                return rare_page(pool, query, descending, &frozen).await;
            }
            Some(frozen) if deep => return deep_page(pool, query, order, descending, &frozen).await,
            _ => {}
        }
    }
    let begin = Instant::now();
    let ids = page(pool, &query.filter, order, query.offset, query.limit).await?;
    if by_id.is_some() && begin.elapsed() > SLOW {
        history.remember_next_time(&query.filter);
    }
    let complete = query.limit.is_none_or(|limit| (ids.len() as u64) < limit);
    let total = if complete && (!ids.is_empty() || query.offset == 0) {
        query.offset + ids.len() as u64
    } else {
        history.count(pool, &query.filter).await?
    };
    Ok(Page { ids, total })
}

/// A page of what a filter lets through so rarely that all of it is remembered.
async fn rare_page(pool: &PgPool, query: &Query, descending: bool, frozen: &Frozen) -> Result<Page> {
    let mut ids = frozen.fresh_ids(pool, &query.filter).await?;
    ids.extend(frozen.ids());
    ids.sort_unstable();
    if descending {
        ids.reverse();
    }
    let total = ids.len() as u64;
    let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
    let ids = ids.into_iter().skip(query.offset as usize).take(limit).collect();
    Ok(Page { ids, total })
}

/// A page far down: begins at a landmark and skips less than the distance between two of them.
async fn deep_page(
    pool: &PgPool,
    query: &Query,
    order: &[Sort],
    descending: bool,
    frozen: &Frozen,
) -> Result<Page> {
    let fresh = frozen.fresh(pool, &query.filter).await?;
    let total = frozen.count + fresh.count();
    let (bound, skip) = frozen.landmark(&fresh, query.offset, descending);
    let mut filter = query.filter.clone();
    filter.extend(bound);
    let ids = page(pool, &filter, order, skip, query.limit).await?;
    Ok(Page { ids, total })
}

async fn page(
    pool: &PgPool,
    filter: &[Condition],
    order: &[Sort],
    offset: u64,
    limit: Option<u64>,
) -> Result<Vec<ExecutionId>> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT e.id FROM executions e");
    push_where(&mut sql, filter);
    push_order(&mut sql, order);
    if let Some(limit) = limit {
        sql.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
    }
    if offset > 0 {
        sql.push(" OFFSET ").push_bind(i64::try_from(offset).unwrap_or(i64::MAX));
    }
    Ok(sql.build_query_scalar().fetch_all(pool).await?)
}
