//! The timeline as sentences: what happened, when, and why or why not.
//!
//! Instances that do the same at the same moment share a line, and so does a policy that is refused for the same
//! reason minute after minute.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::time::Time;
use crate::timeline::{
    AlarmCause, AlarmState, Event, EventKind, Failure, GoneCause, Health, HealthReason, InstanceId,
    LaunchCause, LeaveCause, ProbeFailure, ScaledBy, WhyNot,
};

/// One line per thing worth telling, each beginning with its time.
pub fn story(events: &[Event]) -> Vec<String> {
    let mut story = Story::keeping(usize::MAX);
    for event in events {
        story.tell(event);
    }
    story.lines().map(|line| format!("{:>8}  {}", line.at, line.text())).collect()
}

/// A story that grows by one event at a time and keeps only its newest lines.
#[derive(Debug)]
pub struct Story {
    keep: usize,
    lines: VecDeque<Line>,
    /// Lines that were dropped at the front; a line's number is its place plus this.
    dropped: usize,
    /// Per policy: the number of the line of its last refusal, while that may still be repeated.
    refusals: BTreeMap<String, usize>,
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub at: Time,
    /// Whom it is about; nobody where it is about the whole group.
    pub instances: Vec<InstanceId>,
    pub what: String,
    pub tone: Tone,
    /// When the same was said last, and how often.
    pub last: Time,
    pub times: u32,
}

/// Whether a line is good news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tone {
    /// As expected, or on the way.
    Plain,
    Good,
    /// The capacity changed.
    Change,
    /// Asked for, and not done.
    Held,
    Bad,
}

impl Line {
    /// Whom it is about and what there is to say, without the time.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match self.instances.as_slice() {
            [] => {}
            [one] => write!(text, "{one} ").unwrap_or_default(),
            [first, second] => write!(text, "{first}, {second} ").unwrap_or_default(),
            [first, .., last] => {
                write!(text, "{first} … {last} ({}) ", self.instances.len()).unwrap_or_default()
            }
        }
        text.push_str(&self.what);
        if self.times > 1 {
            let again = if self.times == 2 { "once".to_owned() } else { format!("{} times", self.times - 1) };
            write!(text, " (and {again} more until {})", self.last).unwrap_or_default();
        }
        text
    }
}

impl Story {
    /// A story of at most so many lines.
    pub fn keeping(lines: usize) -> Self {
        Self { keep: lines.max(1), lines: VecDeque::new(), dropped: 0, refusals: BTreeMap::new() }
    }

    /// The newest lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }

    pub fn tell(&mut self, event: &Event) {
        let (instance, what) = sentence(&event.kind);
        match &event.kind {
            EventKind::NotScaled { policy, .. } => {
                let place = self.refusals.get(policy).and_then(|number| number.checked_sub(self.dropped));
                let last = place.and_then(|place| self.lines.get_mut(place));
                if let Some(line) = last.filter(|line| line.what == what) {
                    (line.last, line.times) = (event.at, line.times + 1);
                    return;
                }
                self.refusals.insert(policy.clone(), self.dropped + self.lines.len());
            }
            EventKind::Scaled { .. } => self.refusals.clear(),
            _ => {
                let last = self.lines.back_mut().filter(|line| line.at == event.at && line.what == what);
                if let (Some(line), Some(instance)) = (last, instance) {
                    line.instances.push(instance);
                    return;
                }
            }
        }
        let (at, tone) = (event.at, tone(&event.kind));
        let instances = instance.into_iter().collect();
        self.lines.push_back(Line { at, instances, what, tone, last: at, times: 1 });
        if self.lines.len() > self.keep {
            self.lines.pop_front();
            self.dropped += 1;
        }
    }
}

fn tone(kind: &EventKind) -> Tone {
    match kind {
        EventKind::Scaled { .. } => Tone::Change,
        EventKind::NotScaled { .. } => Tone::Held,
        EventKind::Health { to: Health::Healthy, .. }
        | EventKind::FailOpen { open: false, .. }
        | EventKind::Throttled { throttled: false, .. }
        | EventKind::Alarm { from: AlarmState::Alarm, to: AlarmState::Ok, .. } => Tone::Good,
        EventKind::Health { to: Health::Unhealthy, .. }
        | EventKind::FailOpen { open: true, .. }
        | EventKind::Throttled { throttled: true, .. }
        | EventKind::Gone { cause: GoneCause::Died, .. }
        | EventKind::Draining { cause: LeaveCause::Unhealthy, .. }
        | EventKind::Told { bad: true, .. }
        | EventKind::Failed { .. } => Tone::Bad,
        EventKind::Launching { .. }
        | EventKind::InService { .. }
        | EventKind::Health { to: Health::Initial, .. }
        | EventKind::Draining { cause: LeaveCause::ScaleIn | LeaveCause::Outdated, .. }
        | EventKind::Terminating { .. }
        | EventKind::Gone { cause: GoneCause::Terminated, .. }
        | EventKind::Alarm { .. }
        | EventKind::Told { bad: false, .. }
        | EventKind::Cooldown { .. } => Tone::Plain,
    }
}

