//! `content_version`: scripts and Python actions as they were at a commit, tag or branch.

use super::{Script, Way, starting, warmed_up, write};
use crate::support::daemon::TestDaemon;
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command, time::Duration};

const TOLD: Script = Script {
    name: "told",
    code: "from st2common.runners.base_action import Action\nfrom lib.word import WORD\nclass Told(Action):\n    def run(self, value=None): return WORD\n",
};

const SHELL: &str = "name: shell\nrunner_type: local-shell-script\nenabled: true\nentry_point: shell.sh\n";

fn git(directory: &Path, arguments: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"];
    let done = Command::new("git").current_dir(directory).args(identity).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A pack with the words `one` (tag v1), `two` (branch side) and `three` (not committed).
async fn versioned(way: Way) -> TestDaemon {
    let (starting, home) = starting(way, &[TOLD]);
    let data = home.data_dir();
    let pack = data.join("packs/pyt");
    write(&data, "packs/pyt/actions/lib/__init__.py", "");
    write(&data, "packs/pyt/actions/shell.yaml", SHELL);
    let say = |word: &str| {
        write(&data, "packs/pyt/actions/lib/word.py", &format!("WORD = '{word}'\n"));
        write(&data, "packs/pyt/actions/shell.sh", &format!("#!/bin/sh\necho {word}\n"));
    };
    say("one");
    git(&pack, &["init", "-q"]);
    git(&pack, &["add", "."]);
    git(&pack, &["commit", "-qm", "one"]);
    git(&pack, &["tag", "v1"]);
    git(&pack, &["checkout", "-qb", "side"]);
    say("two");
    git(&pack, &["commit", "-qam", "two"]);
    say("three");
    let st2 = starting.await;
    if way == Way::Warm {
        warmed_up(&st2).await;
    }
    st2
}

fn checkouts() -> Vec<String> {
    let names = fs::read_dir("/tmp").unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("st2-git-worktree-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[serial_test::serial(checkouts)]
async fn each_run_gets_the_version_it_asks_for() {
    for way in [Way::Cold, Way::Warm] {
        let st2 = versioned(way).await;
        let mut ids = vec![];
        for (version, word) in
            [(Some("v1"), "one"), (Some("side"), "two"), (None, "three"), (Some("v1"), "one")]
        {
            for action in ["pyt.told", "pyt.shell"] {
                let parameters = version.map_or(json!({}), |version| json!({"content_version": version}));
                ids.push((st2.request_action(action, parameters).await, action, word));
            }
        }
        for (id, action, word) in ids {
            let ended = st2.wait_for_end(&id).await;
            let key = if action == "pyt.told" { "result" } else { "stdout" };
            assert_eq!(ended["result"][key], word, "{way:?} {action}: {}", ended["result"]);
        }
        assert_eq!(checkouts(), Vec::<String>::new());
        let pack = st2.data_dir().join("packs/pyt");
        assert!(!pack.join(".git/worktrees").exists());
        let word = fs::read_to_string(pack.join("actions/lib/word.py")).unwrap();
        assert_eq!(word, "WORD = 'three'\n", "what is installed is not touched");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[serial_test::serial(checkouts)]
async fn what_is_no_version_is_told_in_stackstorms_words() {
    let st2 = versioned(Way::Warm).await;
    let pack = st2.data_dir().join("packs/pyt");
    for version in ["nope", "--upload-pack=x", "HEAD:actions"] {
        let error = failing(&st2, version).await;
        assert_eq!(
            error,
            format!(
                "Failed to create git worktree for pack \"pyt\": Invalid content_version \"{version}\" provided. Make sure that git repository is up to date and contains that revision."
            )
        );
    }
    fs::remove_dir_all(pack.join(".git")).unwrap();
    assert_eq!(
        failing(&st2, "v1").await,
        format!(
            "Failed to create git worktree for pack \"pyt\": Pack directory \"{}\" is not a git repository. To utilize this functionality, pack directory needs to be a git repository.",
            pack.display()
        )
    );
    assert_eq!(checkouts(), Vec::<String>::new());
}

async fn failing(st2: &TestDaemon, version: &str) -> String {
    let mut errors = vec![];
    for action in ["pyt.told", "pyt.shell"] {
        let ended = st2.run(action, json!({"content_version": version})).await;
        assert_eq!(ended["status"], "failed", "{ended:#}");
        errors.push(ended["result"]["error"].as_str().unwrap().to_owned());
    }
    assert_eq!(errors[0], errors[1]);
    errors.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
#[serial_test::serial(checkouts)]
async fn checkouts_of_a_killed_daemon_are_removed_by_the_next() {
    let (starting, home) = starting(Way::Cold, &[]);
    let data = home.data_dir();
    let pack = data.join("packs/pyt");
    write(&data, "packs/pyt/actions/shell.yaml", SHELL);
    write(&data, "packs/pyt/actions/shell.sh", "#!/bin/sh\necho begun; sleep 4270\n");
    git(&pack, &["init", "-q"]);
    git(&pack, &["add", "."]);
    git(&pack, &["commit", "-qm", "one"]);
    let mut st2 = starting.with_private_postgres().await;
    let id = st2.request_action("pyt.shell", json!({"content_version": "HEAD"})).await;
    crate::support::processes::eventually("it runs", Duration::from_secs(20), async || {
        (st2.output(&id).await == b"begun\n").then_some(())
    })
    .await;
    assert_eq!(checkouts().len(), 1);
    st2.kill();
    let st2 = TestDaemon::start().with_home(&home).with_private_postgres().await;
    assert_eq!(checkouts(), Vec::<String>::new());
    let ended: Value = st2.wait_for_end(&id).await;
    assert_eq!(ended["status"], "abandoned");
}

#[tokio::test(flavor = "multi_thread")]
#[serial_test::serial(checkouts)]
async fn a_checkout_stays_when_debug_asks_for_it() {
    let st2 = versioned(Way::Cold).await;
    let ended = st2.run("pyt.told", json!({"content_version": "v1", "debug": true})).await;
    assert_eq!(ended["result"]["result"], "one", "{ended:#}");
    let kept = checkouts();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let kept = Path::new("/tmp").join(&kept[0]);
    let word = fs::read_to_string(kept.join("actions/lib/word.py"));
    fs::remove_dir_all(kept).unwrap();
    assert_eq!(word.unwrap(), "WORD = 'one'\n");
}

#[tokio::test(flavor = "multi_thread")]
#[serial_test::serial(checkouts)]
async fn a_pack_may_be_one_of_several_in_a_repository() {
    let (starting, home) = starting(Way::Cold, &[TOLD]);
    let data = home.data_dir();
    write(&data, "packs/pyt/actions/lib/__init__.py", "");
    write(&data, "packs/pyt/actions/lib/word.py", "WORD = 'one'\n");
    write(&data, "packs/pyt/actions/shell.yaml", SHELL);
    write(&data, "packs/pyt/actions/shell.sh", "#!/bin/sh\necho one\n");
    let packs = data.join("packs");
    git(&packs, &["init", "-q"]);
    git(&packs, &["add", "."]);
    git(&packs, &["commit", "-qm", "one"]);
    git(&packs, &["tag", "v1"]);
    write(&data, "packs/pyt/actions/lib/word.py", "WORD = 'two'\n");
    write(&data, "packs/pyt/actions/shell.sh", "#!/bin/sh\necho two\n");
    let st2 = starting.await;
    for (parameters, word) in [(json!({"content_version": "v1"}), "one"), (json!({}), "two")] {
        let told = st2.run("pyt.told", parameters.clone()).await;
        assert_eq!(told["result"]["result"], word, "{told:#}");
        let shell = st2.run("pyt.shell", parameters).await;
        assert_eq!(shell["result"]["stdout"], word, "{shell:#}");
    }
    assert_eq!(checkouts(), Vec::<String>::new());
}
