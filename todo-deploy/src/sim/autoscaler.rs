//! The scaling engine as the simulation's controller: facts in, actions out, events kept.
//!
//! Nothing is decided here. The engine says which targets are healthy; the balancer's picker applies the same
//! fail-open rule to them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::deployment::{CustomMetric, Metric};
use crate::engine::{self, Config, Engine, InstanceFact, Sample, Start};
use crate::pick::TargetState;
use crate::time::Time;
use crate::timeline::{Event, EventKind, Health, InstanceId, ProbeFailure};

use super::control::{Action, Control, Fact, Instance, Reading, Readings};

/// How the metrics that no queue tells follow from the load.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Gauges {
    /// Memory of an instance, of it at rest, and of each request under way on it, in bytes.
    pub memory: f64,
    pub memory_idle: f64,
    pub memory_per_request: f64,
    /// Bytes of a request and of its answer.
    pub request_bytes: f64,
    pub response_bytes: f64,
    /// Custom metrics of the whole group, by name.
    pub custom: BTreeMap<String, CustomMetric>,
}

/// An engine, and what it has told so far.
#[derive(Debug)]
pub struct Autoscaler {
    engine: Engine,
    events: Vec<Event>,
    actions: VecDeque<Action>,
    metrics: Vec<Metric>,
    gauges: Gauges,
}

impl Autoscaler {
    /// An engine that begins now, with a fleet that is created now or has been running for long.
    #[must_use]
    pub fn new(config: Config, start: Start, gauges: Gauges) -> Self {
        let engine = Engine::new(config, start, Time::ZERO);
        let mut actions = VecDeque::new();
        if start == Start::Settled {
            actions.extend(engine.members().map(|(id, _)| Action::Adopt(id.0)));
        }
        let metrics = engine.metrics().cloned().collect();
        let mut autoscaler = Self { engine, events: Vec::new(), actions, metrics, gauges };
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
    fn samples(gauges: &Gauges, metric: &Metric, readings: &Readings<'_>) -> Vec<Sample> {
        let sample = |instance, value| Sample { metric: metric.clone(), instance, value };
        let of_each = |value: &dyn Fn(&Reading) -> f64| -> Vec<Sample> {
            let each = readings.instances.iter();
            each.map(|reading| sample(Some(InstanceId(reading.instance)), value(reading))).collect()
        };
        match metric {
            Metric::Cpu => of_each(&|reading| reading.cpu_percent),
            Metric::Memory => of_each(&|reading| {
                let used = gauges.memory_idle + gauges.memory_per_request * reading.in_flight;
                100.0 * (used / gauges.memory).min(1.0)
            }),
            Metric::NetworkIn => of_each(&|reading| gauges.request_bytes * reading.requests as f64),
            Metric::NetworkOut => of_each(&|reading| gauges.response_bytes * reading.requests as f64),
            Metric::Custom(name) => gauges.custom.get(name).map_or_else(Vec::new, |gauge| {
                let value = gauge.base
                    + gauge.per_user * readings.users
                    + gauge.per_request_under_way * readings.in_flight
                    + gauge.per_request_per_second * readings.requests as f64 / readings.seconds.max(1e-9);
                vec![sample(None, value)]
            }),
            Metric::RequestsPerTarget => match readings.instances.len() {
                0 => Vec::new(),
                targets => vec![sample(None, readings.requests as f64 / targets as f64)],
            },
            Metric::Latency { percentile } if readings.responses.total() > 0 => {
                let nanos = readings.responses.percentile(f64::from(*percentile));
                vec![sample(None, Duration::from_nanos(nanos).as_secs_f64() * 1e3)]
            }
            Metric::Latency { .. } => Vec::new(),
        }
    }
}

impl Control for Autoscaler {
    fn observe(&mut self, now: Time, readings: &Readings<'_>) {
        for metric in &self.metrics {
            for sample in Self::samples(&self.gauges, metric, readings) {
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
            Fact::ProbeStatus(status) => InstanceFact::ProbeFailed(ProbeFailure::Status(status)),
            Fact::ProbeBroken => InstanceFact::ProbeFailed(ProbeFailure::Broken),
            Fact::Drained => InstanceFact::Drained,
            Fact::Exited => InstanceFact::Exited,
            Fact::Failed(what) => {
                let kind = EventKind::Failed { instance: id, what };
                return self.events.push(Event { at: now, kind });
            }
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
