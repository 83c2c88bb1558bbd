//! What is said: gathered from events, cut into pieces that fit a notification, and read back.

use crate::{
    bus::{Announcement, Change, Event, Received},
    model::{ExecutionId, ExecutionStatus},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

/// Ids in one notification. PostgreSQL takes less than 8000 bytes; an id takes 27.
const IDS: usize = 250;

/// Longest notification.
const BYTES: usize = 7999;

/// One notification.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Word {
    /// Row of the node that says it; absent when nobody said it.
    pub(super) from: Option<i32>,
    /// Executions may be waiting for a place.
    pub(super) work: bool,
    /// Somebody asked for the end of what runs elsewhere.
    pub(super) control: bool,
    /// Actions, runner types or packs changed.
    pub(super) content: bool,
    /// Executions that came to be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) created: Vec<ExecutionId>,
    /// Executions that changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) updated: Vec<ExecutionId>,
    /// Executions with more output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) printed: Vec<ExecutionId>,
    /// A message for stream clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) announcement: Option<Announced>,
}

/// An announcement on its way.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Announced {
    route: String,
    payload: Value,
    trace_context: Value,
}

impl From<Announced> for Announcement {
    fn from(it: Announced) -> Self {
        let Announced { route, payload, trace_context } = it;
        Self { route, payload, trace_context, frame: OnceLock::new() }
    }
}

impl Word {
    /// For when words may have been missed.
    pub(super) fn anything() -> Self {
        Self { work: true, control: true, content: true, ..Self::default() }
    }

    /// Reads a notification; `None` if it is not ours.
    pub(super) fn read(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }
}

/// What happened here since the last word.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    content: bool,
    /// Whether events were lost on their way here.
    missed: bool,
    /// Whether it is new, and how it stands.
    executions: BTreeMap<ExecutionId, (bool, ExecutionStatus)>,
    printed: BTreeSet<ExecutionId>,
    announcements: Vec<Announced>,
}

impl Gathered {
    pub(super) fn add(&mut self, received: Received) {
        let event = match received {
            Received::Event(event) => event,
            Received::Missed(_) => return self.missed = true,
        };
        match event {
            Event::Content => self.content = true,
            Event::Execution(event) => {
                let created = event.change == Change::Create;
                let known =
                    self.executions.entry(event.execution.id).or_insert((created, event.execution.status));
                known.1 = event.execution.status;
            }
            Event::Output(line) => {
                self.printed.insert(line.execution_id);
            }
            Event::Announcement(it) => self.announcements.push(Announced {
                route: it.route.clone(),
                payload: it.payload.clone(),
                trace_context: it.trace_context.clone(),
            }),
            // Found by whoever sweeps; never of this node; of stream clients of this node alone.
            Event::Dispatched | Event::Printed(_) | Event::Alias(_) => {}
        }
    }

    /// The notifications that say it all.
    pub(super) fn words(self, from: i32) -> Vec<String> {
        use ExecutionStatus::{Canceling, Delayed, Pausing, Requested, Resuming};
        let any =
            |wanted: &[ExecutionStatus]| self.executions.values().any(|(_, status)| wanted.contains(status));
        let first = Word {
            from: Some(from),
            work: self.missed || any(&[Requested, Delayed]),
            control: self.missed || any(&[Canceling, Pausing, Resuming]),
            content: self.missed || self.content,
            ..Word::default()
        };
        let of = |new: bool| {
            let chosen = self.executions.iter().filter(move |(_, (created, _))| *created == new);
            chosen.map(|(id, _)| *id).collect::<Vec<_>>()
        };
        let word = || Word { from: Some(from), ..Word::default() };
        let printed: Vec<_> = self.printed.into_iter().collect();
        let mut words = Vec::new();
        if first.work || first.control || first.content {
            words.push(first);
        }
        words.extend(of(true).chunks(IDS).map(|ids| Word { created: ids.to_vec(), ..word() }));
        words.extend(of(false).chunks(IDS).map(|ids| Word { updated: ids.to_vec(), ..word() }));
        words.extend(printed.chunks(IDS).map(|ids| Word { printed: ids.to_vec(), ..word() }));
        words.extend(self.announcements.into_iter().map(|it| Word { announcement: Some(it), ..word() }));
        let texts = words.iter().filter_map(|word| serde_json::to_string(word).ok());
        texts.filter(|text| fits(text)).collect()
    }
}

/// Only an announcement can be too long: its ids are counted.
fn fits(text: &str) -> bool {
    let fits = text.len() <= BYTES;
    if !fits {
        tracing::warn!(
            "An announcement of {} bytes is heard on this node alone: nodes tell each other {BYTES} bytes at most",
            text.len()
        );
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_back(words: &[String]) -> Vec<Word> {
        words.iter().map(|text| Word::read(text).unwrap()).collect()
    }

    #[test]
    fn many_ids_are_cut_into_notifications_that_fit() {
        let mut gathered = Gathered::default();
        let ids: BTreeSet<_> = (0..1001).map(|_| ExecutionId::generate()).collect();
        gathered.printed.clone_from(&ids);
        let words = gathered.words(7);
        assert!(words.iter().all(|text| text.len() <= BYTES), "{:?}", words.iter().map(String::len).max());
        let words = read_back(&words);
        assert_eq!(words.len(), 5);
        assert!(words.iter().all(|word| word.from == Some(7) && !word.work && !word.content));
        assert_eq!(words.into_iter().flat_map(|word| word.printed).collect::<BTreeSet<_>>(), ids);
    }

    #[test]
    fn what_waits_and_what_shall_end_is_said_once() {
        let mut gathered = Gathered::default();
        let (waiting, admitted) = (ExecutionId::generate(), ExecutionId::generate());
        gathered.executions.insert(waiting, (true, ExecutionStatus::Requested));
        gathered.executions.insert(admitted, (true, ExecutionStatus::Running));
        let words = read_back(&gathered.words(1));
        assert_eq!((words[0].work, words[0].control, words[0].content), (true, false, false));
        assert_eq!(words.len(), 2);

        let mut gathered = Gathered::default();
        gathered.executions.insert(admitted, (false, ExecutionStatus::Canceling));
        assert!(read_back(&gathered.words(1))[0].control);
    }

    #[test]
    fn lost_events_make_the_others_look_at_everything() {
        let mut gathered = Gathered::default();
        gathered.add(Received::Missed(3));
        let words = read_back(&gathered.words(1));
        assert_eq!(words, [Word { from: Some(1), ..Word::anything() }]);
    }

    #[test]
    fn a_short_announcement_travels_and_a_long_one_stays() {
        let announce = |payload: Value| {
            let mut gathered = Gathered::default();
            let trace_context = Value::Null;
            gathered.announcements.push(Announced { route: "chatops".into(), payload, trace_context });
            read_back(&gathered.words(1))
        };
        assert_eq!(announce(json!({"message": "hello"}))[0].announcement.as_ref().unwrap().route, "chatops");
        assert!(announce(json!({"message": "x".repeat(8000)})).is_empty());
    }

    #[test]
    fn what_is_not_ours_is_passed_over() {
        assert_eq!(Word::read("hello"), None);
        assert_eq!(Word::read("{\"new\": 1}"), Some(Word::default()));
    }
}
