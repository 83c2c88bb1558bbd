//! What packs hold besides actions: how its files become rows.

use super::Content;
use serde_json::{Value, json};
use st2d::{
    content::{self, Kind, Prune, Scope},
    store,
};
use std::fs;

/// A pack with something of every kind.
fn furnish(content: &Content) {
    content.pack("mine");
    for (file, text) in [
        ("actions/go.yaml", "name: go\nrunner_type: noop\n"),
        ("triggers/seen.yaml", "name: seen\npayload_schema: {type: object}\ntags: [{name: a, value: b}]\n"),
        (
            "triggers/typed.yaml",
            "name: typed\nparameters_schema:\n  type: object\n  properties: {n: {type: integer, required: true}}\n",
        ),
        ("sensors/watch.py", "class Watch: pass\n"),
        (
            "sensors/watch.yaml",
            "class_name: Watch\nentry_point: watch.py\npoll_interval: 30\ntrigger_types:\n  - name: heard\n",
        ),
        ("rules/plain.yaml", "name: plain\ntrigger: {type: mine.seen}\naction: {ref: mine.go}\n"),
        (
            "rules/typed.yaml",
            "name: typed\nenabled: true\ntrigger: {type: mine.typed, parameters: {n: 1}}\naction: {ref: mine.go}\n\
             criteria: {trigger.z: {type: equals, pattern: 1}, trigger.a: {type: exists, pattern: 1}}\n",
        ),
        (
            "rules/same.json",
            r#"{"name": "same", "trigger": {"type": "mine.typed", "parameters": {"n": 1}},
            "action": {"ref": "other.go", "parameters": {"x": "{{ trigger.x }}"}}, "type": {"ref": "backstop"}}"#,
        ),
        (
            "aliases/say.yaml",
            "name: say\naction_ref: mine.go\nformats:\n  - say {{ it }}\n  - {display: d, representation: [tell]}\n",
        ),
        (
            "policies/once.yaml",
            "name: once\nresource_ref: mine.go\npolicy_type: action.concurrency\nparameters: {threshold: 1}\n",
        ),
        ("config.schema.yaml", "host: {type: string, default: h}\nport: {type: integer}\n"),
    ] {
        content.write(&format!("mine/{file}"), text);
    }
    let configs = content.directory.path().join("configs");
    fs::create_dir_all(&configs).unwrap();
    fs::write(configs.join("mine.yaml"), "port: 1\nmore: \"{{ st2kv.system.x }}\"\n").unwrap();
}

