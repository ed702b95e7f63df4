//! What an empty credit account does to an instance's speed.
//!
//! The account itself is the engine's ([`Credits`]), the same that the local machine uses. Here stands when to
//! look at it. A real instance is slowed down and released little by little; this one is held at its baseline
//! from the moment its account is empty until it has saved up `RESUME` (M), because an account that hovers
//! around zero would otherwise switch without end. Held at the baseline, a busy instance saves nothing: its
//! mean speed is the baseline either way.

use std::time::Duration;

use crate::engine::{Burst, Credits};

use super::queue::Nanos;
use super::scene::{MINUTE, SECOND};

/// Credits (vCPU minutes) that end the throttling: one second of one vCPU.
const RESUME: f64 = 1.0 / 60.0;
/// The account is not looked at more often than this: a balance that shrinks a little more slowly than it could
/// would otherwise cause ever shorter waits. A quarter of a second overdraws it by a quarter of a percent of
/// one credit at most.
const LOOK_EVERY: Nanos = SECOND / 4;

/// An instance's account, and whether it is held at its baseline.
#[derive(Debug, Clone)]
pub struct Throttle {
    burst: Burst,
    credits: Credits,
    throttled: bool,
    updated: Nanos,
}

impl Throttle {
    /// The account of an instance launched now.
    #[must_use]
    pub fn new(burst: Burst, now: Nanos) -> Self {
        Self { burst, credits: Credits::at_launch(burst), throttled: false, updated: now }
    }

    /// Brings the account to `now`, after `used` vCPU nanoseconds since the last call. True when that ended or
    /// began the throttling.
    pub fn settle(&mut self, now: Nanos, used: f64) -> bool {
        let elapsed = now.saturating_sub(self.updated);
        if elapsed == 0 {
            return false;
        }
        self.updated = now;
        self.credits.spend(Duration::from_nanos(elapsed), used / (elapsed as f64 * self.burst.vcpus));
        let balance = self.credits.balance();
        let throttled = if self.throttled { balance < RESUME } else { balance <= 0.0 };
        std::mem::replace(&mut self.throttled, throttled) != throttled
    }

    /// Whether the instance is held at its baseline.
    #[must_use]
    pub const fn is_throttled(&self) -> bool {
        self.throttled
    }

    /// The vCPUs that the instance may use now.
    #[must_use]
    pub fn vcpus(&self) -> f64 {
        if self.throttled { self.burst.baseline * self.burst.vcpus } else { self.burst.vcpus }
    }

    /// The earliest moment at which the throttling could begin (if every vCPU were busy) or end (if none were).
    #[must_use]
    pub fn next_look(&self) -> Nanos {
        let earned_per_minute = self.burst.baseline * self.burst.vcpus;
        let wait = if self.throttled {
            (RESUME - self.credits.balance()).max(0.0) / earned_per_minute * MINUTE as f64
        } else {
            self.credits.lasts(1.0).map_or(MINUTE as f64, |lasts| lasts.as_nanos() as f64)
        };
        // In the middle of the last second things may hang on rounding; so always a little later.
        self.updated.saturating_add((wait.ceil() as Nanos).max(LOOK_EVERY))
    }

    /// Credits left.
    #[must_use]
    pub fn balance(&self) -> f64 {
        self.credits.balance()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T2_MICRO: Burst = Burst { baseline: 0.1, vcpus: 1.0, credits_at_launch: 30.0, credits_max: 144.0 };

    /// Follows [`Throttle::next_look`] while `demand` of a vCPU is wanted: when the throttling changed.
    fn changes(demand: f64, minutes: u64) -> Vec<(Nanos, bool)> {
        let mut throttle = Throttle::new(T2_MICRO, 0);
        let (mut now, mut changes) = (0, Vec::new());
        while now < minutes * MINUTE {
            let next = throttle.next_look();
            assert!(next > now);
            let used = demand.min(throttle.vcpus()) * (next - now) as f64;
            now = next;
            if throttle.settle(now, used) {
                changes.push((now / SECOND, throttle.is_throttled()));
            }
        }
        changes
    }

    #[test]
    fn full_load_lasts_thirty_three_minutes_and_never_recovers() {
        assert_eq!(changes(1.0, 24 * 60), [(2000, true)]);
    }

    #[test]
    fn half_load_lasts_as_long_as_its_surplus() {
        // 30 credits at 0.4 a minute: 75 minutes.
        assert_eq!(changes(0.5, 24 * 60), [(4500, true)]);
    }

    #[test]
    fn at_the_baseline_nothing_runs_out() {
        assert_eq!(changes(0.1, 24 * 60), []);
    }

    #[test]
    fn an_idle_instance_recovers() {
        let mut throttle = Throttle::new(T2_MICRO, 0);
        assert!(throttle.settle(40 * MINUTE, 40.0 * MINUTE as f64));
        assert!(throttle.is_throttled() && throttle.vcpus() < 0.11);
        let look = throttle.next_look();
        assert_eq!((look - 40 * MINUTE) / SECOND, 10);
        assert!(throttle.settle(look, 0.0));
        assert!(!throttle.is_throttled());
    }
}
