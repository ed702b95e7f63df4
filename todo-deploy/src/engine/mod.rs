//! The scaling engine: facts in, timers, actions and events out. No clock, task, socket or error.
//!
//! Two drivers run it, unchanged: real processes on this machine, and an event queue in virtual time. Given the
//! same facts at the same times both get the same bytes of timeline. A driver feeds facts in order of time
//! (ids ascending where times are equal), calls [`Engine::handle_timeout`] when [`Engine::poll_timeout`] is
//! due, and drains actions and events after each. Waking up late changes nothing: every timer that was due
//! before an input is handled first, at the time it was due; on a tie the input comes first.
//!
//! What is modelled, from where, and what is left out stands at the top of each module. Choices that no public
//! page settles are marked (M) there; those that one may want otherwise are fields of [`Config`], set in the
//! deployment's `model` table.

mod alarm;
pub mod config;
mod credits;
mod fleet;
pub(crate) mod health;
mod outbox;
mod policy;
mod reload;
mod scaler;
mod series;

use std::collections::BTreeMap;

pub use config::Config;
pub use credits::{Burst, Credits};
pub use fleet::{Counts, InstanceFact};
pub use outbox::Action;
pub use series::Sample;
pub(crate) use series::Stats;

use crate::deployment::Metric;
use crate::time::Time;
use crate::timeline::{Event, Health, InstanceId, LaunchCause, ScaledBy};
use fleet::Fleet;
use outbox::Outbox;
use scaler::Scaler;
use series::Series;

#[derive(Debug)]
pub struct Engine {
    config: Config,
    fleet: Fleet,
    scaler: Scaler,
    series: BTreeMap<Metric, Series>,
    next_evaluation: Option<Time>,
    out: Outbox,
    now: Time,
    rolling: bool,
}

/// How the group begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It is created now: instances are launched, the first metrics come later.
    Created,
    /// It has been running for long: instances are in service, healthy and warm.
    Settled,
}

impl Engine {
    pub fn new(config: Config, start: Start, now: Time) -> Self {
        let series = scaler::series(&config);
        let mut engine = Self {
            fleet: Fleet::new(config.fleet.clone()),
            scaler: Scaler::new(&config),
            series,
            next_evaluation: None,
            out: Outbox::default(),
            now,
            rolling: false,
            config,
        };
        let desired = engine.config.capacity.desired;
        match start {
            Start::Created => engine.fleet.reconcile(now, desired, LaunchCause::Created, &mut engine.out),
            Start::Settled => engine.fleet.settle(desired, now, &mut engine.out),
        }
        engine.next_evaluation = engine.scaler.next_evaluation(now);
        engine.settle(now);
        engine
    }

    /// A measurement, describing the time up to `now`.
    pub fn observe(&mut self, now: Time, sample: &Sample) {
        self.catch_up(now);
        // What warms up counts as capacity, not in the metric; what is not in service is not in the group.
        let counts =
            sample.instance.is_none_or(|id| self.fleet.is_in_service(id) && !self.fleet.is_warming(id, now));
        if let Some(series) = self.series.get_mut(&sample.metric).filter(|_| counts) {
            series.observe(now, sample.instance, sample.value);
        }
    }

    /// Something happened to an instance.
    pub fn instance(&mut self, now: Time, id: InstanceId, fact: InstanceFact) {
        self.catch_up(now);
        if self.fleet.fact(now, id, fact, &mut self.out) {
            self.settle(now);
        }
    }

    /// Somebody wants this capacity; it is clamped to the limits. Cooldowns do not block it and none starts.
    pub fn set_desired(&mut self, now: Time, desired: u32) {
        self.catch_up(now);
        let to = desired.clamp(self.config.capacity.min, self.config.capacity.max);
        self.scaler.set_desired(now, to, ScaledBy::Hand, &mut self.out);
        self.fleet.reconcile(now, to, LaunchCause::ScaleOut, &mut self.out);
        self.settle(now);
    }

