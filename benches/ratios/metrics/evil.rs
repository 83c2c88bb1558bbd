//! 44: a hundred patterns that would search for hours, each against 100 kB, in processor time.

use crate::{
    metrics::conductor::cpu,
    report::{Goal, Row},
};
use serde_json::json;
use st2d::{
    clock,
    criteria::{Criteria, Event},
    expr::jinja,
};
use std::sync::Arc;

#[path = "../../../tests/it/support/evil.rs"]
mod patterns;

const BYTES: usize = 100_000;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let payload = json!({"text": "a".repeat(BYTES)});
    let datastore: Arc<dyn jinja::Datastore> = Arc::new(jinja::NoDatastore);
    let event = Event { payload: &payload, now: clock::now(), datastore: &datastore };
    let worst = || -> anyhow::Result<f64> {
        let mut worst = 0.0_f64;
        for pattern in patterns::patterns() {
            let begun = cpu()?;
            let criteria = json!({"trigger.text": {"type": "regex", "pattern": pattern}});
            let criteria = criteria.as_object().cloned().unwrap_or_default();
            std::hint::black_box(Criteria::new(&criteria).test(&event));
            worst = worst.max(cpu()?.saturating_sub(begun).as_secs_f64() * 1000.0);
        }
        Ok(worst)
    };
    let values = (0..pairs).map(|_| worst()).collect::<anyhow::Result<_>>()?;
    Ok(vec![Row {
        number: "44",
        what: "ms of the worst of 100 evil patterns against 100 kB",
        values,
        goal: Goal::AtMost(100.0),
        stretch: 50.0,
        note: format!("{} patterns, searched as those of rules", patterns::patterns().len()),
    }])
}
