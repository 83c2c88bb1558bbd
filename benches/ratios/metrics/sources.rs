//! 29: how late ten thousand timers are. 22: what a hundred sensors cost st2d that have nothing to say.

use super::idle::cpu_seconds;
use crate::{
    daemon::Daemon,
    postgres::Postgres,
    report::{Goal, Row},
};
use anyhow::Context;
use std::{fmt::Write, fs, path::Path, time::Duration};

const SENSORS: usize = 100;
const IDLE: Duration = Duration::from_secs(60);

/// Time for ten thousand timers to fire, each every ten to twenty seconds.
const FIRING: Duration = Duration::from_secs(40);

/// Timers with rules, whose executions run meanwhile; begun over ten seconds, as rules are made one after another.
pub(crate) fn timers() -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let directory = tempfile::tempdir()?;
    drop(Daemon::start_in(directory.path(), Some(&postgres.url("st2")))?);
    for sql in [
        "INSERT INTO triggers (id, pack, name, type, parameters, parameters_hash, for_rules)
        SELECT substring(decode(md5(n::text), 'hex') for 12), 'core', 't' || n, 'core.st2.IntervalTimer',
            json_build_object('unit', 'seconds', 'delta', 10 + n % 11), n::text, true
        FROM generate_series(1, 10000) AS n",
        "INSERT INTO rules (id, pack, name, enabled, type, type_parameters, trigger, criteria, action,
            action_parameters, context, tags, metadata_file)
        SELECT substring(decode(md5(n::text), 'hex') for 12), 'default', 't' || n, true, 'standard', '{}',
            'core.t' || n, '{}', 'core.noop', '{}', '{}', '[]', '' FROM generate_series(1, 10000) AS n",
        "INSERT INTO timers SELECT id, now() + random() * interval '10 s' FROM triggers
        WHERE type = 'core.st2.IntervalTimer' AND name LIKE 't%'",
    ] {
        postgres.psql("st2", sql)?;
    }
    let daemon = Daemon::start_in(directory.path(), Some(&postgres.url("st2")))?;
    std::thread::sleep(FIRING);
    drop(daemon);
    // The key of an event of a timer holds the time it was due, in microseconds. What was missed before the daemon was
    // there is not counted.
    let sql = "WITH firings AS (SELECT extract(epoch FROM occurred_at) * 1000 AS fired,
            split_part(once, ' ', 3)::numeric / 1000 AS due FROM trigger_instances WHERE once LIKE 'timer %')
        SELECT count(*), percentile_cont(0.99) WITHIN GROUP (ORDER BY fired - due),
            percentile_cont(0.5) WITHIN GROUP (ORDER BY fired - due), max(fired - due)
        FROM firings WHERE due > (SELECT min(fired) + 3000 FROM firings)";
    let answer = postgres.psql("st2", sql)?;
    let [count, p99, p50, most] =
        answer.split('|').collect::<Vec<_>>().try_into().ok().with_context(|| answer.clone())?;
    let (p50, most) = (p50.parse::<f64>()?, most.parse::<f64>()?);
    Ok(vec![Row {
        number: "29",
        what: "ms that ten thousand timers are late, p99",
        values: vec![p99.parse()?],
        goal: Goal::AtMost(50.0),
        stretch: 10.0,
        note: format!("{count} firings; p50 {p50:.1} ms, at most {most:.0} ms"),
    }])
}

/// The same daemon, without sensors and with them.
pub(crate) fn sensors() -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let directory = tempfile::tempdir()?;
    let url = postgres.url("st2");
    let idle = |daemon: &Daemon| -> anyhow::Result<f64> {
        std::thread::sleep(Duration::from_secs(5));
        let before = cpu_seconds(daemon.pid())?;
        std::thread::sleep(IDLE);
        Ok((cpu_seconds(daemon.pid())? - before) / IDLE.as_secs_f64() * 100.0)
    };
    let without = idle(&Daemon::start_in(directory.path(), Some(&url))?)?;
    write_sensors(&directory.path().join("st2/packs/default/sensors"))?;
    let daemon = Daemon::start_in(directory.path(), Some(&url))?;
    let mut client = daemon.client()?;
    let answer = client.request("POST", "/v1/packs/register", r#"{"packs":["default"]}"#)?;
    anyhow::ensure!(answer.status == 200, "{}", String::from_utf8_lossy(&answer.body));
    let running = "SELECT count(*) FROM sensor_states WHERE state = 'running'";
    for _ in 0..600 {
        if postgres.psql("st2", running)?.trim() == SENSORS.to_string() {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let found = postgres.psql("st2", running)?;
    anyhow::ensure!(found.trim() == SENSORS.to_string(), "{found} of {SENSORS} sensors run");
    let with = idle(&daemon)?;
    Ok(vec![Row {
        number: "22",
        what: "% of a core that st2d needs more with a hundred idle sensors",
        values: vec![with - without],
        goal: Goal::AtMost(0.5),
        stretch: 0.1,
        note: format!("{with:.2} % against {without:.2} %"),
    }])
}

/// Sensors of the pack `default`, which needs no virtualenv.
fn write_sensors(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let mut source = "import threading\nfrom st2reactor.sensor.base import Sensor\nclass Idle(Sensor):\n    \
        def setup(self): pass\n    def run(self): threading.Event().wait()\n    def cleanup(self): pass\n    \
        def add_trigger(self, trigger): pass\n    def update_trigger(self, trigger): pass\n    \
        def remove_trigger(self, trigger): pass\n"
        .to_owned();
    for n in 0..SENSORS {
        writeln!(source, "class Idle{n}(Idle): pass")?;
        let metadata =
            format!("class_name: Idle{n}\nentry_point: idle.py\ntrigger_types: [{{name: idle{n}}}]\n");
        fs::write(directory.join(format!("idle{n}.yaml")), metadata)?;
    }
    fs::write(directory.join("idle.py"), source)?;
    Ok(())
}
