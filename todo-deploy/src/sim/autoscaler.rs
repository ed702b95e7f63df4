//! The scaling engine as the simulation's controller: facts in, actions out, events kept.
//!
//! Nothing is decided here. The engine says which targets are healthy; the balancer's picker applies the same
//! fail-open rule to them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::deployment::Metric;
use crate::engine::{self, Config, Engine, InstanceFact, Sample, Start};
use crate::pick::TargetState;
use crate::time::Time;
use crate::timeline::{Event, EventKind, Health, InstanceId, ProbeFailure};

use super::control::{Action, Control, Fact, Instance, Readings};

/// An engine, and what it has told so far.
#[derive(Debug)]
pub struct Autoscaler {
    engine: Engine,
    events: Vec<Event>,
    actions: VecDeque<Action>,
    metrics: Vec<Metric>,
}

impl Autoscaler {
    /// An engine that begins now, with a fleet that is created now or has been running for long.
    #[must_use]
    pub fn new(config: Config, start: Start) -> Self {
        let engine = Engine::new(config, start, Time::ZERO);
        let mut actions = VecDeque::new();
        if start == Start::Settled {
            actions.extend(engine.members().map(|(id, _)| Action::Adopt(id.0)));
        }
        let metrics = engine.metrics().cloned().collect();
        let mut autoscaler = Self { engine, events: Vec::new(), actions, metrics };
        autoscaler.take();
        autoscaler
    }

    /// Everything that happened, in order.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        self.events
    }

    /// How many instances are wanted now.
    #[must_use]
    pub fn desired(&self) -> u32 {
        self.engine.desired()
    }

    /// Takes what the engine has to tell, and has it done.
    fn take(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            if let EventKind::Health { instance, to, .. } = &event.kind {
                self.actions.push_back(Action::Route(instance.0, state(*to)));
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

    /// Measurements of one metric; none for what is not simulated, so that its alarms miss their data.
    fn samples(metric: &Metric, readings: &Readings<'_>) -> Vec<Sample> {
        let sample = |instance, value| Sample { metric: metric.clone(), instance, value };
        match metric {
            Metric::Cpu => {
                let of_each = readings.instances.iter();
                of_each
                    .map(|reading| sample(Some(InstanceId(reading.instance)), reading.cpu_percent))
                    .collect()
            }
            Metric::RequestsPerTarget => match readings.instances.len() {
                0 => Vec::new(),
                targets => vec![sample(None, readings.requests as f64 / targets as f64)],
            },
            Metric::Latency { percentile } if readings.responses.total() > 0 => {
                let nanos = readings.responses.percentile(f64::from(*percentile));
                vec![sample(None, Duration::from_nanos(nanos).as_secs_f64() * 1e3)]
            }
            Metric::Latency { .. }
            | Metric::Memory
            | Metric::NetworkIn
            | Metric::NetworkOut
            | Metric::Custom(_) => Vec::new(),
        }
    }
}

impl Control for Autoscaler {
    fn observe(&mut self, now: Time, readings: &Readings<'_>) {
        for metric in &self.metrics {
            for sample in Self::samples(metric, readings) {
                self.engine.observe(now, &sample);
            }
        }
        self.take();
    }

    fn instance(&mut self, now: Time, instance: Instance, fact: Fact) {
        let id = InstanceId(instance);
        let fact = match fact {
            Fact::Started => InstanceFact::Started,
            Fact::ProbePassed => InstanceFact::ProbePassed,
            Fact::ProbeRefused => InstanceFact::ProbeFailed(ProbeFailure::Refused),
            Fact::ProbeTimedOut => InstanceFact::ProbeFailed(ProbeFailure::TimedOut),
            Fact::Drained => InstanceFact::Drained,
            Fact::Exited => InstanceFact::Exited,
            Fact::Throttled | Fact::Released => {
                // The engine decides nothing by this; it belongs into the story all the same.
                let kind = EventKind::Throttled { instance: id, throttled: fact == Fact::Throttled };
                return self.events.push(Event { at: now, kind });
            }
        };
        self.engine.instance(now, id, fact);
        self.take();
    }

    fn poll_timeout(&self) -> Option<Time> {
        self.engine.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Time) {
        self.engine.handle_timeout(now);
        self.take();
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}

const fn state(health: Health) -> TargetState {
    match health {
        Health::Initial => TargetState::Initial,
        Health::Healthy => TargetState::Healthy,
        Health::Unhealthy => TargetState::Unhealthy,
    }
}
