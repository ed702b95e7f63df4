//! The load: who asks, how often, and what for.
//!
//! A [`Plan`] is made from a load profile (the same value that the load generator runs) or from a table of
//! rates, with what one iteration does: its requests, then a pause.

use std::time::Duration;

use loadtest::profile::{Executor, Profile, Scenario, Stage};

use super::requests::RequestKind;
use crate::deployment::{Model, duration};
use crate::sim::arrivals::{Rate, Spread};
use crate::sim::dist::Dist;
use crate::sim::queue::{Nanos, nanos};
use crate::sim::ramp;
use crate::sim::scene::{Budget, Load, Shape, Step};

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// For people: `k6.js`'s plan, a file, the flags.
    pub name: String,
    pub(crate) loads: Vec<Load>,
    /// What is asked for; loads refer to it by number.
    pub requests: Vec<RequestKind>,
    /// Between two requests of all users together at least this long passes; zero is no limit.
    pub(crate) request_gap: Duration,
    /// When the last user stops.
    pub end: Duration,
    /// The most users or arrivals per second that the schedule asks for.
    pub peak: Peak,
    /// What a reader of the results should know of how the load was found.
    pub notes: Vec<String>,
}

/// How much load a plan can make at most.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peak {
    /// Users who wait for their answers.
    pub users: u64,
    /// Iterations per second that start whatever the answers.
    pub arrivals_per_s: f64,
    /// Scenario by scenario.
    pub(super) parts: Vec<PeakPart>,
}

/// One scenario's share of the peak, with what an iteration of it does on average.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PeakPart {
    pub(super) users: u64,
    pub(super) arrivals_per_s: f64,
    pub(super) think: Duration,
    /// How many of each kind.
    pub(super) requests: Vec<f64>,
}

impl PeakPart {
    fn requests(&self) -> f64 {
        self.requests.iter().sum()
    }

    /// Iterations per second if one took so many seconds with everything but its pauses.
    fn iterations_per_s(&self, busy_s: f64) -> f64 {
        let each = self.think.as_secs_f64() + busy_s;
        self.users as f64 / each.max(1e-6) + self.arrivals_per_s
    }
}

impl Peak {
    pub(super) fn of(parts: Vec<PeakPart>) -> Self {
        let users = parts.iter().map(|part| part.users).sum();
        let arrivals_per_s = parts.iter().map(|part| part.arrivals_per_s).sum();
        Self { users, arrivals_per_s, parts }
    }

    /// Requests per second if every answer took `response`.
    pub fn requests_per_s(&self, response: Duration) -> f64 {
        let part = |part: &PeakPart| {
            part.iterations_per_s(part.requests() * response.as_secs_f64()) * part.requests()
        };
        self.parts.iter().map(part).sum()
    }

    /// Requests per second, and vCPUs that they keep busy, if a request of each kind took so many seconds of CPU
    /// time and nobody ever waited.
    fn work(&self, seconds: &[f64], round_trip: f64) -> (f64, f64) {
        let (mut rate, mut vcpus) = (0.0, 0.0);
        for part in &self.parts {
            let cpu: f64 = part.requests.iter().zip(seconds).map(|(count, time)| count * time).sum();
            let iterations = part.iterations_per_s(cpu + part.requests() * round_trip);
            rate += iterations * part.requests();
            vcpus += iterations * cpu;
        }
        (rate, vcpus)
    }
}

/// Iterations that start whatever the answers, of all loads together: some minutes of computing.
const ARRIVALS_MAX: u64 = 1_000_000_000;

/// Requests of an [`Iteration`].
const REQUESTS_MAX: u32 = 10_000;

/// What one iteration does.
#[derive(Debug, Clone, PartialEq)]
pub struct Iteration {
    pub requests: u32,
    /// What is asked for.
    pub kind: RequestKind,
    /// The pause after them.
    pub think: Dist,
}

impl Default for Iteration {
    /// The practical's: one list, then `sleep(1)`. A sleep of exactly a second is what k6 does; requests of
    /// random length keep the users from marching in step.
    fn default() -> Self {
        Self { requests: 1, kind: RequestKind::list(), think: Dist::Constant(1e9) }
    }
}

