//! One instance: its processor, its credits, its place at the balancer, its check under way.

use crate::pick::Slot;

use super::credit::Throttle;
use super::queue::Nanos;
use super::scene::InstanceModel;
use super::station::{JobId, Station};

/// An instance from its launch on; it stays, empty, when it is gone.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) station: Station,
    pub(super) credits: Option<Throttle>,
    /// Its target, while it is registered.
    pub(super) slot: Option<Slot>,
    pub(super) life: Life,
    /// The service answers; before that connections are refused.
    pub(super) listens: bool,
    pub(super) draining: bool,
    /// Accepts requests and does nothing about them.
    pub(super) hangs: bool,
    /// The fault that it suffers from, by its number in the scene.
    pub(super) fault: Option<u32>,
    pub(super) probe: Option<Probe>,
    /// When its target became healthy.
    pub(super) healthy_since: Nanos,
    /// Requests given to it.
    pub(super) requests: u64,
    /// What was known at the last sample, and at the last row.
    sampled: Mark,
    rowed: Mark,
    /// vCPU nanoseconds used when the credits were last settled.
    settled: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Launching,
    Running,
    Gone,
}

/// A health check under way; without a job when not even its connection was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) sent: Nanos,
    pub(super) job: Option<JobId>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Nanos,
    used: f64,
    present: f64,
    requests: u64,
}

/// What an instance did since a mark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usage {
    /// Over how long.
    pub(super) elapsed: Nanos,
    /// vCPU nanoseconds used.
    pub(super) used: f64,
    /// Requests there, times nanoseconds.
    pub(super) present: f64,
    pub(super) requests: u64,
}

impl Usage {
    /// Requests there, on average.
    pub(super) fn in_flight(&self) -> f64 {
        self.present / self.elapsed.max(1) as f64
    }

    /// Mean use of so many vCPUs, in percent; none over no time.
    pub(super) fn percent_of(&self, vcpus: f64) -> Option<f64> {
        (self.elapsed > 0).then(|| 100.0 * self.used / (self.elapsed as f64 * vcpus))
    }
}

impl Mark {
    const START: Self = Self { at: 0, used: 0.0, present: 0.0, requests: 0 };

    fn until(self, later: Self) -> Usage {
        Usage {
            elapsed: later.at - self.at,
            used: later.used - self.used,
            present: later.present - self.present,
            requests: later.requests - self.requests,
        }
    }
}

impl Instance {
    /// Launched, not yet running.
    pub(super) fn new(now: Nanos, model: &InstanceModel) -> Self {
        let station = Station::new(now, model.vcpus, model.concurrency, model.backlog);
        Self { station, life: Life::Launching, ..Self::absent() }
    }

    /// What stands at a number that no instance has, or has any more.
    pub(super) fn absent() -> Self {
        Self {
            station: Station::new(0, 0.0, 0, 0),
            credits: None,
            slot: None,
            life: Life::Gone,
            listens: false,
            draining: false,
            hangs: false,
            fault: None,
            probe: None,
            healthy_since: 0,
            requests: 0,
            sampled: Mark::START,
            rowed: Mark::START,
            settled: 0.0,
        }
    }

    /// It runs: credits and measurements begin.
    pub(super) fn run(&mut self, now: Nanos, model: &InstanceModel) {
        self.life = Life::Running;
        self.station.advance(now);
        self.sampled = self.mark(now);
        self.rowed = self.sampled;
        self.settled = self.station.used();
        self.credits = model.burst.map(|burst| Throttle::new(burst, now));
    }

    /// What it did since the last sample.
    pub(super) fn sample(&mut self, now: Nanos) -> Usage {
        self.station.advance(now);
        let mark = self.mark(now);
        std::mem::replace(&mut self.sampled, mark).until(mark)
    }

    /// What it did since the last row, at the time of a sample.
    pub(super) fn row(&mut self) -> Usage {
        std::mem::replace(&mut self.rowed, self.sampled).until(self.sampled)
    }

    const fn mark(&self, now: Nanos) -> Mark {
        let (used, present) = (self.station.used(), self.station.present());
        Mark { at: now, used, present, requests: self.requests }
    }

    /// Settles the credits. True when that changed the instance's speed.
    pub(super) fn settle(&mut self, now: Nanos) -> bool {
        self.station.advance(now);
        let used = self.station.used() - std::mem::replace(&mut self.settled, self.station.used());
        let Some(credits) = &mut self.credits else { return false };
        let changed = credits.settle(now, used);
        if changed && !self.hangs {
            self.station.set_capacity(now, credits.vcpus());
        }
        changed
    }
}
