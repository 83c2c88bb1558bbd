//! Registering, and registering again.

use super::Content;
use crate::support::corpus;
use serde_json::{Map, Value};
use st2d::{
    bus::{Event, Received},
    content::{self, Kind, Scope},
    store,
};
use std::fs;

#[tokio::test]
async fn the_packs_of_the_program_are_registered_without_fault() {
    let content = Content::new().await;
    let report = content.start().await;
    assert_eq!(report.problems, []);
    // `orchestra` is a second name, and does not count.
    assert_eq!(report.runners, 14);
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
    assert_eq!(conform.count(Kind::Action), metadata);
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
    assert_eq!((report.count(Kind::Action), report.upserts.updated), (1, 1));
    let after = store::actions::find(pool, "mine.a").await.unwrap().unwrap();
    assert_eq!((after.id, after.spec.description.as_deref()), (before.id, Some("changed")));
    assert_eq!(store::packs::find(pool, "mine").await.unwrap().unwrap().id, pack.id);
    let disabled = store::runner_types::find(pool, "noop").await.unwrap().unwrap();
    assert_eq!((disabled.id, disabled.enabled), (noop.id, false));
}

#[tokio::test]
async fn a_start_registers_only_what_changed() {
    let content = Content::new().await;
    content.pack("mine");
    content.write("mine/actions/a.yaml", "name: a\nrunner_type: noop\n");
    let first = content.start().await;
    assert!(first.packs.iter().all(|pack| !pack.unchanged));
    assert_eq!(first.upserts.updated, 0);

    let second = content.start().await;
    assert_eq!(second.runners, 0);
    assert!(second.packs.iter().all(|pack| pack.unchanged));

    content.write("mine/actions/b.yaml", "name: b\nrunner_type: noop\n");
    let third = content.start().await;
    let changed: Vec<_> = third.packs.iter().filter(|pack| !pack.unchanged).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(
        (changed[0].reference.as_str(), changed[0].count(Kind::Action), third.upserts.inserted),
        ("mine", 2, 1)
    );

    // A pack with a problem is told of at every start.
    content.write("mine/actions/c.yaml", "name: c\n");
    assert_eq!(content.start().await.problems.len(), 1);
    assert_eq!(content.start().await.problems.len(), 1);
    content.write("mine/actions/c.yaml", "name: c\nrunner_type: noop\n");
    assert_eq!(content.start().await.problems, []);
}

#[tokio::test]
async fn registering_tells_caches_and_only_if_something_changed() {
    let content = Content::new().await;
    content.start().await;
    let mut heard = content.store.bus().subscribe();
    content.start().await;
    assert!(heard.try_next().is_none());
    content.pack("mine");
    content.start().await;
    assert!(matches!(heard.try_next(), Some(Received::Event(Event::Content))));
}

#[tokio::test]
async fn the_first_of_two_packs_of_one_name_counts() {
    let mut content = Content::new().await;
    content.pack("twice");
    content.write("twice/actions/a.yaml", "name: a\nrunner_type: noop\n");
    let later = content.directory.path().join("later");
    for (file, text) in [
        ("twice/pack.yaml", "name: twice\ndescription: d\nversion: 2.0.0\nauthor: a\n"),
        ("twice/actions/b.yaml", "name: b\nrunner_type: noop\n"),
        ("core/pack.yaml", "name: core\ndescription: mine\nversion: 9.0.0\nauthor: a\n"),
        ("core/actions/local.yaml", "name: local\nrunner_type: noop\n"),
    ] {
        let path = later.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    content.config.content.packs_base_paths = vec![later.clone()];
    let report = content.start().await;
    assert_eq!(report.shadowed, [later.join("core"), later.join("twice")]);
    let names: Vec<_> =
        content.actions_of("twice").await.into_iter().map(|action| action.spec.name).collect();
    assert_eq!(names, ["a"]);
    let local = store::actions::find(content.store.pool(), "core.local").await.unwrap().unwrap();
    assert_eq!(local.spec.runner_type, "local-shell-cmd");
}

#[tokio::test]
async fn content_gone_from_disk_stays_registered() {
    let content = Content::new().await;
    content.pack("mine");
    let file = content.write("mine/actions/a.yaml", "name: a\nrunner_type: noop\n");
    content.start().await;
    fs::remove_file(file).unwrap();
    content.start().await;
    assert_eq!(content.actions_of("mine").await.len(), 1);
}

#[tokio::test]
async fn a_pack_that_is_a_link_is_a_pack() {
    let content = Content::new().await;
    let real = content.directory.path().join("work/mine");
    fs::create_dir_all(real.join("actions")).unwrap();
    fs::write(real.join("pack.yaml"), "name: mine\ndescription: d\nversion: 1.0.0\nauthor: a\n").unwrap();
    fs::write(real.join("actions/a.yaml"), "name: a\nrunner_type: noop\n").unwrap();
    fs::create_dir_all(content.directory.path().join("packs")).unwrap();
    std::os::unix::fs::symlink(&real, content.directory.path().join("packs/mine")).unwrap();
    assert_eq!(content.start().await.problems, []);
    assert_eq!(content.actions_of("mine").await.len(), 1);
}

#[tokio::test]
async fn a_pack_that_is_nowhere_is_an_error_for_those_who_named_it() {
    let content = Content::new().await;
    for name in ["nosuch", "", "..", "../packs/core", "/etc"] {
        let scope = Scope::packs([name]);
        let error = content::register(&content.store, &content.config, &scope).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("Pack \"{name}\" not found on disk: ")), "{error}");
    }
}

