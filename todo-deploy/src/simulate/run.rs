//! What a run brought: the timeline, a row per minute, totals.

use serde::Serialize;

use super::group::{Group, Groups};
use super::model::notes;
use super::never::why_never;
use super::{Options, Plan, faults};
use crate::deployment::{Deployment, Target};
use crate::pricing::{self, Bill, Traffic, Use, bill, instance_vcpus};
use crate::sim::Outcomes;
use crate::sim::deployed::Simulation;
use crate::sim::histogram::Histogram;
use crate::sim::measure::{Outcome, Row, sum};
use crate::sim::queue::Nanos;
use crate::time::Time;
use crate::timeline::{Event, EventKind, GoneCause, Timeline, series};

/// The result of one simulation.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    pub name: String,
    pub target: Target,
    pub load: String,
    pub seed: u64,
    pub totals: Totals,
    pub minutes: Vec<Minute>,
    pub timeline: Timeline,
    /// What was not simulated as the deployment says.
    pub notes: Vec<String>,
    /// Events of the simulation, for its speed; not part of what happened.
    #[serde(skip)]
    pub steps: u64,
}

/// One minute. Times in milliseconds; counts of instances are those at its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Minute {
    pub at: Time,
    pub users: f64,
    pub requests_per_s: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub errors: u64,
    /// Mean over the instances that run.
    pub cpu_percent: f64,
    pub desired: u32,
    pub in_service: u32,
    pub healthy: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// Length of the run and of its load, in seconds.
    pub seconds: f64,
    pub load_seconds: f64,
    pub requests: u64,
    pub errors: Errors,
    /// Errors per hundred requests.
    pub error_percent: f64,
    /// Iterations of an open load for which there was no user.
    pub dropped: u64,
    pub mean_ms: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub longest_ms: f64,
    pub requests_per_s_max: f64,
    pub in_service_max: u32,
    /// Seconds with the maximum in service.
    pub at_maximum_s: f64,
    /// When the group first grew.
    pub first_scale_out: Option<Time>,
    pub instance_hours: f64,
    pub bill: Bill,
}

/// Errors by cause, as the client sees them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Errors {
    /// 502: nothing listens there yet.
    pub refused_502: u64,
    /// 502: the target went away with the request under way.
    pub lost_502: u64,
    /// 503: no target is registered.
    pub no_target_503: u64,
    /// 504: not accepted, or not answered, in time.
    pub timed_out_504: u64,
    /// Given up by a user who had to stop.
    pub interrupted: u64,
}

impl Errors {
    fn of(row: &Row) -> Self {
        let count = |outcome: Outcome| row.outcomes[outcome as usize];
        Self {
            refused_502: count(Outcome::Refused),
            lost_502: count(Outcome::Lost),
            no_target_503: count(Outcome::NoTarget),
            timed_out_504: count(Outcome::NotAccepted) + count(Outcome::NotAnswered),
            interrupted: row.interrupted,
        }
    }

    /// Answers that were errors; what a user gave up is none.
    pub fn answered(&self) -> u64 {
        self.refused_502 + self.lost_502 + self.no_target_503 + self.timed_out_504
    }
}

pub(super) fn gather(
    deployment: &Deployment,
    target: Target,
    plan: &Plan,
    options: &Options,
    simulation: Simulation,
) -> Run {
    let Simulation { events, outcomes } = simulation;
    let vcpus = instance_vcpus(deployment, target);
    let mut groups = Groups::new(&events, deployment.capacity.desired);
    let minutes: Vec<Minute> =
        outcomes.rows.iter().map(|row| minute(row, vcpus, groups.at(time(row.to)))).collect();
    let mut timeline = Timeline { events, ..Timeline::default() };
    record(&mut timeline, &outcomes.rows, &minutes);
    let totals = totals(deployment, target, plan, options, &outcomes, &minutes, &timeline);
    let mut notes = notes(deployment, target);
    notes.extend(faults::notes(&options.faults, target, &timeline.events, totals.seconds));
    if totals.first_scale_out.is_none() {
        notes.extend(why_never(deployment, &minutes, &timeline.events, vcpus));
    }
    notes.extend(pricing::unpriced(&options.prices, deployment, target));
    notes.extend(plan.notes.iter().cloned());
    Run {
        name: deployment.name.clone(),
        target,
        load: plan.name.clone(),
        seed: options.seed,
        totals,
        minutes,
        timeline,
        notes,
        steps: outcomes.events,
    }
}

fn minute(row: &Row, vcpus: f64, group: Group) -> Minute {
    let capacity = row.running as f64 * vcpus;
    Minute {
        at: time(row.from),
        users: row.mean(row.users),
        requests_per_s: row.rate(),
        p50_ms: millis(row.p50),
        p95_ms: millis(row.p95),
        p99_ms: millis(row.p99),
        errors: row.failed(),
        cpu_percent: if capacity > 0.0 { 100.0 * row.cpu_used / capacity } else { 0.0 },
        desired: group.desired,
        in_service: group.in_service,
        healthy: group.healthy,
    }
}

