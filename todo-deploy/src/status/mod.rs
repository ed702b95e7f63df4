//! What a deployment looks like now, as one value: for a terminal, for the dashboard, for `--json`.
//!
//! [`Status`] is the same for AWS, this machine and a simulation. Where there is a timeline, a [`Fold`] makes it from
//! events and measurements as they come, in bounded memory; where there is none (AWS describes its own state), it is
//! filled in field by field. Nothing here reads a clock: the present is an argument.
//!
//! Its JSON is the schema that `todo-deploy/README.md` documents. All moments are seconds since the start of the run.

mod about;
mod bins;
mod fold;
mod recording;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use about::{About, AlarmAbout, Limits, Named, PolicyAbout};
pub use bins::Grid;
#[cfg(feature = "aws")]
pub(crate) use bins::rounded;
pub use fold::Fold;
#[cfg(feature = "aws")]
pub(crate) use recording::EVENTS_MAX;
pub use recording::{Recorder, Recording, Unreadable};
pub use text::text;

use crate::report::Tone;
use crate::time::Time;
pub use crate::timeline::series;
use crate::timeline::{AlarmState, Health};

/// Version of the JSON. It grows when a field changes its meaning or goes away, not when one is added.
pub const VERSION: u32 = 1;

/// Everything that people look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// [`VERSION`].
    pub version: u32,
    /// What changes only with the deployment, or with what it runs.
    pub about: About,
    /// The present.
    pub at: Time,
    pub phase: Phase,
    pub group: Group,
    /// In order of launch; those that are gone are left out.
    pub instances: Vec<Instance>,
    /// In the order of `about.policies`.
    pub policies: Vec<Policy>,
    /// In the order of `about.policies` and their alarms.
    pub alarms: Vec<Alarm>,
    /// What happened and why, oldest first; the newest few hundred.
    pub activities: Vec<Activity>,
    pub traffic: Traffic,
    /// Number of instances over time: one entry per change, the newest few hundred.
    pub capacity: Vec<Capacity>,
    /// Measurements over time by name ([`series`]).
    pub series: BTreeMap<String, Series>,
    /// Whatever else a person should know.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing is in service yet.
    #[default]
    Starting,
    Running,
    /// On its way down.
    Stopping,
    /// Nothing more will happen.
    Ended,
}

/// The group as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub min: u32,
    pub desired: u32,
    pub max: u32,
    pub launching: u32,
    /// Run and are registered with the balancer.
    pub in_service: u32,
    pub healthy: u32,
    /// Draining or terminating.
    pub leaving: u32,
    /// No target is healthy, so that traffic goes to all.
    pub fail_open: bool,
    /// What simple policies wait for, while they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Cooldown>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cooldown {
    pub policy: String,
    pub until: Time,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// `i-1` here, the provider's own id on AWS.
    pub id: String,
    pub state: InstanceState,
    /// When it came into this state.
    pub since: Time,
    /// None while it is not registered with the balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Why it is in this state or health, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When a drain ends at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// Held at its CPU baseline.
    #[serde(default)]
    pub throttled: bool,
    #[serde(flatten)]
    pub details: Details,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    Launching,
    InService,
    Draining,
    Terminating,
}

impl InstanceState {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Launching => "launching",
            Self::InService => "in service",
            Self::Draining => "draining",
            Self::Terminating => "terminating",
        }
    }
}

/// What a timeline does not say of an instance. What nobody knows is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// Where it listens, such as `127.0.0.1:41233`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `pid 4711`, a task's id, a zone: what finds it outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Requests that it is working on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u64>,
    /// Requests that it has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Percent of its share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
}

/// A policy, by its name in `about.policies`, and what it did last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Decision>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub at: Time,
    /// Whether it changed the capacity; otherwise it was held back.
    pub scaled: bool,
    /// What, and why or why not.
    pub text: String,
    /// While the reason is a wait with an end: when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// An alarm, by its name in `about.policies`, and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub name: String,
    pub state: AlarmState,
    /// When it came into this state.
    pub since: Time,
    /// The datapoints behind the last change of state, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The metric, one value per `about.metric_period_s`, as the alarm's statistic has it.
    pub history: Grid,
}

/// Something that happened, with its cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    pub at: Time,
    pub tone: Tone,
    pub text: String,
    /// Whom it is about; nobody where it is about the group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<String>,
}

/// The newest measurements. What is not measured is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_s: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors_per_s: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

impl Traffic {
    /// From the newest value of each of the [`series`], where it is not too old.
    pub(crate) fn newest(of: impl Fn(&str) -> Option<f64>) -> Self {
        Self {
            requests_per_s: of(series::REQUESTS),
            errors_per_s: of(series::ERRORS),
            p50_ms: of(series::P50),
            p95_ms: of(series::P95),
            p99_ms: of(series::P99),
            in_flight: of(series::IN_FLIGHT),
            totals: None,
        }
    }
}

/// Since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub requests: u64,
    /// Answers that were errors, by cause (`502 refused`, `503 no target`, …).
    pub errors: BTreeMap<String, u64>,
}

/// From `at` on there were so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    pub at: Time,
    pub desired: u32,
    pub in_service: u32,
    pub healthy: u32,
}

/// One measurement over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The whole run, coarser the longer it lasts.
    pub whole: Grid,
    /// The newest part, at full resolution.
    pub recent: Grid,
}

#[cfg(test)]
mod tests;