#[tokio::test]
async fn of_two_files_of_one_action_the_later_counts() {
    let content = Content::new().await;
    content.pack("mine");
    content.write("mine/actions/a.yaml", "name: same\nrunner_type: noop\ndescription: first\n");
    content.write("mine/actions/b.yaml", "name: same\nrunner_type: noop\ndescription: second\n");
    assert_eq!(content.start().await.problems, []);
    let actions = content.actions_of("mine").await;
    assert_eq!(actions.len(), 1);
    assert_eq!(actions[0].spec.description.as_deref(), Some("second"));
    assert_eq!(actions[0].spec.metadata_file, "actions/b.yaml");
}

#[tokio::test]
async fn keys_stay_in_the_order_they_were_written_in() {
    let content = Content::new().await;
    content.write(
        "mine/pack.yaml",
        "version: 1.0.0\nname: mine\nauthor: a\nzeal: 1\ndescription: d\nemail: a@b.cz\n",
    );
    content.write(
        "mine/actions/a.yaml",
        "name: a\nrunner_type: noop\nparameters:\n  z: {type: string, default: x}\n  b: {}\n  a: {}\n",
    );
    content.start().await;
    let keys = |map: &Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
    let action = store::actions::find(content.store.pool(), "mine.a").await.unwrap().unwrap();
    assert_eq!(keys(&action.spec.parameters), ["z", "b", "a"]);
    assert_eq!(keys(action.spec.parameters["z"].as_object().unwrap()), ["type", "default"]);
    let pack = store::packs::find(content.store.pool(), "mine").await.unwrap().unwrap();
    assert_eq!(keys(&pack.manifest), ["version", "name", "author", "zeal", "description", "email"]);
    let local = store::runner_types::find(content.store.pool(), "local-shell-cmd").await.unwrap().unwrap();
    assert_eq!(keys(&local.runner_parameters)[..3], ["cmd", "cwd", "env"]);
    assert_eq!(keys(local.runner_parameters["sudo"].as_object().unwrap())[0], "default");
}

#[tokio::test]
async fn a_pack_that_the_database_refuses_does_not_stop_the_others() {
    let content = Content::new().await;
    for name in ["first", "middle", "last"] {
        content.pack(name);
        content.write(&format!("{name}/actions/{name}.yaml"), format!("name: {name}\nrunner_type: noop\n"));
    }
    let rule = "ALTER TABLE actions ADD CONSTRAINT none_of_this CHECK (name <> 'middle')";
    sqlx::query(rule).execute(content.store.pool()).await.unwrap();
    let report = content.start().await;
    assert_eq!(content.actions_of("first").await.len(), 1);
    assert_eq!(content.actions_of("last").await.len(), 1);
    assert_eq!(content.actions_of("middle").await.len(), 0);
    let [problem] = report.problems.as_slice() else { panic!("{:?}", report.problems) };
    assert_eq!(problem.pack, "middle");
    assert!(problem.message.starts_with("the database refuses the pack: "), "{}", problem.message);
    assert!(report.packs.iter().all(|pack| pack.reference != "middle"));

    // It is read again at the next start, though nothing of it changed.
    let rule = "ALTER TABLE actions DROP CONSTRAINT none_of_this";
    sqlx::query(rule).execute(content.store.pool()).await.unwrap();
    let report = content.start().await;
    assert_eq!(report.problems.len(), 0, "{:?}", report.problems);
    assert_eq!(content.actions_of("middle").await.len(), 1);
}
