//! Rows of content: written by registration, and by those who make single actions.

use super::Content;
use serde_json::{Map, Value, json};
use st2d::{
    model::{ActionId, ConfigId, ConfigSchema, ConfigSchemaId, NewAction, PackConfig, Rule, RuleId},
    store::{
        self, Error,
        actions::Upserts,
        listing::{self, Condition, Listing},
    },
};

fn action(name: &str) -> NewAction {
    // Order of keys, and a number beyond 64 bits.
    let parameters =
        r#"{"z": {"type": "integer", "default": 123456789012345678901234567890}, "a": {"type": "string"}}"#;
    NewAction {
        pack: "mine".to_owned(),
        name: name.to_owned(),
        enabled: true,
        runner_type: "noop".to_owned(),
        parameters: serde_json::from_str(parameters).unwrap(),
        output_schema: json!({}),
        tags: vec![json!({"name": "team", "value": "ops"})],
        ..NewAction::default()
    }
}

#[tokio::test]
async fn an_action_is_kept_as_it_is_given() {
    let content = Content::new().await;
    content.start().await;
    let store = &content.store;
    let mut tx = store.begin().await.unwrap();
    let made = store::actions::insert(&mut tx, action("a")).await.unwrap();
    tx.commit().await.unwrap();
    let (found, runner) = store::actions::find_runnable(store.pool(), "mine.a").await.unwrap().unwrap();
    assert_eq!((&found, runner.name.as_str()), (&made, "noop"));
    assert_eq!(found.spec.parameters.keys().collect::<Vec<_>>(), ["z", "a"]);
    assert_eq!(store::actions::find_by_id(store.pool(), made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(store::actions::find_runnable(store.pool(), "mine.nosuch").await.unwrap(), None);

    let mut tx = store.begin().await.unwrap();
    let renamed = NewAction { description: Some("d".to_owned()), ..action("b") };
    assert!(store::actions::update(&mut tx, made.id, &renamed).await.unwrap());
    assert!(!store::actions::update(&mut tx, ActionId::generate(), &action("c")).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store::actions::find(store.pool(), "mine.a").await.unwrap(), None);
    let found = store::actions::find(store.pool(), "mine.b").await.unwrap().unwrap();
    assert_eq!((found.id, &found.spec), (made.id, &renamed));

    let mut tx = store.begin().await.unwrap();
    assert!(store::actions::delete(&mut tx, made.id).await.unwrap());
    assert!(!store::actions::delete(&mut tx, made.id).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store::actions::find(store.pool(), "mine.b").await.unwrap(), None);
}

#[tokio::test]
async fn a_reference_is_taken_once() {
    let content = Content::new().await;
    content.start().await;
    let store = &content.store;
    let mut tx = store.begin().await.unwrap();
    store::actions::insert(&mut tx, action("a")).await.unwrap();
    let other = store::actions::insert(&mut tx, action("b")).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert!(matches!(store::actions::insert(&mut tx, action("a")).await, Err(Error::Duplicate(_))));
    drop(tx);
    let mut tx = store.begin().await.unwrap();
    assert!(matches!(
        store::actions::update(&mut tx, other.id, &action("a")).await,
        Err(Error::Duplicate(_))
    ));
}

#[tokio::test]
async fn actions_are_found_by_the_names_of_their_tags() {
    let content = Content::new().await;
    content.start().await;
    let mut tx = content.store.begin().await.unwrap();
    let made = store::actions::insert(&mut tx, action("a")).await.unwrap();
    tx.commit().await.unwrap();
    let mut conn = content.store.pool().acquire().await.unwrap();
    for (name, expected) in [("team", vec![made.id.0]), ("ops", vec![]), ("'", vec![])] {
        let listing = Listing {
            table: "actions",
            conditions: vec![Condition::Member(store::actions::TAG_NAMES, name.to_owned())],
            order: Vec::new(),
            limit: None,
            offset: 0,
        };
        assert_eq!(listing::page(&mut conn, &listing).await.unwrap().ids, expected, "{name}");
    }
}

#[tokio::test]
async fn a_pack_that_comes_back_is_registered_in_full() {
    let content = Content::new().await;
    content.pack("mine");
    content.write("mine/actions/a.yaml", "name: a\nrunner_type: noop\n");
    content.start().await;
    let pack = store::packs::find(content.store.pool(), "mine").await.unwrap().unwrap();
    assert_eq!(pack.manifest.get("email"), Some(&Value::from("a@b.cz")));
    let mut tx = content.store.begin().await.unwrap();
    assert!(store::packs::delete(&mut tx, pack.id).await.unwrap());
    assert_eq!(store::actions::delete_of_pack(&mut tx, "mine").await.unwrap(), 1);
    tx.commit().await.unwrap();
    content.start().await;
    assert_eq!(content.actions_of("mine").await.len(), 1);
    assert!(store::packs::find_by_id(content.store.pool(), pack.id).await.unwrap().is_none());
}

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[tokio::test]
async fn configurations_are_kept_as_they_are_given() {
    let content = Content::new().await;
    let store = &content.store;
    let config = |pack: &str, values: Value| PackConfig {
        id: ConfigId::generate(),
        pack: pack.to_owned(),
        values: fields(values),
    };
    let schema = ConfigSchema {
        id: ConfigSchemaId::generate(),
        pack: "mine".to_owned(),
        attributes: fields(json!({"z": {"type": "string"}, "a": {"secret": true}})),
    };
    let first = config("mine", json!({"z": "{{ st2kv.system.x }}", "a": 1}));
    let mut tx = store.begin().await.unwrap();
    store::configs::upsert_schema(&mut tx, std::slice::from_ref(&schema)).await.unwrap();
    store::configs::upsert(&mut tx, &[first.clone(), config("other", json!({}))]).await.unwrap();
    tx.commit().await.unwrap();
    let kept = store::configs::find_schema(store.pool(), "mine").await.unwrap().unwrap();
    assert_eq!(kept, schema);
    assert_eq!(kept.attributes.keys().collect::<Vec<_>>(), ["z", "a"]);
    assert_eq!(store::configs::find(store.pool(), "mine").await.unwrap(), Some(first.clone()));

    let mut tx = store.begin().await.unwrap();
    let again = [config("mine", json!({"a": 2})), config("other", json!({}))];
    let upserts = store::configs::upsert(&mut tx, &again).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(upserts, Upserts { inserted: 0, updated: 1 });
    let kept = store::configs::find_by_id(store.pool(), first.id).await.unwrap().unwrap();
    assert_eq!(kept.values, fields(json!({"a": 2})));
}

#[tokio::test]
async fn rules_that_ask_for_the_same_share_a_trigger_that_goes_with_the_last_of_them() {
    let content = Content::new().await;
    let store = &content.store;
    let hook =
        |url: &str| ("core.st2.webhook".to_owned(), fields(json!({"url": url, "n": {"b": 1, "a": 2}})));
    let mut tx = store.begin().await.unwrap();
    let wanted = [hook("x"), hook("y"), hook("x"), ("mine.plain".to_owned(), Map::new())];
    let triggers = store::triggers::for_rules(&mut tx, &wanted).await.unwrap();
    assert_eq!(triggers[0], triggers[2]);
    assert_ne!(triggers[0], triggers[1]);
    assert_eq!(triggers[3], "mine.plain");
    let other_order = fields(json!({"n": {"a": 2, "b": 1}, "url": "x"}));
    let again =
        store::triggers::for_rules(&mut tx, &[("core.st2.webhook".to_owned(), other_order)]).await.unwrap();
    assert_eq!(again[0], triggers[0]);
    let rule = Rule {
        id: RuleId::generate(),
        pack: "mine".to_owned(),
        name: "r".to_owned(),
        description: None,
        enabled: true,
        rule_type: "standard".to_owned(),
        type_parameters: Map::new(),
        trigger: triggers[0].clone(),
        criteria: fields(json!({"trigger.z": {"type": "exists", "pattern": 1}, "trigger.a": {}})),
        action: "core.noop".to_owned(),
        action_parameters: Map::new(),
        action_description: None,
        context: Map::new(),
        tags: Vec::new(),
        metadata_file: String::new(),
    };
    store::rules::upsert(&mut tx, std::slice::from_ref(&rule)).await.unwrap();
    tx.commit().await.unwrap();
    let kept = store::triggers::find(store.pool(), &triggers[0]).await.unwrap().unwrap();
    assert_eq!((kept.pack.as_str(), kept.trigger_type.as_str()), ("core", "core.st2.webhook"));
    assert_eq!(store::rules::find(store.pool(), "mine.r").await.unwrap(), Some(rule.clone()));

    let mut tx = store.begin().await.unwrap();
    assert_eq!(store::triggers::drop_unused(&mut tx, &triggers).await.unwrap(), 1);
    store::rules::delete(&mut tx, &[rule.id]).await.unwrap();
    assert_eq!(store::triggers::drop_unused(&mut tx, &triggers).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(store::triggers::list_by_refs(store.pool(), &triggers).await.unwrap(), []);
}
