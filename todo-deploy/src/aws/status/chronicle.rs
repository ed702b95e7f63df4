//! The timeline of a deployment at AWS. AWS tells its past again at every look, late and partly: what is new of it is put in
//! its place, and what no service tells (when a target became healthy, that a task is gone) is what changed between two
//! looks. Pure: looks in, events out.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fact::{Fact, What};
use crate::deployment::HealthCheck;
use crate::status::{About, Instance, InstanceState};
use crate::time::Time;
use crate::timeline::{
    AlarmCause, AlarmState, Event, EventKind, GoneCause, Health, HealthReason, InstanceId, LaunchCause,
    LeaveCause, ProbeFailure, ScaledBy,
};

/// As many as a recording keeps.
const EVENTS_MAX: usize = crate::status::EVENTS_MAX;
/// Instances that are remembered, those that are gone first to be forgotten.
const MEMBERS_MAX: usize = 2000;

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct Chronicle {
    /// In order of time.
    events: Vec<Event>,
    /// By AWS's id.
    members: BTreeMap<String, Member>,
    /// How many were numbered.
    numbered: u32,
    /// The look before.
    looked: Option<Time>,
}

/// An instance or a task, and which of its events there are.
#[derive(Debug, Clone, Copy)]
struct Member {
    number: InstanceId,
    launching: bool,
    /// Since when it is in service.
    in_service: Option<Time>,
    draining: bool,
    gone: bool,
    health: Health,
}

/// What one look found.
pub(super) struct Look<'a> {
    pub(super) now: Time,
    pub(super) about: &'a About,
    /// From a policy's name at AWS to that of the description.
    pub(super) given: &'a dyn Fn(&str) -> String,
    pub(super) check: &'a HealthCheck,
    /// How long a target that leaves may finish what it has.
    pub(super) drain: Duration,
    pub(super) facts: Vec<Fact>,
    pub(super) instances: &'a [Instance],
}

impl Chronicle {
    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    pub(super) fn take(&mut self, mut look: Look<'_>) {
        let mut facts = std::mem::take(&mut look.facts);
        facts.sort_by_key(|fact| fact.at);
        // A decision has the datapoints of its alarm, whichever of the two services was asked first.
        let (alarms, others): (Vec<Fact>, Vec<Fact>) =
            facts.into_iter().partition(|fact| matches!(fact.what, What::Alarm { .. }));
        for Fact { at, what } in alarms.into_iter().chain(others) {
            self.fact(at, what, &look);
        }
        for instance in look.instances {
            self.seen(instance, &look);
        }
        self.missed(&look);
        self.looked = Some(look.now);
        self.events.drain(..self.events.len().saturating_sub(EVENTS_MAX));
    }

    fn fact(&mut self, at: Time, what: What, look: &Look<'_>) {
        let kind = match what {
            What::Launching(id, cause) => return self.launching(&id, at, cause),
            What::InService(id) => return self.in_service(&id, at),
            What::Draining(id, until, cause) => return self.draining(&id, at, until, cause),
            What::Gone(id) => return self.gone(&id, at),
            What::Alarm { alarm, from, to, points } => {
                let known = look.about.alarms().find(|known| known.name == alarm);
                let Some(known) = known else { return };
                let cause = AlarmCause { points, when: known.when, period_s: known.period_s };
                EventKind::Alarm { alarm, from, to, cause }
            }
            What::Scaled { by, from, to } => {
                let from = from.unwrap_or(look.about.limits.desired);
                let by = match by {
                    Some(policy) => self.policy((look.given)(&policy), to > from, at, look.about),
                    None => ScaledBy::Hand,
                };
                EventKind::Scaled { by, from, to }
            }
            What::NotScaled { by, capacity, why } => {
                EventKind::NotScaled { policy: (look.given)(&by), capacity, why }
            }
            What::Told { text, bad } => EventKind::Told { text, bad },
        };
        self.insert(Event { at, kind });
    }

    /// The policy, and the alarm behind it as it last was before.
    fn policy(&self, name: String, up: bool, at: Time, about: &About) -> ScaledBy {
        let alarms = about.policies.iter().find(|policy| policy.name == name).map(|policy| &policy.alarms);
        let alarm = alarms.and_then(|alarms| {
            alarms.iter().find(|alarm| alarm.when.comparison.is_upward() == up).or(alarms.first())
        });
        let Some(alarm) = alarm else { return ScaledBy::Hand };
        // AWS tells of decisions to the second only.
        let at = at + Duration::from_secs(1);
        let raised =
            self.events.iter().rev().filter(|event| event.at <= at).find_map(|event| match &event.kind {
                EventKind::Alarm { alarm: of, to: AlarmState::Alarm, cause, .. } if *of == alarm.name => {
                    Some(cause.clone())
                }
                _ => None,
            });
        let unknown = AlarmCause { points: Vec::new(), when: alarm.when, period_s: alarm.period_s };
        ScaledBy::Policy { name, cause: raised.unwrap_or(unknown) }
    }

