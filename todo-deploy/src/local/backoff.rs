//! How long to wait before a service that keeps ending is started again.
//!
//! Each instance that ends before it ever passed a health check doubles the wait of the one in its place, up to a
//! bound; one that did pass, and then ended, is replaced at once. These waits protect the machine, so that `--speed`
//! leaves them as they are.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::timeline::InstanceId;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// How many in a row ended early, up to this one's predecessor; only where there were any.
    failures: BTreeMap<InstanceId, u32>,
}

impl Backoff {
    /// `new` is launched in place of `old`, which ended early or served well.
    pub(super) fn replaces(&mut self, new: InstanceId, old: InstanceId, ended_early: bool) {
        let before = self.failures.remove(&old).unwrap_or(0);
        if ended_early {
            self.failures.insert(new, before.saturating_add(1));
        }
    }

    /// How many in a row have ended early before this one.
    pub(super) fn failures(&self, id: InstanceId) -> u32 {
        self.failures.get(&id).copied().unwrap_or(0)
    }

    /// The wait before this one is started.
    pub(super) fn wait(&self, id: InstanceId) -> Duration {
        wait(self.failures(id))
    }

    /// It passed a health check, or is no more.
    pub(super) fn forget(&mut self, id: InstanceId) {
        self.failures.remove(&id);
    }
}

/// The wait after so many early ends in a row.
pub(super) fn wait(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        many => FIRST.saturating_mul(1 << (many - 1).min(16)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_slows_down_and_a_healthy_instance_ends_it() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (1..=9)
            .map(|number| {
                backoff.replaces(InstanceId(number + 1), InstanceId(number), true);
                backoff.wait(InstanceId(number + 1)).as_millis()
            })
            .collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
        backoff.replaces(InstanceId(11), InstanceId(10), false);
        assert_eq!(backoff.wait(InstanceId(11)), Duration::ZERO);
        assert!(backoff.failures.is_empty(), "nothing is kept of what is gone");
        assert_eq!(wait(u32::MAX), LONGEST);
    }
}
