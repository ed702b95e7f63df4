//! Alarms and policies together: what the desired capacity is, and why.
//!
//! Models the chain from alarm to action: each alarm is evaluated on its cadence, the raised ones invoke their
//! policies, the decisions of one moment are weighed against each other, one is followed, and every other is
//! recorded with its reason. The simple policies' cooldown starts when the last instance finished launching or
//! draining; on scale-in that is after deregistration (EC2 Auto Scaling user guide, "Cooldowns").
//!
//! Left out: scheduled actions, predictive scaling, maximum instance lifetime.

use std::collections::BTreeMap;
use std::time::Duration;

use super::alarm::Alarm;
use super::config::{AlarmConfig, Config, PolicyConfig, PolicyKind};
use super::fleet::Counts;
use super::outbox::Outbox;
use super::policy::cooldowns::Cooldowns;
use super::policy::{Proposal, Situation, choose, simple, step, tracking};
use super::series::Series;
use crate::deployment::{Metric, Statistic};
use crate::time::Time;
use crate::timeline::{AlarmCause, AlarmState, EventKind, ScaledBy};

#[derive(Debug)]
pub(crate) struct Scaler {
    pub(crate) desired: u32,
    pub(crate) deploying: bool,
    policies: Vec<Policy>,
    cooldown_until: Time,
    /// The simple policy whose activity is in progress, and the cooldown that will follow.
    pending_cooldown: Option<(String, Duration)>,
}

#[derive(Debug)]
struct Policy {
    config: PolicyConfig,
    /// The only alarm, or target tracking's high one.
    alarm: Alarm,
    /// Target tracking's low alarm, where it scales in.
    low: Option<Alarm>,
    cooldowns: Cooldowns,
}

/// An alarm that asks its policy to act.
struct Invocation {
    policy: usize,
    is_low: bool,
    newest: f64,
}

impl Scaler {
    pub(crate) fn new(config: &Config) -> Self {
        let policy = |config: &PolicyConfig| {
            let (alarm, low) = match &config.kind {
                PolicyKind::Simple { alarm, .. } | PolicyKind::Step { alarm, .. } => (alarm, None),
                PolicyKind::Tracking { high, low, .. } => (high, low.as_ref()),
            };
            Policy {
                config: config.clone(),
                alarm: Alarm::new(alarm.clone()),
                low: low.cloned().map(Alarm::new),
                cooldowns: Cooldowns::default(),
            }
        };
        Self {
            desired: config.capacity.desired,
            deploying: false,
            policies: config.policies.iter().map(policy).collect(),
            cooldown_until: Time::ZERO,
            pending_cooldown: None,
        }
    }

    /// Goes on with these policies; those that are the same keep the state of their alarms.
    pub(crate) fn reconfigure(&mut self, config: &Config) {
        let mut old = std::mem::replace(&mut self.policies, Self::new(config).policies);
        for policy in &mut self.policies {
            if let Some(index) = old.iter().position(|old| old.config == policy.config) {
                *policy = old.swap_remove(index);
            }
        }
    }

    pub(crate) fn next_evaluation(&self, after: Time) -> Option<Time> {
        let alarms =
            self.policies.iter().flat_map(|policy| std::iter::once(&policy.alarm).chain(&policy.low));
        alarms.map(|alarm| alarm.next_evaluation(after)).min()
    }

    pub(crate) fn set_desired(&mut self, now: Time, to: u32, by: ScaledBy, out: &mut Outbox) {
        if to != self.desired {
            out.event(now, EventKind::Scaled { by, from: self.desired, to });
            self.desired = to;
        }
    }

    /// Evaluates the alarms that are due and follows at most one policy; the new capacity, if it changed.
    pub(crate) fn evaluate(
        &mut self,
        now: Time,
        config: &Config,
        counts: Counts,
        series: &mut BTreeMap<Metric, Series>,
        out: &mut Outbox,
    ) -> Option<u32> {
        let invocations = self.evaluate_alarms(now, series, out);
        let situation = Situation {
            now,
            capacity: config.capacity,
            desired: self.desired,
            warming: counts.warming,
            launching: counts.launching,
            leaving: counts.leaving,
            cooldown_until: self.cooldown_until,
            deploying: self.deploying,
        };
        let proposals = invocations.iter().map(|invocation| self.propose(invocation, &situation)).collect();
        let name = |policy: usize| self.policies[policy].config.name.clone();
        let (chosen, refused) = choose(proposals, self.desired, name);
        for (policy, why) in refused {
            out.event(now, EventKind::NotScaled { policy: name(policy), capacity: self.desired, why });
        }
        let (policy, to) = chosen?;
        self.follow(now, policy, to, out);
        Some(to)
    }

    /// No instance is being launched or drained any more.
    pub(crate) fn activity_ended(&mut self, now: Time, out: &mut Outbox) {
        for policy in &mut self.policies {
            policy.cooldowns.activity_ended(now);
        }
        if let Some((policy, cooldown)) = self.pending_cooldown.take() {
            self.cooldown_until = now + cooldown;
            out.event(now, EventKind::Cooldown { policy, until: self.cooldown_until });
        }
    }

