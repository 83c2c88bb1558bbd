//! The bytes of an event, made once and shared by all who get it.

use crate::{
    bus::{AliasEvent, Announcement, Change, Event, ExecutionEvent, OutputEvent},
    model::ExecutionId,
    store::outputs::Line,
    wire::{self, execution::View, timestamp},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use std::borrow::Cow;

/// The end of an output stream. The data is two quotes, not JSON: clients compare it.
pub(super) const EOF: &[u8] = b"event: EOF\ndata: ''\n\n";

/// What an event is told as. A change of an execution is told twice: as the execution and as its live action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Execution(Change),
    Liveaction(Change),
    Output,
    Alias(Change),
    Announcement,
}

impl Kind {
    /// Those whose names never vary.
    pub(super) const FIXED: [Self; 10] = [
        Self::Execution(Change::Create),
        Self::Execution(Change::Update),
        Self::Execution(Change::Delete),
        Self::Liveaction(Change::Create),
        Self::Liveaction(Change::Update),
        Self::Liveaction(Change::Delete),
        Self::Output,
        Self::Alias(Change::Create),
        Self::Alias(Change::Update),
        Self::Alias(Change::Delete),
    ];

    /// Place in [`Self::FIXED`].
    pub(super) fn place(self) -> Option<usize> {
        let change = |change| match change {
            Change::Create => 0,
            Change::Update => 1,
            Change::Delete => 2,
        };
        match self {
            Self::Execution(kind) => Some(change(kind)),
            Self::Liveaction(kind) => Some(3 + change(kind)),
            Self::Output => Some(6),
            Self::Alias(kind) => Some(7 + change(kind)),
            Self::Announcement => None,
        }
    }

    /// The event's name; of an announcement only its beginning.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Execution(Change::Create) => "st2.execution__create",
            Self::Execution(Change::Update) => "st2.execution__update",
            Self::Execution(Change::Delete) => "st2.execution__delete",
            Self::Liveaction(Change::Create) => "st2.liveaction__create",
            Self::Liveaction(Change::Update) => "st2.liveaction__update",
            Self::Liveaction(Change::Delete) => "st2.liveaction__delete",
            Self::Output => "st2.execution.output__create",
            Self::Alias(Change::Create) => "st2.actionalias__create",
            Self::Alias(Change::Update) => "st2.actionalias__update",
            Self::Alias(Change::Delete) => "st2.actionalias__delete",
            Self::Announcement => "st2.announcement__",
        }
    }

    pub(super) fn is_execution(self) -> bool {
        matches!(self, Self::Execution(_))
    }

    /// What an event is told as, in order.
    pub(super) fn of(event: &Event) -> &'static [Self] {
        match event {
            Event::Execution(event) => match event.change {
                Change::Create => &[Self::Execution(Change::Create), Self::Liveaction(Change::Create)],
                Change::Update => &[Self::Execution(Change::Update), Self::Liveaction(Change::Update)],
                Change::Delete => &[Self::Execution(Change::Delete), Self::Liveaction(Change::Delete)],
            },
            Event::Output(_) => &[Self::Output],
            Event::Alias(event) => match event.change {
                Change::Create => &[Self::Alias(Change::Create)],
                Change::Update => &[Self::Alias(Change::Update)],
                Change::Delete => &[Self::Alias(Change::Delete)],
            },
            Event::Announcement(_) => &[Self::Announcement],
            Event::Content | Event::Dispatched | Event::Printed(_) => &[],
        }
    }
}

/// The full name of an event.
pub(super) fn name(event: &Event, kind: Kind) -> Cow<'static, str> {
    match event {
        Event::Announcement(announcement) => format!("{}{}", kind.name(), announcement.route).into(),
        _ => kind.name().into(),
    }
}

/// The bytes of an event, told as `kind`.
pub(super) fn frame(event: &Event, kind: Kind, view: &View) -> Bytes {
    match event {
        Event::Execution(event) => {
            let (execution, liveaction) = execution_frames(event, view);
            if kind.is_execution() { execution } else { liveaction }
        }
        Event::Output(event) => output_frame(event),
        Event::Alias(event) => alias_frame(event),
        Event::Announcement(announcement) => announcement_frame(announcement),
        Event::Content | Event::Dispatched | Event::Printed(_) => Bytes::new(),
    }
}

fn execution_frames(event: &ExecutionEvent, view: &View) -> (Bytes, Bytes) {
    let frames = event.frames.get_or_init(|| {
        (
            bytes(Kind::Execution(event.change).name(), &wire::execution::loaded(&event.execution, view)),
            bytes(
                Kind::Liveaction(event.change).name(),
                &wire::execution::liveaction(&event.execution, view),
            ),
        )
    });
    frames.clone()
}

