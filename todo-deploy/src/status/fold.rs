//! From events and measurements, one at a time, to a [`Status`]: bounded memory however long the run.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::bins::{Bins, WhenFull, rounded};
use super::{
    About, Activity, Alarm, AlarmAbout, Capacity, Cooldown, Decision, Details, Group, Instance,
    InstanceState, Phase, Policy, Series, Status, Totals, Traffic, VERSION, series,
};
use crate::deployment::Statistic;
use crate::report::story::health_reason;
use crate::report::{Story, datapoints, why_not};
use crate::time::Time;
use crate::timeline::{AlarmState, Event, EventKind, Health, InstanceId, LaunchCause, LeaveCause, WhyNot};

/// Activities, changes of capacity, bins of one series and kinds of series that are kept.
const ACTIVITIES_MAX: usize = 200;
const CHANGES_MAX: usize = 400;
const BINS_MAX: usize = 300;
const SERIES_MAX: usize = 48;
const HISTORY_MAX: usize = 120;
/// A measurement older than so many samples says nothing about the present.
const STALE_SAMPLES: f64 = 5.0;

/// The status so far.
#[derive(Debug)]
pub struct Fold {
    about: About,
    phase: Option<Phase>,
    desired: u32,
    fail_open: bool,
    cooldown: Option<Cooldown>,
    members: BTreeMap<InstanceId, Member>,
    policies: BTreeMap<String, Decision>,
    alarms: Vec<AlarmFold>,
    story: Story,
    capacity: VecDeque<Capacity>,
    series: BTreeMap<String, SeriesFold>,
    totals: Option<Totals>,
    notes: Vec<String>,
}

#[derive(Debug)]
struct Member {
    state: InstanceState,
    since: Time,
    health: Option<Health>,
    reason: String,
    until: Option<Time>,
    throttled: bool,
    details: Details,
}

#[derive(Debug)]
struct AlarmFold {
    name: String,
    series: String,
    state: AlarmState,
    since: Time,
    reason: String,
    history: Bins,
}

#[derive(Debug)]
struct SeriesFold {
    whole: Bins,
    recent: Bins,
    newest: (Time, f64),
}

