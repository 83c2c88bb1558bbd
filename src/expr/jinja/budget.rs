//! What one rendering may cost: steps, text and depth.
//!
//! Templates come from users and from events, so a hostile one must end soon. Steps are counted, not
//! timed, so that the same template always ends the same way.

use super::error::{Error, Result};

/// Steps of one rendering. A step is a node evaluated, an item visited or 64 bytes of text moved, some
/// 20 to 40 ns each.
pub const STEPS: u64 = 4_000_000;

/// Bytes one rendering may write.
pub const MAX_OUTPUT: usize = 16 << 20;

/// How deep values, calls and expressions may nest together.
///
/// Chosen so that the deepest evaluation stays well inside the two megabytes a thread has.
const MAX_DEPTH: u32 = 220;

/// Bytes of text that cost one step.
const BYTES_PER_STEP: usize = 64;

/// What is left of the limits of one rendering.
#[derive(Debug)]
pub struct Budget {
    steps: u64,
    depth: u32,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { steps: STEPS, depth: 0 }
    }

    /// Limits with so many steps instead of [`STEPS`].
    pub(super) fn of(steps: u64) -> Self {
        Self { steps, depth: 0 }
    }

    /// The steps that are left.
    pub(super) fn steps(&self) -> usize {
        self.steps as usize
    }

    /// Pays for `steps` steps.
    #[inline]
    pub(super) fn pay(&mut self, steps: u64) -> Result<()> {
        if let Some(left) = self.steps.checked_sub(steps) {
            self.steps = left;
            Ok(())
        } else {
            self.steps = 0;
            Err(Error::limit("the template takes too many steps"))
        }
    }

    /// Pays for visiting `count` items.
    pub(super) fn pay_items(&mut self, count: usize) -> Result<()> {
        self.pay(count as u64)
    }

    /// Pays for reading or writing text of this length.
    pub(super) fn pay_text(&mut self, bytes: usize) -> Result<()> {
        self.pay((bytes / BYTES_PER_STEP) as u64)
    }

    /// Pays for text about to be made, and refuses what could not be written anyway.
    pub(super) fn make_text(&mut self, bytes: usize) -> Result<()> {
        if bytes > MAX_OUTPUT {
            return Err(Error::limit(format!("the template makes a text of more than {MAX_OUTPUT} bytes")));
        }
        self.pay_text(bytes)
    }

    /// Pays for a list of this length about to be made.
    pub(super) fn make_items(&mut self, count: usize) -> Result<()> {
        // Room is asked for before the items are visited: what cannot be paid is never allocated.
        self.pay_items(count)
    }

    /// Goes one level deeper; every success is followed by [`Budget::leave`].
    pub(super) fn enter(&mut self) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(super::error::Class::RecursionError, "maximum recursion depth exceeded"));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}
