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
    let undotted = refused("nope", json!({})).await;
    assert_eq!(undotted, format!("{begin} \"nope\" ({{}}): Invalid resource reference: nope"));
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM trigger_instances");
    assert_eq!(count.fetch_one(st2.app.store.pool()).await.unwrap(), 0);
}

#[sqlx::test]
async fn a_rule_waits_for_the_trigger_that_somebody_made_by_hand(pool: PgPool) {
    let st2 = start(pool).await;
    content::register_all(&st2.app.store, &st2.app.config).await.unwrap();
    let made = async |path: &str, body: Value| {
        let answer = st2.send("POST", path, body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    };
    let schema = json!({"type": "object", "properties": {"host": {"type": "string"}}});
    let kind = json!({"name": "seen", "pack": "demo", "parameters_schema": schema});
    made("/v1/triggertypes", kind).await;
    let trigger = json!({"name": "here", "pack": "demo", "type": "demo.seen", "parameters": {"host": "a"}});
    let by_hand = made("/v1/triggers", trigger).await;
    let rule = async |name: &str, host: &str| {
        let trigger = json!({"type": "demo.seen", "parameters": {"host": host}});
        let rule = json!({"name": name, "pack": "demo", "trigger": trigger, "action": {"ref": "core.noop"}});
        made("/v1/rules", rule).await
    };
    let (first, second, third) = (rule("r", "a").await, rule("s", "a").await, rule("t", "b").await);
    assert_eq!(
        (&first["trigger"]["ref"], &second["trigger"]["ref"]),
        (&json!("demo.here"), &json!("demo.here"))
    );
    assert_ne!(third["trigger"]["ref"], "demo.here");

    for rule in [first, second, third] {
        let path = format!("/v1/rules/{}", rule["id"].as_str().unwrap());
        assert_eq!(st2.send("DELETE", &path, Value::Null).await.status, 204);
    }
    let left = st2.get("/v1/triggers").await.body;
    let left: Vec<_> = left.as_array().unwrap().iter().filter(|it| it["type"] == "demo.seen").collect();
    assert_eq!(left, [&by_hand], "what was made by hand goes by hand");
}
