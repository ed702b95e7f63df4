//! How many instances, and what changes the number.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alarm::{Alarm, Comparison, Condition, Metric};
use super::duration;

/// The practical: 1, 1, 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    pub min: u32,
    /// Only where the group is created; afterwards the policies own it.
    pub desired: u32,
    pub max: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// Cooldown of a simple policy that names none; the provider's default is 300 s.
    #[serde(with = "duration")]
    pub default_cooldown: Duration,
    /// Time after its start in which an instance counts as capacity but not in the group's metrics;
    /// 0s is none.
    ///
    /// The practical: none. Ours on EC2: the boot time, because an instance that does not answer yet dilutes
    /// the average (or, booting at full load, inflates it), and a second scale-out fires before the first helps.
    #[serde(with = "duration")]
    pub warm_up: Duration,
    /// Distance of the metrics' points.
    ///
    /// The practical's EC2 path: 300 s (basic monitoring). Ours: 60 s (detailed), because five-minute points
    /// starve alarms of two minutes: scaling starts minutes late and mixes real and missing points.
    #[serde(with = "duration")]
    pub metric_period: Duration,
    /// The policies. Left out, the target's own: two simple policies (EC2, local) or target tracking (ECS).
    #[serde(rename = "policy")]
    pub policies: Vec<Policy>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Policy {
    Simple(SimplePolicy),
    Step(StepPolicy),
    TargetTracking(TargetTracking),
}

impl Policy {
    pub fn name(&self) -> &str {
        match self {
            Self::Simple(policy) => &policy.name,
            Self::Step(policy) => &policy.name,
            Self::TargetTracking(policy) => &policy.name,
        }
    }

    pub fn metric(&self) -> &Metric {
        match self {
            Self::Simple(policy) => &policy.alarm.metric,
            Self::Step(policy) => &policy.alarm.metric,
            Self::TargetTracking(policy) => &policy.metric,
        }
    }

    /// The alarm that is written down; target tracking makes its own.
    pub fn alarm(&self) -> Option<&Alarm> {
        match self {
            Self::Simple(policy) => Some(&policy.alarm),
            Self::Step(policy) => Some(&policy.alarm),
            Self::TargetTracking(_) => None,
        }
    }

    /// Whether it acts on values above its threshold.
    pub fn is_upward(&self) -> bool {
        self.alarm().is_none_or(|alarm| alarm.when.comparison.is_upward())
    }

    /// Whether it may add instances.
    pub fn grows(&self) -> bool {
        match self {
            Self::Simple(policy) => self.moves(policy.adjust, policy.adjustment, true),
            Self::Step(policy) => {
                policy.steps.iter().any(|step| self.moves(policy.adjust, step.adjustment, true))
            }
            Self::TargetTracking(_) => true,
        }
    }

    /// Whether it may remove instances.
    pub fn shrinks(&self) -> bool {
        match self {
            Self::Simple(policy) => self.moves(policy.adjust, policy.adjustment, false),
            Self::Step(policy) => {
                policy.steps.iter().any(|step| self.moves(policy.adjust, step.adjustment, false))
            }
            Self::TargetTracking(policy) => policy.scale_in,
        }
    }

    /// An exact number says nothing of its direction: it is taken to be meant as its alarm is.
    fn moves(&self, adjust: AdjustmentKind, adjustment: i32, up: bool) -> bool {
        match adjust {
            AdjustmentKind::Exact => self.is_upward() == up,
            AdjustmentKind::Change | AdjustmentKind::Percent if up => adjustment > 0,
            AdjustmentKind::Change | AdjustmentKind::Percent => adjustment < 0,
        }
    }

    /// Above what value, and for how many periods of which length, it adds instances; none where it never does so
    /// because a value is high. Target tracking looks at minutes, `high_periods` of them.
    pub fn wants(&self, high_periods: u32) -> Option<(Condition, u32, Duration)> {
        match self {
            _ if !self.is_upward() || !self.grows() => None,
            Self::Simple(SimplePolicy { alarm, .. }) | Self::Step(StepPolicy { alarm, .. }) => {
                Some((alarm.when, alarm.evaluation_periods, alarm.period))
            }
            Self::TargetTracking(policy) => {
                let when = Condition { comparison: Comparison::Above, threshold: policy.target };
                Some((when, high_periods, Duration::from_secs(60)))
            }
        }
    }
}

/// One alarm, one adjustment, then a cooldown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimplePolicy {
    pub name: String,
    #[serde(default)]
    pub adjust: AdjustmentKind,
    pub adjustment: i32,
    /// A percent change moves at least so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_magnitude: Option<u32>,
    /// Time after the change in which simple policies wait. The practical: 120 s.
    #[serde(default, with = "duration::option", skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Duration>,
    pub alarm: Alarm,
}

/// What an adjustment's number means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdjustmentKind {
    /// Add so many.
    #[default]
    Change,
    /// Have so many.
    Exact,
    /// Add so many percent of what there is.
    Percent,
}

/// The further beyond the threshold, the larger the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepPolicy {
    pub name: String,
    #[serde(default)]
    pub adjust: AdjustmentKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_magnitude: Option<u32>,
    /// Overrides the group's warm-up.
    #[serde(default, with = "duration::option", skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Duration>,
    /// ECS: in the cooldown after a scale-out only a larger one counts, the one after a scale-in holds back further
    /// scale-in. Left out, the default cooldown. Not used on EC2, which has a warm-up instead.
    #[serde(default, with = "duration::option", skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Duration>,
    pub alarm: Alarm,
    /// Bounds relative to the alarm's threshold, towards larger and larger breaches.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// From `from` beyond the threshold to `to`, change by `adjustment`.
///
/// Above the threshold the lower bound is included, below it the upper bound (vectors B7, B8).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Distance from the threshold at which the step begins: 0, 10, 20 (upwards) or 0, -10, -20 (downwards).
    pub from: f64,
    pub adjustment: i32,
}

/// Keep a metric at a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetTracking {
    pub name: String,
    pub metric: Metric,
    pub target: f64,
    /// False: never scale in.
    #[serde(default = "yes")]
    pub scale_in: bool,
    /// ECS: in it only a larger scale-out counts. Not used on EC2, which has a warm-up instead.
    #[serde(default = "five_minutes", with = "duration")]
    pub scale_out_cooldown: Duration,
    /// ECS: no further scale-in in it.
    #[serde(default = "five_minutes", with = "duration")]
    pub scale_in_cooldown: Duration,
    /// Overrides the group's warm-up (EC2).
    #[serde(default, with = "duration::option", skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Duration>,
}

fn yes() -> bool {
    true
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}