/// The steps of an iteration, and what they come to on average.
#[derive(Debug, Clone)]
pub(super) struct Doing {
    pub(super) steps: Vec<Step>,
    /// How many of each kind.
    pub(super) requests: Vec<f64>,
    pub(super) think: Duration,
}

/// A plan that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPlan {
    #[error("`{0}` is no stage; write DURATION:USERS, such as 1m:1000")]
    Stage(String),
    #[error("the load is empty: no user ever asks")]
    Empty,
    #[error("an iteration that neither asks nor pauses would never let time pass")]
    NoTime,
    #[error("the load is over as soon as it begins: it lasts no time")]
    NoLength,
    #[error(
        "up to {0} arrivals are more than can be simulated; at most {ARRIVALS_MAX}: a lower rate, or for less time"
    )]
    TooOften(u64),
    #[error("more users than can be simulated: {0}")]
    TooMany(u64),
    #[error("an iteration of {0} requests is more than can be simulated; at most {REQUESTS_MAX}")]
    TooLong(u32),
    #[error(transparent)]
    Rates(#[from] crate::sim::arrivals::ParseRateError),
}

impl Plan {
    /// The practical's: 1000 users after a minute, 5000 after eleven, each asking once a second.
    pub fn practical() -> Self {
        let plan = Self::practical_with(&Iteration::default());
        plan.unwrap_or_else(|error| unreachable!("the practical's plan is one: {error}"))
    }

    /// The practical's users, doing something else.
    pub fn practical_with(iteration: &Iteration) -> Result<Self, BadPlan> {
        let stage = |minutes: u64, target| Stage { duration: Duration::from_secs(60 * minutes), target };
        Self::from_profile(
            "the practical's k6.js",
            &ramping(vec![stage(1, 1000), stage(10, 5000)]),
            iteration,
        )
    }

    /// `1m:1000` and so on, one after the other, beginning with one user as k6 does.
    pub fn from_stages(stages: &[String], iteration: &Iteration) -> Result<Self, BadPlan> {
        let name = format!("a ramp of users ({})", stages.join(", "));
        let stages: Result<Vec<Stage>, BadPlan> = stages.iter().map(|text| stage(text)).collect();
        Self::from_profile(&name, &ramping(stages?), iteration)
    }

    /// Every scenario of the profile with the same iterations.
    pub fn from_profile(name: &str, profile: &Profile, iteration: &Iteration) -> Result<Self, BadPlan> {
        if iteration.requests == 0 && iteration.think.is_zero() {
            return Err(BadPlan::NoTime);
        }
        if iteration.requests > REQUESTS_MAX {
            return Err(BadPlan::TooLong(iteration.requests));
        }
        let mut steps = vec![Step::Request(0); iteration.requests as usize];
        steps.push(Step::Sleep(iteration.think.clone()));
        let doing = Doing {
            steps,
            requests: vec![f64::from(iteration.requests)],
            think: Duration::from_nanos(iteration.think.mean() as u64),
        };
        let requests = vec![iteration.kind.clone()];
        Self::of(name, requests, profile.scenarios.iter().map(|scenario| (scenario, doing.clone())))
    }

    /// The most requests per second, and the vCPUs they keep busy, if nobody ever waited.
    pub fn work(&self, model: &Model) -> (f64, f64) {
        let seconds: Vec<f64> = self.requests.iter().map(|kind| kind.mean_s(model)).collect();
        let (rate, vcpus) = self.peak.work(&seconds, model.round_trip.as_secs_f64());
        // The schedule may ask for more than its own limit lets through.
        let least = if self.request_gap.is_zero() {
            1.0
        } else {
            1.0 / self.request_gap.as_secs_f64() / rate.max(1e-9)
        };
        (rate * least.min(1.0), vcpus * least.min(1.0))
    }

