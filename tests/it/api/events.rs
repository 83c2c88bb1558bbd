//! The front door for events: what it stores, once, in whose transaction.

use super::server::start;
use serde_json::{Value, json};
use sqlx::PgPool;
use st2d::{
    content,
    engine::trigger::{self, Error, Occurrence, Target},
    model::{TraceContext, TriggerInstanceStatus},
    store::trigger_instances,
};

const PLAIN: &str = "core.st2.generic.notifytrigger";

#[sqlx::test]
async fn an_event_is_stored_before_its_sender_hears_yes(pool: PgPool) {
    let st2 = start(pool).await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let event = Occurrence::of(PLAIN, json!({"b": 1.50, "a": "\u{0}"})).traced(TraceContext::tagged("t"));
    let id = trigger::dispatch(&st2.app.engine, event).await.unwrap();
    let stored = trigger_instances::find_by_id(st2.app.store.pool(), id).await.unwrap().unwrap();
    assert_eq!((stored.trigger.as_str(), stored.status), (PLAIN, TriggerInstanceStatus::Pending));
    assert_eq!(stored.payload.to_string(), r#"{"b":1.5,"a":"\u0000"}"#);
    assert_eq!(stored.trace, TraceContext::tagged("t"));

    let unknown = trigger::dispatch(&st2.app.engine, Occurrence::of("core.nope", Value::Null)).await;
    assert_eq!(unknown.unwrap_err().to_string(), "Trigger \"core.nope\" doesn't exist.");
}

#[sqlx::test]
async fn a_key_makes_an_event_come_once(pool: PgPool) {
    let st2 = start(pool).await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let engine = &st2.app.engine;
    let tick = |key: &str| trigger::dispatch_once(engine, Occurrence::of(PLAIN, json!({})), key.to_owned());
    let (a, b, c) = tokio::join!(tick("timer 1"), tick("timer 1"), tick("timer 2"));
    let new = [a, b, c].map(|tick| tick.unwrap().is_some());
    assert_eq!((new[0] ^ new[1], new[2]), (true, true), "{new:?}");
    assert!(tick("timer 1").await.unwrap().is_none());

    let mut tx = st2.app.store.begin().await.unwrap();
    let event = || Occurrence::of(PLAIN, json!({}));
    assert!(trigger::dispatch_in(engine, &mut tx, event(), Some("timer 2".into())).await.unwrap().is_none());
    let id = trigger::dispatch_in(engine, &mut tx, event(), Some("timer 3".into())).await.unwrap().unwrap();
    assert!(trigger_instances::find_by_id(st2.app.store.pool(), id).await.unwrap().is_none());
    drop(tx);
    assert!(tick("timer 3").await.unwrap().is_some(), "what was rolled back did not happen");
}

#[sqlx::test]
async fn a_payload_that_does_not_fit_is_refused_in_stackstorms_words(pool: PgPool) {
    let st2 = start(pool).await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let refused = async |target: &str, payload: Value| {
        let event = Occurrence::checked(Target::Ref(target.into()), payload);
        let error = trigger::dispatch(&st2.app.engine, event).await.unwrap_err();
        assert!(matches!(error, Error::Payload { .. }), "{error:?}");
        error.to_string().lines().next().unwrap().to_owned()
    };
    let begin = "Trigger payload validation failed and validation is enabled, not dispatching a trigger";
    assert_eq!(
        refused("core.st2.generic.inquiry", json!({"id": 5, "route": "r"})).await,
        format!(
            "{begin} \"core.st2.generic.inquiry\" ({{'id': 5, 'route': 'r'}}): 5 is not of type 'string'"
        )
    );
    assert_eq!(
        refused("nope.x", json!({})).await,
        format!(
            "{begin} \"nope.x\" ({{}}): Trigger type with reference \"nope.x\" doesn't exist in the database"
        )
    );
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM trigger_instances");
    assert_eq!(count.fetch_one(st2.app.store.pool()).await.unwrap(), 0);
}
