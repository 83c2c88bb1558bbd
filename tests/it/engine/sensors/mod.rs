//! Sensors in a real daemon: their processes, what they send, how they fail, and that nothing of them is left.

mod failing;
mod nodes;
mod talking;

use super::python::virtualenv;
pub(super) use super::python::write;
use crate::support::{
    daemon::{Home, Starting, TestDaemon},
    processes::eventually,
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

pub(super) const SOON: Duration = Duration::from_secs(60);

/// What every sensor of these tests begins with.
const HEAD: &str = "
import os, signal, subprocess, sys, threading, time
from st2reactor.sensor.base import PollingSensor, Sensor

class Base(Sensor):
    def setup(self): self.log = self.sensor_service.get_logger('test')
    def run(self): threading.Event().wait()
    def cleanup(self): pass
    def add_trigger(self, trigger): pass
    def update_trigger(self, trigger): pass
    def remove_trigger(self, trigger): pass
";

/// A sensor of the pack `sen`: its class and the rest of its file.
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) enabled: bool,
    pub(super) code: &'static str,
}

/// A daemon to be, with these sensors.
pub(super) fn starting(sensors: &[Source]) -> (Starting, Home) {
    let home = Home::new();
    let data = home.data_dir();
    let manifest = "name: sen\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n";
    write(&data, "packs/sen/pack.yaml", manifest);
    for source in sensors {
        put(&home, source);
    }
    virtualenv(&data.join("virtualenvs/sen"));
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let config = "sensorcontainer.longest_backoff = 0.2\nsensorcontainer.stop_grace = 1.0\n";
    (TestDaemon::start().with_home(&home).with_config(config), home)
}

/// Writes the files of a sensor.
pub(super) fn put(home: &Home, source: &Source) {
    let (data, name) = (home.data_dir(), source.name);
    write(&data, &format!("packs/sen/sensors/{name}.py"), &format!("{HEAD}{}", source.code));
    let metadata = format!(
        "class_name: {name}\nentry_point: {name}.py\nenabled: {}\ntrigger_types:
  - {{name: {name}.event, payload_schema: {{type: object, properties: {{n: {{type: integer}}}}}}}}
  - name: {name}.asked
    parameters_schema: {{type: object, properties: {{path: {{type: string, required: true}}}}}}
",
        source.enabled
    );
    write(&data, &format!("packs/sen/sensors/{name}.yaml"), &metadata);
}

/// What the API says of a sensor's process; null if it says nothing.
pub(super) async fn process(st2: &TestDaemon, name: &str) -> Value {
    st2.get(&format!("/v1/sensortypes/sen.{name}")).await.expect(200)["process"].clone()
}

/// Waits until a sensor's process is as wanted.
pub(super) async fn wait_for(st2: &TestDaemon, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let begun = std::time::Instant::now();
    loop {
        let now = process(st2, name).await;
        if wanted(&now) {
            return now;
        }
        last = if now == last { last } else { now };
        assert!(begun.elapsed() < SOON, "{name} stayed as {last:#}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a sensor runs; its process.
pub(super) async fn running(st2: &TestDaemon, name: &str) -> i32 {
    let process = wait_for(st2, name, |process| process["state"] == "running").await;
    process["pid"].as_i64().unwrap() as i32
}

/// The payloads of what was sent to a trigger, in order.
pub(super) async fn sent(st2: &TestDaemon, trigger: &str) -> Vec<Value> {
    let mut connection = st2.database().connect().await;
    let sql = "SELECT payload::text FROM trigger_instances WHERE trigger = $1 ORDER BY id";
    let rows: Vec<String> = sqlx::query_scalar(sql).bind(trigger).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// Waits until at least so many were sent.
pub(super) async fn wait_for_sent(st2: &TestDaemon, trigger: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} of {trigger}"), SOON, async || {
        let all = sent(st2, trigger).await;
        (all.len() >= count).then_some(all)
    })
    .await
}

/// Enables or disables a sensor.
pub(super) async fn enable(st2: &TestDaemon, name: &str, enabled: bool) {
    let answer =
        st2.put(&format!("/v1/sensortypes/sen.{name}"), json!({"enabled": enabled})).await.expect(200);
    assert_eq!(answer["enabled"], enabled);
}
