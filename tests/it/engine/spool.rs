//! A daemon that is killed while its database is away: what had ended by then is not lost.

use crate::support::{
    daemon::{Home, TestDaemon},
    door::Door,
    executions::history,
    postgres::TestDatabase,
    processes::eventually,
};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

const SOON: Duration = Duration::from_secs(60);

/// A daemon behind a door.
struct House {
    home: Home,
    database: Option<TestDatabase>,
    door: Door,
    /// Actions wait for this file.
    sign: PathBuf,
}

impl House {
    fn new() -> Self {
        let database = TestDatabase::new();
        let door = Door::new();
        let home = Home::new();
        fs::create_dir_all(home.data_dir()).unwrap();
        fs::set_permissions(home.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
        let sign = home.data_dir().join("sign");
        Self { home, database: Some(database), door, sign }
    }

    async fn daemon(&mut self) -> TestDaemon {
        let database = self.database.take().unwrap();
        let url = database.url_at(self.door.directory());
        let starting = TestDaemon::start().with_home(&self.home).with_database(database);
        starting.with_args(["--database-url", &url]).await
    }

    /// A command that waits for the sign.
    fn waiting(&self, then: &str) -> Value {
        json!({"cmd": format!("while ! test -e {}; do sleep 0.02; done; {then}", self.sign.display())})
    }

    fn give_sign(&self) {
        fs::write(&self.sign, "").unwrap();
    }

    fn spool(&self) -> PathBuf {
        self.home.data_dir().join("spool/ledger")
    }

    /// Kills the daemon once the ends of these executions are on disk.
    async fn kill(&mut self, mut st2: TestDaemon, ids: &[String]) {
        eventually("the ends are on disk", SOON, async || {
            let text = String::from_utf8_lossy(&fs::read(self.spool()).ok()?).into_owned();
            let has = |id: &String| text.contains(&format!("{{\"Change\":{{\"id\":\"{id}\""));
            ids.iter().all(has).then_some(())
        })
        .await;
        st2.kill();
        self.database = Some(st2.ended_with_database().await.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_while_the_database_was_away_outlives_kill_9_and_is_stored_once() {
    let mut house = House::new();
    let st2 = house.daemon().await;
    let mut ids = vec![];
    for (index, then) in
        ["echo one; echo two >&2", "echo three; exit 3", "head -c 100000 /dev/zero | tr '\\0' x"]
            .into_iter()
            .enumerate()
    {
        ids.push(st2.request_action("core.local", house.waiting(then)).await);
        st2.wait_for(&ids[index], &["running"]).await;
    }
    house.door.shut();
    house.give_sign();
    house.kill(st2, &ids).await;
    let spooled = fs::read(house.spool()).unwrap();
    let mut connection = house.database.as_ref().unwrap().connect().await;
    let running: i64 = sqlx::query_scalar("SELECT count(*) FROM executions WHERE status = 'running'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(running, 3, "nothing of it is stored yet");
    house.door.open();

    let st2 = house.daemon().await;
    let mut first = vec![];
    for id in &ids {
        let ended = st2.wait_for_end(id).await;
        assert_eq!(history(&ended)[1..], ["scheduled", "running", ended["status"].as_str().unwrap()]);
        first.push((ended, output(&st2, id).await));
    }
    let told: Vec<_> =
        first.iter().map(|(ended, _)| (&ended["status"], &ended["result"]["return_code"])).collect();
    assert_eq!(
        told,
        [(&json!("succeeded"), &json!(0)), (&json!("failed"), &json!(3)), (&json!("succeeded"), &json!(0))]
    );
    assert_eq!(
        (&first[0].0["result"]["stdout"], &first[0].0["result"]["stderr"]),
        (&json!("one"), &json!("two"))
    );
    assert_eq!(first[1].1, "three\n");
    assert_eq!(first[2].1.len(), 100_000);
    assert!(!house.spool().exists());

    // It was killed before it could remove the spool.
    fs::write(house.spool(), [&spooled[..], b"torn"].concat()).unwrap();
    let (_, database) = {
        let mut st2 = st2;
        st2.kill();
        st2.ended_with_database().await
    };
    house.database = Some(database);
    let st2 = house.daemon().await;
    for (id, before) in ids.iter().zip(&first) {
        assert_eq!(
            (facts(&st2.wait_for_end(id).await), output(&st2, id).await),
            (facts(&before.0), before.1.clone())
        );
    }
    assert!(!house.spool().exists());
}

/// What may not change any more.
fn facts(execution: &Value) -> Value {
    json!(["status", "result", "log", "end_timestamp", "context"].map(|key| &execution[key]))
}

async fn output(st2: &TestDaemon, id: &str) -> String {
    st2.get(&format!("/v1/executions/{id}/output")).await.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_goes_on_with_what_its_task_had_found() {
    let mut house = House::new();
    let base = house.home.data_dir().join("packs/flow");
    let put = |path: &str, text: &str| {
        let path: &Path = &base.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("pack.yaml", "ref: flow\nname: flow\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.c\n");
    put(
        "actions/go.yaml",
        "name: go\nrunner_type: orquesta\nentry_point: workflows/go.yaml\nparameters: {cmd: {type: string}}\n",
    );
    put(
        "actions/workflows/go.yaml",
        "version: 1.0\ninput: [cmd]\ntasks:\n  find:\n    action: core.local cmd=<% ctx().cmd %>\n    next:\n      - publish: found=<% result().stdout %>\n        do: tell\n  tell:\n    action: core.echo message=<% ctx().found %>\noutput:\n  - found: <% ctx().found %>\n",
    );
    let st2 = house.daemon().await;
    let flow = st2.request_action("flow.go", house.waiting("echo treasure")).await;
    let child = eventually("its task runs", SOON, async || {
        let found = st2.get(&format!("/v1/executions?parent={flow}&status=running")).await.expect(200);
        found[0]["id"].as_str().map(str::to_owned)
    })
    .await;
    house.door.shut();
    house.give_sign();
    house.kill(st2, &[child]).await;
    house.door.open();
    let st2 = house.daemon().await;
    let ended = st2.wait_for_end(&flow).await;
    assert_eq!(
        (&ended["status"], &ended["result"]["output"]["found"]),
        (&json!("succeeded"), &json!("treasure"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_lives_on_stores_what_waited_and_clears_its_spool() {
    let mut house = House::new();
    let st2 = house.daemon().await;
    let id = st2.request_action("core.local", house.waiting("echo late")).await;
    st2.wait_for(&id, &["running"]).await;
    house.door.shut();
    house.give_sign();
    eventually("its end is on disk", SOON, async || house.spool().exists().then_some(())).await;
    house.door.open();
    let ended = eventually("its end is stored", SOON, async || {
        // Refused as long as the database is away.
        let answer = st2.get(&format!("/v1/executions/{id}")).await;
        (answer.status == 200).then(|| answer.json()).filter(|found| found["status"] != "running")
    })
    .await;
    assert_eq!((&ended["status"], &ended["result"]["stdout"]), (&json!("succeeded"), &json!("late")));
    eventually("the spool is cleared", SOON, async || (!house.spool().exists()).then_some(())).await;
}
