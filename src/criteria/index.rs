//! The rules worth testing among many: those whose commonest equality holds, and those that have none.
//!
//! An equality may be asked out of turn only if nothing that comes before it in its rule could fail: a comparison that
//! fails leaves a record, which must not be lost.

use super::{Criteria, Criterion, Event, Operator, Pattern, Place, evaluate, operators::Kind};
use crate::pytext;
use serde_json::Value;
use std::collections::HashMap;

/// An index over the criteria of many rules.
#[derive(Debug, Default)]
pub struct Index {
    /// The criterion that most rules have, taken from one of them: where to look.
    place: Option<(String, Place)>,
    /// Rules by what they want to find there.
    by_value: HashMap<Probe, Vec<usize>>,
    /// Rules that are tested always.
    others: Vec<usize>,
}

/// What is equal to Python is equal here; the reverse need not be so.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Probe {
    Text(String),
    /// Numbers and booleans, by the bits of the float next to them.
    Number(u64),
}

impl Index {
    /// Makes an index over criteria, by their places.
    pub fn over<'a>(all: impl IntoIterator<Item = &'a Criteria>) -> Self {
        let wants: Vec<Vec<(&str, Probe)>> = all.into_iter().map(equalities).collect();
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for (key, _) in wants.iter().flatten() {
            *counts.entry(key).or_default() += 1;
        }
        let commonest = counts.into_iter().max_by_key(|(key, count)| (*count, std::cmp::Reverse(*key)));
        let Some((key, _)) = commonest.filter(|(_, count)| *count > 1) else {
            return Self { others: (0..wants.len()).collect(), ..Self::default() };
        };
        let key = key.to_owned();
        let mut index = Self { place: Some((key.clone(), Place::new(&key))), ..Self::default() };
        for (number, wants) in wants.into_iter().enumerate() {
            match wants.into_iter().find(|(wanted, _)| *wanted == key) {
                Some((_, probe)) => index.by_value.entry(probe).or_default().push(number),
                None => index.others.push(number),
            }
        }
        index
    }

    /// Numbers of the rules that an event may fit, in order.
    pub fn candidates(&self, event: &Event<'_>) -> Vec<usize> {
        let mut found = self.others.clone();
        if let Some((_, place)) = &self.place {
            let root = evaluate::Root::of(event);
            if let Ok(value) = place.find("trigger", event.payload, || root.whole())
                && let Some(probe) = Probe::of(&value)
            {
                found.extend(self.by_value.get(&probe).into_iter().flatten());
                found.sort_unstable();
            }
        }
        found
    }
}

impl Probe {
    fn of(value: &Value) -> Option<Self> {
        let number = |number: f64| Self::Number(if number == 0.0 { 0 } else { number.to_bits() });
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(value) => Some(number(pytext::to_f64(value))),
            Value::Bool(flag) => Some(number(f64::from(u8::from(*flag)))),
            _ => None,
        }
    }
}

/// The equalities of a rule that may be asked first. A place with a tag is the same place.
fn equalities(criteria: &Criteria) -> Vec<(&str, Probe)> {
    criteria.all.iter().take_while(|it| it.never_fails()).filter_map(equality).collect()
}

fn equality(criterion: &Criterion) -> Option<(&str, Probe)> {
    match (&criterion.operator, &criterion.place, &criterion.pattern) {
        (Some(Operator::Plain(Kind::Equals)), Place::Names(_), Pattern::Plain(wanted)) => {
            Some((criterion.key.split('#').next().unwrap_or_default(), Probe::of(wanted)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock, criteria::Fault, expr::jinja};
    use serde_json::json;
    use std::sync::Arc;

    fn compiled(rules: &[Value]) -> Vec<Criteria> {
        rules.iter().map(|rule| Criteria::new(rule.as_object().unwrap())).collect()
    }

    /// Which rules fit, and what could not be compared, with the index and without.
    fn both(rules: &[Criteria], payload: &Value) -> [Vec<(usize, bool, Vec<Fault>)>; 2] {
        let datastore: Arc<dyn jinja::Datastore> = Arc::new(jinja::NoDatastore);
        let event = Event { payload, now: clock::now(), datastore: &datastore };
        let test = |numbers: Vec<usize>| {
            let tested = numbers.into_iter().map(|n| (n, rules[n].test(&event)));
            let told = tested.filter(|(_, verdict)| verdict.fits || !verdict.faults.is_empty());
            told.map(|(n, verdict)| (n, verdict.fits, verdict.faults)).collect()
        };
        [test(Index::over(rules).candidates(&event)), test((0..rules.len()).collect())]
    }

    #[test]
    fn the_index_finds_what_testing_everything_finds() {
        let equals = |pattern: Value| json!({"type": "equals", "pattern": pattern});
        let rules = compiled(&[
            json!({"trigger.kind": equals(json!("a"))}),
            json!({"trigger.kind": equals(json!("b"))}),
            json!({"trigger.kind": equals(json!(1))}),
            json!({"trigger.kind": equals(json!(true))}),
            json!({"trigger.kind": equals(json!(9_007_199_254_740_993_i64))}),
            json!({"trigger.kind": equals(json!([1]))}),
            json!({"trigger.kind#2": equals(json!("a")), "trigger.n": {"type": "gt", "pattern": 1}}),
            json!({"trigger.n": {"type": "gt", "pattern": "x"}, "trigger.kind": equals(json!("b"))}),
            json!({"trigger.n": {"type": "exists", "pattern": 1}, "trigger.kind": equals(json!("a"))}),
            json!({"trigger.kind": {"type": "regex", "pattern": "["}}),
            json!({}),
        ]);
        for payload in [
            json!({"kind": "a", "n": 2}),
            json!({"kind": "b"}),
            json!({"kind": 1.0, "n": null}),
            json!({"kind": 9_007_199_254_740_992.0}),
            json!({"kind": [1]}),
            json!({"kind": null}),
            json!({"other": 1}),
            json!({}),
            json!([1]),
            Value::Null,
        ] {
            let [indexed, all] = both(&rules, &payload);
            assert_eq!(indexed, all, "{payload}");
        }
    }

    #[test]
    fn of_a_thousand_rules_on_one_value_only_the_right_ones_are_tested() {
        let rules: Vec<Value> =
            (0..1000).map(|n| json!({"trigger.n": {"type": "equals", "pattern": n}})).collect();
        let rules = compiled(&rules);
        let datastore: Arc<dyn jinja::Datastore> = Arc::new(jinja::NoDatastore);
        let payload = json!({"n": 500});
        let event = Event { payload: &payload, now: clock::now(), datastore: &datastore };
        assert_eq!(Index::over(&rules).candidates(&event), [500]);
    }
}
