//! Scaling policies: pure arithmetic from "an alarm invoked you" to "have so many" or "no, because".
//!
//! A policy decides; it changes nothing. The engine takes the decisions of all policies that were invoked at
//! one moment, chooses, and tells the chosen one that it acted.

mod adjust;
mod choose;
pub(crate) mod cooldowns;
pub(crate) mod simple;
pub(crate) mod step;
pub(crate) mod tracking;

pub(crate) use choose::{Proposal, choose};

use crate::deployment::Capacity;
use crate::time::Time;
use crate::timeline::WhyNot;

/// What a policy may look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    pub(crate) now: Time,
    pub(crate) capacity: Capacity,
    pub(crate) desired: u32,
    /// Instances that are wanted but not warm yet; they count as capacity, not in the metrics.
    pub(crate) warming: u32,
    pub(crate) launching: u32,
    /// Draining or terminating, because of scaling or of bad health.
    pub(crate) leaving: u32,
    /// Simple policies wait until then.
    pub(crate) cooldown_until: Time,
    /// A new version is being rolled out.
    pub(crate) deploying: bool,
}

impl Situation {
    fn clamp(&self, wanted: i64) -> u32 {
        let wanted = u32::try_from(wanted.max(0)).unwrap_or(u32::MAX);
        wanted.clamp(self.capacity.min, self.capacity.max)
    }

    /// The decision to have `to` instances, or why that is none.
    fn decide(&self, wanted: i64) -> Decision {
        let to = self.clamp(wanted);
        if to != self.desired {
            return Decision::To(to);
        }
        let limited = wanted != i64::from(to);
        Decision::Not(if limited { WhyNot::Limit { limit: to } } else { WhyNot::Enough { wanted: to } })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    To(u32),
    Not(WhyNot),
}

#[cfg(test)]
pub(crate) fn situation(desired: u32, min: u32, max: u32) -> Situation {
    Situation {
        now: Time::ZERO,
        capacity: Capacity { min, desired, max },
        desired,
        warming: 0,
        launching: 0,
        leaving: 0,
        cooldown_until: Time::ZERO,
        deploying: false,
    }
}
