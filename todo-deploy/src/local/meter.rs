//! CPU time used, as percent of an instance's share: never negative, never above the limit, right on average.

use std::time::Duration;

use crate::time::Time;

/// Percent that may be carried over: one sample's worth. More than that is no rounding but an instance that is not
/// held to its share.
const CARRY_MAX: f64 = 100.0;

/// Turns a growing count of CPU seconds into percent.
///
/// Counters tick in hundredths of a second and quotas in tenths, so that a busy instance is seen to use a little more
/// in one second and a little less in the next. What is beyond 100 % is carried over to the next sample; cutting it
/// off would make a full load look like 97 %.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meter {
    last: Option<(Time, f64)>,
    carry: f64,
}

impl Meter {
    /// Forgets what was used until now: it was not load.
    pub(super) fn restart(&mut self, now: Time, used_s: f64) {
        *self = Self { last: Some((now, used_s)), carry: 0.0 };
    }

    /// Percent of `vcpus` used since the last call; nothing the first time, or when no time passed.
    pub(super) fn percent(&mut self, now: Time, used_s: f64, vcpus: f64) -> Option<f64> {
        let (then, before) = self.last.replace((now, used_s))?;
        let elapsed = now.since(then);
        if elapsed == Duration::ZERO || vcpus <= 0.0 {
            self.last = Some((then, before));
            return None;
        }
        // A process that ended without being waited for takes its time with it: the count may shrink.
        let used = (used_s - before).max(0.0);
        let percent = 100.0 * used / (elapsed.as_secs_f64() * vcpus) + self.carry;
        self.carry = (percent - 100.0).clamp(0.0, CARRY_MAX);
        Some(percent.min(100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percents(counts: &[f64], vcpus: f64) -> Vec<Option<f64>> {
        let mut meter = Meter::default();
        let at = |second: usize| Time::from_secs(u64::try_from(second).unwrap());
        counts.iter().enumerate().map(|(second, used)| meter.percent(at(second), *used, vcpus)).collect()
    }

    #[test]
    fn of_the_share_not_of_the_machine() {
        assert_eq!(percents(&[5.0, 5.125, 5.125], 0.25), [None, Some(50.0), Some(0.0)]);
    }

    #[test]
    fn jitter_around_the_limit_is_carried_over_not_cut_off() {
        let found = percents(&[0.0, 0.11, 0.20, 0.30, 0.39], 0.1);
        assert!(found.iter().flatten().all(|percent| (0.0..=100.0).contains(percent)), "{found:?}");
        let sum: f64 = found.iter().flatten().sum();
        assert!((sum - 390.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn what_was_used_before_a_restart_is_not_counted() {
        let mut meter = Meter::default();
        meter.restart(Time::from_secs(1), 5.0);
        assert_eq!(meter.percent(Time::from_secs(2), 5.5, 1.0), Some(50.0));
    }

    #[test]
    fn a_count_that_shrinks_is_no_negative_load() {
        assert_eq!(percents(&[3.0, 1.0, 1.5], 1.0), [None, Some(0.0), Some(50.0)]);
    }
}
