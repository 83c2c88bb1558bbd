//! Timers: rules that wait for a date, an interval, or what the clocks show.
//!
//! A timer is a trigger of a timer's type that an enabled rule waits for. Its next due time is a row; a due time
//! becomes a trigger instance under a key made of the timer and that time, and only then the row moves on. So there is
//! one instance per timer and due time, whatever happens in between, and a timer whose daemon was away knows what it
//! has missed: [`Misfire`] says what becomes of that.
//!
//! One node fires them, the one that holds an advisory lock; two that both believed so would do no harm. Nothing
//! polls: there is one sleep, to the next due time of all timers, on the machine's clock, which also wakes when that
//! clock is set.
//!
//! Left out: when a schedule is due, which is `model::schedule`'s to say.

mod alarm;
mod due;
mod host_zone;
mod service;

pub use alarm::{Alarm, SystemAlarm};
pub use due::Misfire;
pub use service::Timers;