#[tokio::test]
async fn every_kind_of_content_becomes_rows() {
    let content = Content::new().await;
    furnish(&content);
    let report = content.start().await;
    assert_eq!(report.problems, []);
    let pack = report.packs.iter().find(|pack| pack.reference == "mine").unwrap();
    let counts: Vec<_> = Kind::CONTENT.iter().map(|kind| pack.count(*kind)).collect();
    assert_eq!(counts, [2, 1, 1, 3, 1, 1, 1]);
    let db = content.store.pool();

    let seen = store::triggers::find_type(db, "mine.seen").await.unwrap().unwrap();
    assert_eq!(seen.metadata_file.as_deref(), Some("triggers/seen.yaml"));
    assert_eq!(json!(seen.tags), json!([{"name": "a", "value": "b"}]));
    let shadow = store::triggers::find(db, "mine.seen").await.unwrap().unwrap();
    assert_eq!(shadow.uid(), "trigger:mine:seen:99914b932bd37a50b983c5e7c90ae93b");
    assert!(store::triggers::find(db, "mine.typed").await.unwrap().is_none());
    let heard = store::triggers::find_type(db, "mine.heard").await.unwrap().unwrap();
    assert_eq!(heard.metadata_file.as_deref(), Some("sensors/watch.yaml"));

    let sensor = store::sensors::find(db, "mine.Watch").await.unwrap().unwrap();
    assert_eq!(sensor.entry_point, "sensors.watch.Watch");
    assert!(sensor.artifact_uri.ends_with("/packs/mine/sensors/watch.py"), "{}", sensor.artifact_uri);
    assert_eq!((sensor.trigger_types, sensor.poll_interval), (vec!["mine.heard".to_owned()], Some(30)));

    let plain = store::rules::find(db, "mine.plain").await.unwrap().unwrap();
    assert_eq!(
        (plain.trigger.as_str(), plain.enabled, plain.rule_type.as_str()),
        ("mine.seen", false, "standard")
    );
    let typed = store::rules::find(db, "mine.typed").await.unwrap().unwrap();
    let same = store::rules::find(db, "mine.same").await.unwrap().unwrap();
    assert_eq!(typed.trigger, same.trigger);
    assert_eq!(typed.criteria.keys().collect::<Vec<_>>(), ["trigger.z", "trigger.a"]);
    assert_eq!((same.rule_type.as_str(), same.metadata_file.as_str()), ("backstop", "rules/same.json"));
    let trigger = store::triggers::find(db, &typed.trigger).await.unwrap().unwrap();
    assert_eq!((trigger.pack.as_str(), Value::Object(trigger.parameters)), ("mine", json!({"n": 1})));

    let alias = store::aliases::find(db, "mine.say").await.unwrap().unwrap();
    assert_eq!(json!(alias.formats), json!(["say {{ it }}", {"display": "d", "representation": ["tell"]}]));
    let policy = store::policies::find(db, "mine.once").await.unwrap().unwrap();
    assert_eq!(Value::Object(policy.parameters), json!({"threshold": 1, "action": "delay"}));
    let schema = store::configs::find_schema(db, "mine").await.unwrap().unwrap();
    assert_eq!(schema.attributes.keys().collect::<Vec<_>>(), ["host", "port"]);
    let config = store::configs::find(db, "mine").await.unwrap().unwrap();
    assert_eq!(Value::Object(config.values), json!({"port": 1, "more": "{{ st2kv.system.x }}"}));
}

#[tokio::test]
async fn the_program_brings_types_of_triggers_rules_and_policies() {
    let content = Content::new().await;
    let report = content.start().await;
    assert_eq!((report.rule_types, report.policy_types), (2, 3));
    let db = content.store.pool();
    let webhook = store::triggers::find_type(db, "core.st2.webhook").await.unwrap().unwrap();
    assert_eq!((webhook.uid().as_str(), webhook.metadata_file), ("trigger_type:core:st2.webhook", None));
    assert!(store::triggers::find(db, "core.st2.generic.notifytrigger").await.unwrap().is_some());
    assert!(store::triggers::find(db, "core.st2.webhook").await.unwrap().is_none());
    assert!(store::rules::find_type(db, "backstop").await.unwrap().is_some());
    let retry = store::policies::find_type(db, "action.retry").await.unwrap().unwrap();
    assert_eq!(retry.uid(), "policy_type:action:retry");
}

#[tokio::test]
async fn a_rule_whose_trigger_changes_lets_the_old_one_go() {
    let content = Content::new().await;
    furnish(&content);
    content.start().await;
    let db = content.store.pool();
    let before = store::rules::find(db, "mine.typed").await.unwrap().unwrap();
    let rule = |n| {
        format!(
            "name: typed\ntrigger: {{type: mine.typed, parameters: {{n: {n}}}}}\naction: {{ref: mine.go}}\n"
        )
    };
    content.write("mine/rules/typed.yaml", rule(2));
    content.register("mine").await;
    // Another rule still waits for it.
    assert!(store::triggers::find(db, &before.trigger).await.unwrap().is_some());
    fs::write(
        content.directory.path().join("packs/mine/rules/same.json"),
        r#"{"name": "same",
        "trigger": {"type": "mine.seen"}, "action": {"ref": "other.go"}}"#,
    )
    .unwrap();
    content.register("mine").await;
    assert!(store::triggers::find(db, &before.trigger).await.unwrap().is_none());
    let after = store::rules::find(db, "mine.typed").await.unwrap().unwrap();
    assert_eq!((after.id, after.trigger == before.trigger), (before.id, false));
}

