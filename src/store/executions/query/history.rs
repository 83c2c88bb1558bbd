//! What is known of the past, which does not change.
//!
//! An ended execution is final and ids follow time, so among the ended rows older than a minute ago a filter lets
//! through the same ones tomorrow as today. They are counted once, with a landmark every thousand rows (and each of
//! the first thousand, so that few are known one by one); later questions look at the rows that came after, and at
//! those few that were still alive at the time.
//!
//! Two things can change the past all the same: the collector removes rows, and somebody may put old rows back
//! (a restore, a test). So what was counted is counted again from time to time, the more rarely the longer it takes.

use super::{
    facets::{self, Facets},
    filter::{Condition, push_where},
};
use crate::{
    clock,
    model::{ExecutionId, ObjectId},
    store::Result,
};
use chrono::TimeDelta;
use parking_lot::Mutex;
use sqlx::{PgPool, Postgres, QueryBuilder};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Rows younger than this may still be on their way into the table, behind others with later ids.
const SETTLING: TimeDelta = TimeDelta::seconds(60);

/// Rows alive at the time that are looked at one by one later; with more of them the past ends earlier.
const ALIVE: i64 = 1000;

/// Rows between two landmarks.
const STRIDE: i64 = 1000;

/// Counting that takes less is not worth remembering.
const CHEAP: Duration = Duration::from_millis(4);

/// What took a second to count is believed for this many seconds.
const BELIEF: u32 = 200;

/// Filters remembered; people use a handful.
const FILTERS: usize = 64;

/// Counts and landmarks by filter. One per database.
#[derive(Debug, Default)]
pub struct History {
    filters: Mutex<HashMap<Vec<Condition>, Known>>,
    facets: Mutex<Option<Arc<facets::Past>>>,
    /// One count at a time: others who want the same wait for it instead of counting as well.
    counting: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
enum Known {
    /// Counting it is slow: next time, remember.
    Slow,
    Frozen(Arc<Frozen>),
}

/// The past of one filter.
#[derive(Debug)]
pub(super) struct Frozen {
    made: Instant,
    cost: Duration,
    /// Where it ends: rows from here on are not counted.
    below: ExecutionId,
    /// Rows before that which were alive and are not counted either.
    alive: Vec<ExecutionId>,
    /// How many rows are counted.
    pub(super) count: u64,
    /// The first [`STRIDE`] of them, every [`STRIDE`]th after that, and the last. The oldest has rank 1.
    landmarks: Vec<(u64, ExecutionId)>,
}

/// What a filter lets through that is not counted in a [`Frozen`].
#[derive(Debug)]
pub(super) struct Fresh {
    /// Rows that came after.
    after: u64,
    /// Older ones that were alive at the time, by id.
    were_alive: Vec<ExecutionId>,
}

impl Fresh {
    pub(super) fn count(&self) -> u64 {
        self.after + self.were_alive.len() as u64
    }
}

impl History {
    /// Forgets everything: call it when rows were removed.
    pub fn forget(&self) {
        self.filters.lock().clear();
        *self.facets.lock() = None;
    }

    /// How many executions a filter lets through.
    pub(super) async fn count(&self, pool: &PgPool, filter: &[Condition]) -> Result<u64> {
        if let Some(frozen) = self.remembered(pool, filter).await? {
            return Ok(frozen.count + frozen.fresh(pool, filter).await?.count());
        }
        let begin = Instant::now();
        let count = count(pool, filter).await?;
        if begin.elapsed() > CHEAP {
            self.remember_next_time(filter);
        }
        Ok(count)
    }

    /// The past of a filter, if it is worth remembering.
    pub(super) async fn remembered(
        &self,
        pool: &PgPool,
        filter: &[Condition],
    ) -> Result<Option<Arc<Frozen>>> {
        match self.known(filter) {
            None => Ok(None),
            Some(Known::Slow) => self.frozen(pool, filter).await.map(Some),
            Some(Known::Frozen(frozen)) => Ok(Some(frozen)),
        }
    }

