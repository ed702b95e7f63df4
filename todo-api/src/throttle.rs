//! Says once a second what happens thousands of times a second, so that an outage does not fill the disk with logs.
#![expect(clippy::disallowed_methods, reason = "counts lines per second of real time")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// One kind of log line.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// The second since [`START`] in which the last line was written, counted from 1; 0 before the first.
    last: AtomicU64,
    left_out: AtomicU64,
}

impl Throttle {
    pub(crate) const fn new() -> Self {
        Self { last: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// How many lines were left out since the last one, when it is time for another.
    pub(crate) fn pass(&self) -> Option<u64> {
        self.pass_at(START.elapsed().as_secs() + 1)
    }

    fn pass_at(&self, second: u64) -> Option<u64> {
        let last = self.last.load(Ordering::Relaxed);
        let first = last != second
            && self.last.compare_exchange(last, second, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if first {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_that_counts_the_others() {
        let throttle = Throttle::new();
        let passed: Vec<_> = [1, 1, 1, 2, 5].map(|second| throttle.pass_at(second)).into();
        assert_eq!(passed, [Some(0), None, None, Some(2), Some(0)]);
    }
}
