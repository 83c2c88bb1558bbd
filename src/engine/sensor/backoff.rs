//! How long a sensor that failed rests.

use std::time::Duration;

/// The first pause, as in StackStorm; doubled at each failure in a row.
const FIRST: Duration = Duration::from_millis(2_500);

/// A sensor that ran this long had recovered: its next failure is a first one.
pub(super) const RECOVERED: Duration = Duration::from_secs(10);

/// The pause after so many failures in a row.
pub(super) fn pause(failures: u32, longest: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(20);
    (FIRST * 2_u32.pow(doublings)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_never_end() {
        let longest = Duration::from_secs(300);
        let seconds = [1, 2, 3, 8, 9, u32::MAX].map(|failures| pause(failures, longest).as_millis());
        assert_eq!(seconds, [2_500, 5_000, 10_000, 300_000, 300_000, 300_000]);
        assert_eq!(pause(1, Duration::from_millis(50)), Duration::from_millis(50));
    }
}
