//! 10: webhooks at a steady rate, and what they do to others; from a webhook to the end of what follows. 11: events of
//! sensors.

use crate::{
    daemon::Daemon,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use serde_json::json;
use std::{
    fmt::Write,
    fs,
    io::BufRead,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Webhooks a second, and for how long.
const RATE: usize = 1_000;
const SECONDS: usize = 60;
const CLIENTS: usize = 8;

/// Samples of what happens alone.
const SAMPLES: usize = 100;
const IDLE: Duration = Duration::from_millis(20);

/// Sensors that send as fast as they can, each with this many threads.
const SENSORS: usize = 4;
const THREADS: usize = 32;
const SENDING: Duration = Duration::from_secs(10);

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let daemon = Daemon::start(&postgres.url("st2"))?;
    let mut client = daemon.client()?;
    let rule = json!({
        "name": "flood", "enabled": true,
        "trigger": {"type": "core.st2.webhook", "parameters": {"url": "flood"}},
        "criteria": {"trigger.body.n": {"type": "gt", "pattern": -1}},
        "action": {"ref": "core.noop"},
    });
    let made = client.request("POST", "/v1/rules", &rule.to_string())?;
    anyhow::ensure!(made.status == 201, "POST /rules: {}", String::from_utf8_lossy(&made.body));
    let mut rows = alone(&daemon, pairs)?;
    rows.extend(steady(&postgres, &daemon)?);
    Ok(rows)
}

/// One webhook at a time, against one execution at a time; both until the stream tells of the end.
fn alone(daemon: &Daemon, pairs: usize) -> anyhow::Result<Vec<Row>> {
    let (mut chains, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        bare.push(to_end(daemon, "/v1/executions", r#"{"action": "core.noop"}"#)?);
        chains.push(to_end(daemon, "/v1/webhooks/flood", r#"{"n": 1}"#)?);
        ratios.push(chains[chains.len() - 1] / bare[bare.len() - 1]);
    }
    let ms = |values: &[f64]| median(values) * 1000.0;
    Ok(vec![Row {
        number: "10",
        what: "webhook to the end of what a rule makes of it ÷ bare execution, p50, idle",
        values: ratios,
        goal: Goal::AtMost(3.0),
        stretch: 2.0,
        note: format!("{:.2} ms against {:.2} ms", ms(&chains), ms(&bare)),
    }])
}

fn to_end(daemon: &Daemon, path: &str, body: &str) -> anyhow::Result<f64> {
    let mut stream = daemon.client()?.stream("/stream/v1/stream?events=st2.execution__update")?;
    let mut client = daemon.client()?;
    let mut times = Vec::with_capacity(SAMPLES);
    let mut line = String::new();
    for _ in 0..SAMPLES {
        std::thread::sleep(IDLE);
        let begin = Instant::now();
        let answer = client.request("POST", path, body)?;
        anyhow::ensure!(answer.status < 300, "{path}: {}", String::from_utf8_lossy(&answer.body));
        loop {
            line.clear();
            anyhow::ensure!(stream.read_line(&mut line)? > 0, "the stream ended");
            if line.starts_with("data:") && line.contains(r#""status":"succeeded""#)
                || line.contains(r#""status": "succeeded""#)
            {
                break;
            }
        }
        times.push(begin.elapsed().as_secs_f64());
    }
    Ok(median(&times))
}

/// Webhooks at a steady rate, whatever the answers take.
fn steady(postgres: &Postgres, daemon: &Daemon) -> anyhow::Result<Vec<Row>> {
    let count = |what: &str| -> anyhow::Result<usize> { Ok(postgres.psql("st2", what)?.parse()?) };
    let instances = "SELECT count(*) FROM trigger_instances";
    let executions = "SELECT count(*) FROM executions WHERE status = 'succeeded'";
    let before = (count(instances)?, count(executions)?);
    let over = AtomicBool::new(false);
    let begin = Instant::now();
    let (sent, mut others) = std::thread::scope(|scope| {
        let others = scope.spawn(|| others(daemon, &over));
        let senders: Vec<_> =
            (0..CLIENTS).map(|first| scope.spawn(move || send(daemon, begin, first))).collect();
        let sent = senders.into_iter().map(|it| it.join().expect("a sender panicked"));
        let sent = sent.collect::<anyhow::Result<Vec<_>>>();
        over.store(true, Ordering::SeqCst);
        anyhow::Ok((sent?, others.join().expect("a caller panicked")?))
    })?;
    let took = begin.elapsed();
    let accepted: usize = sent.iter().map(|it| it.accepted).sum();
    let late = sent.iter().map(|it| it.late).max().unwrap_or_default();
    let waiting = "SELECT count(*) FROM waiting_events";
    while count(waiting)? > 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let behind = begin.elapsed().saturating_sub(took);
    let stored = count(instances)? - before.0;
    let done = count(executions)? - before.1;
    let wanted = RATE * SECONDS;
    others.sort_unstable();
    let at = |share: f64| others[((others.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
    Ok(vec![
        Row {
            number: "10",
            what: "webhooks refused, lost or without an execution, of 60,000 at 1,000/s",
            values: vec![(wanted - accepted.min(stored).min(done)) as f64],
            goal: Goal::AtMost(0.0),
            stretch: 0.0,
            note: format!(
                "{accepted} accepted, {stored} stored, {done} executions; sent {:.0} ms late at most; rules were done \
                 {:.0} ms after the last",
                late.as_secs_f64() * 1000.0,
                behind.as_secs_f64() * 1000.0
            ),
        },
        Row {
            number: "10",
            what: "ms p99 of other API calls meanwhile",
            values: vec![at(0.99)],
            goal: Goal::AtMost(250.0),
            stretch: 50.0,
            note: format!("{} calls; p50 {:.1} ms, at most {:.0} ms", others.len(), at(0.5), at(1.0)),
        },
    ])
}

struct Sent {
    accepted: usize,
    /// How much later than planned the latest one was sent.
    late: Duration,
}

/// Every `CLIENTS`th webhook from `first` on, each at its time.
fn send(daemon: &Daemon, begin: Instant, first: usize) -> anyhow::Result<Sent> {
    let mut client = daemon.client()?;
    let mut sent = Sent { accepted: 0, late: Duration::ZERO };
    for number in (first..RATE * SECONDS).step_by(CLIENTS) {
        let at = begin + Duration::from_secs_f64(number as f64 / RATE as f64);
        let now = Instant::now();
        if at > now {
            std::thread::sleep(at - now);
        }
        sent.late = sent.late.max(at.elapsed());
        let body = format!(r#"{{"n": {number}, "repository": "st2", "ref": "refs/heads/main"}}"#);
        let answer = client.request("POST", "/v1/webhooks/flood", &body)?;
        sent.accepted += usize::from(answer.status == 202);
    }
    Ok(sent)
}

/// What other clients do, and how long each call takes.
fn others(daemon: &Daemon, over: &AtomicBool) -> anyhow::Result<Vec<Duration>> {
    let mut client = daemon.client()?;
    let mut times = Vec::new();
    let paths = [
        "/v1/actions?limit=50",
        "/v1/executions?limit=20",
        "/v1/rules",
        "/v1/triggerinstances?limit=20",
        "/v1/keys",
    ];
    for path in paths.iter().cycle() {
        if over.load(Ordering::SeqCst) {
            break;
        }
        std::thread::sleep(IDLE);
        let begin = Instant::now();
        let answer = client.request("GET", path, "")?;
        anyhow::ensure!(answer.status == 200, "{path}: {}", answer.status);
        times.push(begin.elapsed());
    }
    Ok(times)
}

/// Events of sensors that are stored in a second, as fast as sensors can send.
pub(crate) fn sensors() -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let directory = tempfile::tempdir()?;
    let url = postgres.url("st2");
    drop(Daemon::start_in(directory.path(), Some(&url))?);
    write_sensors(&directory.path().join("st2/packs/default/sensors"))?;
    let daemon = Daemon::start_in(directory.path(), Some(&url))?;
    let mut client = daemon.client()?;
    let answer = client.request("POST", "/v1/packs/register", r#"{"packs":["default"]}"#)?;
    anyhow::ensure!(answer.status == 200, "{}", String::from_utf8_lossy(&answer.body));
    let stored = || -> anyhow::Result<usize> {
        let sql = "SELECT count(*) FROM trigger_instances WHERE trigger = 'default.flood'";
        Ok(postgres.psql("st2", sql)?.parse()?)
    };
    for _ in 0..300 {
        if stored()? > 1000 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let (begin, before) = (Instant::now(), stored()?);
    std::thread::sleep(SENDING);
    let rate = (stored()? - before) as f64 / begin.elapsed().as_secs_f64();
    Ok(vec![Row {
        number: "11",
        what: "events of sensors stored/s",
        values: vec![rate],
        goal: Goal::AtLeast(10_000.0),
        stretch: 20_000.0,
        note: format!("{SENSORS} sensors in Python with {THREADS} threads each, as fast as they can"),
    }])
}

/// Sensors of the pack `default`, which needs no virtualenv.
fn write_sensors(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)?;
    let mut source = format!(
        "import threading\nfrom st2reactor.sensor.base import Sensor\nclass Flood(Sensor):\n    def setup(self): pass\n    \
         def run(self):\n        def send():\n            while True:\n                \
         self.sensor_service.dispatch('default.flood', {{'n': 1, 'text': 'something happened'}})\n        \
         threads = [threading.Thread(target=send, daemon=True) for _ in range({THREADS})]\n        \
         for thread in threads: thread.start()\n        for thread in threads: thread.join()\n    \
         def cleanup(self): pass\n    def add_trigger(self, trigger): pass\n    \
         def update_trigger(self, trigger): pass\n    def remove_trigger(self, trigger): pass\n"
    );
    for n in 0..SENSORS {
        writeln!(source, "class Flood{n}(Flood): pass")?;
        let metadata =
            format!("class_name: Flood{n}\nentry_point: flood.py\ntrigger_types: [{{name: flood}}]\n");
        fs::write(directory.join(format!("flood{n}.yaml")), metadata)?;
    }
    fs::write(directory.join("flood.py"), source)?;
    Ok(())
}
