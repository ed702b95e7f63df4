//! A third driver, for tests: instances that start on time, a fluid load, facts from a script.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::*;
use crate::deployment::{Deployment, Target};

/// The practical's settings, or ours, with single fields set differently.
pub(super) fn deployment(target: Target, text: &str) -> Deployment {
    Deployment::parse(text, "test", crate::deployment::Defaults::of(target)).expect("a valid deployment")
}

pub(super) struct Driver {
    pub(super) engine: Engine,
    pub(super) events: Vec<Event>,
    launch: Duration,
    /// What will happen, in order of time, then id.
    due: BTreeMap<(Time, InstanceId), InstanceFact>,
    /// Everything that was fed, to be fed again.
    pub(super) inputs: Vec<(Time, Input)>,
}

#[derive(Debug, Clone)]
pub(super) enum Input {
    Fact(InstanceId, InstanceFact),
    Sample(Sample),
}

/// Feeds the same inputs to a new engine whose driver sleeps through all its timers, waking up only for inputs
/// and, in the end, at `end`.
pub(super) fn replay_late(config: Config, inputs: &[(Time, Input)], end: Time) -> Vec<Event> {
    let mut engine = Engine::new(config, Start::Settled, Time::ZERO);
    for (at, input) in inputs {
        match input {
            Input::Fact(id, fact) => engine.instance(*at, *id, *fact),
            Input::Sample(sample) => engine.observe(*at, sample),
        }
    }
    engine.handle_timeout(end);
    std::iter::from_fn(|| engine.poll_event()).collect()
}

impl Driver {
    pub(super) fn new(config: Config, start: Start, launch: Duration) -> Self {
        let engine = Engine::new(config, start, Time::ZERO);
        let mut driver =
            Self { engine, events: Vec::new(), launch, due: BTreeMap::new(), inputs: Vec::new() };
        driver.drain(Time::ZERO);
        driver
    }

    pub(super) fn at(&mut self, at: Time, instance: InstanceId, fact: InstanceFact) {
        self.due.insert((at, instance), fact);
    }

    /// Lets time pass until `end`, with everything that is due before or then.
    pub(super) fn run_until(&mut self, end: Time) {
        loop {
            let fact = self.due.keys().next().copied().filter(|(at, _)| *at <= end);
            let timer = self.engine.poll_timeout().filter(|due| *due <= end);
            match (fact, timer) {
                (Some((at, id)), timer) if timer.is_none_or(|timer| at <= timer) => {
                    if let Some(fact) = self.due.remove(&(at, id)) {
                        self.inputs.push((at, Input::Fact(id, fact)));
                        self.engine.instance(at, id, fact);
                        self.drain(at);
                    }
                }
                (_, Some(timer)) => {
                    self.engine.handle_timeout(timer);
                    self.drain(timer);
                }
                (_, None) => break,
            }
        }
    }

    /// One minute under a load of so many vCPUs, shared by the instances in service.
    pub(super) fn minute(&mut self, end: Time, offered: f64) {
        self.run_until(end.back(Duration::from_nanos(1)));
        let ids: Vec<InstanceId> =
            self.engine.members().filter(|(_, health)| health.is_some()).map(|m| m.0).collect();
        let each = (100.0 * offered / ids.len().max(1) as f64).min(100.0);
        for id in ids {
            let sample = Sample { metric: Metric::Cpu, instance: Some(id), value: each };
            self.engine.observe(end, &sample);
            self.inputs.push((end, Input::Sample(sample)));
        }
        self.run_until(end);
    }

    fn drain(&mut self, now: Time) {
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Launch(id) => {
                    self.at(now + self.launch, id, InstanceFact::Started);
                    self.at(now + self.launch + Duration::from_secs(120), id, InstanceFact::ProbePassed);
                }
                Action::Terminate(id) => self.at(now + Duration::from_secs(1), id, InstanceFact::Exited),
                Action::Drain { .. } => {}
            }
        }
        while let Some(event) = self.engine.poll_event() {
            self.events.push(event);
        }
    }
}
