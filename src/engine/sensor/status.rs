//! How a sensor is doing: what the row says that the API shows.

use crate::store::sensors::{SensorState, SensorStatus};
use chrono::{DateTime, Utc};
use std::collections::VecDeque;

/// Lines kept.
const LINES: usize = 50;

/// Longest line kept, in bytes.
const LINE: usize = 2_000;

/// How a sensor is doing.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) state: SensorState,
    pub(super) since: DateTime<Utc>,
    pub(super) pid: Option<i32>,
    pub(super) failures: u32,
    pub(super) last_error: Option<String>,
    pub(super) exit_code: Option<i32>,
    pub(super) retry_at: Option<DateTime<Utc>>,
    sent: i64,
    refused: i64,
    last_sent_at: Option<DateTime<Utc>>,
    log: VecDeque<String>,
}

impl Status {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            state: SensorState::Starting,
            since: now,
            pid: None,
            failures: 0,
            last_error: None,
            exit_code: None,
            retry_at: None,
            sent: 0,
            refused: 0,
            last_sent_at: None,
            log: VecDeque::new(),
        }
    }

    pub(super) fn becomes(&mut self, state: SensorState, now: DateTime<Utc>) {
        self.state = state;
        self.since = now;
        self.retry_at = None;
    }

    /// Counts an event that was stored.
    pub(super) fn sent(&mut self, now: DateTime<Utc>) {
        self.sent += 1;
        self.last_sent_at = Some(now);
    }

    /// Counts an event that was refused.
    pub(super) fn refused(&mut self) {
        self.refused += 1;
    }

    /// Keeps a line of its log.
    pub(super) fn line(&mut self, line: &str) {
        for line in line.lines() {
            if self.log.len() == LINES {
                self.log.pop_front();
            }
            let end = (0..=line.len().min(LINE)).rev().find(|end| line.is_char_boundary(*end)).unwrap_or(0);
            // PostgreSQL's text knows no NUL.
            self.log.push_back(line[..end].replace('\0', "\u{fffd}"));
        }
    }

    /// The row.
    pub(super) fn row(&self) -> SensorStatus {
        SensorStatus {
            state: self.state,
            since: self.since,
            pid: self.pid,
            failures: self.failures as i32,
            last_error: self.last_error.as_ref().map(|error| error.replace('\0', "\u{fffd}")),
            exit_code: self.exit_code,
            retry_at: self.retry_at,
            sent: self.sent,
            refused: self.refused,
            last_sent_at: self.last_sent_at,
            log: self.log.iter().cloned().collect(),
        }
    }
}
