//! Sensors of several nodes, of parts of them, and one in the foreground.

use super::{Source, process, put, running, sent, starting, wait_for, wait_for_sent};
use crate::support::{
    daemon::{Home, TestDaemon},
    processes::{Process, eventually},
};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

const TICKER: Source = Source {
    name: "Ticker",
    enabled: true,
    code: "
class Ticker(Base):
    def run(self):
        self.sensor_service.dispatch('sen.Ticker.event', {'n': os.getppid()})
        super().run()
",
};

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_runs_a_sensor_and_the_other_takes_over() {
    let config = "scheduler.lease = 10\n";
    let first = starting(&[TICKER]).0.with_config(config).await;
    let pid = running(&first, "Ticker").await;
    // The other node has the same packs.
    let home = Home::new();
    let copied = Command::new("cp")
        .args(["-a", &format!("{}/.", first.data_dir().display())])
        .arg(home.data_dir())
        .status()
        .unwrap();
    assert!(copied.success());
    for own in ["node-name", "admin-api-key"] {
        let _ = std::fs::remove_file(home.data_dir().join(own));
    }
    let url = first.database().url();
    let second = TestDaemon::start()
        .with_home(&home)
        .with_private_postgres()
        .with_args(["--database-url", &url])
        .with_config(config)
        .await;
    assert_eq!(running(&first, "Ticker").await, pid);
    let key = first.api_key().to_owned();
    let seen_by_second = async || -> Value {
        let request = second.bare(reqwest::Method::GET, "/v1/sensortypes/sen.Ticker");
        request.header("St2-Api-Key", &key).send().await.unwrap().json::<Value>().await.unwrap()["process"]
            .clone()
    };
    assert_eq!(seen_by_second().await["pid"], json!(pid), "any node tells how it is doing");
    let mut first = first;
    first.kill();
    let now = eventually("the other node runs it", super::SOON, async || {
        let now = seen_by_second().await;
        (now["state"] == "running" && now["pid"] != json!(pid)).then_some(now)
    })
    .await;
    assert!(Process::find(now["pid"].as_i64().unwrap() as i32).is_some());
    let events = sent(&first, "sen.Ticker.event").await;
    assert_eq!(
        events.iter().map(|event| &event["n"]).collect::<Vec<_>>(),
        [&json!(first.pid()), &json!(second.pid())]
    );
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_runs_its_share_alone() {
    let other = Source { name: "Other", enabled: true, code: "class Other(Base): pass\n" };
    let (starting, home) = starting(&[TICKER, other]);
    let file = home.data_dir().join("partition.yaml");
    std::fs::write(&file, "one: [sen.Other]\ntwo: [sen.Ticker]\n").unwrap();
    let provider =
        format!("sensorcontainer.partition_provider = \"name:file, partition_file:{}\"\n", file.display());
    let config = format!("{provider}sensorcontainer.sensor_node_name = \"two\"\n");
    let st2 = starting.with_config(&config).await;
    running(&st2, "Ticker").await;
    assert!(process(&st2, "Other").await.is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_in_the_datastore_is_followed() {
    let config = "sensorcontainer.partition_provider = \"name:kvstore\"\n";
    let (starting, home) = starting(&[TICKER]);
    let st2 = starting.with_config(config).await;
    eventually("it is told that the key is missing", super::SOON, async || {
        st2.log().contains("there is no key sensornode1.sensor_partition in the datastore").then_some(())
    })
    .await;
    assert!(process(&st2, "Ticker").await.is_null());
    let key = json!({"name": "sensornode1.sensor_partition", "value": "sen.Ticker"});
    st2.put("/v1/keys/sensornode1.sensor_partition", key).await.expect(200);
    running(&st2, "Ticker").await;
    drop(home);
}

/// `st2d sensor run` beside this daemon.
fn foreground(st2: &TestDaemon, reference: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_st2d"));
    command
        .args(["sensor", "run", reference, "--database-url", &st2.database().url(), "--data-dir"])
        .arg(st2.data_dir())
        .args(["--api-listen", st2.addresses().api.as_ref().unwrap().strip_prefix("http://").unwrap()])
        .current_dir(st2.data_dir())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensor_in_the_foreground_sends_and_hands_its_exit_code_on() {
    let code = "
class Once(Base):
    def run(self):
        self.log.info('on my way')
        self.sensor_service.dispatch('sen.Once.event', {'n': 5})
        sys.exit(7)
";
    let once = Source { name: "Once", enabled: false, code };
    let (starting, home) = starting(&[once, TICKER]);
    let st2 = starting.await;
    let run = async |reference: &str| {
        let mut command = foreground(&st2, reference);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let output = run("sen.Once").await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains("on my way"), "{said}");
    assert_eq!(wait_for_sent(&st2, "sen.Once.event", 1).await, [json!({"n": 5})]);
    assert!(process(&st2, "Once").await.is_null());

    let output = run("sen.Nope").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Sensor sen.Nope not found in db."));

    running(&st2, "Ticker").await;
    let output = run("sen.Ticker").await;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("runs already") && said.contains("st2 sensor disable sen.Ticker"), "{said}");
    put(
        &home,
        &Source {
            name: "Once",
            enabled: false,
            code: "class Once(Base):\n    def setup(self): raise ValueError('x')\n",
        },
    );
    let output = run("sen.Once").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("ValueError: x"));
    wait_for(&st2, "Ticker", |now| now["state"] == "running").await;
}
