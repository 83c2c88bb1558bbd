//! What cannot be installed changes nothing; what is interrupted leaves the old pack whole.

use super::{
    install::{go, install, install_with, tasks, why},
    repository::{GitServer, Pack, Serve},
};
use crate::support::{daemon::TestDaemon, processes::eventually};
use nix::fcntl::{Flock, FlockArg};
use serde_json::json;
use std::{path::Path, time::Duration};

/// Names in a directory, without locks.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| Path::new(name).extension().is_none_or(|ending| ending != "lock"));
    names.sort();
    names
}

#[tokio::test]
async fn hostile_sources_are_refused_and_run_nothing() {
    let st2 = TestDaemon::start().await;
    let trap = st2.data_dir().join("trapped");
    let trap = trap.display();
    for source in [
        format!("ext::touch${{IFS}}{trap}"),
        format!("ext::sh -c touch% {trap}"),
        "-u".to_owned(),
        format!("--upload-pack=touch${{IFS}}{trap}"),
        format!("ssh://-oProxyCommand=touch${{IFS}}{trap}/x"),
        format!("git@-oProxyCommand=touch${{IFS}}{trap}:x"),
        "https://example.com/x=--upload-pack".to_owned(),
        "file://../../etc".to_owned(),
        "ftp://example.com/x".to_owned(),
    ] {
        let answer = st2.post("/v1/packs/install", json!({"packs": [source]})).await;
        assert_eq!(answer.status, 400, "{source}");
        let fault = answer.json()["faultstring"].as_str().unwrap().to_owned();
        assert!(fault.starts_with(&format!("\"{source}\" cannot be installed: ")), "{fault}");
        // The action is no way round it.
        let done = st2.run("packs.download", json!({"packs": [source]})).await;
        assert_eq!(done["status"], "failed", "{source}");
        assert!(done["result"]["stderr"].as_str().unwrap().contains("cannot be installed: "));
    }
    assert!(!st2.data_dir().join("trapped").exists());
}

#[tokio::test]
async fn a_pack_that_does_not_fit_leaves_the_old_one_in_place() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    assert_eq!(install(&st2, json!([pack.url()])).await["status"], "succeeded");

    let table = [
        (
            "stackstorm_version: '>=99.0.0'\n",
            "Pack \"hello\" requires StackStorm \">=99.0.0\", but current version",
        ),
        ("python_versions: ['2']\n", "Pack \"hello\" requires Python 2.x, but current Python version is"),
        ("requires_python: '<3'\n", "Pack \"hello\" requires Python \"<3\", but this system has 3."),
        ("requires_python: 3.10\n", "pack.yaml: requires_python: 3.1 is no text. Put it in quotes"),
        (
            "requires_python: three\n",
            "\"three\" is no range of Python versions. Write it like \">=3.9, <3.12\"",
        ),
        ("dependencies: 5\n", "pack.yaml: 5 is not of type 'array'"),
        ("keywords: [a, b\n", "pack.yaml:"),
        ("ref: Not-A-Ref\n", "Pack ref / name can only contain valid word characters"),
    ];
    for (index, (more, expected)) in table.iter().enumerate() {
        pack.manifest("2.0.0", more).action("two").commit(&format!("bad{index}"));
        let done = install(&st2, json!([pack.url()])).await;
        assert!(why(&done).contains(expected), "{more}: {}", why(&done));
        assert_eq!(go(&st2, "hello").await, "one", "{more}");
    }
    std::fs::remove_file(pack.path().join("pack.yaml")).unwrap();
    pack.commit("none");
    let done = install(&st2, json!([pack.url()])).await;
    assert!(why(&done).contains("Pack is missing a manifest file (pack.yaml)."));
    assert_eq!(names(&st2.data_dir().join("packs/.download")), Vec::<String>::new());

    // With force, what the pack says of the system does not count.
    pack.manifest("2.0.0", &format!("{}{}", table[0].0, table[2].0)).commit("forced");
    let done = install_with(&st2, json!({"packs": [pack.url()], "force": true})).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(go(&st2, "hello").await, "two");
}