impl Fold {
    /// Nothing has happened yet.
    pub fn new(about: About) -> Self {
        let alarms = about.alarms().map(|alarm| AlarmFold::new(alarm, &about)).collect();
        let first = Capacity { desired: about.limits.desired, ..Capacity::default() };
        Self {
            phase: None,
            desired: about.limits.desired,
            fail_open: false,
            cooldown: None,
            members: BTreeMap::new(),
            policies: BTreeMap::new(),
            alarms,
            story: Story::keeping(ACTIVITIES_MAX),
            capacity: VecDeque::from([first]),
            series: BTreeMap::new(),
            totals: None,
            notes: Vec::new(),
            about,
        }
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    /// The deployment has changed. Alarms of policies that are the same keep their state, as they do in the engine
    /// ([`crate::engine::Engine::reconfigure`]).
    pub fn change(&mut self, about: About) {
        let mut old = std::mem::take(&mut self.alarms);
        for policy in &about.policies {
            let stays = self.about.policies.contains(policy);
            for alarm in &policy.alarms {
                let mut new = AlarmFold::new(alarm, &about);
                let known = old.iter().position(|old| stays && old.name == new.name);
                if let Some(known) = known.map(|index| old.swap_remove(index)) {
                    (new.state, new.since, new.reason) = (known.state, known.since, known.reason);
                    if about.metric_period_s == self.about.metric_period_s {
                        new.history = known.history;
                    }
                }
                self.alarms.push(new);
            }
        }
        self.about = about;
    }

    /// Takes in what happened. Events come in order of time.
    pub fn event(&mut self, event: &Event) {
        self.story.tell(event);
        let at = event.at;
        match &event.kind {
            EventKind::Launching { instance, cause } => {
                let reason = match cause {
                    LaunchCause::Created => "the group is created".to_owned(),
                    LaunchCause::ScaleOut => "scale-out".to_owned(),
                    LaunchCause::Replaces(old) => format!("in place of {old}"),
                };
                self.members.insert(*instance, Member::new(InstanceState::Launching, at, reason));
            }
            EventKind::InService { instance } => self.in_service(at, *instance),
            EventKind::Health { instance, to, reason, .. } => {
                if let Some(member) = self.members.get_mut(instance) {
                    member.health = Some(*to);
                    member.reason = health_reason(*reason);
                }
            }
            EventKind::Draining { instance, until, cause } => {
                let reason = match cause {
                    LeaveCause::ScaleIn => "scale-in",
                    LeaveCause::Unhealthy => "its checks fail",
                    LeaveCause::Outdated => "a newer version serves",
                };
                self.leaves(at, *instance, InstanceState::Draining, Some(*until), Some(reason));
            }
            EventKind::Terminating { instance } => {
                self.leaves(at, *instance, InstanceState::Terminating, None, None);
            }
            EventKind::Gone { instance, .. } => {
                self.members.remove(instance);
            }
            EventKind::Throttled { instance, throttled } => {
                if let Some(member) = self.members.get_mut(instance) {
                    member.throttled = *throttled;
                }
            }
            EventKind::Alarm { alarm, to, cause, .. } => {
                if let Some(known) = self.alarms.iter_mut().find(|known| known.name == *alarm) {
                    (known.state, known.since, known.reason) = (*to, at, datapoints(cause));
                }
            }
            EventKind::Scaled { by, from, to } => {
                self.desired = *to;
                if let crate::timeline::ScaledBy::Policy { name, cause } = by {
                    let text = format!("{from} → {to}: {}", datapoints(cause));
                    self.policies.insert(name.clone(), Decision { at, scaled: true, text, until: None });
                }
            }
            EventKind::NotScaled { policy, why, .. } => {
                let until = match why {
                    WhyNot::Cooldown { until } => Some(*until),
                    _ => None,
                };
                let text = why_not(why);
                self.policies.insert(policy.clone(), Decision { at, scaled: false, text, until });
            }
            EventKind::Cooldown { policy, until } => {
                self.cooldown = Some(Cooldown { policy: policy.clone(), until: *until });
            }
            EventKind::FailOpen { open, .. } => self.fail_open = *open,
            // The activity says it; what follows from it shows as health and state.
            EventKind::Failed { .. } | EventKind::Told { .. } => {}
        }
        self.note_capacity(at);
    }

    /// Takes in a measurement ([`series`] has the names), stamped at the start of its period.
    pub fn record(&mut self, name: &str, at: Time, value: f64) {
        if series::is_derived(name) || !value.is_finite() {
            return;
        }
        for alarm in self.alarms.iter_mut().filter(|alarm| alarm.series == name) {
            alarm.history.add(at, value);
        }
        if !self.series.contains_key(name) {
            if self.series.len() >= SERIES_MAX {
                return;
            }
            let (step, how) = (seconds(self.about.sample_s), series::statistic(name));
            let bins = |when_full| Bins::new(step, how, when_full, BINS_MAX);
            let (whole, recent) = (bins(WhenFull::Merge), bins(WhenFull::Slide));
            self.series.insert(name.to_owned(), SeriesFold { whole, recent, newest: (at, value) });
        }
        if let Some(known) = self.series.get_mut(name) {
            known.whole.add(at, value);
            known.recent.add(at, value);
            known.newest = (at, value);
        }
    }

    /// What else is known of an instance; of one that is gone, nothing is kept.
    pub fn instance(&mut self, instance: InstanceId, details: Details) {
        if let Some(member) = self.members.get_mut(&instance) {
            member.details = details;
        }
    }

    /// Requests and errors since the start.
    pub fn totals(&mut self, totals: Totals) {
        self.totals = Some(totals);
    }

    /// Overrides what follows from the instances.
    pub fn phase(&mut self, phase: Phase) {
        self.phase = Some(phase);
    }

    pub fn notes(&mut self, notes: Vec<String>) {
        self.notes = notes;
    }

    /// How things stand at `at`, which is not before anything that was taken in.
    pub fn status(&self, at: Time) -> Status {
        let instances: Vec<Instance> = self.members.iter().map(|(id, member)| member.shown(*id)).collect();
        let group = self.group(at);
        let phase = match self.phase {
            Some(phase) => phase,
            None if group.in_service == 0 => Phase::Starting,
            None => Phase::Running,
        };
        Status {
            version: VERSION,
            at,
            phase,
            group,
            instances,
            policies: self.about.policies.iter().map(|policy| self.policy(&policy.name)).collect(),
            alarms: self.alarms.iter().map(AlarmFold::shown).collect(),
            activities: self.story.lines().map(activity).collect(),
            traffic: self.traffic(at),
            capacity: self.capacity.iter().copied().collect(),
            series: self.series.iter().map(|(name, fold)| (name.clone(), fold.shown())).collect(),
            notes: self.notes.clone(),
            about: self.about.clone(),
        }
    }

    /// One that nobody saw launching was there, healthy, before the run began (`engine::Start::Settled`).
    fn in_service(&mut self, at: Time, id: InstanceId) {
        let settled = !self.members.contains_key(&id);
        let reason = if settled { "here from the start" } else { "not checked yet" };
        let state = InstanceState::InService;
        let member = self.members.entry(id).or_insert_with(|| Member::new(state, at, String::new()));
        (member.state, member.since, member.reason) = (state, at, reason.to_owned());
        member.health = Some(if settled { Health::Healthy } else { Health::Initial });
    }

    fn leaves(
        &mut self,
        at: Time,
        id: InstanceId,
        state: InstanceState,
        until: Option<Time>,
        why: Option<&str>,
    ) {
        let Some(member) = self.members.get_mut(&id) else { return };
        (member.state, member.since, member.until, member.health) = (state, at, until, None);
        if let Some(why) = why {
            why.clone_into(&mut member.reason);
        }
    }

    fn counted(&self) -> Capacity {
        let mut counted = Capacity { desired: self.desired, ..Capacity::default() };
        for member in self.members.values().filter(|member| member.state == InstanceState::InService) {
            counted.in_service += 1;
            counted.healthy += u32::from(member.health == Some(Health::Healthy));
        }
        counted
    }

    fn note_capacity(&mut self, at: Time) {
        let now = Capacity { at, ..self.counted() };
        let last = self.capacity.back_mut();
        match last {
            Some(last) if Capacity { at, ..*last } == now => {}
            Some(last) if last.at == at => *last = now,
            _ => self.capacity.push_back(now),
        }
        if self.capacity.len() > CHANGES_MAX {
            self.capacity.pop_front();
        }
    }

    fn group(&self, at: Time) -> Group {
        let Capacity { in_service, healthy, .. } = self.counted();
        let count = |state| {
            let members = self.members.values().filter(|member| member.state == state);
            u32::try_from(members.count()).unwrap_or(u32::MAX)
        };
        Group {
            min: self.about.limits.min,
            desired: self.desired,
            max: self.about.limits.max,
            launching: count(InstanceState::Launching),
            in_service,
            healthy,
            leaving: count(InstanceState::Draining) + count(InstanceState::Terminating),
            fail_open: self.fail_open,
            cooldown: self.cooldown.clone().filter(|cooldown| cooldown.until > at),
        }
    }

    fn policy(&self, name: &str) -> Policy {
        Policy { name: name.to_owned(), last: self.policies.get(name).cloned() }
    }

    fn traffic(&self, at: Time) -> Traffic {
        let fresh = seconds(STALE_SAMPLES * self.about.sample_s);
        let newest = |name: &str| {
            let (stamped, value) = self.series.get(name)?.newest;
            (at.since(stamped) <= fresh).then(|| rounded(value))
        };
        Traffic { totals: self.totals.clone(), ..Traffic::newest(newest) }
    }
}

impl Member {
    fn new(state: InstanceState, since: Time, reason: String) -> Self {
        let (health, until, throttled) = (None, None, false);
        Self { state, since, health, reason, until, throttled, details: Details::default() }
    }

