//! 10: events to executions with many rules. 11: webhooks accepted. And what a rule costs that does not match.

use crate::{
    anchor,
    daemon::Daemon,
    load::{self, Request},
    postgres::Postgres,
    report::{Goal, Row, median},
};
use serde_json::{Map, json};
use st2d::{
    clock,
    criteria::Event,
    engine::rules::{Page, matched},
    expr::jinja,
    model::{Rule, RuleId},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const CLIENTS: usize = 8;
const CROWD: usize = 64;
const SECONDS: u32 = 4;
const MANY: [usize; 2] = [100, 10_000];
const SAME: usize = 1_000;
const ROUNDS: usize = 200;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    anchor::prepare(&postgres)?;
    let one = start(&postgres, "one", 1)?;
    let many = MANY.map(|rules| start(&postgres, &format!("rules{rules}"), rules));
    let [few, most] = many;
    let (few, most) = (few?, most?);
    let mut accepted = Vec::new();
    let mut ratios = [Vec::new(), Vec::new()];
    let (mut inserts, mut accepts, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    let (mut crowds, mut crowded) = (Vec::new(), Vec::new());
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..pairs {
        inserts.push(postgres.pgbench(anchor::ONE_INSERT, CLIENTS as u32, SECONDS)?);
        let (accept, done) = rate(&postgres, &one, "one", CLIENTS)?;
        accepts.push(accept);
        alone.push(done);
        accepted.push(accept / inserts[inserts.len() - 1]);
        let (_, many_done) = rate(&postgres, &one, "one", CROWD)?;
        crowds.push(many_done);
        crowded.push(many_done / done);
        for (place, (daemon, rules)) in [(&few, MANY[0]), (&most, MANY[1])].into_iter().enumerate() {
            let (_, with) = rate(&postgres, daemon, &format!("rules{rules}"), CLIENTS)?;
            rates[place].push(with);
            ratios[place].push(with / done);
        }
    }
    let [few, most] = ratios;
    let absolute = |of: &[f64]| format!("{:.0}/s against {:.0}/s", median(of), median(&alone));
    let row = |number, what, values, goal, stretch, note| Row { number, what, values, goal, stretch, note };
    let least = Goal::AtLeast;
    let mut rows = vec![
        row("10", "webhook to execution, 100 rules ÷ 1 rule", few, least(0.9), 0.97, absolute(&rates[0])),
        row("10", "webhook to execution, 10,000 rules ÷ 1 rule", most, least(0.8), 0.95, absolute(&rates[1])),
        row(
            "11",
            "webhooks accepted/s ÷ one-row insert/s, 8 clients",
            accepted,
            least(0.5),
            1.0,
            format!("{:.0}/s against {:.0}/s", median(&accepts), median(&inserts)),
        ),
        row(
            "11",
            "webhook to execution, 64 clients ÷ 8 clients",
            crowded,
            least(1.0),
            2.0,
            absolute(&crowds),
        ),
    ];
    for (what, operator) in [
        ("µs per rejected rule, 1,000 on one trigger, equality", "equals"),
        ("µs per rejected rule, 1,000 on one trigger, no equality", "gt"),
    ] {
        let values: Vec<f64> = (0..pairs).map(|_| per_rejected(operator)).collect();
        rows.push(row("10", what, values, Goal::AtMost(1.0), 0.2, String::new()));
    }
    Ok(rows)
}

/// A daemon on a database of its own, with that many rules, each on a webhook of its own.
fn start(postgres: &Postgres, database: &str, rules: usize) -> anyhow::Result<Daemon> {
    postgres.psql("postgres", &format!("CREATE DATABASE {database}"))?;
    let daemon = Daemon::start(&postgres.url(database))?;
    let mut client = daemon.client()?;
    for number in 0..rules {
        let rule = json!({
            "name": format!("r{number}"), "enabled": true,
            "trigger": {"type": "core.st2.webhook", "parameters": {"url": format!("hook{number}")}},
            "criteria": {"trigger.body.n": {"type": "gt", "pattern": -1}},
            "action": {"ref": "core.noop"},
        });
        let made = client.request("POST", "/v1/rules", &rule.to_string())?;
        anyhow::ensure!(made.status == 201, "POST /rules: {}", String::from_utf8_lossy(&made.body));
    }
    postgres.psql(database, "VACUUM (ANALYZE)")?;
    rate(postgres, &daemon, database, CLIENTS)?;
    Ok(daemon)
}

/// Webhooks of so many clients accepted per second, and executions that came of them per second.
fn rate(postgres: &Postgres, daemon: &Daemon, database: &str, clients: usize) -> anyhow::Result<(f64, f64)> {
    let executions = || -> anyhow::Result<usize> {
        Ok(postgres.psql(database, "SELECT count(*) FROM executions WHERE status = 'succeeded'")?.parse()?)
    };
    let before = executions()?;
    let begin = Instant::now();
    let turn = Duration::from_secs(u64::from(SECONDS));
    let hook = Request { path: "/v1/webhooks/hook0", body: r#"{"n": 1, "repository": "st2"}"#, status: 202 };
    let count = load::post(daemon, clients, turn, hook)?;
    let accepted = count as f64 / begin.elapsed().as_secs_f64();
    // What found no place to run when the rules asked for it runs a moment later.
    let waiting = "SELECT (SELECT count(*) FROM waiting_events)
        + (SELECT count(*) FROM executions WHERE ended_at IS NULL)";
    while postgres.psql(database, waiting)? != "0" {
        std::thread::sleep(Duration::from_millis(5));
    }
    let done = count as f64 / begin.elapsed().as_secs_f64();
    let made = executions()? - before;
    anyhow::ensure!(made == count, "{count} webhooks became {made} executions");
    Ok((accepted, done))
}

/// Microseconds for each rule of a page that an event does not fit.
fn per_rejected(operator: &str) -> f64 {
    let rule = |number: usize| {
        let criteria = json!({
            "trigger.body.ref": {"type": operator, "pattern": format!("refs/heads/{}", number + SAME)},
            "trigger.body.repository.name": {"type": "equals", "pattern": "st2"},
        });
        Rule {
            id: RuleId::generate(),
            pack: "bench".to_owned(),
            name: number.to_string(),
            description: None,
            enabled: true,
            rule_type: "standard".to_owned(),
            type_parameters: Map::new(),
            trigger: "bench.t".to_owned(),
            criteria: criteria.as_object().cloned().unwrap_or_default(),
            action: "core.noop".to_owned(),
            action_parameters: Map::new(),
            action_description: None,
            context: Map::new(),
            tags: Vec::new(),
            metadata_file: String::new(),
        }
    };
    let page = Page::of((0..SAME).map(rule).collect());
    let payload = json!({"body": {"ref": "refs/heads/0", "repository": {"name": "st2"}}});
    let datastore: Arc<dyn jinja::Datastore> = Arc::new(jinja::NoDatastore);
    let event = Event { payload: &payload, now: clock::now(), datastore: &datastore };
    let begin = Instant::now();
    for _ in 0..ROUNDS {
        let found = std::hint::black_box(matched(&page, std::hint::black_box(&event)));
        assert!(found.fits.is_empty() && found.faults.is_empty(), "nothing fits");
    }
    begin.elapsed().as_secs_f64() * 1e6 / (ROUNDS * SAME) as f64
}
