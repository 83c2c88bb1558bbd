//! All SQL: one file per table family. Functions that change rows take a [`Tx`], so that any of them join one
//! transaction; functions that read take any executor, so that a single look needs no transaction.
//!
//! Hot transitions of executions go through [`ledger`], which commits what has gathered in one go.

pub mod actions;
pub mod aliases;
pub mod api_keys;
mod by_key;
mod cached;
pub mod collector;
pub mod configs;
pub mod ends;
pub mod enforcements;
mod error;
pub mod executions;
pub mod gates;
mod gathering;
pub mod keys;
pub mod ledger;
pub mod listing;
pub mod nodes;
pub mod origins;
pub mod outputs;
pub mod packs;
mod patience;
pub mod policies;
pub mod rules;
pub mod runner_types;
pub mod secrets;
pub mod sensors;
pub mod snapshots;
pub mod timers;
pub mod tokens;
pub mod traces;
pub mod trigger_instances;
pub mod triggers;
mod tx;
pub mod unload;
pub mod users;
pub mod why;
pub mod workflows;

pub use cached::Cached;
pub use error::{Error, Result};
pub use patience::{MayBeAway, patiently};
pub use tx::Tx;

use crate::bus::Bus;
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::sync::Arc;

/// The migrations, embedded.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The database and the bus that is told of commits.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    /// Connections that look rows up by key only.
    keyed: PgPool,
    bus: Bus,
    history: Arc<executions::query::History>,
}

impl Store {
    /// A store over an open pool.
    pub fn new(pool: PgPool, bus: Bus) -> Self {
        let keyed = by_key::pool(&pool);
        Self { pool, keyed, bus, history: Arc::default() }
    }

    /// For reads that need no transaction.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The bus that hears of commits.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// What is known of past executions: keeps their lists and counts flat.
    pub fn history(&self) -> &executions::query::History {
        &self.history
    }

    /// How to open connections of one's own (the ledger's, a listener's).
    pub fn connect_options(&self) -> PgConnectOptions {
        (*self.pool.connect_options()).clone()
    }

    /// Begins a transaction that finds what it changes by key.
    pub async fn begin_keyed(&self) -> Result<Tx> {
        Ok(Tx::new(self.keyed.begin().await?, self.bus.clone()))
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(Tx::new(self.pool.begin().await?, self.bus.clone()))
    }
}
