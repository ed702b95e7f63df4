//! One target's health: consecutive passes and failures make it flip.
//!
//! Models target group health checks (ALB user guide, "Health checks for your target groups"): a new target is
//! `initial` and becomes healthy after one pass; the healthy threshold counts only on the way back from
//! unhealthy. When the checks are made, and that a timeout is a failure, is the driver's affair.
//!
//! Left out: the `unused` and `unavailable` states, and thresholds as a percentage of the group.

use crate::timeline::{Health, HealthReason, ProbeFailure};

#[derive(Debug, Clone, Copy)]
pub(crate) struct HealthState {
    pub(crate) health: Health,
    /// Checks in a row that contradict `health`.
    against: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flip {
    pub(crate) from: Health,
    pub(crate) to: Health,
    pub(crate) reason: HealthReason,
}

impl HealthState {
    pub(crate) const INITIAL: Self = Self { health: Health::Initial, against: 0 };
    pub(crate) const HEALTHY: Self = Self { health: Health::Healthy, against: 0 };

    pub(crate) const UNHEALTHY: Self = Self { health: Health::Unhealthy, against: 0 };

    pub(crate) fn passed(&mut self, healthy_threshold: u32) -> Option<Flip> {
        let needed = match self.health {
            Health::Healthy => {
                self.against = 0;
                return None;
            }
            Health::Initial => {
                // Failures so far are no passes: one pass is enough, whatever came before.
                self.against = 0;
                1
            }
            Health::Unhealthy => healthy_threshold,
        };
        self.count(needed, Health::Healthy, HealthReason::ChecksPassed(needed))
    }

    pub(crate) fn failed(&mut self, unhealthy_threshold: u32, last: ProbeFailure) -> Option<Flip> {
        if self.health == Health::Unhealthy {
            self.against = 0;
            return None;
        }
        let times = unhealthy_threshold;
        self.count(times, Health::Unhealthy, HealthReason::ChecksFailed { times, last })
    }

    fn count(&mut self, needed: u32, to: Health, reason: HealthReason) -> Option<Flip> {
        self.against += 1;
        if self.against < needed {
            return None;
        }
        self.against = 0;
        let from = std::mem::replace(&mut self.health, to);
        Some(Flip { from, to, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `p` passes and `f` fails; the state after each.
    fn run(from: HealthState, checks: &str) -> Vec<Health> {
        let mut state = from;
        let step = |check| {
            match check {
                'p' => state.passed(2),
                _ => state.failed(2, ProbeFailure::TimedOut),
            };
            state.health
        };
        checks.chars().map(step).collect()
    }

    #[test]
    fn h1_to_h4() {
        use Health::{Healthy, Initial, Unhealthy};
        assert_eq!(run(HealthState::INITIAL, "p"), [Healthy], "H1");
        assert_eq!(run(HealthState::INITIAL, "ff"), [Initial, Unhealthy], "H2");
        assert_eq!(run(HealthState::HEALTHY, "fpf"), [Healthy, Healthy, Healthy], "H3");
        let unhealthy = HealthState::UNHEALTHY;
        assert_eq!(run(unhealthy, "pp"), [Unhealthy, Healthy], "H4");
        assert_eq!(run(unhealthy, "pfpp"), [Unhealthy, Unhealthy, Unhealthy, Healthy]);
        assert_eq!(run(HealthState::INITIAL, "fpf"), [Initial, Healthy, Healthy]);
    }
}