    /// Scenarios, each with what its users do, and what they ask for.
    pub(super) fn of<'a>(
        name: &str,
        requests: Vec<RequestKind>,
        scenarios: impl Iterator<Item = (&'a Scenario, Doing)>,
    ) -> Result<Self, BadPlan> {
        let (mut loads, mut parts, mut end, mut arrivals) = (Vec::new(), Vec::new(), Duration::ZERO, 0.0);
        for (scenario, doing) in scenarios {
            let executor = &scenario.executor;
            parts.push(PeakPart {
                users: if executor.is_closed() { executor.max_vus() } else { 0 },
                arrivals_per_s: fastest(executor),
                think: doing.think,
                requests: doing.requests,
            });
            end = end.max(scenario.start_time + executor.duration());
            arrivals += fastest(executor) * executor.duration().as_secs_f64();
            loads.push(load(scenario, doing.steps)?);
        }
        let peak = Peak::of(parts);
        if peak.users == 0 && peak.arrivals_per_s == 0.0 {
            return Err(BadPlan::Empty);
        }
        bounded(arrivals, end)?;
        let (name, request_gap) = (name.to_owned(), Duration::ZERO);
        Ok(Self { name, loads, requests, request_gap, end, peak, notes: Vec::new() })
    }

    /// A table of rates: `seconds,requests per second` by line; arrivals are random around it.
    pub fn from_rates(name: &str, csv: &str) -> Result<Self, BadPlan> {
        let rate: Rate = csv.parse()?;
        let (end, fastest) = (Duration::from_nanos(rate.end()), rate.max());
        let load = Load {
            start: 0,
            shape: Shape::Arrivals { rate, spread: Spread::Poisson, users_max: OPEN_USERS_MAX },
            budget: Budget::Time,
            min_iteration: 0,
            iteration: vec![Step::Request(0)],
            graceful_ramp_down: 0,
            graceful_stop: 30 * 1_000_000_000,
        };
        let part = PeakPart { users: 0, arrivals_per_s: fastest, think: Duration::ZERO, requests: vec![1.0] };
        if fastest == 0.0 {
            return Err(BadPlan::Empty);
        }
        bounded(fastest * end.as_secs_f64(), end)?;
        let (loads, peak) = (vec![load], Peak::of(vec![part]));
        let (requests, request_gap) = (vec![RequestKind::list()], Duration::ZERO);
        Ok(Self { name: name.to_owned(), loads, requests, request_gap, end, peak, notes: Vec::new() })
    }
}

/// Requests of an open load that may be under way at once; more are dropped, and counted.
pub const OPEN_USERS_MAX: u32 = 200_000;

/// Neither for ever nor for no time at all.
fn bounded(arrivals: f64, end: Duration) -> Result<(), BadPlan> {
    match () {
        () if end.is_zero() => Err(BadPlan::NoLength),
        () if arrivals > ARRIVALS_MAX as f64 => Err(BadPlan::TooOften(arrivals as u64)),
        () => Ok(()),
    }
}

fn ramping(stages: Vec<Stage>) -> Profile {
    let thirty = Duration::from_secs(30);
    let executor = Executor::RampingVus { start_vus: 1, stages, graceful_ramp_down: thirty };
    let scenario =
        Scenario { name: "default".to_owned(), executor, start_time: Duration::ZERO, graceful_stop: thirty };
    Profile { scenarios: vec![scenario] }
}

fn stage(text: &str) -> Result<Stage, BadPlan> {
    let bad = || BadPlan::Stage(text.to_owned());
    let (length, target) = text.split_once(':').ok_or_else(bad)?;
    let duration = duration::parse(length).map_err(|_| bad())?;
    Ok(Stage { duration, target: target.trim().parse().map_err(|_| bad())? })
}

fn users(count: u64) -> Result<u32, BadPlan> {
    u32::try_from(count).ok().filter(|count| *count <= 1_000_000).ok_or(BadPlan::TooMany(count))
}