#[tokio::test]
async fn content_that_cannot_be_registered_brings_the_old_pack_back() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    assert_eq!(install(&st2, json!([pack.url()])).await["status"], "succeeded");
    pack.manifest("2.0.0", "").action("two").file("actions/bad.yaml", "name: [\n").commit("v2.0.0");
    let done = install(&st2, json!([pack.url()])).await;
    assert!(why(&done).contains("Failed to register action"), "{}", why(&done));
    assert_eq!(go(&st2, "hello").await, "one");
    assert_eq!(st2.get("/v1/packs/hello").await.expect(200)["version"], "1.0.0");

    let new = Pack::new("fresh", "1.0.0", "x");
    new.file("actions/bad.yaml", "name: [\n");
    assert_eq!(install(&st2, json!([new.url()])).await["status"], "failed");
    assert!(!st2.data_dir().join("packs/fresh").exists());
}

#[tokio::test]
async fn a_dependency_that_cannot_be_had_brings_the_old_pack_back() {
    let index = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(index.path(), json!({"packs": {}}).to_string()).unwrap();
    let config = format!("[content]\nindex_url = [\"file://{}\"]", index.path().display());
    let st2 = TestDaemon::start().with_config(&config).await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    assert_eq!(install(&st2, json!([pack.url()])).await["status"], "succeeded");
    pack.manifest("2.0.0", "dependencies: [nowhere]\n").action("two").commit("v2.0.0");
    let done = install(&st2, json!([pack.url()])).await;
    assert!(why(&done).contains("nowhere"), "{}", why(&done));
    assert_eq!(tasks(&st2, &done).await.last().unwrap(), &("download_pack".to_owned(), "failed".to_owned()));
    assert_eq!(go(&st2, "hello").await, "one");
    assert_eq!(st2.get("/v1/packs/hello").await.expect(200)["version"], "1.0.0");
}

#[tokio::test]
async fn one_of_two_packs_that_cannot_be_had_is_told_of() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    let done = install(&st2, json!([pack.url(), "file:///no/such/pack"])).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(done["result"]["output"]["packs_list"], json!(["hello"]));
    let warning = done["result"]["output"]["warning_list"][0].as_str().unwrap();
    assert!(warning.ends_with("Failure : Local pack directory \"/no/such/pack\" doesn't exist"), "{warning}");
    let done = install(&st2, json!(["file:///no/such/pack"])).await;
    assert_eq!(tasks(&st2, &done).await.last().unwrap(), &("download_pack".to_owned(), "failed".to_owned()));
    assert!(
        why(&done)
            .contains("The pack has not been downloaded from \"file:///no/such/pack\".\n\nErrors:\n - ")
    );
}

#[tokio::test]
async fn a_repository_is_fetched_over_http_and_a_broken_connection_changes_nothing() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    let server = GitServer::start(&pack.path(), Serve::Whole).await;
    let done = install(&st2, json!([format!("{}=1.0.0", server.url)])).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(go(&st2, "hello").await, "one");

    pack.manifest("2.0.0", "").action("two").commit("v2.0.0");
    let half = GitServer::start(&pack.path(), Serve::Half).await;
    let done = install(&st2, json!([half.url])).await;
    assert!(why(&done).contains(&format!("Cannot clone {}: ", half.url)), "{}", why(&done));
    drop(half);
    let gone = "http://127.0.0.1:9/repo";
    let done = install(&st2, json!([gone])).await;
    assert!(why(&done).contains(&format!("Cannot clone {gone}: ")), "{}", why(&done));
    assert_eq!(go(&st2, "hello").await, "one");
}

#[tokio::test]
async fn two_installs_of_one_pack_come_one_after_the_other() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    let all = (0..4).map(|_| install(&st2, json!([pack.url()])));
    for done in futures_util::future::join_all(all).await {
        assert_eq!(done["status"], "succeeded", "{done:#}");
    }
    assert_eq!(go(&st2, "hello").await, "one");
}

