//! What of a deployment changes only when it is given anew, in the words that a status shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deployment::{
    AdjustmentKind, Algorithm, Condition, Deployment, Metric, Statistic, Target, duration,
};
use crate::engine::config::{AlarmConfig, Config, Pace, PolicyConfig, PolicyKind};

/// Head of a status and of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The deployment's name.
    pub name: String,
    pub target: Target,
    /// Wall-clock time of second zero, in seconds since 1970; none for a simulation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_unix_s: Option<f64>,
    /// How many times as fast as on AWS periods, cooldowns and delays pass.
    pub speed: f64,
    /// Distance of measurements in seconds.
    pub sample_s: f64,
    /// Distance of the points that alarms look at, in seconds.
    pub metric_period_s: f64,
    pub limits: Limits,
    pub policies: Vec<PolicyAbout>,
    /// Addresses to open, by what is there.
    #[serde(default)]
    pub links: Vec<Named>,
    /// What else is worth knowing: how CPU is limited, the balancer's algorithm, the health check.
    #[serde(default)]
    pub facts: Vec<Named>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub min: u32,
    /// At the start.
    pub desired: u32,
    pub max: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyAbout {
    pub name: String,
    /// `simple`, `step` or `target-tracking`.
    pub kind: String,
    /// In words: `+1, then 120s of cooldown`.
    pub does: String,
    pub alarms: Vec<AlarmAbout>,
}

/// As the engine has it: at `speed` 10 a period of two minutes is 12 s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmAbout {
    pub name: String,
    pub metric: Metric,
    pub statistic: Statistic,
    pub when: Condition,
    pub period_s: f64,
    pub evaluation_periods: u32,
    pub datapoints_to_alarm: u32,
}

impl About {
    /// `config` is what the engine runs with: accelerated where time is. Measurements are expected once a second.
    pub fn new(deployment: &Deployment, target: Target, config: &Config) -> Self {
        let capacity = config.capacity;
        let fact = |name: &str, value: String| Named { name: name.to_owned(), value };
        let check = &deployment.health_check;
        let check = format!(
            "{} every {}, {} passes, {} failures",
            check.path,
            duration::text(check.interval),
            check.healthy_threshold,
            check.unhealthy_threshold
        );
        let balancer = &deployment.load_balancer;
        let drain = duration::text(config.fleet.deregistration_delay);
        let algorithm = match &balancer.algorithm {
            Algorithm::RoundRobin => "round robin".to_owned(),
            other => String::from(other.clone()),
        };
        Self {
            name: deployment.name.clone(),
            target,
            started_unix_s: None,
            speed: 1.0,
            sample_s: 1.0,
            metric_period_s: config.metric_period.as_secs_f64(),
            limits: Limits { min: capacity.min, desired: capacity.desired, max: capacity.max },
            policies: config.policies.iter().map(PolicyAbout::new).collect(),
            links: Vec::new(),
            facts: vec![
                fact("Balancer", format!("{algorithm}, drains for {drain}")),
                fact("Health check", check),
            ],
        }
    }

    /// Every alarm, policy by policy.
    pub fn alarms(&self) -> impl Iterator<Item = &AlarmAbout> {
        self.policies.iter().flat_map(|policy| &policy.alarms)
    }

    #[must_use]
    pub fn link(mut self, name: &str, url: &str) -> Self {
        self.links.push(Named { name: name.to_owned(), value: url.to_owned() });
        self
    }

    #[must_use]
    pub fn fact(mut self, name: &str, value: &str) -> Self {
        self.facts.push(Named { name: name.to_owned(), value: value.to_owned() });
        self
    }

    /// Second zero is this long after 1970 began.
    #[must_use]
    pub fn started(mut self, since_1970: Duration) -> Self {
        self.started_unix_s = Some(since_1970.as_secs_f64());
        self
    }

    #[must_use]
    pub fn at_speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    #[must_use]
    pub fn sampled_every(mut self, period: Duration) -> Self {
        self.sample_s = period.as_secs_f64();
        self
    }
}

impl PolicyAbout {
    fn new(policy: &PolicyConfig) -> Self {
        let (kind, does) = match &policy.kind {
            PolicyKind::Simple { policy, cooldown, .. } => {
                let change = change(policy.adjust, policy.adjustment, policy.min_magnitude);
                ("simple", format!("{change}, then {} of cooldown", duration::text(*cooldown)))
            }
            PolicyKind::Step { policy, pace, alarm } => {
                let step = |step: &crate::deployment::Step| {
                    let change = change(policy.adjust, step.adjustment, policy.min_magnitude);
                    format!("{change} from {}", alarm.when.threshold + step.from)
                };
                let steps: Vec<String> = policy.steps.iter().map(step).collect();
                ("step", format!("{}; {}", steps.join(", "), self::pace(*pace)))
            }
            PolicyKind::Tracking { policy, high, low } => {
                let scale_in = if low.is_some() { "" } else { ", never scales in" };
                ("target-tracking", {
                    let (metric, target, pace) = (&high.metric, policy.target, pace(policy.pace));
                    format!("keeps {metric} at {target}; {pace}{scale_in}")
                })
            }
        };
        Self {
            name: policy.name.clone(),
            kind: kind.to_owned(),
            does,
            alarms: policy.alarms().map(AlarmAbout::new).collect(),
        }
    }
}

fn pace(pace: Pace) -> String {
    match pace {
        Pace::Cooldowns { out, r#in } => {
            format!("cooldowns {} out, {} in", duration::text(out), duration::text(r#in))
        }
        Pace::WarmUp => "waits for warm-up".to_owned(),
    }
}

fn change(kind: AdjustmentKind, by: i32, at_least: Option<u32>) -> String {
    let change = match (kind, at_least) {
        (AdjustmentKind::Change, _) => format!("{by:+}"),
        (AdjustmentKind::Exact, _) => format!("to {by}"),
        (AdjustmentKind::Percent, None) => format!("{by:+} %"),
        (AdjustmentKind::Percent, Some(least)) => format!("{by:+} %, at least {least}"),
    };
    change.replace('-', "−")
}

impl AlarmAbout {
    fn new(alarm: &AlarmConfig) -> Self {
        Self {
            name: alarm.name.clone(),
            metric: alarm.metric.clone(),
            statistic: alarm.statistic,
            when: alarm.when,
            period_s: alarm.period.as_secs_f64(),
            evaluation_periods: alarm.evaluation_periods,
            datapoints_to_alarm: alarm.datapoints_to_alarm,
        }
    }

    /// `cpu >= 20 for 2 × 120 s`.
    pub fn words(&self) -> String {
        let Self { metric, when, period_s, evaluation_periods: n, datapoints_to_alarm: m, .. } = self;
        match m == n {
            true => format!("{metric} {when} for {n} × {period_s} s"),
            false => format!("{metric} {when} for {m} of {n} × {period_s} s"),
        }
    }
}
