//! Limits: how many executions of an action may run at the same time, in all or with equal values of some parameters.
//!
//! Pure: from policies, parameters and what is counted to a decision.

use crate::model::Policy;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// What happens to an execution there is no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It waits.
    Delay,
    /// It is canceled.
    Cancel,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Limit {
    /// Reference of the policy.
    pub policy: String,
    /// Most executions at the same time.
    pub threshold: i64,
    /// Only executions count that have the same values of these parameters; `None`: all count.
    pub attributes: Option<Vec<String>>,
    /// What happens to those there is no room for.
    pub when_full: WhenFull,
}

impl Limit {
    /// The limit that a policy sets, if it is of that kind and enabled.
    pub fn of(policy: &Policy) -> Option<Self> {
        let attributes = match policy.policy_type.as_str() {
            "action.concurrency" => None,
            "action.concurrency.attr" => Some(texts(policy.parameters.get("attributes"))),
            _ => return None,
        };
        let cancels = policy.parameters.get("action").is_some_and(|action| action == "cancel");
        policy.enabled.then(|| Self {
            policy: policy.reference(),
            threshold: policy.parameters.get("threshold").and_then(Value::as_i64).unwrap_or(0),
            attributes,
            when_full: if cancels { WhenFull::Cancel } else { WhenFull::Delay },
        })
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The limits of one action, and what is counted against them.
#[derive(Clone, Debug)]
pub struct Count<'a> {
    limits: &'a [Limit],
    held: HashMap<String, i64>,
}

/// What an execution is counted by: the attributes it has, hashed, for they may be long and secret. Attributes that were
/// not given are not in it.
pub fn key(limits: &[Limit], parameters: &Map<String, Value>) -> String {
    let names = limits.iter().filter_map(|limit| limit.attributes.as_ref()).flatten();
    let mut parts: Vec<String> = names
        .filter_map(|name| Some((name, parameters.get(name)?)))
        .map(|(name, value)| {
            let hash = Sha256::new().chain_update(name).chain_update([0]).chain_update(value.to_string());
            hex::encode(&hash.finalize()[..12])
        })
        .collect();
    parts.sort_unstable();
    parts.dedup();
    parts.join(" ")
}

/// The keys that an execution of this key counts for: its own, and those with fewer attributes.
pub fn counts_for(key: &str) -> Vec<String> {
    let parts: Vec<&str> = key.split(' ').filter(|part| !part.is_empty()).collect();
    // Nobody names a dozen attributes; if somebody does, the slow sweep finds the rest.
    let parts = &parts[..parts.len().min(10)];
    let subset = |chosen: u32| {
        let parts = parts.iter().enumerate().filter(|(place, _)| chosen & (1 << place) != 0);
        parts.map(|(_, part)| *part).collect::<Vec<_>>().join(" ")
    };
    (0..1 << parts.len()).map(subset).collect()
}

impl<'a> Count<'a> {
    /// Against `limits`, with the executions of these keys held.
    pub fn new(limits: &'a [Limit], held: impl IntoIterator<Item = String>) -> Self {
        let mut count = Self { limits, held: HashMap::new() };
        held.into_iter().for_each(|key| count.add(key));
        count
    }

    /// One more is held.
    pub fn add(&mut self, key: String) {
        *self.held.entry(key).or_default() += 1;
    }

    /// How many more executions of this key there is room for. `None`: any number.
    pub fn room(&self, key: &str) -> Option<i64> {
        self.limits.iter().map(|limit| self.room_under(limit, key)).min()
    }

    /// The first limit that leaves no room for an execution of this key.
    pub fn full(&self, key: &str) -> Option<&'a Limit> {
        self.limits.iter().find(|limit| self.room_under(limit, key) <= 0)
    }

    fn room_under(&self, limit: &Limit, key: &str) -> i64 {
        let parts: Vec<&str> = match limit.attributes {
            Some(_) => key.split(' ').filter(|part| !part.is_empty()).collect(),
            None => Vec::new(),
        };
        let counts = |held: &str| parts.iter().all(|part| held.split(' ').any(|other| other == *part));
        let held: i64 = self.held.iter().filter(|(held, _)| counts(held)).map(|(_, number)| number).sum();
        limit.threshold - held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn limit(threshold: i64, attributes: Option<&[&str]>, when_full: WhenFull) -> Limit {
        let attributes = attributes.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        Limit { policy: "p.x".to_owned(), threshold, attributes, when_full }
    }

    fn key_of(limits: &[Limit], parameters: &Value) -> String {
        key(limits, parameters.as_object().unwrap())
    }

    #[test]
    fn all_executions_count_against_a_plain_limit() {
        let limits = [limit(2, None, WhenFull::Delay)];
        let any = key_of(&limits, &json!({"host": "a"}));
        assert_eq!(any, "");
        let mut count = Count::new(&limits, [String::new()]);
        assert_eq!((count.room(&any), count.full(&any)), (Some(1), None));
        count.add(any.clone());
        assert_eq!(count.full(&any), Some(&limits[0]));
    }

    #[test]
    fn equal_values_count_and_what_is_not_given_adds_no_condition() {
        let limits = [limit(1, Some(&["host", "port"]), WhenFull::Cancel)];
        let a = key_of(&limits, &json!({"host": "a", "cmd": "x"}));
        let a1 = key_of(&limits, &json!({"port": 1, "host": "a"}));
        let b = key_of(&limits, &json!({"host": "b"}));
        let none = key_of(&limits, &json!({"cmd": "x"}));
        assert!(a != b && none.is_empty() && !a.contains("host"));
        let count = Count::new(&limits, [a1.clone()]);
        assert_eq!(count.room(&a), Some(0));
        assert_eq!(count.room(&none), Some(0));
        assert_eq!(count.room(&b), Some(1));
        // The one that runs names no port, so it is not among those on port 1.
        assert_eq!(Count::new(&limits, [a.clone()]).room(&a1), Some(1));
        let mut freed = counts_for(&a1);
        freed.sort();
        assert!(freed.len() == 4 && [a, a1, none].iter().all(|key| freed.contains(key)));
    }

    #[test]
    fn the_first_full_limit_decides() {
        let limits = [limit(5, None, WhenFull::Delay), limit(1, Some(&["host"]), WhenFull::Cancel)];
        let key = key_of(&limits, &json!({"host": "a"}));
        let count = Count::new(&limits, [key.clone()]);
        assert_eq!(count.full(&key).map(|limit| limit.when_full), Some(WhenFull::Cancel));
        let count = Count::new(&limits, vec![key.clone(); 5]);
        assert_eq!(count.full(&key).map(|limit| limit.when_full), Some(WhenFull::Delay));
        assert_eq!(Count::new(&[], []).room(&key), None);
    }
}
