//! Events and their waiting, on a real database.

use super::*;
use crate::{
    bus::Bus,
    model::{ObjectId, TriggerInstanceStatus::*},
    store::Store,
};
use serde_json::json;
use sqlx::PgPool;

fn event() -> New {
    let instance = TriggerInstance {
        id: TriggerInstanceId::generate(),
        trigger: "t.t".to_owned(),
        payload: json!({}),
        occurred_at: crate::clock::now(),
        status: Pending,
        trace: TraceContext::default(),
    };
    New::of(instance, None)
}

async fn stored(store: &Store, count: usize) -> Vec<TriggerInstanceId> {
    let new: Vec<New> = std::iter::repeat_with(event).take(count).collect();
    let mut tx = store.begin().await.unwrap();
    insert(&mut tx, &new).await.unwrap();
    tx.commit().await.unwrap();
    new.iter().map(|new| new.head.id).collect()
}

#[sqlx::test]
async fn an_event_waits_until_somebody_is_done_with_it(pool: PgPool) {
    let store = Store::new(pool.clone(), Bus::default());
    let ids = stored(&store, 4).await;
    let statuses = async || {
        let rows = list_by_ids(&pool, &ids).await.unwrap();
        rows.iter().map(|row| row.status).collect::<Vec<_>>()
    };
    assert_eq!(statuses().await, [Pending; 4]);

    let mut tx = store.begin_keyed().await.unwrap();
    let done = [(ids[2], ProcessingFailed), (ids[0], Processed)];
    assert_eq!(finish(&mut tx, &done).await.unwrap(), HashSet::from([ids[0], ids[2]]));
    // Another node leaves out what is in hand here.
    let mut other = store.begin().await.unwrap();
    let highest = TriggerInstanceId(ObjectId([0xff; 12]));
    let claimed = claim(&mut other, None, highest, 10).await.unwrap();
    assert_eq!(claimed.iter().map(|row| row.id).collect::<Vec<_>>(), [ids[1], ids[3]]);
    drop(other);
    tx.commit().await.unwrap();
    assert_eq!(statuses().await, [Processed, Pending, ProcessingFailed, Pending]);

    let mut tx = store.begin_keyed().await.unwrap();
    let done = [(ids[0], ProcessingFailed), (ids[1], Processed)];
    assert_eq!(finish(&mut tx, &done).await.unwrap(), HashSet::from([ids[1]]), "the first is done already");
    tx.commit().await.unwrap();
    // A sender was refused, but the row is there: gone again, unless the rules had their say.
    remove(&mut pool.acquire().await.unwrap(), &ids).await.unwrap();
    let left = list_by_ids(&pool, &ids).await.unwrap();
    let left: Vec<_> = left.iter().map(|row| (row.id, row.status)).collect();
    assert_eq!(left, [(ids[0], Processed), (ids[1], Processed), (ids[2], ProcessingFailed)]);
}

/// Plans are kept that were made when few waited.
#[sqlx::test]
async fn to_be_done_with_a_few_does_not_take_a_look_at_all_who_wait(pool: PgPool) {
    let store = Store::new(pool.clone(), Bus::default());
    sqlx::query("ANALYZE waiting_events").execute(&pool).await.unwrap();
    let ids = stored(&store, 3000).await;
    let looked_at =
        "SELECT pg_stat_get_tuples_returned(c.oid) FROM pg_class c WHERE relname = 'waiting_events_pkey'";
    let mut connection = pool.acquire().await.unwrap();
    let mut before = None;
    for some in ids.chunks(10).take(3) {
        let mut tx = store.begin_keyed().await.unwrap();
        let done: Vec<_> = some.iter().map(|id| (*id, Processed)).collect();
        assert_eq!(finish(&mut tx, &done).await.unwrap().len(), some.len());
        sqlx::query("SELECT pg_stat_force_next_flush()").execute(tx.conn()).await.unwrap();
        tx.commit().await.unwrap();
        // What a transaction counted is told after it: the next statement of its connection comes later.
        let mut tx = store.begin_keyed().await.unwrap();
        sqlx::query("SELECT 1").execute(tx.conn()).await.unwrap();
        let now: i64 = sqlx::query_scalar(looked_at).fetch_one(&mut *connection).await.unwrap();
        if let Some(before) = before.replace(now) {
            assert!((10..100).contains(&(now - before)), "{} entries for ten events", now - before);
        }
    }
}
