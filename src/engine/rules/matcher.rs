//! Which rules of a page an event fits: all standard ones that it fits, or else the backstops that it fits.

use super::{Page, Ready};
use crate::criteria::{Event, Fault};
use std::sync::Arc;

/// What matching came to.
#[derive(Debug, Default)]
pub struct Matched {
    /// Rules to enforce, in order.
    pub fits: Vec<Arc<Ready>>,
    /// Comparisons that could not be made, by rule.
    pub faults: Vec<(Arc<Ready>, Vec<Fault>)>,
}

/// Matches an event against a page.
pub fn matched(page: &Page, event: &Event<'_>) -> Matched {
    let mut matched = Matched::default();
    for number in page.index.candidates(event) {
        if let Some(rule) = page.standard.get(number) {
            matched.test(rule, event);
        }
    }
    if matched.fits.is_empty() {
        for rule in &page.backstop {
            matched.test(rule, event);
        }
    }
    matched
}

impl Matched {
    fn test(&mut self, rule: &Arc<Ready>, event: &Event<'_>) {
        let verdict = rule.criteria.test(event);
        if verdict.fits {
            self.fits.push(rule.clone());
        }
        if !verdict.faults.is_empty() {
            self.faults.push((rule.clone(), verdict.faults));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock,
        expr::jinja,
        model::{Rule, RuleId},
    };
    use serde_json::{Map, Value, json};

    fn rule(name: &str, rule_type: &str, criteria: &Value) -> Rule {
        Rule {
            id: RuleId::generate(),
            pack: "p".to_owned(),
            name: name.to_owned(),
            description: None,
            enabled: true,
            rule_type: rule_type.to_owned(),
            type_parameters: Map::new(),
            trigger: "p.t".to_owned(),
            criteria: criteria.as_object().unwrap().clone(),
            action: "core.noop".to_owned(),
            action_parameters: Map::new(),
            action_description: None,
            context: Map::new(),
            tags: Vec::new(),
            metadata_file: String::new(),
        }
    }

    #[test]
    fn a_backstop_counts_when_nothing_else_does_and_has_criteria_of_its_own() {
        let is = |value: &str| json!({"trigger.a": {"type": "equals", "pattern": value}});
        let page = Page::of(vec![
            rule("s1", "standard", &is("x")),
            rule("b1", "backstop", &json!({})),
            rule("b2", "backstop", &is("y")),
            rule("s2", "standard", &is("x")),
            rule("bad", "standard", &json!({"trigger.n": {"type": "gt", "pattern": 1}})),
        ]);
        let datastore: Arc<dyn jinja::Datastore> = Arc::new(jinja::NoDatastore);
        let names = |payload: Value| {
            let event = Event { payload: &payload, now: clock::now(), datastore: &datastore };
            let matched = matched(&page, &event);
            let name = |rule: &Arc<Ready>| rule.rule.name.clone();
            let fits: Vec<String> = matched.fits.iter().map(name).collect();
            let faults: Vec<String> = matched.faults.iter().map(|(rule, _)| name(rule)).collect();
            (fits.join(" "), faults.join(" "))
        };
        assert_eq!(names(json!({"a": "x", "n": 0})), ("s1 s2".into(), String::new()));
        assert_eq!(names(json!({"a": "y", "n": 0})), ("b1 b2".into(), String::new()));
        assert_eq!(names(json!({"a": "z", "n": "?"})), ("b1".into(), "bad".into()));
    }
}