#[tokio::test]
async fn a_rule_may_wait_for_what_a_later_pack_brings_but_not_for_nothing() {
    let content = Content::new().await;
    content.pack("a");
    content.write("a/rules/r.yaml", "name: r\ntrigger: {type: z.seen}\naction: {ref: core.noop}\n");
    let nothing =
        content.write("a/rules/s.yaml", "name: s\ntrigger:\n  type: z.nosuch\naction: {ref: core.noop}\n");
    content.write(
        "a/rules/t.yaml",
        "name: t\ntrigger: {type: later.typed, parameters: {x: 1}}\naction: {ref: core.noop}\n",
    );
    content.pack("z");
    content.write("z/triggers/seen.yaml", "name: seen\n");
    let report = content.start().await;
    let told: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [format!(
            "{}:3:9: Trigger \"z.nosuch\" defined in the rule does not exist in system or it's missing required \
             \"parameters\" attribute",
            nothing.display()
        )]
    );
    let db = content.store.pool();
    assert!(store::rules::find(db, "a.r").await.unwrap().is_some());
    assert!(store::rules::find(db, "a.s").await.unwrap().is_none());
    assert!(store::rules::find(db, "a.t").await.unwrap().is_some());
}

#[tokio::test]
async fn an_action_has_one_policy_of_a_type_and_policies_may_change_places() {
    let content = Content::new().await;
    let policy = |name: &str, action: &str| {
        format!(
            "name: {name}\nresource_ref: mine.{action}\npolicy_type: action.concurrency\nparameters: {{threshold: 1}}\n"
        )
    };
    content.pack("mine");
    content.write("mine/policies/a.yaml", policy("a", "x"));
    content.write("mine/policies/b.yaml", policy("b", "y"));
    let third = content.write("mine/policies/c.yaml", policy("c", "y"));
    let report = content.start().await;
    assert_eq!(report.problems.len(), 1);
    let told = report.problems[0].to_string();
    assert!(
        told.starts_with(&format!(
            "{}:2:15: An action has one policy of a type: \"mine.b\"",
            third.display()
        )),
        "{told}"
    );

    content.write("mine/policies/a.yaml", policy("a", "y"));
    content.write("mine/policies/b.yaml", policy("b", "x"));
    fs::remove_file(third).unwrap();
    assert_eq!(content.register("mine").await.problems, []);
    let db = content.store.pool();
    assert_eq!(store::policies::find(db, "mine.a").await.unwrap().unwrap().resource_ref, "mine.y");
    assert_eq!(store::policies::find(db, "mine.b").await.unwrap().unwrap().resource_ref, "mine.x");
}

#[tokio::test]
async fn overrides_decide_what_is_enabled() {
    let content = Content::new().await;
    furnish(&content);
    let overrides = content.directory.path().join("overrides");
    fs::create_dir_all(&overrides).unwrap();
    fs::write(overrides.join("_global.yaml"), "rules: {defaults: {enabled: true}}\n").unwrap();
    fs::write(
        overrides.join("mine.yaml"),
        "rules: {exceptions: {typed: {enabled: false}}}\nsensors: {exceptions: {Watch: {enabled: false}}}\n\
         actions: {defaults: {enabled: false}}\n",
    )
    .unwrap();
    let report = content.start().await;
    assert_eq!(report.problems, []);
    let pack = report.packs.iter().find(|pack| pack.reference == "mine").unwrap();
    let overridden: Vec<_> = pack.overridden.iter().map(|(kind, count)| (*kind, *count)).collect();
    assert_eq!(overridden, [(Kind::Sensor, 1), (Kind::Action, 1), (Kind::Rule, 3)]);
    let db = content.store.pool();
    let rule = async |name: &str| store::rules::find(db, name).await.unwrap().unwrap().enabled;
    assert_eq!((rule("mine.plain").await, rule("mine.typed").await), (true, false));
    assert!(!store::actions::find(db, "mine.go").await.unwrap().unwrap().spec.enabled);

    // A change of the file alone is a change of the pack; a broken one changes nothing.
    fs::write(overrides.join("mine.yaml"), "actions:\n  defaults:\n    enabled: true\n    order: 1\n")
        .unwrap();
    let report = content.start().await;
    let told: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
    let file = overrides.join("mine.yaml");
    assert_eq!(
        told,
        [format!("{}:4:12: Override attempted with invalid default key order in pack mine", file.display())]
    );
    assert!(!store::actions::find(db, "mine.go").await.unwrap().unwrap().spec.enabled);
    fs::remove_file(file).unwrap();
    assert_eq!(content.start().await.problems, []);
    assert!(store::actions::find(db, "mine.go").await.unwrap().unwrap().spec.enabled);
}

