//! A transaction that announces what it did once it is committed.

use super::Result;
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

    /// Commits, then publishes.
    pub async fn commit(self) -> Result<()> {
        self.inner.commit().await?;
        for event in self.events {
            self.bus.publish(event);
        }
        Ok(())
    }
}