    fn shown(&self, id: InstanceId) -> Instance {
        Instance {
            id: id.to_string(),
            state: self.state,
            since: self.since,
            health: self.health,
            reason: self.reason.clone(),
            until: self.until,
            throttled: self.throttled,
            details: self.details.clone(),
        }
    }
}

impl AlarmFold {
    fn new(alarm: &AlarmAbout, about: &About) -> Self {
        let step = seconds(about.metric_period_s.max(about.sample_s));
        Self {
            name: alarm.name.clone(),
            series: series::of_metric(&alarm.metric),
            state: AlarmState::default(),
            since: Time::ZERO,
            reason: String::new(),
            history: Bins::new(step, history_statistic(alarm.statistic), WhenFull::Slide, HISTORY_MAX),
        }
    }

    fn shown(&self) -> Alarm {
        Alarm {
            name: self.name.clone(),
            state: self.state,
            since: self.since,
            reason: self.reason.clone(),
            history: self.history.grid(),
        }
    }
}

/// Recorded is one value of the whole group; how many instances it was made of is not known here.
fn history_statistic(statistic: Statistic) -> Statistic {
    match statistic {
        Statistic::SampleCount => Statistic::Average,
        other => other,
    }
}

impl SeriesFold {
    fn shown(&self) -> Series {
        Series { whole: self.whole.grid(), recent: self.recent.grid() }
    }
}

fn activity(line: &crate::report::Line) -> Activity {
    Activity {
        at: line.at,
        tone: line.tone,
        text: line.text(),
        instances: line.instances.iter().map(InstanceId::to_string).collect(),
    }
}

/// A duration from seconds that a file may hold; what is none becomes zero.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
