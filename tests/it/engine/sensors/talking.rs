//! What sensors send, hear and find out.

use super::{SOON, Source, enable, process, put, running, sent, starting, wait_for, wait_for_sent};
use crate::support::processes::{Process, eventually};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_sends_remembers_and_logs() {
    let source = Source {
        name: "Talker",
        enabled: true,
        code: "
class Talker(Base):
    def run(self):
        self.sensor_service.set_value('seen', self.config.get('word', 'none'))
        seen = self.sensor_service.get_value('seen')
        self.log.info('hello from %s', os.getcwd())
        print('printed', sys.prefix)
        self.sensor_service.dispatch('sen.Talker.event', {'n': 1, 'seen': seen}, trace_tag='mine')
        self.sensor_service.dispatch('sen.Talker.event', {'n': 'no number'})
        self.sensor_service.dispatch('sen.nothing', {})
        self.sensor_service.dispatch('sen.Talker.event', {'n': 2, 'user': self.sensor_service.get_user_info()['username']})
        super().run()
",
    };
    let (starting, home) = starting(&[source]);
    super::write(&home.data_dir(), "packs/sen/config.schema.yaml", "word: {type: string, default: w}\n");
    let st2 = starting.await;
    let events = wait_for_sent(&st2, "sen.Talker.event", 2).await;
    assert_eq!(events, [json!({"n": 1, "seen": "w"}), json!({"n": 2, "user": "sensor_service"})]);
    let key = st2.get("/v1/keys/sen.Talker:seen").await.expect(200);
    assert_eq!(key["value"], "w");
    let all = |now: &Value| now["log"].as_array().is_some_and(|log| log.len() >= 4) && now["sent"] == 2;
    let now = wait_for(&st2, "Talker", all).await;
    assert_eq!((&now["state"], &now["refused"]), (&json!("running"), &json!(2)), "{now:#}");
    assert!(now["last_sent_at"].is_string(), "{now:#}");
    let log: Vec<&str> = now["log"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let has = |words: &str| log.iter().any(|line| line.contains(words));
    assert!(has("INFO SensorWrapper.sen.Talker.test: hello from"), "{log:#?}");
    assert!(has(&format!("printed {}", home.data_dir().join("virtualenvs/sen").display())), "{log:#?}");
    assert!(has("WARNING SensorWrapper.sen.Talker: Trigger payload validation failed"), "{log:#?}");
    assert!(has("Trigger type with reference \"sen.nothing\" doesn't exist in the database"), "{log:#?}");
    assert!(st2.log().contains("hello from"));

    let spawned = wait_for_sent(&st2, "core.st2.sensor.process_spawn", 1).await;
    assert_eq!((&spawned[0]["id"], &spawned[0]["pid"]), (&json!("Talker"), &now["pid"]));
    assert!(spawned[0]["cmd"].as_str().unwrap().contains("--class-name=Talker"));
    enable(&st2, "Talker", false).await;
    let exited = wait_for_sent(&st2, "core.st2.sensor.process_exit", 1).await;
    assert_eq!((&exited[0]["id"], &exited[0]["exit_code"]), (&json!("Talker"), &json!(0)));
    eventually("its process is gone from the API", SOON, async || {
        process(&st2, "Talker").await.is_null().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_hears_of_triggers_that_come_and_go() {
    let source = Source {
        name: "Watcher",
        enabled: true,
        code: "
class Watcher(Base):
    def add_trigger(self, trigger):
        if trigger['parameters']:
            self.sensor_service.dispatch(trigger['ref'], {'added': trigger['parameters']['path']})
    def remove_trigger(self, trigger):
        self.sensor_service.dispatch('sen.Watcher.event', {'removed': trigger['parameters']['path']})
",
    };
    let (starting, home) = starting(&[source]);
    let rule = |name: &str, path: &str| {
        let rule = format!(
            "name: {name}\nenabled: true\ntrigger: {{type: sen.Watcher.asked, parameters: {{path: {path}}}}}\naction: {{ref: core.noop}}\n"
        );
        super::write(&home.data_dir(), &format!("packs/sen/rules/{name}.yaml"), &rule);
    };
    rule("first", "/a");
    let st2 = starting.await;
    let trigger_of = async |path: &str| {
        eventually("a trigger", SOON, async || {
            let all = st2.get("/v1/triggers").await.expect(200);
            let found = all.as_array().unwrap().iter().find(|it| it["parameters"]["path"] == path).cloned();
            found.map(|it| it["ref"].as_str().unwrap().to_owned())
        })
        .await
    };
    let first = trigger_of("/a").await;
    assert_eq!(wait_for_sent(&st2, &first, 1).await, [json!({"added": "/a"})]);
    // A rule that is registered while the sensor runs, and waits for another one in the end.
    rule("second", "/b");
    st2.post("/v1/packs/register", json!({"packs": ["sen"], "types": ["rule"]})).await.expect(200);
    let second = trigger_of("/b").await;
    assert_eq!(wait_for_sent(&st2, &second, 1).await, [json!({"added": "/b"})]);
    rule("second", "/c");
    st2.post("/v1/packs/register", json!({"packs": ["sen"], "types": ["rule"]})).await.expect(200);
    assert_eq!(wait_for_sent(&st2, "sen.Watcher.event", 1).await, [json!({"removed": "/b"})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_slowed_down_and_nothing_of_it_is_lost() {
    let source = Source {
        name: "Flood",
        enabled: true,
        code: "
class Flood(Base):
    def run(self):
        def send(first):
            for n in range(first, 2000, 4):
                self.sensor_service.dispatch('sen.Flood.event', {'n': n})
        threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        for n in range(10000): print('line', n)
        self.sensor_service.dispatch('sen.Flood.event', {'n': -1})
        super().run()
",
    };
    let st2 = starting(&[source]).0.await;
    let events = wait_for_sent(&st2, "sen.Flood.event", 2001).await;
    let mut numbers: Vec<i64> = events.iter().map(|event| event["n"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (-1..2000).collect::<Vec<_>>());
    let now = wait_for(&st2, "Flood", |now| {
        now["log"].as_array().and_then(|log| log.last()).is_some_and(|line| line == "line 9999")
    })
    .await;
    assert_eq!(now["log"].as_array().unwrap().len(), 50);
}

/// The most memory a process has had, in bytes.
fn most_memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_large_events_fills_no_memory_and_others_are_heard() {
    const EVENTS: i64 = 6000;
    const BYTES: u64 = 50_000;
    let source = Source {
        name: "Torrent",
        enabled: true,
        code: "
class Torrent(Base):
    def run(self):
        def send(first):
            for n in range(first, 6000, 100):
                self.sensor_service.dispatch('sen.Torrent.event', {'n': n, 'blob': os.urandom(25000).hex()})
        threads = [threading.Thread(target=send, args=(n,)) for n in range(100)]
        while not self.sensor_service.get_value('go'): time.sleep(0.05)
        for thread in threads: thread.start()
        super().run()
",
    };
    let (starting, home) = starting(&[source]);
    let rule = "name: r\nenabled: true\ntrigger: {type: sen.Torrent.event}\naction: {ref: core.noop}\n";
    super::write(&home.data_dir(), "packs/sen/rules/r.yaml", rule);
    let st2 = starting.await;
    running(&st2, "Torrent").await;
    let before = most_memory(st2.pid());
    st2.put("/v1/keys/sen.Torrent:go", json!({"name": "sen.Torrent:go", "value": "1"})).await.expect(200);
    let mut database = st2.database().connect().await;
    eventually("all of it", SOON * 3, async || {
        // Others ask meanwhile, and are answered.
        st2.get("/v1/rules").await.expect(200);
        let ended = "SELECT count(*) FROM trigger_instances WHERE trigger = 'sen.Torrent.event'
            AND NOT EXISTS (SELECT FROM waiting_events WHERE trigger_instance_id = id)";
        let ended: i64 = sqlx::query_scalar(ended).fetch_one(&mut database).await.unwrap();
        (ended == EVENTS).then_some(())
    })
    .await;
    let more = most_memory(st2.pid()) - before;
    // What is in hand is bounded, whatever is sent.
    assert!(more < EVENTS as u64 * BYTES / 3, "{more} bytes more than before");
    let enforced: i64 =
        sqlx::query_scalar("SELECT count(*) FROM rule_enforcements").fetch_one(&mut database).await.unwrap();
    assert_eq!(enforced, EVENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_is_restarted_when_it_changed_and_not_otherwise() {
    const CODE: &str = "
class Same(Base):
    def run(self):
        self.sensor_service.dispatch('sen.Same.event', {'word': self.config.get('word')})
        super().run()
";
    let (starting, home) = starting(&[Source { name: "Same", enabled: true, code: CODE }]);
    super::write(&home.data_dir(), "packs/sen/config.schema.yaml", "word: {type: string}\n");
    let st2 = starting.await;
    let first = running(&st2, "Same").await;
    let register = async || {
        st2.post("/v1/packs/register", json!({"packs": ["sen"]})).await.expect(200);
    };
    register().await;
    // Something else of the pack.
    super::write(&home.data_dir(), "packs/sen/README.md", "new");
    register().await;
    assert_eq!(running(&st2, "Same").await, first);
    // Its configuration.
    st2.put("/v1/configs/sen", json!({"word": "new"})).await.expect(200);
    let events = wait_for_sent(&st2, "sen.Same.event", 2).await;
    assert_eq!(events, [json!({"word": null}), json!({"word": "new"})]);
    let second = running(&st2, "Same").await;
    assert_ne!(second, first);
    // Its source.
    put(&home, &Source { name: "Same", enabled: true, code: &CODE.replace("new", "newer").leak()[..] });
    register().await;
    wait_for_sent(&st2, "sen.Same.event", 3).await;
    let third = running(&st2, "Same").await;
    assert_ne!(third, second);
    assert!(Process::find(first).is_none() && Process::find(second).is_none());
    assert_eq!(sent(&st2, "sen.Same.event").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_watch_sensor_sends_new_lines() {
    let (starting, home) = starting(&[]);
    let file = home.data_dir().join("watched.log");
    std::fs::write(&file, "old\n").unwrap();
    let rule = format!(
        "name: lines\nenabled: true\naction: {{ref: core.noop}}\n\
         trigger: {{type: linux.file_watch.line, parameters: {{file_path: {}}}}}\n",
        file.display()
    );
    super::write(&home.data_dir(), "packs/sen/rules/lines.yaml", &rule);
    let st2 = starting.with_config("content.optional_packs = [\"linux\"]").await;
    st2.put("/v1/sensortypes/linux.FileWatchSensor", json!({"enabled": true})).await.expect(200);
    eventually("it watches", SOON, async || {
        let sensor = st2.get("/v1/sensortypes/linux.FileWatchSensor").await.expect(200);
        sensor["process"]["log"].to_string().contains("Watching").then_some(())
    })
    .await;
    let append = |text: &str| {
        use std::io::Write;
        std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(text.as_bytes()).unwrap();
    };
    append("one\ntwo\npar");
    append("tial\n");
    let all = st2.get("/v1/triggers").await.expect(200);
    let trigger = all.as_array().unwrap().iter().find(|it| it["type"] == "linux.file_watch.line").unwrap();
    let reference = trigger["ref"].as_str().unwrap();
    let lines = |events: &[serde_json::Value]| {
        events.iter().map(|event| event["line"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let events = wait_for_sent(&st2, reference, 3).await;
    assert_eq!(lines(&events), ["one", "two", "partial"]);
    assert_eq!(events[0]["file_name"], "watched.log");
    assert_eq!(events[0]["file_path"], json!(file));
    // Rotated: the new file is read from its beginning.
    std::fs::rename(&file, home.data_dir().join("watched.log.1")).unwrap();
    std::fs::write(&file, "fresh\n").unwrap();
    assert_eq!(lines(&wait_for_sent(&st2, reference, 4).await)[3], "fresh");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_of_the_default_pack_needs_no_virtualenv() {
    let (starting, home) = starting(&[]);
    let st2 = starting.await;
    let code = "
class First(Base):
    def run(self): self.sensor_service.dispatch('default.first', {'n': 1})
";
    let metadata = "class_name: First\nentry_point: first.py\ntrigger_types: [{name: first}]\n";
    super::write(&home.data_dir(), "packs/default/sensors/first.py", &format!("{}{code}", super::HEAD));
    super::write(&home.data_dir(), "packs/default/sensors/first.yaml", metadata);
    st2.post("/v1/packs/register", json!({"packs": ["default"]})).await.expect(200);
    assert_eq!(wait_for_sent(&st2, "default.first", 1).await, [json!({"n": 1})]);
}
