//! The last deliveries to webhooks, with what became of them, so that people see why nothing happens.
//!
//! Kept in memory, on the node that took them: writing each down would cost as much as the event itself.

use crate::model::TriggerInstanceId;
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};

/// Deliveries remembered for each address.
const EACH: usize = 50;

/// Addresses remembered; others share one place, as do those that nobody waits for.
const ADDRESSES: usize = 2_000;

/// Longest address remembered whole, in bytes.
const LONGEST: usize = 200;

/// One delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// When it came.
    pub at: DateTime<Utc>,
    /// Where to, without slashes around it.
    pub address: String,
    /// From whom.
    pub sender: Option<String>,
    /// What the sender names it by.
    pub id: Option<String>,
    /// Bytes of its body.
    pub bytes: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, where that says more.
    pub reason: Option<String>,
    /// The events it became.
    pub instances: Vec<TriggerInstanceId>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is an event now.
    Accepted,
    /// It was one already.
    Duplicate,
    /// Its signature is wrong or missing.
    BadSignature,
    /// It shows no token, and no signature that stands in for one.
    NoCredentials,
    /// Nobody waits for it.
    UnknownAddress,
    /// Anything else, see the reason.
    Refused,
}

impl Verdict {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::BadSignature => "bad_signature",
            Self::NoCredentials => "no_credentials",
            Self::UnknownAddress => "unknown_address",
            Self::Refused => "refused",
        }
    }
}

/// The last deliveries of this node.
#[derive(Debug, Default)]
pub struct Deliveries(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_address: HashMap<String, VecDeque<Delivery>>,
    others: VecDeque<Delivery>,
}

impl Deliveries {
    /// Remembers one.
    pub fn note(&self, mut delivery: Delivery) {
        if delivery.address.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|at| delivery.address.is_char_boundary(*at));
            delivery.address.truncate(end.unwrap_or(0));
        }
        let mut kept = self.0.lock();
        let Kept { by_address, others } = &mut *kept;
        let is_known =
            delivery.verdict != Verdict::UnknownAddress && delivery.verdict != Verdict::NoCredentials;
        let place =
            if by_address.contains_key(&delivery.address) || (is_known && by_address.len() < ADDRESSES) {
                by_address.entry(delivery.address.clone()).or_default()
            } else {
                others
            };
        if place.len() == EACH {
            place.pop_front();
        }
        place.push_back(delivery);
    }

    /// Those to one address, or to all, the newest first.
    pub fn last(&self, address: Option<&str>) -> Vec<Delivery> {
        let kept = self.0.lock();
        let fits = |it: &&Delivery| address.is_none_or(|address| it.address == address);
        let all = kept.by_address.values().flatten().chain(&kept.others);
        let mut found: Vec<Delivery> = all.filter(fits).cloned().collect();
        drop(kept);
        found.sort_by_key(|it| std::cmp::Reverse(it.at));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_does_not_push_out_what_counts() {
        let kept = Deliveries::default();
        let note = |address: &str, verdict, second| {
            kept.note(Delivery {
                at: DateTime::from_timestamp(second, 0).unwrap(),
                address: address.to_owned(),
                sender: None,
                id: None,
                bytes: 0,
                verdict,
                reason: None,
                instances: Vec::new(),
            });
        };
        note("a", Verdict::Accepted, 0);
        note("b", Verdict::BadSignature, 1);
        for second in 0..1000 {
            note(&format!("nope{second}"), Verdict::UnknownAddress, 10 + second);
        }
        assert_eq!(kept.last(Some("a")).len(), 1);
        assert_eq!(kept.last(Some("nope999")).len(), 1);
        assert_eq!(kept.last(None).len(), 2 + EACH);
        for second in 0..100 {
            note("a", Verdict::Duplicate, second);
        }
        let last = kept.last(Some("a"));
        assert_eq!((last.len(), last[0].at.timestamp()), (EACH, 99));
        note(&"ä".repeat(500), Verdict::Accepted, 0);
        assert!(kept.last(None).iter().all(|it| it.address.len() <= LONGEST));
    }
}
