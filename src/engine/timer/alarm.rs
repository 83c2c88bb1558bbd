//! The clock that wakes: one sleep to a moment, which also ends when the machine's clock is set.

use crate::clock;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};
use std::{
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};
use tokio::io::{Interest, unix::AsyncFd};

/// What timers read and wait for. The machine's clock, or one that a test moves.
pub trait Alarm: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> DateTime<Utc>;

    /// Waits until this moment, or until the clock was set; for ever without one. May end early.
    fn until(&self, moment: Option<DateTime<Utc>>) -> BoxFuture<'_, ()>;
}

impl<T: Alarm> Alarm for Arc<T> {
    fn now(&self) -> DateTime<Utc> {
        (**self).now()
    }

    fn until(&self, moment: Option<DateTime<Utc>>) -> BoxFuture<'_, ()> {
        (**self).until(moment)
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemAlarm;

/// How long to sleep where the kernel gives no timer.
const WITHOUT_TIMER: Duration = Duration::from_secs(1);

impl Alarm for SystemAlarm {
    fn now(&self) -> DateTime<Utc> {
        clock::now()
    }

    fn until(&self, moment: Option<DateTime<Utc>>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(moment) = moment else { return std::future::pending().await };
            let left = (moment - clock::now()).to_std().unwrap_or_default();
            if left.is_zero() {
                return;
            }
            match timer(moment) {
                // What it tells (the time has come, the clock was set) makes no difference.
                Ok(timer) => drop(timer.readable().await),
                Err(_) => clock::sleep(left.min(WITHOUT_TIMER)).await,
            }
        })
    }
}

fn timer(moment: DateTime<Utc>) -> std::io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
    let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags)?;
    let moment = TimeSpec::new(moment.timestamp(), i64::from(moment.timestamp_subsec_nanos()));
    let set = TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
    timer.set(Expiration::OneShot(moment), set)?;
    let descriptor = timer.as_fd().try_clone_to_owned()?;
    #[expect(deprecated, reason = "its successor asks for `unsafe`, to hold what an `OwnedFd` does hold")]
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[tokio::test]
    async fn the_alarm_goes_off_in_time_and_not_before() {
        let moment = clock::now() + TimeDelta::milliseconds(30);
        SystemAlarm.until(Some(moment)).await;
        assert!(clock::now() >= moment);
        SystemAlarm.until(Some(moment)).await;
    }
}