fn record(timeline: &mut Timeline, rows: &[Row], minutes: &[Minute]) {
    for (row, minute) in rows.iter().zip(minutes) {
        for (series, value) in [
            (series::USERS, minute.users),
            (series::REQUESTS, minute.requests_per_s),
            (series::ERRORS, row.failed() as f64 / row.seconds().max(1e-9)),
            (series::CPU, minute.cpu_percent),
            (series::DESIRED, f64::from(minute.desired)),
            (series::IN_SERVICE, f64::from(minute.in_service)),
        ] {
            timeline.record(series, minute.at, value);
        }
        // A minute without requests has no response times.
        let times =
            [(series::P50, minute.p50_ms), (series::P95, minute.p95_ms), (series::P99, minute.p99_ms)];
        for (series, value) in times.into_iter().filter(|_| minute.requests_per_s > 0.0) {
            timeline.record(series, minute.at, value);
        }
    }
}

fn totals(
    deployment: &Deployment,
    target: Target,
    plan: &Plan,
    options: &Options,
    outcomes: &Outcomes,
    minutes: &[Minute],
    timeline: &Timeline,
) -> Totals {
    let all = sum(&outcomes.rows);
    let responses: &Histogram = &outcomes.responses;
    let lives = lives(&timeline.events, time(all.to));
    let errors = Errors::of(&all);
    let instance_s: f64 = lives.iter().map(|(from, to)| (*to - *from).as_secs_f64()).sum();
    let seconds = all.seconds();
    let usage = Use {
        seconds,
        instance_s,
        alarms: pricing::alarms(deployment),
        traffic: traffic(deployment, &outcomes.rows),
    };
    let (in_service_max, at_maximum_s) = at_most(&lives, deployment.capacity.max);
    Totals {
        seconds,
        load_seconds: plan.end.as_secs_f64(),
        requests: all.ended(),
        errors,
        error_percent: 100.0 * errors.answered() as f64 / all.ended().max(1) as f64,
        dropped: all.dropped,
        mean_ms: all.response_mean() * 1000.0,
        p50_ms: millis(responses.percentile(50.0)),
        p95_ms: millis(responses.percentile(95.0)),
        p99_ms: millis(responses.percentile(99.0)),
        longest_ms: millis(responses.longest()),
        requests_per_s_max: minutes.iter().map(|minute| minute.requests_per_s).fold(0.0, f64::max),
        in_service_max,
        at_maximum_s,
        first_scale_out: timeline.events.iter().find_map(|event| match event.kind {
            EventKind::Scaled { from, to, .. } if to > from => Some(event.at),
            _ => None,
        }),
        instance_hours: instance_s / 3600.0,
        bill: bill(&options.prices, deployment, target, &usage),
    }
}

/// What went through the balancer, hour by hour.
fn traffic(deployment: &Deployment, rows: &[Row]) -> Vec<Traffic> {
    let model = &deployment.model;
    let hour = |rows: &[Row]| {
        let all = sum(rows);
        Traffic {
            seconds: all.seconds(),
            connections: all.mean(all.users),
            opened: all.connections as f64,
            bytes_in: all.sent as f64 * f64::from(model.request_bytes),
            bytes_out: all.outcomes[Outcome::Answered as usize] as f64 * f64::from(model.response_bytes),
        }
    };
    rows.chunks(60).map(hour).collect()
}

/// From in service to gone (AWS bills a running instance), for every instance.
fn lives(events: &[Event], end: Time) -> Vec<(Time, Time)> {
    let mut lives = Vec::new();
    let mut running = std::collections::BTreeMap::new();
    for event in events {
        match event.kind {
            EventKind::InService { instance } => {
                running.insert(instance, event.at);
            }
            EventKind::Gone { instance, cause: GoneCause::Terminated | GoneCause::Died } => {
                lives.extend(running.remove(&instance).map(|from| (from, event.at)));
            }
            _ => {}
        }
    }
    lives.extend(running.into_values().map(|from| (from, end)));
    lives
}

/// The most instances alive at once, and for how many seconds at least `max` were.
fn at_most(lives: &[(Time, Time)], max: u32) -> (u32, f64) {
    let mut changes: Vec<(Time, i64)> = lives.iter().flat_map(|(from, to)| [(*from, 1), (*to, -1)]).collect();
    changes.sort_unstable();
    let (mut count, mut most, mut seconds, mut since) = (0_i64, 0_i64, 0.0, Time::ZERO);
    for (at, change) in changes {
        if count >= i64::from(max) {
            seconds += (at - since).as_secs_f64();
        }
        (count, since) = (count + change, at);
        most = most.max(count);
    }
    (u32::try_from(most).unwrap_or(u32::MAX), seconds)
}

fn time(nanos: Nanos) -> Time {
    Time::after_start(std::time::Duration::from_nanos(nanos))
}

fn millis(nanos: Nanos) -> f64 {
    nanos as f64 / 1e6
}
