//! The status of an execution, and what may follow what.

use std::{fmt, str::FromStr};

macro_rules! statuses {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// Where an execution stands. The wire spells it as StackStorm does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ExecutionStatus { $(#[doc = $text] $name),* }

        impl ExecutionStatus {
            /// Every status, in StackStorm's order (it shows in error messages).
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word on the wire and in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }

        impl FromStr for ExecutionStatus {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$name),)* _ => Err(()) }
            }
        }
    };
}

statuses! {
    Requested = "requested",
    Scheduled = "scheduled",
    Delayed = "delayed",
    Running = "running",
    Succeeded = "succeeded",
    Failed = "failed",
    Timeout = "timeout",
    Abandoned = "abandoned",
    Canceling = "canceling",
    Canceled = "canceled",
    Pending = "pending",
    Pausing = "pausing",
    Paused = "paused",
    Resuming = "resuming",
}

impl ExecutionStatus {
    /// The execution has ended; such a row never changes again.
    pub const fn is_completed(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Timeout | Self::Canceled | Self::Abandoned)
    }

    /// A user may still cancel it. (`pending` and `canceling` may not: as StackStorm has it.)
    pub const fn is_cancelable(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Scheduled
                | Self::Delayed
                | Self::Running
                | Self::Pausing
                | Self::Paused
                | Self::Resuming
        )
    }

    /// It waits to be taken up by a scheduler.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Requested | Self::Delayed)
    }

    /// May `next` follow? Same-status updates are no change and never recorded.
    pub fn may_become(self, next: Self) -> bool {
        use ExecutionStatus::{Canceling, Delayed, Paused, Pausing, Requested, Resuming};
        if self.is_completed() || self == next {
            return false;
        }
        match self {
            Requested | Delayed => !matches!(next, Pausing | Resuming),
            Canceling => next.is_completed(),
            Pausing => next == Paused || next == Canceling || next.is_completed(),
            Paused => matches!(next, Resuming | Canceling) || next.is_completed(),
            _ => next != Requested,
        }
    }
}

impl fmt::Display for ExecutionStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for ExecutionStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl sqlx::Type<sqlx::Postgres> for ExecutionStatus {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        <str as sqlx::Type<sqlx::Postgres>>::type_info()
    }
}

impl sqlx::postgres::PgHasArrayType for ExecutionStatus {
    fn array_type_info() -> sqlx::postgres::PgTypeInfo {
        <&str as sqlx::postgres::PgHasArrayType>::array_type_info()
    }
}

impl sqlx::Encode<'_, sqlx::Postgres> for ExecutionStatus {
    fn encode_by_ref(
        &self,
        buffer: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        <&str as sqlx::Encode<sqlx::Postgres>>::encode(self.as_str(), buffer)
    }
}

impl<'r> sqlx::Decode<'r, sqlx::Postgres> for ExecutionStatus {
    fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        let text = <&str as sqlx::Decode<sqlx::Postgres>>::decode(value)?;
        text.parse().map_err(|()| format!("unknown execution status `{text}`").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_follows_an_ended_execution() {
        for from in ExecutionStatus::ALL.iter().filter(|s| s.is_completed()) {
            assert!(ExecutionStatus::ALL.iter().all(|to| !from.may_become(*to)), "{from}");
        }
    }

    #[test]
    fn every_word_reads_back() {
        for status in ExecutionStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
    }
}
