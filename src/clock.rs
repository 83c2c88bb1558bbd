//! The one source of time.

use chrono::{DateTime, SubsecRound, Utc};
use std::time::Duration;

/// The current time in UTC, cut to microseconds: what PostgreSQL keeps and the wire shows.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// Waits for `duration`.
pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}
