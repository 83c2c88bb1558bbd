//! 40: YAQL. 41: Jinja. Evaluations per second of processor time against their Python originals, in turn, everything
//! parsed before. YAQL's data are handed over for each evaluation, as they are to the original; those of Jinja once, as the
//! original takes what Python has.
//!
//! `BENCH_PYTHON` names an interpreter that has `yaql` and `jinja2`; without them nothing is measured.

use crate::{
    metrics::conductor::cpu,
    report::{Goal, Row, median},
};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use st2d::expr::{jinja, yaql};
use std::{
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

/// How long each expression is evaluated, per pair.
const SPAN: Duration = Duration::from_millis(150);

/// What workflows and rules are made of.
const YAQL: [&str; 8] = [
    "$.name",
    "$.n + 1 > 3 and $.name != ''",
    "$.hosts.where($.cpu > 4).select($.name)",
    "$.hosts.select({name => $.name, big => $.cpu > 8}).orderBy($.name)",
    "$.hosts.groupBy($.zone, $.cpu)",
    "dict($.hosts.select([$.name, $.cpu])).get(host7, 0)",
    "$.text.split(' ').where($.len() > 3).join(', ')",
    "range(100).select($ * 2).sum()",
];

const JINJA: [&str; 8] = [
    "{{ name }}",
    "{{ n + 1 > 3 and name != '' }}",
    "{{ hosts | selectattr('cpu', 'gt', 4) | map(attribute='name') | join(', ') }}",
    "{% for host in hosts %}{{ host.name }}: {{ host.cpu }} {% endfor %}",
    "{% for host in hosts if host.cpu > 4 %}{{ loop.index }}. {{ host.name | upper }}\n{% endfor %}",
    "{{ hosts | groupby('zone') | length }} {{ hosts | map(attribute='cpu') | sum }}",
    "{{ text.split(' ') | map('capitalize') | join(' ') | truncate(60) }}",
    "{{ hosts | sort(attribute='cpu', reverse=true) | first }}",
];

fn data() -> Value {
    let hosts = (0..30)
        .map(|at| json!({"name": format!("host{at}"), "cpu": at % 16, "zone": format!("z{}", at % 3)}));
    json!({
        "name": "build", "n": 3, "hosts": hosts.collect::<Value>(),
        "text": "the quick brown fox jumps over the lazy dog and runs away as fast as it possibly can",
    })
}

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let data = data();
    let (mut yaql_ratios, mut jinja_ratios, mut notes) = (vec![], vec![], [vec![], vec![]]);
    for _ in 0..pairs {
        let theirs = originals(&data)?;
        let mut ratio = |language: &str, ours: Vec<f64>, note: usize| {
            let theirs = theirs[language].as_array().into_iter().flatten().filter_map(Value::as_f64);
            let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
            notes[note].push(ratios.iter().copied().fold(f64::INFINITY, f64::min));
            (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
        };
        yaql_ratios.push(ratio("yaql", of_yaql(&data)?, 0));
        jinja_ratios.push(ratio("jinja", of_jinja(&data)?, 1));
    }
    let row = |number, what, values, slowest: &[f64]| Row {
        number,
        what,
        values,
        goal: Goal::AtLeast(20.0),
        stretch: 40.0,
        note: format!("geometric mean of 8 expressions, the least {:.1}", median(slowest)),
    };
    Ok(vec![
        row("40", "YAQL evaluations/s ÷ yaql 3.2 in Python", yaql_ratios, &notes[0]),
        row("41", "Jinja renderings/s ÷ Jinja2 in Python", jinja_ratios, &notes[1]),
    ])
}

/// What the Python originals do with the same expressions.
fn originals(data: &Value) -> anyhow::Result<Value> {
    let python = std::env::var("BENCH_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let cases = |texts: &[&str]| texts.iter().map(|text| json!([text, data])).collect::<Value>();
    let order = json!({"seconds": SPAN.as_secs_f64(), "yaql": cases(&YAQL), "jinja": cases(&JINJA)});
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/expressions.py");
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().context("the script has no input")?.write_all(order.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("40, 41: Python has no `yaql` or no `jinja2`; BENCH_PYTHON names one that has");
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn of_yaql(data: &Value) -> anyhow::Result<Vec<f64>> {
    let one = |text: &&str| -> anyhow::Result<f64> {
        let fault = |error: yaql::Error| anyhow::anyhow!("{text}: {error}");
        let parsed = yaql::Expression::parse(text).map_err(fault)?;
        rate(|| {
            let context = yaql::Context::root();
            context.set("$", yaql::from_json(data).map_err(fault)?).map_err(fault)?;
            let options =
                yaql::Options { limit_iterators: None, sets_to_lists: false, now: st2d::clock::now() };
            let value = parsed.evaluate(&context, options, &yaql::NoHost).map_err(fault)?;
            std::hint::black_box(yaql::to_json(&value));
            Ok(())
        })
    };
    YAQL.iter().map(one).collect()
}

fn of_jinja(data: &Value) -> anyhow::Result<Vec<f64>> {
    let one = |text: &&str| -> anyhow::Result<f64> {
        let fault = |error: jinja::Error| anyhow::anyhow!("{text}: {error}");
        let template = jinja::Template::parse(text).map_err(fault)?;
        let data = jinja::to_value(data);
        rate(|| {
            std::hint::black_box(template.render(&data).map_err(fault)?);
            Ok(())
        })
    };
    JINJA.iter().map(one).collect()
}

/// How often a second.
fn rate(mut evaluate: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    evaluate()?;
    let (mut count, begun) = (0, cpu()?);
    while cpu()?.saturating_sub(begun) < SPAN {
        for _ in 0..10 {
            evaluate()?;
        }
        count += 10;
    }
    Ok(f64::from(count) / cpu()?.saturating_sub(begun).as_secs_f64())
}
