//! Patience of work in progress: while the database is away it waits, as its own writes do, and does not fail.
//!
//! Requests are another matter: their senders are told to come back, and events stay in their rows.

use super::Error;
use crate::clock;
use std::{fmt::Display, time::Duration};

/// Pause between two attempts.
const RETRY: Duration = Duration::from_millis(200);

/// An error that may be the database's absence.
pub trait MayBeAway: Display {
    /// Whether the same question may be answered later.
    fn is_unavailable(&self) -> bool;
}

impl MayBeAway for Error {
    fn is_unavailable(&self) -> bool {
        Self::is_unavailable(self)
    }
}

/// Asks until the database is there to answer; `what` is for the log.
pub async fn patiently<T, E: MayBeAway, Answer: Future<Output = Result<T, E>>>(
    what: &str,
    ask: impl Fn() -> Answer,
) -> Result<T, E> {
    let mut is_told = false;
    loop {
        match ask().await {
            Err(error) if error.is_unavailable() => {
                if !is_told {
                    tracing::warn!("The database is away ({error}); {what} waits for it");
                    is_told = true;
                }
                clock::sleep(RETRY).await;
            }
            answer => return answer,
        }
    }
}