/// The bytes of a line of output.
pub(super) fn output_frame(event: &OutputEvent) -> Bytes {
    let line = Line {
        number: event.line,
        byte_end: 0,
        timestamp: event.timestamp,
        kind: event.kind,
        data: &event.data,
    };
    let make = || stored_frame(event.execution_id, &event.action_ref, &event.runner_ref, &line);
    event.frame.get_or_init(make).clone()
}

/// The same for a line that was stored.
pub(super) fn stored_frame(id: ExecutionId, action_ref: &str, runner_ref: &str, line: &Line<'_>) -> Bytes {
    #[derive(Serialize)]
    struct Shown<'a> {
        id: crate::model::OutputId,
        execution_id: ExecutionId,
        action_ref: &'a str,
        runner_ref: &'a str,
        timestamp: String,
        output_type: &'a str,
        data: Cow<'a, str>,
    }
    let shown = Shown {
        id: OutputEvent::line_id(id, line.number, line.timestamp),
        execution_id: id,
        action_ref,
        runner_ref,
        timestamp: timestamp::micros(line.timestamp),
        output_type: line.kind.as_str(),
        data: String::from_utf8_lossy(line.data),
    };
    bytes(Kind::Output.name(), &serde_json::to_vec(&shown).unwrap_or_default())
}

fn alias_frame(event: &AliasEvent) -> Bytes {
    let make = || {
        let shown = serde_json::to_vec(&wire::content::alias(&event.alias)).unwrap_or_default();
        bytes(Kind::Alias(event.change).name(), &shown)
    };
    event.frame.get_or_init(make).clone()
}

fn announcement_frame(announcement: &Announcement) -> Bytes {
    let make = || {
        let shown = json!({"payload": announcement.payload, "trace_context": announcement.trace_context});
        bytes(&format!("{}{}", Kind::Announcement.name(), announcement.route), shown.to_string().as_bytes())
    };
    announcement.frame.get_or_init(make).clone()
}

fn bytes(name: &str, data: &[u8]) -> Bytes {
    [b"event: ", name.as_bytes(), b"\ndata: ", data, b"\n\n"].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bus::OutputKind, model::ObjectId};
    use chrono::DateTime;
    use serde_json::Value;
    use std::sync::OnceLock;

    #[test]
    fn a_line_is_framed_once_with_a_stable_id_and_readable_data() {
        let event = OutputEvent {
            execution_id: ExecutionId(ObjectId([7; 12])),
            action_ref: "demo.backup".into(),
            runner_ref: "local-shell-cmd".into(),
            line: 3,
            timestamp: DateTime::from_timestamp_micros(1_767_582_002_000_417).unwrap(),
            kind: OutputKind::Stdout,
            data: Bytes::from_static(b"caf\xc3\xa9 \xff\n"),
            frame: OnceLock::new(),
        };
        let frame = output_frame(&event);
        let text = std::str::from_utf8(&frame).unwrap();
        let json =
            text.strip_prefix("event: st2.execution.output__create\ndata: ").unwrap().strip_suffix("\n\n");
        let data: Value = serde_json::from_str(json.unwrap()).unwrap();
        assert_eq!(data["timestamp"], "2026-01-05T03:00:02.000417Z");
        assert_eq!((&data["data"], &data["output_type"]), (&json!("café \u{fffd}\n"), &json!("stdout")));
        assert_eq!(data["execution_id"], "070707070707070707070707");
        assert!(text.contains("café"), "letters are not escaped");
        assert_eq!(frame.as_ptr(), output_frame(&event).as_ptr(), "made once");
        let line =
            Line { number: 3, byte_end: 9, timestamp: event.timestamp, kind: event.kind, data: &event.data };
        assert_eq!(stored_frame(event.execution_id, "demo.backup", "local-shell-cmd", &line), frame);
    }

    #[test]
    fn announcements_are_named_by_their_route() {
        let event = Event::Announcement(std::sync::Arc::new(Announcement {
            route: "chatops".to_owned(),
            payload: json!({"channel": "ops"}),
            trace_context: Value::Null,
            frame: OnceLock::new(),
        }));
        let view = View::new("".into(), true);
        assert_eq!(
            frame(&event, Kind::Announcement, &view),
            "event: st2.announcement__chatops\ndata: {\"payload\":{\"channel\":\"ops\"},\"trace_context\":null}\n\n"
        );
        assert_eq!(name(&event, Kind::Announcement), "st2.announcement__chatops");
    }
}
