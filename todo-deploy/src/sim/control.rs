//! Who decides about the fleet: the scaling engine, or nobody.
//!
//! The driver contract is the engine's, the same in virtual and in real time: facts in the order of time; before
//! a fact stamped `t`, every timeout due before `t` at its due time; on a tie the facts first; then actions.

use crate::pick::TargetState;
use crate::time::Time;
use crate::timeline::Failure;

use super::histogram::Histogram;

/// An instance, by the number its controller gave it; numbers count up from zero or one.
pub type Instance = u32;

/// What happened to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// It runs and is registered with the balancer.
    Started,
    /// A health check was answered well and in time.
    ProbePassed,
    /// A health check was refused: nothing listens.
    ProbeRefused,
    /// A health check was not answered in time.
    ProbeTimedOut,
    /// A health check was answered with a status that it does not accept.
    ProbeStatus(u16),
    /// Its connection broke while the check waited.
    ProbeBroken,
    /// Something went wrong with it, as the scene says.
    Failed(Failure),
    /// It was draining and has answered its last request.
    Drained,
    /// It is gone.
    Exited,
    /// It is out of CPU credits and held at its baseline.
    Throttled,
    /// It no longer is.
    Released,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start this new instance.
    Launch(Instance),
    /// This one ran, and was healthy, before the run began.
    Adopt(Instance),
    /// The balancer is to see the target in this state.
    Route(Instance, TargetState),
    /// Give it no more requests.
    Drain(Instance),
    /// End it now; what it has not answered is lost.
    Terminate(Instance),
}

/// What was measured since the last time.
#[derive(Debug)]
pub struct Readings<'a> {
    /// Every instance that runs, by number.
    pub instances: &'a [Reading],
    /// Requests that came to the balancer.
    pub requests: u64,
    /// Response times of the requests that ended.
    pub responses: &'a Histogram,
    /// Over how many seconds this was, and the mean of users and of requests under way meanwhile.
    pub seconds: f64,
    pub users: f64,
    pub in_flight: f64,
}

/// What was measured of one instance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Which.
    pub instance: Instance,
    /// Mean use of its processors, in percent.
    pub cpu_percent: f64,
    /// Requests given to it.
    pub requests: u64,
    /// Requests that it worked on, or that waited there for it, on average.
    pub in_flight: f64,
}

/// A controller of the fleet; see the module's text for the order of calls.
pub trait Control {
    /// Metrics of the time up to now.
    fn observe(&mut self, now: Time, readings: &Readings<'_>);
    /// Something happened to an instance.
    fn instance(&mut self, now: Time, instance: Instance, fact: Fact);
    /// When [`Control::handle_timeout`] wants to be called.
    fn poll_timeout(&self) -> Option<Time>;
    /// The time has come.
    fn handle_timeout(&mut self, now: Time);
    /// What is to be done next; `None` for now nothing.
    fn poll_action(&mut self) -> Option<Action>;
}

/// So many instances from the start, healthy as soon as they run, never more, never fewer.
#[derive(Debug, Clone)]
pub struct FixedFleet {
    actions: std::collections::VecDeque<Action>,
}

impl FixedFleet {
    /// A fleet of this size.
    #[must_use]
    pub fn new(size: u32) -> Self {
        Self { actions: (0..size).map(Action::Launch).collect() }
    }
}

impl Control for FixedFleet {
    fn observe(&mut self, _: Time, _: &Readings<'_>) {}

    fn instance(&mut self, _: Time, instance: Instance, fact: Fact) {
        if fact == Fact::Started {
            self.actions.push_back(Action::Route(instance, TargetState::Healthy));
        }
    }

    fn poll_timeout(&self) -> Option<Time> {
        None
    }

    fn handle_timeout(&mut self, _: Time) {}

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}