    /// The past of a filter, counted now if it is not known.
    pub(super) async fn frozen(&self, pool: &PgPool, filter: &[Condition]) -> Result<Arc<Frozen>> {
        if let Some(Known::Frozen(frozen)) = self.known(filter) {
            return Ok(frozen);
        }
        let _alone = self.counting.lock().await;
        if let Some(Known::Frozen(frozen)) = self.known(filter) {
            return Ok(frozen);
        }
        let frozen = Arc::new(Frozen::count(pool, filter).await?);
        self.remember(filter, Known::Frozen(frozen.clone()));
        Ok(frozen)
    }

    /// Looking at it was slow: the next look remembers.
    pub(super) fn remember_next_time(&self, filter: &[Condition]) {
        if self.known(filter).is_none() {
            self.remember(filter, Known::Slow);
        }
    }

    /// The distinct values that filters can ask for.
    pub async fn facets(&self, pool: &PgPool) -> Result<Facets> {
        let past = self.facets.lock().clone().filter(|past| past.is_believed());
        if let Some(past) = past {
            return past.with_present(pool).await;
        }
        let past = Arc::new(facets::Past::find(pool, boundary(pool).await?).await?);
        *self.facets.lock() = Some(past.clone());
        past.with_present(pool).await
    }

    fn known(&self, filter: &[Condition]) -> Option<Known> {
        let known = self.filters.lock().get(filter).cloned()?;
        match &known {
            Known::Frozen(frozen) if !is_believed(frozen.made, frozen.cost) => Some(Known::Slow),
            _ => Some(known),
        }
    }

    fn remember(&self, filter: &[Condition], known: Known) {
        let mut filters = self.filters.lock();
        if filters.len() >= FILTERS && !filters.contains_key(filter) {
            filters.clear();
        }
        filters.insert(filter.to_vec(), known);
    }
}

/// Whether what was made then, at that cost, still counts.
pub(super) fn is_believed(made: Instant, cost: Duration) -> bool {
    made.elapsed() < cost * BELIEF
}

/// Where the past ends now, and which rows before that are alive.
pub(super) async fn boundary(pool: &PgPool) -> Result<(ExecutionId, Vec<ExecutionId>)> {
    let settled = ExecutionId(ObjectId::lowest_at(clock::now() - SETTLING));
    let mut alive = sqlx::query_scalar!(
        r#"SELECT id AS "id: ExecutionId" FROM executions WHERE ended_at IS NULL AND id < $1 ORDER BY id LIMIT $2"#,
        settled as _,
        ALIVE + 1
    )
    .fetch_all(pool)
    .await?;
    let below = if alive.len() as i64 > ALIVE { alive.pop() } else { None };
    Ok((below.unwrap_or(settled), alive))
}

async fn count(pool: &PgPool, filter: &[Condition]) -> Result<u64> {
    let mut sql = QueryBuilder::<Postgres>::new("SELECT count(*) FROM executions e");
    push_where(&mut sql, filter);
    let count: i64 = sql.build_query_scalar().fetch_one(pool).await?;
    Ok(count.max(0) as u64)
}

impl Frozen {
    async fn count(pool: &PgPool, filter: &[Condition]) -> Result<Self> {
        let begin = Instant::now();
        let (below, alive) = boundary(pool).await?;
        let mut sql = QueryBuilder::<Postgres>::new(
            "SELECT rank, id FROM (SELECT e.id, row_number() OVER w AS rank, lead(e.id) OVER w IS NULL AS is_last
             FROM executions e",
        );
        push_where(&mut sql, filter.iter().chain([&Condition::Below(below)]));
        if !alive.is_empty() {
            sql.push(" AND e.id <> ALL (").push_bind(bytes(&alive)).push(")");
        }
        sql.push(" WINDOW w AS (ORDER BY e.id)) ranked WHERE is_last OR rank <= ").push_bind(STRIDE);
        sql.push(" OR rank % ").push_bind(STRIDE).push(" = 0 ORDER BY rank");
        let ranked: Vec<(i64, ExecutionId)> = sql.build_query_as().fetch_all(pool).await?;
        let landmarks: Vec<(u64, ExecutionId)> =
            ranked.into_iter().map(|(rank, id)| (rank as u64, id)).collect();
        let count = landmarks.last().map_or(0, |(rank, _)| *rank);
        Ok(Self { made: begin, cost: begin.elapsed(), below, alive, count, landmarks })
    }