fn load(scenario: &Scenario, iteration: Vec<Step>) -> Result<Load, BadPlan> {
    let mut graceful = Duration::ZERO;
    let mut budget = Budget::Time;
    let shape = match &scenario.executor {
        Executor::RampingVus { start_vus, stages, graceful_ramp_down } => {
            graceful = *graceful_ramp_down;
            let stage = |stage: &Stage| {
                Ok(ramp::Stage { length: nanos(stage.duration), target: users(stage.target)? })
            };
            Shape::Users {
                from: users(*start_vus)?,
                stages: stages.iter().map(stage).collect::<Result<_, BadPlan>>()?,
            }
        }
        Executor::ConstantVus { vus, duration } => constant(*vus, *duration)?,
        executor @ (Executor::ConstantArrivalRate { vus, .. } | Executor::RampingArrivalRate { vus, .. }) => {
            let rate = Rate::new(rate_points(executor)).ok_or(BadPlan::Empty)?;
            Shape::Arrivals { rate, spread: Spread::Even, users_max: users(vus.max)? }
        }
        Executor::SharedIterations { vus, iterations, max_duration } => {
            budget = Budget::Shared(*iterations);
            constant(*vus, *max_duration)?
        }
        Executor::PerVuIterations { vus, iterations, max_duration } => {
            budget = Budget::Each(*iterations);
            constant(*vus, *max_duration)?
        }
    };
    Ok(Load {
        start: nanos(scenario.start_time),
        shape,
        budget,
        min_iteration: 0,
        iteration,
        graceful_ramp_down: nanos(graceful),
        graceful_stop: nanos(scenario.graceful_stop),
    })
}

fn constant(vus: u64, duration: Duration) -> Result<Shape, BadPlan> {
    let target = users(vus)?;
    Ok(Shape::Users { from: target, stages: vec![ramp::Stage { length: nanos(duration), target }] })
}

/// The corners of an open executor's rate, per second.
fn rate_points(executor: &Executor) -> Vec<(Nanos, f64)> {
    match executor {
        Executor::ConstantArrivalRate { rate, time_unit, duration, .. } => {
            let rate = *rate as f64 / time_unit.as_secs_f64();
            vec![(0, rate), (nanos(*duration), rate)]
        }
        Executor::RampingArrivalRate { start_rate, time_unit, stages, .. } => {
            let per_second = |rate: u64| rate as f64 / time_unit.as_secs_f64();
            let mut points = vec![(0, per_second(*start_rate))];
            let mut at = Duration::ZERO;
            for stage in stages {
                at += stage.duration;
                points.push((nanos(at), per_second(stage.target)));
            }
            points
        }
        _ => Vec::new(),
    }
}

fn fastest(executor: &Executor) -> f64 {
    rate_points(executor).iter().map(|point| point.1).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_practical_and_stages() {
        let plan = Plan::practical();
        assert_eq!((plan.end, plan.peak.users), (Duration::from_secs(660), 5000));
        let stages = ["1m:1000".to_owned(), "10m:5000".to_owned()];
        let same = Plan::from_stages(&stages, &Iteration::default()).expect("a plan");
        assert_eq!(same.loads, plan.loads);
        assert!((plan.peak.requests_per_s(Duration::ZERO) - 5000.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_plan_is_refused_in_words() {
        let refuse = |stage: &str| {
            Plan::from_stages(&[stage.to_owned()], &Iteration::default()).expect_err("no plan").to_string()
        };
        assert!(refuse("1000").contains("1m:1000"));
        assert!(refuse("1m:many").contains("1m:many"));
        assert!(refuse("1m:2000000").contains("more users"));
        let endless = Iteration { requests: u32::MAX, ..Iteration::default() };
        let error = Plan::practical_with(&endless).expect_err("no plan").to_string();
        assert!(error.contains("at most 10000"), "{error}");
        assert!(Plan::from_rates("r.csv", "0,1\nx,2").is_err());
        assert_eq!(Plan::from_rates("r.csv", "0,1e8\n600,1e8"), Err(BadPlan::TooOften(60_000_000_000)));
        assert!(refuse("0s:100").contains("lasts no time"));
        assert_eq!(Plan::from_rates("r.csv", "0,0\n60,0"), Err(BadPlan::Empty));
    }
}
