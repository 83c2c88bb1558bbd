//! Registering, and registering again.

use super::Content;
use crate::support::corpus;
use serde_json::Value;
use st2d::store;
use std::fs;

#[tokio::test]
async fn the_packs_of_the_program_are_registered_without_fault() {
    let content = Content::new().await;
    let report = content.start().await;
    assert_eq!(report.problems, []);
    assert_eq!(report.runners, 15);
    let (action, runner) =
        store::actions::find_runnable(content.store.pool(), "core.local").await.unwrap().unwrap();
    assert_eq!((action.spec.name.as_str(), runner.name.as_str()), ("local", "local-shell-cmd"));
    assert!(content.directory.path().join("packs/core/actions/local.yaml").exists());
}

#[tokio::test]
async fn every_action_of_the_conformance_pack_is_registered() {
    let Some(corpus) = corpus::folder() else {
        println!("skipped, no conformance packs here");
        return;
    };
    let content = Content::new().await;
    content.start().await;
    let packs = content.directory.path().join("packs");
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(corpus.join("packs/conform"))
        .arg(&packs)
        .status()
        .unwrap();
    assert!(copied.success());
    let report = content.start().await;
    assert_eq!(report.problems, []);
    let files = fs::read_dir(packs.join("conform/actions")).unwrap().flatten();
    let metadata =
        files.filter(|file| file.path().extension().is_some_and(|ending| ending == "yaml")).count();
    let conform = report.packs.iter().find(|pack| pack.reference == "conform").unwrap();
    assert_eq!((conform.actions, conform.upserts.inserted), (metadata, metadata));
    let pack = store::packs::find(content.store.pool(), "conform").await.unwrap().unwrap();
    assert_eq!(pack.manifest["version"], Value::from("1.2.3"));
    assert!(pack.files.iter().any(|file| file == "actions/workflows/wf_seq.yaml"));
}

#[tokio::test]
async fn registering_again_keeps_ids_and_what_was_disabled_of_runners() {
    let content = Content::new().await;
    content.pack("mine");
    content.write("mine/actions/a.yaml", "name: a\nrunner_type: noop\nenabled: true\n");
    content.start().await;
    let pool = content.store.pool();
    let before = store::actions::find(pool, "mine.a").await.unwrap().unwrap();
    let pack = store::packs::find(pool, "mine").await.unwrap().unwrap();
    let noop = store::runner_types::find(pool, "noop").await.unwrap().unwrap();
    let mut tx = content.store.begin().await.unwrap();
    store::runner_types::set_enabled(&mut tx, noop.id, false).await.unwrap();
    tx.commit().await.unwrap();

    content.write("mine/actions/a.yaml", "name: a\nrunner_type: noop\ndescription: changed\n");
    let report = content.register("mine").await;
    assert_eq!((report.actions(), report.packs[0].upserts.updated), (1, 1));
    let after = store::actions::find(pool, "mine.a").await.unwrap().unwrap();
    assert_eq!((after.id, after.spec.description.as_deref()), (before.id, Some("changed")));
    assert_eq!(store::packs::find(pool, "mine").await.unwrap().unwrap().id, pack.id);
    let disabled = store::runner_types::find(pool, "noop").await.unwrap().unwrap();
    assert_eq!((disabled.id, disabled.enabled), (noop.id, false));
}