    /// What an instance is now, where nobody told since when.
    fn seen(&mut self, instance: &Instance, look: &Look<'_>) {
        let id = instance.id.as_str();
        // What was there at the first look came before; what is new came since the last.
        let since = match self.looked {
            Some(before) if instance.since <= before => look.now,
            _ => instance.since,
        };
        let is_known = self.member(id).launching || self.looked.is_none();
        if instance.state == InstanceState::Launching || !is_known {
            self.launching(id, since, LaunchCause::ScaleOut);
        }
        if matches!(instance.state, InstanceState::InService | InstanceState::Draining) {
            self.in_service(id, since);
        }
        self.health(instance, look);
        if matches!(instance.state, InstanceState::Draining | InstanceState::Terminating) {
            self.draining(id, look.now, look.now + look.drain, LeaveCause::ScaleIn);
        }
    }

    fn health(&mut self, instance: &Instance, look: &Look<'_>) {
        let Some(to) = instance.health else { return };
        let member = self.member(&instance.id);
        let (from, number) = (member.health, member.number);
        if from == to {
            return;
        }
        // One that was there before anybody looked was healthy then.
        let is_settled = self.looked.is_none() && !member.launching && to == Health::Healthy;
        let at = match (self.looked, member.in_service) {
            (None, Some(since)) => since,
            _ => look.now,
        };
        self.change(&instance.id, |member| member.health = to);
        let reason = match to {
            Health::Unhealthy => HealthReason::ChecksFailed {
                times: look.check.unhealthy_threshold,
                last: failure(&instance.reason),
            },
            Health::Initial | Health::Healthy => HealthReason::ChecksPassed(look.check.healthy_threshold),
        };
        if !is_settled {
            self.insert(Event { at, kind: EventKind::Health { instance: number, from, to, reason } });
        }
    }

    /// Those that are no longer there.
    fn missed(&mut self, look: &Look<'_>) {
        let is_there = |id: &str| look.instances.iter().any(|instance| instance.id == id);
        let missing = |(id, member): (&String, &Member)| {
            (member.in_service.is_some() && !member.gone && !is_there(id)).then(|| id.clone())
        };
        let missing: Vec<String> = self.members.iter().filter_map(missing).collect();
        for id in missing {
            self.gone(&id, look.now);
        }
        if self.members.len() > MEMBERS_MAX {
            let mut gone: Vec<(InstanceId, String)> = self
                .members
                .iter()
                .filter(|(_, one)| one.gone)
                .map(|(id, one)| (one.number, id.clone()))
                .collect();
            gone.sort();
            for (_, id) in gone.into_iter().take(MEMBERS_MAX / 2) {
                self.members.remove(&id);
            }
        }
    }

    fn launching(&mut self, id: &str, at: Time, cause: LaunchCause) {
        let Member { number: instance, launching, in_service, .. } = self.member(id);
        if !launching && in_service.is_none() {
            self.change(id, |member| member.launching = true);
            self.insert(Event { at, kind: EventKind::Launching { instance, cause } });
        }
    }

    fn in_service(&mut self, id: &str, at: Time) {
        let Member { number: instance, in_service, gone, .. } = self.member(id);
        if in_service.is_none() && !gone {
            self.change(id, |member| member.in_service = Some(at));
            self.insert(Event { at, kind: EventKind::InService { instance } });
        }
    }

    fn draining(&mut self, id: &str, at: Time, until: Time, cause: LeaveCause) {
        let Member { number: instance, draining, gone, .. } = self.member(id);
        if !draining && !gone {
            self.change(id, |member| member.draining = true);
            self.insert(Event { at, kind: EventKind::Draining { instance, until, cause } });
        }
    }

    fn gone(&mut self, id: &str, at: Time) {
        let Member { number: instance, gone, .. } = self.member(id);
        if !gone {
            self.change(id, |member| member.gone = true);
            self.insert(Event { at, kind: EventKind::Gone { instance, cause: GoneCause::Terminated } });
        }
    }

    /// Whoever is new gets the next number.
    fn member(&mut self, id: &str) -> Member {
        let number = InstanceId(self.numbered + 1);
        let new = Member {
            number,
            launching: false,
            in_service: None,
            draining: false,
            gone: false,
            health: Health::Initial,
        };
        let member = *self.members.entry(id.to_owned()).or_insert(new);
        self.numbered = self.numbered.max(member.number.0);
        member
    }

    fn change(&mut self, id: &str, change: impl FnOnce(&mut Member)) {
        if let Some(member) = self.members.get_mut(id) {
            change(member);
        }
    }

    /// In its place, unless it is there.
    fn insert(&mut self, event: Event) {
        let place = self.events.partition_point(|known| known.at <= event.at);
        let same_time = self.events[..place].iter().rev().take_while(|known| known.at == event.at);
        if !same_time.into_iter().any(|known| is_same(&known.kind, &event.kind)) {
            self.events.insert(place, event);
        }
    }
}

/// Whether both tell of the same thing; the datapoints behind a decision may become known later.
fn is_same(one: &EventKind, other: &EventKind) -> bool {
    match (one, other) {
        (EventKind::Scaled { from, to, .. }, EventKind::Scaled { from: before, to: after, .. }) => {
            (from, to) == (before, after)
        }
        _ => one == other,
    }
}

/// From the balancer's reason, such as `Target.ResponseCodeMismatch: Health checks failed with these codes: [404]`.
fn failure(reason: &str) -> ProbeFailure {
    let code = reason.rsplit_once('[').and_then(|(_, rest)| rest.split(']').next()?.parse().ok());
    match code {
        Some(status) => ProbeFailure::Status(status),
        None if reason.contains("Timeout") => ProbeFailure::TimedOut,
        None => ProbeFailure::Broken,
    }
}

#[cfg(test)]
mod tests;