#[tokio::test]
async fn a_cancel_between_two_steps_brings_the_old_pack_back() {
    let st2 = TestDaemon::start().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    assert_eq!(install(&st2, json!([pack.url()])).await["status"], "succeeded");
    pack.manifest("2.0.0", "").action("two").commit("v2.0.0");
    // Whoever puts a pack in its place waits for this.
    let lock = std::fs::File::open(st2.data_dir().join("packs/.download/pack.hello.lock")).unwrap();
    let held = Flock::lock(lock, FlockArg::LockExclusive).unwrap();
    let answer = st2.post("/v1/packs/install", json!({"packs": [pack.url()]})).await.expect(202);
    let id = answer["execution_id"].as_str().unwrap();
    eventually("the download waits", Duration::from_secs(30), async || {
        tasks(&st2, &json!({"id": id}))
            .await
            .contains(&("download_pack".to_owned(), "running".to_owned()))
            .then_some(())
    })
    .await;
    st2.put(&format!("/v1/executions/{id}"), json!({"status": "pausing"})).await.expect(200);
    drop(held);
    let paused = st2.wait_for(id, &["paused"]).await;
    assert_eq!(
        tasks(&st2, &paused).await.last().unwrap(),
        &("download_pack".to_owned(), "succeeded".to_owned())
    );
    let manifest = st2.data_dir().join("packs/hello/pack.yaml");
    assert!(std::fs::read_to_string(&manifest).unwrap().contains("2.0.0"));

    st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!(st2.wait_for_end(id).await["status"], "canceled");
    eventually("the old pack is back", Duration::from_secs(30), async || {
        std::fs::read_to_string(&manifest).is_ok_and(|text| text.contains("1.0.0")).then_some(())
    })
    .await;
    assert_eq!(go(&st2, "hello").await, "one");
}

#[tokio::test]
async fn a_cancel_takes_back_the_packs_that_had_come_before() {
    let st2 = TestDaemon::start().await;
    let (first, second) = (Pack::new("first", "1.0.0", "one"), Pack::new("second", "1.0.0", "x"));
    first.commit("v1.0.0");
    second.commit("v1.0.0");
    let stuck = GitServer::start(&second.path(), Serve::Stall).await;
    let answer = st2.post("/v1/packs/install", json!({"packs": [first.url(), stuck.url]})).await.expect(202);
    eventually("the second is asked for", Duration::from_secs(30), async || {
        (stuck.asked() >= 1).then_some(())
    })
    .await;
    assert!(st2.data_dir().join("packs/first").exists());
    let id = answer["execution_id"].as_str().unwrap();
    assert_eq!(st2.delete(&format!("/v1/executions/{id}")).await.status, 200);
    assert_eq!(st2.wait_for_end(id).await["status"], "canceled");
    assert!(!st2.data_dir().join("packs/first").exists());
}

#[tokio::test]
async fn a_cancelled_or_killed_install_leaves_the_old_pack_whole() {
    let mut st2 = TestDaemon::start().with_private_postgres().await;
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    assert_eq!(install(&st2, json!([pack.url()])).await["status"], "succeeded");
    pack.manifest("2.0.0", "").action("two").commit("v2.0.0");
    let stuck = GitServer::start(&pack.path(), Serve::Stall).await;
    let asked_for = async |count: usize| {
        eventually("the objects are asked for", Duration::from_secs(30), async || {
            (stuck.asked() >= count).then_some(())
        })
        .await;
    };

    let answer = st2.post("/v1/packs/install", json!({"packs": [stuck.url]})).await.expect(202);
    asked_for(1).await;
    let id = answer["execution_id"].as_str().unwrap();
    assert_eq!(st2.delete(&format!("/v1/executions/{id}")).await.status, 200);
    let ended = st2.wait_for_end(id).await;
    assert_eq!(ended["status"], "canceled", "{ended:#}");
    assert_eq!(tasks(&st2, &ended).await.last().unwrap().1, "canceled");
    assert_eq!(go(&st2, "hello").await, "one");

    let other = GitServer::start(&pack.path(), Serve::Stall).await;
    st2.post("/v1/packs/install", json!({"packs": [other.url]})).await.expect(202);
    eventually("the objects are asked for", Duration::from_secs(30), async || {
        (other.asked() >= 1).then_some(())
    })
    .await;
    let home = st2.home();
    st2.kill();
    drop(st2);
    let st2 = TestDaemon::start().with_private_postgres().with_home(&home).await;
    assert_eq!(go(&st2, "hello").await, "one");
    // The lock died with the daemon, and what lay half done in the workshop is no hindrance.
    let done = install(&st2, json!([pack.url()])).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(go(&st2, "hello").await, "two");
}