#[tokio::test]
async fn only_what_was_asked_for_is_registered_and_all_or_nothing_if_faults_count() {
    let content = Content::new().await;
    furnish(&content);
    let broken = content.write("mine/rules/zz.yaml", "name: zz\n");
    let scope = Scope { kinds: Some([Kind::Sensor, Kind::Rule].into()), ..Scope::packs(["mine"]) };
    let stop = Scope { stop_at_problem: true, ..scope.clone() };
    let report = content::register(&content.store, &content.config, &stop).await.unwrap();
    assert!(report.stopped);
    let failure = report.problems[0].failure();
    let begins = format!("Failed to register rule \"{}\" from pack \"mine\": ", broken.display());
    assert!(failure.starts_with(&begins), "{failure}");
    let db = content.store.pool();
    assert!(store::packs::find(db, "mine").await.unwrap().is_none());

    let report = content::register(&content.store, &content.config, &scope).await.unwrap();
    let counts: Vec<_> = Kind::CONTENT.iter().map(|kind| report.count(*kind)).collect();
    // Its own trigger types were not registered, so the rules on them cannot be.
    assert_eq!((counts, report.problems.len()), (vec![0, 1, 0, 2, 0, 0, 0], 2));
    assert!(store::actions::find(db, "mine.go").await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_gone_from_disk_is_removed_on_request_only() {
    let content = Content::new().await;
    furnish(&content);
    content.pack("other");
    content.write("other/actions/a.yaml", "name: a\nrunner_type: noop\n");
    content.start().await;
    let packs = content.directory.path().join("packs");
    fs::remove_file(packs.join("mine/rules/typed.yaml")).unwrap();
    fs::remove_file(packs.join("mine/rules/same.json")).unwrap();
    fs::remove_file(packs.join("mine/sensors/watch.yaml")).unwrap();
    content.write("mine/aliases/say.yaml", "name: renamed\naction_ref: mine.go\n");
    // A file with a fault still stands for what was registered of it.
    content.write("mine/policies/once.yaml", "name: once\n");
    fs::remove_dir_all(packs.join("other")).unwrap();

    let db = content.store.pool();
    let rehearse = Scope { prune: Prune::Rehearse, ..Scope::everything() };
    let report = content::register(&content.store, &content.config, &rehearse).await.unwrap();
    let told: Vec<_> = report.gone.iter().map(ToString::to_string).collect();
    let expected = [
        "- pack other (pack.yaml)",
        "- trigger mine.heard (sensors/watch.yaml)",
        "- sensor mine.Watch (sensors/watch.yaml)",
        "- action other.a (actions/a.yaml)",
        "- rule mine.same (rules/same.json)",
        "- rule mine.typed (rules/typed.yaml)",
        "- alias mine.say (aliases/say.yaml)",
    ];
    assert_eq!(told, expected);
    assert!(store::rules::find(db, "mine.typed").await.unwrap().is_some());
    assert!(store::aliases::find(db, "mine.renamed").await.unwrap().is_none());
    let trigger = store::rules::find(db, "mine.typed").await.unwrap().unwrap().trigger;

    let prune = Scope { prune: Prune::Remove, ..Scope::everything() };
    content::register(&content.store, &content.config, &prune).await.unwrap();
    assert!(store::rules::find(db, "mine.typed").await.unwrap().is_none());
    assert!(store::triggers::find(db, &trigger).await.unwrap().is_none());
    assert!(store::triggers::find(db, "mine.heard").await.unwrap().is_none());
    assert!(store::packs::find(db, "other").await.unwrap().is_none());
    assert!(store::aliases::find(db, "mine.renamed").await.unwrap().is_some());
    assert!(store::policies::find(db, "mine.once").await.unwrap().is_some());
    assert!(store::rules::find(db, "mine.plain").await.unwrap().is_some());
    let again = content::register(&content.store, &content.config, &prune).await.unwrap();
    assert_eq!(again.gone, []);
}