    /// What is not counted here.
    pub(super) async fn fresh(&self, pool: &PgPool, filter: &[Condition]) -> Result<Fresh> {
        let mut sql = QueryBuilder::<Postgres>::new("SELECT (SELECT count(*) FROM executions e");
        push_where(&mut sql, filter.iter().chain([&Condition::From(self.below)]));
        sql.push("), ARRAY(SELECT e.id FROM executions e");
        push_where(&mut sql, filter.iter().chain([&Condition::Ids(self.alive.clone())]));
        sql.push(" ORDER BY e.id)");
        let (after, were_alive): (i64, Vec<ExecutionId>) = sql.build_query_as().fetch_one(pool).await?;
        Ok(Fresh { after: after.max(0) as u64, were_alive })
    }

    /// Whether every row that is counted here is also a landmark.
    pub(super) fn is_complete(&self) -> bool {
        self.count == self.landmarks.len() as u64
    }

    /// The landmarks, oldest first.
    pub(super) fn ids(&self) -> impl Iterator<Item = ExecutionId> {
        self.landmarks.iter().map(|(_, id)| *id)
    }

    /// Ids of what is not counted here.
    pub(super) async fn fresh_ids(&self, pool: &PgPool, filter: &[Condition]) -> Result<Vec<ExecutionId>> {
        let mut sql = QueryBuilder::<Postgres>::new("SELECT e.id FROM executions e");
        push_where(&mut sql, filter.iter().chain([&Condition::From(self.below)]));
        sql.push(" UNION ALL SELECT e.id FROM executions e");
        push_where(&mut sql, filter.iter().chain([&Condition::Ids(self.alive.clone())]));
        Ok(sql.build_query_scalar().fetch_all(pool).await?)
    }

    /// From where to look for the row at `offset`, and how many rows to pass over from there.
    pub(super) fn landmark(&self, fresh: &Fresh, offset: u64, descending: bool) -> (Option<Condition>, u64) {
        let alive_up_to = |id: ExecutionId| fresh.were_alive.partition_point(|alive| *alive <= id) as u64;
        let up_to = |(rank, id): &(u64, ExecutionId)| rank + alive_up_to(*id);
        let total = self.count + fresh.count();
        if descending {
            // Rows newer than a landmark come before it; the last landmark with enough of them is too far.
            let first = self.landmarks.partition_point(|mark| total - up_to(mark) > offset);
            match self.landmarks.get(first) {
                Some(mark) => (Some(Condition::Below(successor(mark.1))), offset - (total - up_to(mark))),
                None => (None, offset),
            }
        } else {
            let after = self.landmarks.partition_point(|mark| up_to(mark) <= offset);
            match after.checked_sub(1).and_then(|last| self.landmarks.get(last)) {
                Some(mark) => (Some(Condition::From(successor(mark.1))), offset - up_to(mark)),
                None => (None, offset),
            }
        }
    }
}

/// The id right after another, so that bounds can be half-open.
fn successor(id: ExecutionId) -> ExecutionId {
    let mut bytes = id.0.0;
    for byte in bytes.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    ExecutionId(ObjectId(bytes))
}

pub(super) fn bytes(ids: &[ExecutionId]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| id.as_bytes().to_vec()).collect()
}
