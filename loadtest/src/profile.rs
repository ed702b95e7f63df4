//! Load over time as a value: what a test asks for, before anything runs.
//!
//! A [`Profile`] is made from a k6 script's options, from flags or from a plan file, and is read by the load
//! generator and by simulations alike. Everything here is a total function of its arguments in integer
//! nanoseconds; there is deliberately no clock, no randomness and no input or output.

use std::time::Duration;

mod segment;
mod spans;
mod steps;

pub use segment::{Segment, Stripes};
pub use spans::{Span, peak_of};
pub use steps::Step;

/// Everything a test asks for: one or more scenarios that run side by side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    pub scenarios: Vec<Scenario>,
}

/// One scenario: an executor with a place on the time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Unique in its profile; letters, digits, `_` and `-`.
    pub name: String,
    pub executor: Executor,
    /// When the executor starts, after the start of the test.
    pub start_time: Duration,
    /// How long running iterations may go on after the executor's regular end, then they are interrupted.
    pub graceful_stop: Duration,
}

/// One piece of a ramp: go from where the last one ended to `target` within `duration`, evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Zero means: jump at once.
    pub duration: Duration,
    /// VUs for `RampingVus`, iterations per time unit for `RampingArrivalRate`.
    pub target: u64,
}

/// How iterations are scheduled; the six executors of k6 v2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// Closed: `vus` race for a common count of iterations.
    SharedIterations { vus: u64, iterations: u64, max_duration: Duration },
    /// Closed: each VU does its own count of iterations.
    PerVuIterations { vus: u64, iterations: u64, max_duration: Duration },
    /// Closed: a fixed number of looping VUs.
    ConstantVus { vus: u64, duration: Duration },
    /// Closed: a number of looping VUs that follows `stages`.
    RampingVus { start_vus: u64, stages: Vec<Stage>, graceful_ramp_down: Duration },
    /// Open: `rate` iterations start per `time_unit`, whatever the server does.
    ConstantArrivalRate { rate: u64, time_unit: Duration, duration: Duration, vus: OpenVus },
    /// Open: the rate follows `stages`.
    RampingArrivalRate { start_rate: u64, time_unit: Duration, stages: Vec<Stage>, vus: OpenVus },
}

/// The VUs of an open model: made before the test, and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenVus {
    pub pre_allocated: u64,
    pub max: u64,
}

impl Executor {
    /// The name in scripts and reports.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SharedIterations { .. } => "shared-iterations",
            Self::PerVuIterations { .. } => "per-vu-iterations",
            Self::ConstantVus { .. } => "constant-vus",
            Self::RampingVus { .. } => "ramping-vus",
            Self::ConstantArrivalRate { .. } => "constant-arrival-rate",
            Self::RampingArrivalRate { .. } => "ramping-arrival-rate",
        }
    }

    /// Regular length, graceful periods excluded.
    pub fn duration(&self) -> Duration {
        match self {
            Self::SharedIterations { max_duration, .. } | Self::PerVuIterations { max_duration, .. } => {
                *max_duration
            }
            Self::ConstantVus { duration, .. } | Self::ConstantArrivalRate { duration, .. } => *duration,
            Self::RampingVus { stages, .. } | Self::RampingArrivalRate { stages, .. } => {
                stages.iter().map(|stage| stage.duration).sum()
            }
        }
    }

    /// True where a slow server slows the schedule (so that coordinated omission must be corrected for).
    pub fn is_closed(&self) -> bool {
        !matches!(self, Self::ConstantArrivalRate { .. } | Self::RampingArrivalRate { .. })
    }

    /// The VUs of an open model.
    pub fn open_vus(&self) -> Option<OpenVus> {
        match self {
            Self::ConstantArrivalRate { vus, .. } | Self::RampingArrivalRate { vus, .. } => Some(*vus),
            _ => None,
        }
    }

    /// The most VUs that it may ever use.
    pub fn max_vus(&self) -> u64 {
        match self {
            Self::SharedIterations { vus, .. }
            | Self::PerVuIterations { vus, .. }
            | Self::ConstantVus { vus, .. } => *vus,
            Self::RampingVus { start_vus, stages, .. } => {
                stages.iter().map(|stage| stage.target).max().unwrap_or(0).max(*start_vus)
            }
            Self::ConstantArrivalRate { vus, .. } | Self::RampingArrivalRate { vus, .. } => vus.max,
        }
    }

    /// VUs that are asked to loop from the start of the executor on. Open models plan none: their VUs wait for work.
    pub fn steps(&self) -> Vec<Step> {
        match self {
            Self::SharedIterations { vus, .. }
            | Self::PerVuIterations { vus, .. }
            | Self::ConstantVus { vus, .. } => steps::constant(*vus, self.duration()),
            Self::RampingVus { start_vus, stages, .. } => steps::ramping(*start_vus, stages),
            Self::ConstantArrivalRate { .. } | Self::RampingArrivalRate { .. } => Vec::new(),
        }
    }

    /// Arrivals per second asked for at `at` after the start of the executor; zero for closed models.
    pub fn rate_at(&self, at: Duration) -> f64 {
        match self {
            Self::ConstantArrivalRate { rate, time_unit, duration, .. } if at < *duration => {
                *rate as f64 / time_unit.as_secs_f64()
            }
            Self::RampingArrivalRate { start_rate, time_unit, stages, .. } => {
                let (mut from, mut begin) = (*start_rate as f64, Duration::ZERO);
                for stage in stages {
                    let end = begin + stage.duration;
                    let to = stage.target as f64;
                    if at < end {
                        let share = (at - begin).as_secs_f64() / stage.duration.as_secs_f64();
                        return (from + (to - from) * share) / time_unit.as_secs_f64();
                    }
                    (from, begin) = (to, end);
                }
                0.0
            }
            _ => 0.0,
        }
    }
}

