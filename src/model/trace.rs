//! Traces: what belongs together because one thing led to the other.
//!
//! A trace has no row. It begins with an execution or a trigger instance, whose id gives it its own; members carry it
//! in a column. So joining one is part of being stored, and nothing is ever appended to.

use super::{ObjectId, TraceId};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Which byte of an id is turned round: one of those that tell processes apart, so that ids stay in order.
const TURNED: usize = 7;

impl TraceId {
    /// The trace that begins with the execution or trigger instance of this id.
    pub fn begun_by(id: ObjectId) -> Self {
        Self(turned(id))
    }

    /// The execution or trigger instance that this trace begins with, if it is one.
    pub fn beginning(self) -> ObjectId {
        turned(self.0)
    }

    /// The trace that the context of an execution names: `trace_context.id_`.
    pub fn named_in(context: &Map<String, Value>) -> Option<Self> {
        context.get("trace_context")?.get("id_")?.as_str()?.parse().ok()
    }
}

/// A trace with all that belongs to it, each kind in the order it joined.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Identity.
    pub id: TraceId,
    /// What it is called.
    pub tag: String,
    /// What happened.
    pub trigger_instances: Vec<Component>,
    /// Rules that took it up.
    pub rules: Vec<Component>,
    /// What was done.
    pub executions: Vec<Component>,
}

/// A part of a trace.
#[derive(Clone, Debug)]
pub struct Component {
    /// Identity of the part.
    pub id: ObjectId,
    /// Reference of its trigger, rule or action.
    pub reference: String,
    /// When it joined.
    pub at: DateTime<Utc>,
    /// The kind and id of what led to it.
    pub cause: Option<(&'static str, String)>,
}

impl Trace {
    /// When it began.
    pub fn start(&self) -> DateTime<Utc> {
        self.id.0.timestamp()
    }
}

fn turned(mut id: ObjectId) -> ObjectId {
    id.0[TURNED] = !id.0[TURNED];
    id
}

/// What somebody called the trace that the context of an execution names: `trace_context.trace_tag`. Tags of traces that
/// exist may have been made up by the source of an event, and are nobody's choice then.
pub fn trace_tag(context: &Map<String, Value>) -> Option<&str> {
    let tag = context.get("trace_context")?.get("trace_tag")?.as_str()?;
    let is_chosen = TraceId::named_in(context).is_none() || !is_made_up(tag);
    (!tag.is_empty() && is_chosen).then_some(tag)
}

/// `webhook-<name>-<32 hex digits>`, `st2.IntervalTimer-<uuid>`, `execution-<id>`, `trigger_instance-<id>`.
fn is_made_up(tag: &str) -> bool {
    const SOURCES: [&str; 4] = ["webhook-", "st2.", "execution-", "trigger_instance-"];
    let end: String = tag.chars().rev().filter(|c| *c != '-').take_while(char::is_ascii_hexdigit).collect();
    SOURCES.iter().any(|source| tag.starts_with(source)) && end.len() >= 24
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_trace_leads_back_to_what_it_begins_with_and_sorts_like_it() {
        let (first, second) = (ObjectId::generate(), ObjectId::generate());
        let trace = TraceId::begun_by(first);
        assert_ne!(trace.0, first);
        assert_eq!(trace.beginning(), first);
        assert_eq!(trace.0.timestamp(), first.timestamp());
        assert_ne!(trace, TraceId::begun_by(second));
    }

    #[test]
    fn only_chosen_tags_count() {
        let id = ObjectId::generate().to_string();
        let tag = |tag: &str| {
            let context = json!({"trace_context": {"trace_tag": tag, "id_": id}});
            trace_tag(context.as_object().unwrap()).is_some()
        };
        assert!(tag("nightly") && tag("deadbeef") && tag("webhook-mine") && tag("st2.mine"));
        assert!(!tag("") && !tag("webhook-a/b-0123456789abcdef0123456789abcdef"));
        assert!(!tag("st2.IntervalTimer-01234567-89ab-cdef-0123-456789abcdef"));
        assert!(!tag("execution-66f0c0ffee0ddba11dead001"));
        let begins = json!({"trace_context": {"trace_tag": "execution-66f0c0ffee0ddba11dead001"}});
        assert!(trace_tag(begins.as_object().unwrap()).is_some());
    }
}