    /// A new version is being rolled out (target tracking does not scale in meanwhile), or no longer.
    pub fn set_deploying(&mut self, now: Time, deploying: bool) {
        self.catch_up(now);
        self.scaler.deploying = deploying;
    }

    /// A new version is there: replaces every instance, one after the other, each once its successor is healthy.
    /// Meanwhile a new version counts as being rolled out.
    pub fn roll(&mut self, now: Time) {
        self.catch_up(now);
        self.fleet.outdate();
        self.rolling = true;
        self.scaler.deploying = true;
        self.fleet.reconcile(now, self.scaler.desired, LaunchCause::ScaleOut, &mut self.out);
        self.settle(now);
    }

    /// Replaces no further instances. A successor that was launched already still comes.
    pub fn stop_rolling(&mut self, now: Time) {
        self.catch_up(now);
        self.fleet.accept();
        self.settle(now);
    }

    /// Whether instances are still to be replaced by those of a newer version.
    pub fn is_rolling(&self) -> bool {
        self.rolling
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Time> {
        let due = [self.fleet.next_due(), self.next_evaluation];
        due.into_iter().flatten().min()
    }

    /// Does everything that is due by `now`, each at its own time. Extra calls do nothing.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(due) = self.poll_timeout().filter(|due| *due <= now) {
            self.fire(due);
        }
    }

    pub fn poll_action(&mut self) -> Option<Action> {
        self.out.next_action()
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.out.next_event()
    }

    /// Targets that get traffic now, in order of id; none registered means 503.
    pub fn routable(&self) -> &[InstanceId] {
        self.fleet.routable()
    }

    /// Every instance that is not gone, with its health where it is registered with the balancer.
    pub fn members(&self) -> impl Iterator<Item = (InstanceId, Option<Health>)> + '_ {
        self.fleet.members()
    }

    pub fn counts(&self) -> Counts {
        self.fleet.counts(self.now)
    }

    pub fn desired(&self) -> u32 {
        self.scaler.desired
    }

    /// The metrics that any policy looks at; others need not be measured.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.series.keys()
    }

    /// Handles what was due before `now`, so that a late driver changes no decision.
    fn catch_up(&mut self, now: Time) {
        while let Some(due) = self.poll_timeout().filter(|due| *due < now) {
            self.fire(due);
        }
        self.now = self.now.max(now);
    }

    fn fire(&mut self, due: Time) {
        self.now = self.now.max(due);
        if self.fleet.next_due().is_some_and(|at| at <= due) {
            self.fleet.fire(due, &mut self.out);
            self.settle(due);
        }
        if self.next_evaluation.is_some_and(|at| at <= due) {
            let counts = self.fleet.counts(due);
            let scaled = self.scaler.evaluate(due, &self.config, counts, &mut self.series, &mut self.out);
            if let Some(desired) = scaled {
                self.fleet.reconcile(due, desired, LaunchCause::ScaleOut, &mut self.out);
            }
            self.next_evaluation = self.scaler.next_evaluation(due);
            self.settle(due);
        }
    }

    /// After each change: activities that ended start their cooldowns, and nothing is broken.
    fn settle(&mut self, now: Time) {
        if !self.fleet.is_busy() {
            self.scaler.activity_ended(now, &mut self.out);
        }
        if self.rolling && !self.fleet.is_rolling() {
            (self.rolling, self.scaler.deploying) = (false, false);
        }
        debug_assert_eq!(self.broken(), None);
    }

    /// The promise that does not hold, if any: for tests, and after every step of a debug build.
    fn broken(&self) -> Option<&'static str> {
        let capacity = self.config.capacity;
        match (capacity.min..=capacity.max).contains(&self.scaler.desired) {
            false => Some("min <= desired <= max"),
            true => self.fleet.broken(self.scaler.desired),
        }
    }
}

#[cfg(test)]
mod tests;