/// Whose event it is, and what to say of it.
fn sentence(kind: &EventKind) -> (Option<InstanceId>, String) {
    match kind {
        EventKind::Launching { instance, cause } => (
            Some(*instance),
            match cause {
                LaunchCause::Created => "launching, because the group is created".to_owned(),
                LaunchCause::ScaleOut => "launching".to_owned(),
                LaunchCause::Replaces(old) => format!("launching in place of {old}"),
            },
        ),
        EventKind::InService { instance } => {
            (Some(*instance), "in service (runs and is registered)".to_owned())
        }
        EventKind::Health { instance, from, to, reason } => {
            (Some(*instance), format!("{} → {}: {}", health(*from), health(*to), health_reason(*reason)))
        }
        EventKind::Draining { instance, until, cause } => {
            let why = match cause {
                LeaveCause::ScaleIn => "",
                LeaveCause::Unhealthy => ", because its checks fail",
                LeaveCause::Outdated => ", because a newer version is there",
            };
            (Some(*instance), format!("draining until {until}{why}"))
        }
        EventKind::Terminating { instance } => (Some(*instance), "terminating".to_owned()),
        EventKind::Gone { instance, cause } => (
            Some(*instance),
            match cause {
                GoneCause::Terminated => "gone".to_owned(),
                GoneCause::Died => "DIED".to_owned(),
            },
        ),
        EventKind::Failed { instance, what } => (Some(*instance), failure(*what).to_owned()),
        EventKind::Throttled { instance, throttled: true } => {
            (Some(*instance), "out of CPU credits, held at its baseline".to_owned())
        }
        EventKind::Throttled { instance, throttled: false } => {
            (Some(*instance), "has CPU credits again".to_owned())
        }
        group => (None, group_sentence(group)),
    }
}

fn failure(what: Failure) -> &'static str {
    match what {
        Failure::Dies => "FAULT: its service died, the machine lives",
        Failure::Hangs => "FAULT: its service hangs, it accepts and never answers",
        Failure::Lost => "FAULT: the machine is lost",
        Failure::Recovers => "its service is back",
    }
}

fn group_sentence(kind: &EventKind) -> String {
    match kind {
        EventKind::Alarm { alarm, from, to, cause } => {
            format!("{alarm}: {} → {}: {}", state(*from), state(*to), datapoints(cause))
        }
        EventKind::Scaled { by: ScaledBy::Policy { name, cause }, from, to } => {
            format!("{from} → {to} by {name}: {}", datapoints(cause))
        }
        EventKind::Scaled { by: ScaledBy::Hand, from, to } => format!("{from} → {to} by hand"),
        EventKind::NotScaled { policy, capacity, why } => {
            format!("{policy}: stays at {capacity}: {}", why_not(why))
        }
        EventKind::Cooldown { policy, until } => format!("{policy}: cooldown until {until}"),
        EventKind::FailOpen { open: true, registered } => {
            format!("FAIL OPEN: no healthy target, traffic goes to all {registered} registered")
        }
        EventKind::FailOpen { open: false, .. } => "no longer failing open".to_owned(),
        EventKind::Told { text, .. } => text.clone(),
        _ => String::new(),
    }
}

/// Why a policy that was invoked did nothing.
pub fn why_not(why: &WhyNot) -> String {
    match why {
        WhyNot::Activity { launching, leaving: 0 } => format!("blocked, {launching} still launching"),
        WhyNot::Activity { launching: 0, leaving } => format!("blocked, {leaving} still draining"),
        WhyNot::Activity { launching, leaving } => {
            format!("blocked, {launching} still launching and {leaving} draining")
        }
        WhyNot::Cooldown { until } => format!("blocked by cooldown until {until}"),
        WhyNot::Limit { limit } => format!("{limit} is the limit"),
        WhyNot::Enough { wanted } => format!("{wanted} wanted, which is no change"),
        WhyNot::NoStep { .. } => "the breach lies in no step".to_owned(),
        WhyNot::WarmingUp { warming } => format!("no scale-in while {warming} warm up"),
        WhyNot::Deploying => "no scale-in while a deployment runs".to_owned(),
        WhyNot::Disagreement { with } => format!("{with} does not want to scale in"),
        WhyNot::Outranked { by } => format!("{by} decided at the same moment"),
        WhyNot::Other { text } => text.clone(),
    }
}

/// `20.0, 31.5 >= 20 (2 × 120 s)`; a missing point is a dash.
pub fn datapoints(cause: &AlarmCause) -> String {
    let AlarmCause { points, when, period_s } = cause;
    // Of some decisions nobody tells which points were behind them.
    if points.is_empty() {
        return when.to_string();
    }
    if points.iter().all(Option::is_none) {
        return format!("no data to compare with {when}");
    }
    let number = |point: &Option<f64>| point.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
    let shown: Vec<String> = match points.len() {
        0..=5 => points.iter().map(number).collect(),
        many => {
            let ends =
                [&points[..2], &points[many - 2..]].map(|ends| ends.iter().map(number).collect::<Vec<_>>());
            [ends[0].clone(), vec!["…".to_owned()], ends[1].clone()].concat()
        }
    };
    format!("{} {when} ({} × {period_s} s)", shown.join(", "), points.len())
}

pub fn state(state: AlarmState) -> &'static str {
    match state {
        AlarmState::InsufficientData => "insufficient data",
        AlarmState::Ok => "ok",
        AlarmState::Alarm => "ALARM",
    }
}

pub(crate) fn health(health: Health) -> &'static str {
    match health {
        Health::Initial => "initial",
        Health::Healthy => "healthy",
        Health::Unhealthy => "UNHEALTHY",
    }
}

pub(crate) fn health_reason(reason: HealthReason) -> String {
    match reason {
        HealthReason::ChecksPassed(1) => "its check passed".to_owned(),
        HealthReason::ChecksPassed(times) => format!("{times} checks passed"),
        HealthReason::ChecksFailed { times, last } => {
            let last = match last {
                ProbeFailure::Refused => "refused".to_owned(),
                ProbeFailure::TimedOut => "timed out".to_owned(),
                ProbeFailure::Status(status) => format!("status {status}"),
                ProbeFailure::Broken => "connection broken".to_owned(),
            };
            format!("{times} checks failed, the last {last}")
        }
    }
}
