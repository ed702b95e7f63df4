//! The deployment as the engine uses it: names resolved, defaults filled in, the target's habits as numbers.

use std::time::Duration;

use crate::deployment::{
    Capacity, Comparison, Condition, CooldownBase, Deployment, Metric, MissingData, Policy, SimplePolicy,
    Statistic, StepPolicy, Target, TargetTracking, alarm,
};

const MINUTE: Duration = Duration::from_secs(60);
const TEN_SECONDS: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub capacity: Capacity,
    /// Distance of the metrics' points, and how late they become visible.
    pub metric_period: Duration,
    /// What single values a point is made of: a minute's, or the point's own.
    pub metric_step: Duration,
    pub metric_lag: Duration,
    pub fleet: FleetConfig,
    pub policies: Vec<PolicyConfig>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FleetConfig {
    pub deregistration_delay: Duration,
    pub drain_ends_early: bool,
    pub grace: Duration,
    pub replaces_unhealthy: bool,
    pub healthy_threshold: u32,
    pub unhealthy_threshold: u32,
    /// Fewer healthy targets than this, and traffic goes to all.
    pub healthy_minimum: u32,
    pub zones: u32,
    /// None: nothing is ever warming up.
    pub warm_up: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PolicyConfig {
    pub name: String,
    pub kind: PolicyKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PolicyKind {
    Simple {
        policy: SimplePolicy,
        cooldown: Duration,
        alarm: AlarmConfig,
    },
    Step {
        policy: StepPolicy,
        pace: Pace,
        alarm: AlarmConfig,
    },
    /// `low` is absent where the policy never scales in.
    Tracking {
        policy: TrackingConfig,
        high: AlarmConfig,
        low: Option<AlarmConfig>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct TrackingConfig {
    pub target: f64,
    pub pace: Pace,
    pub cooldown_base: CooldownBase,
    pub scale_in_waits: bool,
}

/// What keeps target tracking from acting twice on the same news.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// ECS: a cooldown for each direction.
    Cooldowns { out: Duration, r#in: Duration },
    /// EC2: instances that warm up count as capacity and not in the metric, and block scale-in.
    WarmUp,
}

impl Pace {
    /// `out`, `in`: the cooldowns, where the target has them.
    fn of(target: Target, out: Duration, r#in: Duration) -> Self {
        match target {
            Target::Ecs => Self::Cooldowns { out, r#in },
            Target::Ec2 | Target::Local => Self::WarmUp,
        }
    }

    fn accelerate(&mut self, factor: f64) {
        if let Self::Cooldowns { out, r#in } = self {
            (*out, *r#in) = (out.div_f64(factor), r#in.div_f64(factor));
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlarmConfig {
    pub name: String,
    pub metric: Metric,
    pub statistic: Statistic,
    pub when: Condition,
    pub period: Duration,
    pub evaluation_periods: u32,
    pub datapoints_to_alarm: u32,
    pub missing: MissingData,
    /// Further periods looked at when points are missing.
    pub range_extra: u32,
    /// Time between evaluations.
    pub cadence: Duration,
    /// Time between invocations while the alarm stays raised.
    pub invoke_every: Duration,
}

impl Config {
    pub fn new(deployment: &Deployment, target: Target) -> Self {
        let health = &deployment.health_check;
        let zones = match target {
            Target::Local => 1,
            Target::Ec2 | Target::Ecs => u32::try_from(deployment.aws.zones.len()).unwrap_or(u32::MAX),
        };
        let policies: Vec<PolicyConfig> = deployment
            .scaling
            .policies
            .iter()
            .map(|policy| policy_config(deployment, target, policy))
            .collect();
        // Without a warm-up, target tracking and step policies on EC2 fall back to the default cooldown.
        let needs_warm_up = policies.iter().any(|policy| match &policy.kind {
            PolicyKind::Simple { .. } => false,
            PolicyKind::Step { pace, .. } => *pace == Pace::WarmUp,
            PolicyKind::Tracking { policy, .. } => policy.pace == Pace::WarmUp,
        });
        let own = deployment.scaling.policies.iter().filter_map(own_warm_up).max();
        let fallback = needs_warm_up.then_some(deployment.scaling.default_cooldown);
        let group = Some(deployment.scaling.warm_up).filter(|warm_up| !warm_up.is_zero());
        Self {
            capacity: deployment.capacity,
            metric_period: deployment.scaling.metric_period,
            metric_step: deployment.scaling.metric_period.min(MINUTE),
            metric_lag: deployment.model.metric_lag,
            fleet: FleetConfig {
                deregistration_delay: deployment.load_balancer.deregistration_delay,
                drain_ends_early: deployment.model.drain_ends_early,
                grace: health.grace,
                replaces_unhealthy: health.replaces_instances,
                healthy_threshold: health.healthy_threshold,
                unhealthy_threshold: health.unhealthy_threshold,
                healthy_minimum: 1,
                // No zone named means "all there are, at least two".
                zones: if zones == 0 { 2 } else { zones },
                warm_up: own.or(group).or(fallback),
            },
            policies,
        }
    }

    /// Everything that policies and the fleet wait for, `factor` times as fast; for `local --speed`.
    #[must_use]
    pub fn accelerated(mut self, factor: f64) -> Self {
        let faster = |duration: &mut Duration| *duration = duration.div_f64(factor);
        faster(&mut self.metric_period);
        faster(&mut self.metric_step);
        faster(&mut self.metric_lag);
        faster(&mut self.fleet.deregistration_delay);
        faster(&mut self.fleet.grace);
        self.fleet.warm_up.as_mut().into_iter().for_each(faster);
        for policy in &mut self.policies {
            match &mut policy.kind {
                PolicyKind::Simple { cooldown, alarm, .. } => {
                    faster(cooldown);
                    alarm.accelerate(factor);
                }
                PolicyKind::Step { pace, alarm, .. } => {
                    pace.accelerate(factor);
                    alarm.accelerate(factor);
                }
                PolicyKind::Tracking { policy, high, low } => {
                    policy.pace.accelerate(factor);
                    high.accelerate(factor);
                    low.as_mut().into_iter().for_each(|low| low.accelerate(factor));
                }
            }
        }
        self
    }
}

impl AlarmConfig {
    fn accelerate(&mut self, factor: f64) {
        for duration in [&mut self.period, &mut self.cadence, &mut self.invoke_every] {
            *duration = duration.div_f64(factor);
        }
    }

    fn of(name: &str, alarm: &alarm::Alarm, range_extra: u32) -> Self {
        Self {
            name: name.to_owned(),
            metric: alarm.metric.clone(),
            statistic: alarm.statistic,
            when: alarm.when,
            period: alarm.period,
            evaluation_periods: alarm.evaluation_periods,
            datapoints_to_alarm: alarm.datapoints_to_alarm(),
            missing: alarm.missing_data,
            range_extra,
            cadence: if alarm.period < MINUTE { TEN_SECONDS } else { MINUTE },
            invoke_every: MINUTE,
        }
    }
}

fn own_warm_up(policy: &Policy) -> Option<Duration> {
    match policy {
        Policy::Simple(_) => None,
        Policy::Step(policy) => policy.warm_up,
        Policy::TargetTracking(policy) => policy.warm_up,
    }
}

fn policy_config(deployment: &Deployment, target: Target, policy: &Policy) -> PolicyConfig {
    let range_extra = deployment.model.range_extra;
    let kind = match policy {
        Policy::Simple(simple) => PolicyKind::Simple {
            cooldown: simple.cooldown.unwrap_or(deployment.scaling.default_cooldown),
            alarm: AlarmConfig::of(&simple.name, &simple.alarm, range_extra),
            policy: simple.clone(),
        },
        Policy::Step(step) => {
            let cooldown = step.cooldown.unwrap_or(deployment.scaling.default_cooldown);
            PolicyKind::Step {
                alarm: AlarmConfig::of(&step.name, &step.alarm, range_extra),
                pace: Pace::of(target, cooldown, cooldown),
                policy: step.clone(),
            }
        }
        Policy::TargetTracking(tracking) => tracking_kind(deployment, target, tracking),
    };
    PolicyConfig { name: policy.name().to_owned(), kind }
}

/// Target tracking makes its own two alarms: 3 of 3 minutes above the target, 15 of 15 below a share of it
/// (observed in many accounts; AWS forbids editing them).
fn tracking_kind(deployment: &Deployment, target: Target, tracking: &TargetTracking) -> PolicyKind {
    let model = &deployment.model;
    let statistic = match tracking.metric {
        Metric::RequestsPerTarget => Statistic::Sum,
        _ => Statistic::Average,
    };
    let alarm = |suffix: &str, comparison, threshold, periods| AlarmConfig {
        name: format!("{}-{suffix}", tracking.name),
        metric: tracking.metric.clone(),
        statistic,
        when: Condition { comparison, threshold },
        period: MINUTE,
        evaluation_periods: periods,
        datapoints_to_alarm: periods,
        missing: MissingData::Missing,
        range_extra: model.range_extra,
        cadence: MINUTE,
        invoke_every: MINUTE,
    };
    let pace = Pace::of(target, tracking.scale_out_cooldown, tracking.scale_in_cooldown);
    PolicyKind::Tracking {
        policy: TrackingConfig {
            target: tracking.target,
            pace,
            cooldown_base: model.cooldown_base,
            scale_in_waits: model.scale_in_waits,
        },
        high: alarm("AlarmHigh", Comparison::Above, tracking.target, model.high_periods),
        low: tracking.scale_in.then(|| {
            alarm("AlarmLow", Comparison::Below, tracking.target * model.low_ratio, model.low_periods)
        }),
    }
}

impl PolicyConfig {
    pub fn alarms(&self) -> impl Iterator<Item = &AlarmConfig> {
        let (first, second) = match &self.kind {
            PolicyKind::Simple { alarm, .. } | PolicyKind::Step { alarm, .. } => (alarm, None),
            PolicyKind::Tracking { high, low, .. } => (high, low.as_ref()),
        };
        std::iter::once(first).chain(second)
    }
}
