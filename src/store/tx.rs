//! A transaction that announces what it did once it is committed.

use super::{Error, Result};
use crate::bus::{Bus, Event};
use sqlx::{PgConnection, Postgres, Transaction};

/// An open transaction and the events it will publish on commit. Dropped, it rolls back and tells nobody.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    events: Vec<Event>,
    bus: Bus,
}

impl Tx {
    pub(super) fn new(inner: Transaction<'static, Postgres>, bus: Bus) -> Self {
        Self { inner, events: Vec::new(), bus }
    }

    /// The connection, for statements.
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.inner
    }

    /// Publishes `event` if, and after, this transaction commits.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Commits, then publishes. When the answer to the commit is lost, what only wakes is published all the same: it may
    /// have gone through.
    pub async fn commit(self) -> Result<()> {
        let committed = self.inner.commit().await.map_err(Error::from);
        let wakes = |event: &Event| matches!(event, Event::Content | Event::Dispatched);
        let is_in_doubt = committed.as_ref().is_err_and(Error::is_unavailable);
        for event in self.events {
            if committed.is_ok() || (is_in_doubt && wakes(&event)) {
                self.bus.publish(event);
            }
        }
        committed
    }
}
