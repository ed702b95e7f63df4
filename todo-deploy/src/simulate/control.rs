//! The engine as the kernel's controller: facts one way, actions the other, everything that happened kept.

use std::collections::VecDeque;

use crate::deployment::Metric;
use crate::engine::{self, Engine, InstanceFact, Sample};
use crate::pick::TargetState;
use crate::sim::control::{Action, Control, Fact, Instance, Reading, Readings};
use crate::time::Time;
use crate::timeline::{Event, EventKind, Health, InstanceId, ProbeFailure};

pub(super) struct EngineControl {
    engine: Engine,
    actions: VecDeque<Action>,
    /// Metrics that some alarm looks at.
    watched: Vec<Metric>,
    pub(super) events: Vec<Event>,
    /// The group at the end of each sample period.
    pub(super) group: Vec<Group>,
}

/// The group at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) at: Time,
    pub(super) desired: u32,
    pub(super) in_service: u32,
    pub(super) healthy: u32,
}

impl EngineControl {
    pub(super) fn new(engine: Engine) -> Self {
        let actions = engine.members().map(|(id, _)| Action::Adopt(id.0)).collect();
        let watched = engine.metrics().cloned().collect();
        let mut control = Self { engine, actions, watched, events: Vec::new(), group: Vec::new() };
        control.collect();
        control
    }

    /// Takes what the engine wants done and has to tell.
    fn collect(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let EventKind::Health { instance, to, .. } = event.kind {
                let state = match to {
                    Health::Initial => TargetState::Initial,
                    Health::Healthy => TargetState::Healthy,
                    Health::Unhealthy => TargetState::Unhealthy,
                };
                self.actions.push_back(Action::Route(instance.0, state));
            }
            self.events.push(event);
        }
        while let Some(action) = self.engine.poll_action() {
            self.actions.push_back(match action {
                engine::Action::Launch(id) => Action::Launch(id.0),
                engine::Action::Drain { id, .. } => Action::Drain(id.0),
                engine::Action::Terminate(id) => Action::Terminate(id.0),
            });
        }
    }

    fn sample(&mut self, now: Time, metric: Metric, instance: Option<Instance>, value: f64) {
        let instance = instance.map(InstanceId);
        self.engine.observe(now, &Sample { metric, instance, value });
    }
}

/// Whether the simulation produces this metric at all.
pub(super) fn is_simulated(metric: &Metric) -> bool {
    match metric {
        Metric::Cpu | Metric::RequestsPerTarget | Metric::Latency { percentile: 50 | 95 | 99 } => true,
        Metric::Latency { .. }
        | Metric::Memory
        | Metric::NetworkIn
        | Metric::NetworkOut
        | Metric::Custom(_) => false,
    }
}

impl Control for EngineControl {
    fn observe(&mut self, now: Time, readings: &Readings) {
        for metric in self.watched.clone() {
            match metric {
                Metric::Cpu => {
                    for Reading { instance, cpu_percent, .. } in &readings.instances {
                        self.sample(now, Metric::Cpu, Some(*instance), *cpu_percent);
                    }
                }
                Metric::RequestsPerTarget => {
                    let healthy = self.engine.counts().healthy.max(1);
                    self.sample(now, metric, None, readings.requests as f64 / f64::from(healthy));
                }
                Metric::Latency { percentile } => {
                    let index = [50, 95, 99].iter().position(|known| *known == percentile);
                    let seconds = readings.response.zip(index).map(|(response, index)| response[index]);
                    if let Some(seconds) = seconds {
                        self.sample(now, metric, None, seconds * 1000.0);
                    }
                }
                Metric::Memory | Metric::NetworkIn | Metric::NetworkOut | Metric::Custom(_) => {}
            }
        }
        self.collect();
        let counts = self.engine.counts();
        let desired = self.engine.desired();
        self.group.push(Group { at: now, desired, in_service: counts.running, healthy: counts.healthy });
    }

    fn instance(&mut self, now: Time, instance: Instance, fact: Fact) {
        let fact = match fact {
            Fact::Started => InstanceFact::Started,
            Fact::ProbePassed => InstanceFact::ProbePassed,
            Fact::ProbeRefused => InstanceFact::ProbeFailed(ProbeFailure::Refused),
            Fact::ProbeTimedOut => InstanceFact::ProbeFailed(ProbeFailure::TimedOut),
            Fact::Drained => InstanceFact::Drained,
            Fact::Exited => InstanceFact::Exited,
        };
        self.engine.instance(now, InstanceId(instance), fact);
        self.collect();
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.engine.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Time) {
        self.engine.handle_timeout(now);
        self.collect();
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}
