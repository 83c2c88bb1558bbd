//! Which events a client of the whole stream wants, and which one ends it.

use super::frame::{Kind, name};
use crate::{bus::Event, model::ExecutionId};

/// Sent when a client names no events: all but output and aliases.
const DEFAULT: [&str; 7] = [
    "st2.announcement__*",
    "st2.execution__create",
    "st2.execution__update",
    "st2.execution__delete",
    "st2.liveaction__create",
    "st2.liveaction__update",
    "st2.liveaction__delete",
];

/// What a client wants. Clients with equal filters share their bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    patterns: Vec<String>,
    /// For each fixed name whether a pattern matches it: looked up per event, worked out once.
    wanted: [bool; Kind::FIXED.len()],
    action_refs: Option<Vec<String>>,
    execution_ids: Option<Vec<ExecutionId>>,
    end: Option<End>,
    /// The client gets the output of this execution from its rows, see [`super::all`].
    tailed: Option<ExecutionId>,
}

/// The event after which a stream ends: of this name, on this execution, with a status that is an end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// Exact name.
    pub event: String,
    /// Id of the execution.
    pub execution_id: String,
}

impl Filter {
    /// Takes lists as clients send them; empty ones count as not given.
    pub fn new(
        events: Option<Vec<&str>>,
        action_refs: Option<Vec<&str>>,
        execution_ids: Option<Vec<&str>>,
        end: Option<End>,
    ) -> Self {
        let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let patterns = owned(events.unwrap_or_else(|| DEFAULT.to_vec()));
        let wanted = Kind::FIXED.map(|kind| patterns.iter().any(|pattern| matches(pattern, kind.name())));
        let wants_output = Kind::Output.place().is_some_and(|place| wanted[place]);
        let tailed = end.as_ref().filter(|_| wants_output).and_then(|end| end.execution_id.parse().ok());
        Self {
            patterns,
            wanted,
            action_refs: action_refs.map(owned),
            // What is no id is nobody's; it still keeps everybody else's out.
            execution_ids: execution_ids
                .map(|ids| ids.into_iter().filter_map(|id| id.parse().ok()).collect()),
            end,
            tailed,
        }
    }

    /// The execution whose output the client follows to its end.
    pub(super) fn tailed(&self) -> Option<ExecutionId> {
        self.tailed
    }

    /// Whether an event of this kind goes to the client.
    pub(super) fn wants(&self, event: &Event, kind: Kind) -> bool {
        let by_name = kind.place().map_or_else(
            || self.patterns.iter().any(|pattern| matches(pattern, &name(event, kind))),
            |place| self.wanted[place],
        );
        let is_tailed = matches!(event, Event::Output(line) if Some(line.execution_id) == self.tailed);
        by_name && !is_tailed && self.wants_action(event) && self.wants_execution(event, kind)
    }

    fn wants_action(&self, event: &Event) -> bool {
        let Some(refs) = &self.action_refs else { return true };
        match event {
            Event::Execution(event) => {
                let action = &event.execution.snapshot.action.spec;
                refs.iter().any(|it| {
                    it.strip_prefix(action.pack.as_str()).and_then(|rest| rest.strip_prefix('.'))
                        == Some(action.name.as_str())
                })
            }
            Event::Output(event) => refs.iter().any(|it| **it == *event.action_ref),
            // What has no action is nobody's.
            _ => false,
        }
    }

    fn wants_execution(&self, event: &Event, kind: Kind) -> bool {
        let Some(ids) = &self.execution_ids else { return true };
        let id = match event {
            // A live action's id is not an execution's: StackStorm drops them here.
            Event::Execution(event) if kind.is_execution() => event.execution.id,
            Event::Output(event) => event.execution_id,
            _ => return false,
        };
        ids.contains(&id)
    }

    /// Whether the stream ends with this event.
    pub(super) fn ends_with(&self, event: &Event, kind: Kind) -> bool {
        let (Some(end), Event::Execution(event)) = (&self.end, event) else { return false };
        let is_it = || {
            let execution = &event.execution;
            let id = if kind.is_execution() { execution.id.0 } else { execution.liveaction_id.0 };
            end.execution_id == id.to_string()
        };
        event.execution.status.is_completed() && end.event == kind.name() && is_it()
    }

    /// What ends it.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }
}

/// Shell globs as Python's `fnmatch` reads them: `*`, `?`, `[abc]`, `[a-z]`, `[!…]`. An open bracket that is never
/// closed stands for itself.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go back to when what follows the last star does not fit.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
            continue;
        }
        if let Some(next) = pattern.get(p).and_then(|_| one(&pattern, p, name[n])) {
            p = next;
            n += 1;
        } else if let Some((at, taken)) = star {
            (p, n) = (at + 1, taken + 1);
            star = Some((at, taken + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

/// Where the pattern goes on if its piece at `p` matches `character`.
fn one(pattern: &[char], p: usize, character: char) -> Option<usize> {
    match pattern[p] {
        '?' => Some(p + 1),
        '[' => match class(&pattern[p + 1..], character) {
            Some((true, length)) => Some(p + 1 + length),
            Some((false, _)) => None,
            None => (character == '[').then_some(p + 1),
        },
        literal => (literal == character).then_some(p + 1),
    }
}

/// Whether a bracket's inside matches, and its length with the closing bracket; `None` if it is not closed.
fn class(inside: &[char], character: char) -> Option<(bool, usize)> {
    let negated = inside.first() == Some(&'!');
    let begin = usize::from(negated);
    // A bracket right at the beginning is one of the characters.
    let close = begin + 1 + inside.get(begin + 1..)?.iter().position(|it| *it == ']')?;
    let set = &inside[begin..close];
    let mut found = false;
    let mut at = 0;
    while at < set.len() {
        if set.get(at + 1) == Some(&'-') && at + 2 < set.len() {
            found |= (set[at]..=set[at + 2]).contains(&character);
            at += 3;
        } else {
            found |= set[at] == character;
            at += 1;
        }
    }
    Some((found != negated, close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("st2.execution__*", "st2.execution__update", true),
            ("st2.execution__*", "st2.execution.output__create", false),
            ("*", "anything", true),
            ("*__create", "st2.execution__create", true),
            ("*a*b*", "xxaxxbx", true),
            ("*a*b", "ab_a", false),
            ("st2.?xecution", "st2.execution", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("[x", "[x", true),
            ("ST2.*", "st2.x", false),
            ("", "", true),
            ("", "x", false),
            ("x*", "x", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
