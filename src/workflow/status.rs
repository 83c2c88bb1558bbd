//! The statuses of workflows, tasks and items, and the sets the rules are written in.

use std::fmt;

/// How far a workflow, a task or an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// Nothing happened yet; `null` in documents.
    #[default]
    Unset,
    /// Asked for.
    Requested,
    /// Admitted, not yet running.
    Scheduled,
    /// Waits for its time.
    Delayed,
    /// Under way.
    Running,
    /// Waits for a person.
    Pending,
    /// Will be paused when what runs has ended.
    Pausing,
    /// Waits to be resumed.
    Paused,
    /// Was paused and goes on.
    Resuming,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ran out of time.
    Timeout,
    /// Was lost.
    Abandoned,
    /// Ended, and will be tried once more.
    Retrying,
    /// Will be canceled when what runs has ended.
    Canceling,
    /// Ended by request.
    Canceled,
}

impl Status {
    /// How many statuses there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them; the place of each is its number.
    pub const ALL: [Self; 16] = [
        Self::Unset,
        Self::Requested,
        Self::Scheduled,
        Self::Delayed,
        Self::Running,
        Self::Pending,
        Self::Pausing,
        Self::Paused,
        Self::Resuming,
        Self::Succeeded,
        Self::Failed,
        Self::Timeout,
        Self::Abandoned,
        Self::Retrying,
        Self::Canceling,
        Self::Canceled,
    ];

    /// The word clients see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "null",
            Self::Requested => "requested",
            Self::Scheduled => "scheduled",
            Self::Delayed => "delayed",
            Self::Running => "running",
            Self::Pending => "pending",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
            Self::Retrying => "retrying",
            Self::Canceling => "canceling",
            Self::Canceled => "canceled",
        }
    }

    /// The status of a word; `None` for one that is none.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// A task that reports one of these has begun.
    pub fn is_starting(self) -> bool {
        matches!(self, Self::Requested | Self::Scheduled | Self::Delayed | Self::Running | Self::Pending)
    }

    /// A workflow in one of these may start tasks.
    pub fn may_start_tasks(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Scheduled
                | Self::Delayed
                | Self::Running
                | Self::Resuming
                | Self::Retrying
        )
    }

    /// Something is under way.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Requested
                | Self::Scheduled
                | Self::Delayed
                | Self::Running
                | Self::Resuming
                | Self::Pausing
                | Self::Canceling
        )
    }

    /// Ended without success, and not by request.
    pub fn is_abended(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Abandoned)
    }

    /// Ended.
    pub fn is_completed(self) -> bool {
        self.is_abended() || matches!(self, Self::Succeeded | Self::Canceled)
    }

    /// Asks for rest, or rests.
    pub fn is_pause(self) -> bool {
        matches!(self, Self::Pausing | Self::Paused)
    }

    /// Asks for an end, or ended by request.
    pub fn is_cancel(self) -> bool {
        matches!(self, Self::Canceling | Self::Canceled)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_lead_back() {
        for (place, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, place);
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("done"), None);
    }
}