impl Scenario {
    /// The end of the last graceful period, after the start of the test. A ramp down to zero has only that of the ramp.
    pub fn end(&self) -> Duration {
        if let Executor::RampingVus { .. } = self.executor {
            return self.spans().iter().flatten().map(|span| span.kill).max().unwrap_or(self.start_time);
        }
        self.start_time + self.executor.duration() + self.graceful_stop
    }

    /// When each VU handle (index 0 is handle 1) may start iterations, counted from the start of the test.
    pub fn spans(&self) -> Vec<Vec<Span>> {
        spans::of(self)
    }
}

impl Profile {
    /// VUs asked to loop at `at` after the start of the test, summed over closed scenarios.
    pub fn vus_at(&self, at: Duration) -> u64 {
        let of = |scenario: &Scenario| match at.checked_sub(scenario.start_time) {
            None => 0,
            Some(at) => {
                let steps = scenario.executor.steps();
                steps[..steps.partition_point(|step| step.at <= at)].last().map_or(0, |step| step.vus)
            }
        };
        self.scenarios.iter().map(of).sum()
    }

    /// Arrivals per second asked for at `at` after the start of the test, summed over open scenarios.
    pub fn rate_at(&self, at: Duration) -> f64 {
        let of = |scenario: &Scenario| {
            at.checked_sub(scenario.start_time).map_or(0.0, |at| scenario.executor.rate_at(at))
        };
        self.scenarios.iter().map(of).sum()
    }

    /// The end of the last scenario, graceful periods included.
    pub fn end(&self) -> Duration {
        self.scenarios.iter().map(Scenario::end).max().unwrap_or_default()
    }

    /// The most VUs in use at once, graceful periods included, over all scenarios.
    pub fn max_vus(&self) -> u64 {
        spans::peak(&self.scenarios, |executor| executor.max_vus())
    }

    /// The most VUs that must exist before the start: as [`Self::max_vus`], with only the pre-allocated ones of
    /// open models.
    pub fn planned_vus(&self) -> u64 {
        spans::peak(&self.scenarios, |executor| {
            executor.open_vus().map_or_else(|| executor.max_vus(), |vus| vus.pre_allocated)
        })
    }

    /// The same load on a time axis `speed` times as fast: durations, start times and graceful periods shrink;
    /// arrival rates, VUs and think times stay.
    pub fn sped_up(mut self, speed: f64) -> Self {
        let quick = |duration: &mut Duration| *duration = duration.div_f64(speed);
        for scenario in &mut self.scenarios {
            quick(&mut scenario.start_time);
            quick(&mut scenario.graceful_stop);
            match &mut scenario.executor {
                Executor::SharedIterations { max_duration, .. }
                | Executor::PerVuIterations { max_duration, .. } => {
                    quick(max_duration);
                }
                Executor::ConstantVus { duration, .. } | Executor::ConstantArrivalRate { duration, .. } => {
                    quick(duration);
                }
                Executor::RampingVus { stages, graceful_ramp_down, .. } => {
                    stages.iter_mut().for_each(|stage| quick(&mut stage.duration));
                    quick(graceful_ramp_down);
                }
                Executor::RampingArrivalRate { stages, .. } => {
                    stages.iter_mut().for_each(|stage| quick(&mut stage.duration));
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests;