    fn evaluate_alarms(
        &mut self,
        now: Time,
        series: &mut BTreeMap<Metric, Series>,
        out: &mut Outbox,
    ) -> Vec<Invocation> {
        let mut invocations = Vec::new();
        for (index, policy) in self.policies.iter_mut().enumerate() {
            let is_tracking = policy.low.is_some();
            for (is_low, alarm) in [(false, Some(&mut policy.alarm)), (is_tracking, policy.low.as_mut())] {
                let Some(alarm) = alarm.filter(|alarm| is_due(&alarm.config, now)) else { continue };
                let Some(series) = series.get_mut(&alarm.config.metric) else { continue };
                let evaluation = alarm.evaluate(now, series);
                if let Some(from) = evaluation.changed_from {
                    let (name, to) = (alarm.config.name.clone(), alarm.state);
                    out.event(now, EventKind::Alarm { alarm: name, from, to, cause: alarm.cause() });
                }
                if let Some(newest) = alarm.newest().filter(|_| evaluation.invoke) {
                    invocations.push(Invocation { policy: index, is_low, newest });
                }
            }
        }
        invocations
    }

    fn propose(&self, invocation: &Invocation, situation: &Situation) -> Proposal {
        let policy = &self.policies[invocation.policy];
        let decision = match &policy.config.kind {
            PolicyKind::Simple { policy, .. } => simple::decide(policy, situation),
            PolicyKind::Step { policy: config, pace, .. } => {
                step::decide(config, *pace, &policy.cooldowns, invocation.newest, situation)
            }
            PolicyKind::Tracking { policy: config, .. } => match invocation.is_low {
                false => tracking::high(config, &policy.cooldowns, invocation.newest, situation),
                true => tracking::low(config, &policy.cooldowns, invocation.newest, situation),
            },
        };
        let disagrees = |other: &Policy| other.low.as_ref().is_some_and(|low| low.state != AlarmState::Alarm);
        let disagreement = invocation.is_low.then(|| self.policies.iter().position(disagrees)).flatten();
        Proposal { policy: invocation.policy, decision, disagreement }
    }

    fn follow(&mut self, now: Time, index: usize, to: u32, out: &mut Outbox) {
        let from = self.desired;
        let policy = &mut self.policies[index];
        let name = policy.config.name.clone();
        let cause: AlarmCause = match &policy.low {
            Some(low) if to < from => low.cause(),
            _ => policy.alarm.cause(),
        };
        match &policy.config.kind {
            PolicyKind::Simple { cooldown, .. } => {
                debug_assert!(now >= self.cooldown_until, "no simple scaling in its cooldown");
                self.pending_cooldown = Some((name.clone(), *cooldown));
            }
            PolicyKind::Step { pace, .. } => policy.cooldowns.acted(*pace, from, to, now),
            PolicyKind::Tracking { .. } => self.start_tracking_cooldowns(from, to, now),
        }
        if to > from {
            self.policies.iter_mut().for_each(|policy| policy.cooldowns.cancel_in());
        }
        self.set_desired(now, to, ScaledBy::Policy { name, cause }, out);
    }

    /// The followed policy's, and those of the others whose alarms ask for the same direction: what was added
    /// counts for them too (M).
    fn start_tracking_cooldowns(&mut self, from: u32, to: u32, now: Time) {
        for policy in &mut self.policies {
            let asks = match to > from {
                true => policy.alarm.state == AlarmState::Alarm,
                false => policy.low.as_ref().is_some_and(|low| low.state == AlarmState::Alarm),
            };
            if let (PolicyKind::Tracking { policy: config, .. }, true) = (&policy.config.kind, asks) {
                policy.cooldowns.acted(config.pace, from, to, now);
            }
        }
    }
}

/// One series per metric that any alarm looks at, kept as far back as the longest looks.
pub(crate) fn series(config: &Config) -> BTreeMap<Metric, Series> {
    let mut reach: BTreeMap<&Metric, Duration> = BTreeMap::new();
    let alarms = || config.policies.iter().flat_map(PolicyConfig::alarms);
    for alarm in alarms() {
        let longest = reach.entry(&alarm.metric).or_default();
        *longest = (*longest).max(Alarm::reach(alarm));
    }
    let is_percentile = |metric: &Metric| {
        alarms().any(|alarm| alarm.metric == *metric && matches!(alarm.statistic, Statistic::Percentile(_)))
    };
    let series = |(metric, keep): (&Metric, Duration)| {
        let series = Series::new(metric, config.metric_period, config.metric_lag, keep);
        let mut series = series.in_steps(config.metric_step);
        if is_percentile(metric) {
            series.keep_values();
        }
        (metric.clone(), series)
    };
    reach.into_iter().map(series).collect()
}

fn is_due(alarm: &AlarmConfig, now: Time) -> bool {
    now.since_start().as_nanos().is_multiple_of(alarm.cadence.as_nanos().max(1))
}
