//! What happened: an append-only list of events with their causes, and series of measurements.
//!
//! AWS, the local machine and the simulator all produce it; `status`, the dashboard, the reports and the tests
//! read nothing else. It says why, not only what: a scaling decision carries the datapoints behind it, a
//! decision that was not taken says what blocked it and until when.

pub mod series;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::deployment::{AdjustmentKind, Condition};
use crate::time::Time;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    pub events: Vec<Event>,
    /// Measurements by name ([`series`]), each in order of time.
    pub series: BTreeMap<String, Vec<Point>>,
}

impl Timeline {
    pub fn record(&mut self, series: &str, at: Time, value: f64) {
        match self.series.get_mut(series) {
            Some(points) => points.push(Point { at, value }),
            None => {
                self.series.insert(series.to_owned(), vec![Point { at, value }]);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub at: Time,
    pub value: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub at: Time,
    #[serde(flatten)]
    pub kind: EventKind,
}

/// An instance of the service, numbered in order of launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(pub u32);

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "i-{}", self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum EventKind {
    /// Asked for; not running yet.
    Launching {
        instance: InstanceId,
        cause: LaunchCause,
    },
    /// Runs and is registered with the balancer; whether it answers, its health says.
    InService {
        instance: InstanceId,
    },
    Health {
        instance: InstanceId,
        from: Health,
        to: Health,
        reason: HealthReason,
    },
    /// Gets no new requests; may finish those it has.
    Draining {
        instance: InstanceId,
        until: Time,
        cause: LeaveCause,
    },
    Terminating {
        instance: InstanceId,
    },
    Gone {
        instance: InstanceId,
        cause: GoneCause,
    },
    Alarm {
        alarm: String,
        from: AlarmState,
        to: AlarmState,
        #[serde(flatten)]
        cause: AlarmCause,
    },
    /// The desired capacity changed.
    Scaled {
        by: ScaledBy,
        from: u32,
        to: u32,
    },
    /// A policy was invoked and did nothing, and this is why.
    NotScaled {
        policy: String,
        capacity: u32,
        why: WhyNot,
    },
    /// Simple policies wait until then.
    Cooldown {
        policy: String,
        until: Time,
    },
    /// Fewer healthy targets than the minimum: traffic goes to all, or no longer does.
    FailOpen {
        open: bool,
        registered: u32,
    },
    /// Something went wrong with it by itself: the simulation was told so.
    Failed {
        instance: InstanceId,
        what: Failure,
    },
    /// A burstable instance is out of credits and held at its baseline, or no longer is.
    Throttled {
        instance: InstanceId,
        throttled: bool,
    },
    /// What a provider says of the group in its own words, where none of the others says it: a roll-out, an activity that
    /// failed.
    Told {
        text: String,
        bad: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LaunchCause {
    /// The group was created.
    Created,
    ScaleOut,
    /// In place of one that failed.
    Replaces(InstanceId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaveCause {
    ScaleIn,
    Unhealthy,
    /// One of a newer version serves in its place.
    Outdated,
}

/// What goes wrong with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// The service ends; its machine lives on and refuses connections.
    Dies,
    /// The service accepts requests and never answers.
    Hangs,
    /// The whole instance is gone.
    Lost,
    /// A service that died or hung serves again.
    Recovers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoneCause {
    /// As asked.
    Terminated,
    /// It ended by itself.
    Died,
}

/// A target's health, as the balancer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Registered, not yet checked often enough.
    Initial,
    Healthy,
    Unhealthy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthReason {
    ChecksPassed(u32),
    ChecksFailed { times: u32, last: ProbeFailure },
}

/// Why a health check failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeFailure {
    Refused,
    TimedOut,
    /// A status code that the matcher does not accept.
    Status(u16),
    /// The connection broke, or the answer was no HTTP.
    Broken,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmState {
    #[default]
    InsufficientData,
    Ok,
    Alarm,
}

/// The datapoints behind an alarm's state, oldest first; a period without data is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmCause {
    pub points: Vec<Option<f64>>,
    pub when: Condition,
    /// Seconds per point.
    pub period_s: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaledBy {
    Policy {
        name: String,
        #[serde(flatten)]
        cause: AlarmCause,
    },
    /// Somebody set the desired capacity.
    Hand,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum WhyNot {
    /// An instance is being launched, drained or replaced; simple policies wait for it.
    Activity {
        launching: u32,
        leaving: u32,
    },
    Cooldown {
        until: Time,
    },
    /// The policy would leave [min, max].
    Limit {
        limit: u32,
    },
    /// The policy's arithmetic arrives at the capacity there is, or asks for less than was already added.
    Enough {
        wanted: u32,
    },
    /// The breach lies in no step of the policy.
    NoStep {
        adjust: AdjustmentKind,
    },
    /// No scale-in while instances warm up.
    WarmingUp {
        warming: u32,
    },
    /// No scale-in while a deployment runs.
    Deploying,
    /// Another target-tracking policy does not want to scale in.
    Disagreement {
        with: String,
    },
    /// Another policy wanted more capacity at the same moment.
    Outranked {
        by: String,
    },
    /// A provider's own word for it.
    Other {
        text: String,
    },
}
