//! A load as a TOML file: k6's scenarios under their own names.
//!
//! ```toml
//! think = "1s"              # what a user does after its requests; a distribution such as "exp 1s" is fine too
//! requests = 1              # per iteration
//! [[scenario]]
//! executor = "ramping-vus"  # or constant-vus, ramping-arrival-rate, constant-arrival-rate
//! start_vus = 1
//! stages = [{ duration = "1m", target = 1000 }, { duration = "10m", target = 5000 }]
//! ```

use std::time::Duration;

use loadtest::profile::{self, Executor, OpenVus, Profile};
use serde::Deserialize;

use super::plan::{BadPlan, Iteration, Plan};
use crate::deployment::duration;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "one_second")]
    think: String,
    #[serde(default = "one")]
    requests: u32,
    #[serde(rename = "scenario")]
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(tag = "executor", rename_all = "kebab-case", deny_unknown_fields)]
enum Scenario {
    RampingVus {
        #[serde(default = "one_user")]
        start_vus: u64,
        stages: Vec<Stage>,
        #[serde(default, with = "duration::option")]
        start_time: Option<Duration>,
    },
    ConstantVus {
        vus: u64,
        #[serde(with = "duration")]
        duration: Duration,
        #[serde(default, with = "duration::option")]
        start_time: Option<Duration>,
    },
    RampingArrivalRate {
        #[serde(default)]
        start_rate: u64,
        stages: Vec<Stage>,
        #[serde(default = "many")]
        max_vus: u64,
        #[serde(default, with = "duration::option")]
        start_time: Option<Duration>,
    },
    ConstantArrivalRate {
        rate: u64,
        #[serde(with = "duration")]
        duration: Duration,
        #[serde(default = "many")]
        max_vus: u64,
        #[serde(default, with = "duration::option")]
        start_time: Option<Duration>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stage {
    #[serde(with = "duration")]
    duration: Duration,
    target: u64,
}

fn one_second() -> String {
    "constant 1s".to_owned()
}

fn one() -> u32 {
    1
}

fn one_user() -> u64 {
    1
}

fn many() -> u64 {
    200_000
}

impl Plan {
    /// Reads a plan file; `name` is what the reports call it.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, BadPlan> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line =
                error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            BadPlan::File { line, wrong: error.message().lines().next().unwrap_or_default().to_owned() }
        })?;
        let think = file.think.parse().map_err(|error| BadPlan::Think(format!("{error}")))?;
        let scenarios = (1..).zip(file.scenarios).map(|(number, scenario)| scenario.read(number)).collect();
        Self::from_profile(name, &Profile { scenarios }, &Iteration { requests: file.requests, think })
    }
}

impl Scenario {
    fn read(self, number: u32) -> profile::Scenario {
        let thirty = Duration::from_secs(30);
        let stages = |stages: Vec<Stage>| {
            let stage = |Stage { duration, target }: Stage| profile::Stage { duration, target };
            stages.into_iter().map(stage).collect()
        };
        let time_unit = Duration::from_secs(1);
        let open = |max| OpenVus { pre_allocated: 0, max };
        let (executor, start_time) = match self {
            Self::RampingVus { start_vus, stages: list, start_time } => (
                Executor::RampingVus { start_vus, stages: stages(list), graceful_ramp_down: thirty },
                start_time,
            ),
            Self::ConstantVus { vus, duration, start_time } => {
                (Executor::ConstantVus { vus, duration }, start_time)
            }
            Self::RampingArrivalRate { start_rate, stages: list, max_vus, start_time } => {
                let stages = stages(list);
                (
                    Executor::RampingArrivalRate { start_rate, time_unit, stages, vus: open(max_vus) },
                    start_time,
                )
            }
            Self::ConstantArrivalRate { rate, duration, max_vus, start_time } => {
                (Executor::ConstantArrivalRate { rate, time_unit, duration, vus: open(max_vus) }, start_time)
            }
        };
        profile::Scenario {
            name: format!("scenario-{number}"),
            executor,
            start_time: start_time.unwrap_or_default(),
            graceful_stop: thirty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_practical_as_a_file() {
        let text = "[[scenario]]\nexecutor = \"ramping-vus\"\n\
                    stages = [{ duration = \"1m\", target = 1000 }, { duration = \"10m\", target = 5000 }]\n";
        let plan = Plan::from_toml("the practical's k6.js", text).expect("a plan");
        assert_eq!(plan, Plan::practical());
    }

    #[test]
    fn scenarios_side_by_side() {
        let text = "think = \"exp 2s\"\nrequests = 2\n[[scenario]]\nexecutor = \"constant-vus\"\nvus = 5\nduration = \"1m\"\n\
                    [[scenario]]\nexecutor = \"constant-arrival-rate\"\nrate = 50\nduration = \"2m\"\nstart_time = \"30s\"\n";
        let plan = Plan::from_toml("two", text).expect("a plan");
        assert_eq!((plan.end, plan.peak.users), (Duration::from_secs(150), 5));
        assert!((plan.peak.arrivals_per_s - 50.0).abs() < 1e-9);
    }

    #[test]
    fn mistakes_have_lines() {
        let wrong = |text: &str| Plan::from_toml("f", text).expect_err("wrong").to_string();
        assert!(
            wrong("think = \"1s\"\nusers = 5\n").starts_with("line 2: unknown field"),
            "{}",
            wrong("users = 5")
        );
        assert!(wrong("[[scenario]]\nexecutor = \"vus\"\n").contains("ramping-vus"));
    }
}
