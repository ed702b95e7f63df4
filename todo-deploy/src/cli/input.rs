//! What several commands read: the deployment, and the load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use loadtest::config::layers;
use loadtest::dry;
use loadtest::profile::{Executor, OpenVus, Profile, Scenario};
use serde_json::{Map, Value, json};

use crate::deployment::{Defaults, Deployment, Target, duration};
use crate::sim::dist::Dist;
use crate::simulate::plan::{Iteration, OPEN_USERS_MAX, Plan};
use crate::simulate::slo::of_thresholds;
use crate::simulate::variants::assignment;

/// Which defaults stand behind a file.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Defaulting {
    /// Where the deployment goes; decides the defaults of policies, grace and boot time
    #[arg(long, default_value = "ec2", value_name = "ec2|ecs|local")]
    pub(super) target: Target,
    /// Use the practical's values instead of our corrections of them
    #[arg(long)]
    as_in_the_practical: bool,
}

impl Defaulting {
    pub(super) fn defaults(&self) -> Defaults {
        Defaults { target: self.target, as_in_the_practical: self.as_in_the_practical }
    }
}

/// The deployment.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DeploymentArgs {
    /// The deployment's file; without it ./deployment.toml where there is one, else the defaults
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) defaulting: Defaulting,
    /// Set one field differently: --set capacity.max=8, --set `scaling.todo_scale_up.threshold=35`
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = assignment)]
    sets: Vec<(String, toml::Value)>,
}

impl DeploymentArgs {
    /// The deployment and what to call its source.
    pub(super) fn read(&self) -> Result<(Deployment, String)> {
        self.read_with(None, &[])
    }

    pub(super) fn read_with(
        &self,
        file: Option<&Path>,
        more: &[(String, toml::Value)],
    ) -> Result<(Deployment, String)> {
        let (text, name) = description(file.or(self.file.as_deref()))?;
        let overrides = [self.sets.as_slice(), more].concat();
        let read = Deployment::parse_with(&text, &name, self.defaulting.defaults(), &overrides);
        match (read, is_something_else(&name, &text)) {
            (Err(_), Some(what)) => bail!("{name} is {what}"),
            (read, _) => Ok((read?, name)),
        }
    }
}

/// What somebody took for a deployment's file.
fn is_something_else(name: &str, text: &str) -> Option<&'static str> {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("js" | "mjs" | "cjs" | "ts" | "csv") => Some("a load, not a deployment; give it without --file"),
        Some("tf" | "tfvars") => {
            Some("Terraform's, which is not read; begin with what `todo-deploy init` prints")
        }
        _ if loadtest::plan::Plan::parse(text).is_ok() => {
            Some("a load, not a deployment; give it without --file")
        }
        _ => None,
    }
}

/// The text of the deployment's file and what to call it; by default ./deployment.toml where there is one.
pub(super) fn description(file: Option<&Path>) -> Result<(String, String)> {
    let default = Path::new("deployment.toml");
    let Some(file) = file.or_else(|| default.exists().then_some(default)) else {
        return Ok((String::new(), "the defaults".to_owned()));
    };
    let text = std::fs::read_to_string(file).with_context(|| match file.exists() {
        true => format!("cannot read {}", file.display()),
        false => format!("cannot read {0}; `todo-deploy init > {0}` makes one", file.display()),
    })?;
    Ok((text, file.display().to_string()))
}

/// The load.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LoadArgs {
    /// A k6 script (.js, .ts; - for standard input), a plan (.toml), a URL, or a table of rates (.csv: seconds,requests per second);
    /// without it and the flags below, the practical's k6.js: to 1000 users in 1 minute, to 5000 in 10 more
    ///
    /// A script's options, and K6_ variables over them, say how many users there are and when; the flags below stand
    /// over both. What an iteration asks and how long it pauses is found by running some against made-up answers
    /// (200, small JSON); the output says so where that cannot be trusted. `setup` and `teardown` are no load.
    #[arg(value_name = "LOAD")]
    load: Option<String>,
    /// A ramp of users, one after the other: --stage 1m:1000 --stage 10m:5000
    #[arg(long = "stage", value_name = "DURATION:USERS", conflicts_with_all = ["users", "rate", "duration"])]
    stages: Vec<String>,
    /// So many users for --duration
    #[arg(long, visible_alias = "vus", value_name = "N", requires = "duration", conflicts_with = "rate", value_parser = whole, allow_negative_numbers = true)]
    users: Option<u64>,
    /// So many iterations per second for --duration, whatever the answers
    #[arg(long, value_name = "PER_SECOND", requires = "duration", value_parser = rate, allow_negative_numbers = true)]
    rate: Option<u64>,
    /// How long --users or --rate last
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// What a user does after its requests, where LOAD is no script or plan: a time such as 1s, or a distribution such
    /// as `exp 1s`; by default 1s, with --rate nothing
    #[arg(long, value_name = "TIME")]
    think: Option<Dist>,
    /// Requests of one iteration, where LOAD is no script or plan; by default 1
    #[arg(long, value_name = "N")]
    requests: Option<u32>,
    /// Set a variable of the script's __ENV, which also holds this process's environment
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = variable, requires = "load")]
    env: Vec<(String, String)>,
}

impl LoadArgs {
    /// `service` answers a script's requests; without it, answers are made up.
    pub(super) fn plan(&self, service: dry::Service<'_>) -> Result<Plan> {
        match &self.load {
            Some(load) if load.ends_with(".csv") => self.rates(load),
            Some(load) => self.seen(load, service),
            None => self.flags(),
        }
    }

    /// Arrivals do not pause: the schedule says when the next comes.
    fn iteration(&self) -> Iteration {
        let default = if self.rate.is_some() { Dist::ZERO } else { Iteration::default().think };
        let (requests, think) = (self.requests.unwrap_or(1), self.think.clone().unwrap_or(default));
        Iteration { requests, think, ..Iteration::default() }
    }

    fn flags(&self) -> Result<Plan> {
        let iteration = self.iteration();
        let lasting = self.duration.unwrap_or_default();
        let plan = match (self.users, self.rate) {
            (Some(vus), _) => {
                let executor = Executor::ConstantVus { vus, duration: lasting };
                Plan::from_profile(&format!("{vus} users"), &one(executor), &iteration)
            }
            (_, Some(rate)) => {
                let vus = OpenVus { pre_allocated: 0, max: u64::from(OPEN_USERS_MAX) };
                let time_unit = Duration::from_secs(1);
                let executor = Executor::ConstantArrivalRate { rate, time_unit, duration: lasting, vus };
                let name = match iteration.requests {
                    1 => format!("{rate} requests/s"),
                    _ => format!("{rate} iterations/s"),
                };
                Plan::from_profile(&name, &one(executor), &iteration)
            }
            _ if self.duration.is_some() => {
                bail!("--duration says how long --users or --rate last; give one of them")
            }
            _ if !self.stages.is_empty() => Plan::from_stages(&self.stages, &iteration),
            _ => Plan::practical_with(&iteration),
        };
        Ok(plan?)
    }

    fn rates(&self, file: &str) -> Result<Plan> {
        let has_flags = self.duration.is_some() || !self.stages.is_empty();
        let describes = self.think.is_some() || self.requests.is_some();
        ensure!(!has_flags && !describes, "{file} is a whole load; leave out the flags that describe one");
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
        Plan::from_rates(file, &text).with_context(|| file.to_owned())
    }

    /// What the load generator would do.
    fn seen(&self, load: &str, service: dry::Service<'_>) -> Result<Plan> {
        let is_url = load.starts_with("http://") || load.starts_with("https://");
        ensure!(
            is_url || (self.think.is_none() && self.requests.is_none()),
            "{load} says itself what users do; leave out --think and --requests"
        );
        let settings = dry::Settings {
            options: self.options()?,
            environment: environment(),
            env: self.env.iter().cloned().collect(),
        };
        let found = dry::load_of(load, &settings, service).map_err(|refused| match is_deployment(load) {
            true => anyhow!("{load} is a deployment, not a load; give it with --file {load}"),
            false => refused.into(),
        })?;
        let name = if is_url { load } else { file_name(load) };
        let instead = is_url.then(|| self.iteration());
        let why = || {
            std::iter::once(load).chain(found.notes.iter().map(String::as_str)).collect::<Vec<_>>().join(": ")
        };
        let mut plan = Plan::from_load(name, &found, instead.as_ref()).with_context(why)?;
        if found.depends_on_answers {
            plan.notes.push(
                "`simulate --calibrate http://HOST:PORT/PATH` has a running service answer the script instead"
                    .to_owned(),
            );
        }
        if let Some(slo) = of_thresholds(&found.thresholds) {
            plan.notes.push(format!("the load's own thresholds, as an objective: --slo '{slo}'"));
        }
        Ok(plan)
    }

    /// The flags as options of the load generator.
    fn options(&self) -> Result<Map<String, Value>> {
        let mut options = Map::new();
        let lasting = self.duration.map(duration::text);
        if let (Some(rate), Some(lasting)) = (self.rate, &lasting) {
            let scenario = json!({
                "executor": "constant-arrival-rate", "rate": rate, "duration": lasting,
                "preAllocatedVUs": 0, "maxVUs": OPEN_USERS_MAX,
            });
            options.insert("scenarios".to_owned(), json!({ "default": scenario }));
        } else if let Some(lasting) = lasting {
            options.insert("duration".to_owned(), json!(lasting));
        }
        if let Some(users) = self.users {
            options.insert("vus".to_owned(), json!(users));
        }
        if !self.stages.is_empty() {
            let stages = self.stages.iter().map(String::as_str);
            options.insert("stages".to_owned(), layers::stages(stages).map_err(anyhow::Error::msg)?);
        }
        Ok(options)
    }
}

fn one(executor: Executor) -> Profile {
    let (start_time, graceful_stop) = (Duration::ZERO, Duration::from_secs(30));
    Profile { scenarios: vec![Scenario { name: "default".to_owned(), executor, start_time, graceful_stop }] }
}

/// Whether somebody took the one file for the other: both are TOML.
fn is_deployment(file: &str) -> bool {
    let text = || std::fs::read_to_string(file).ok().filter(|_| file.ends_with(".toml"));
    let targets = [Target::Ec2, Target::Ecs, Target::Local];
    text().is_some_and(|text| {
        targets.iter().any(|at| Deployment::parse(&text, file, Defaults::of(*at)).is_ok())
    })
}

fn file_name(path: &str) -> &str {
    if path == "-" {
        return "a script on standard input";
    }
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path)
}

/// This process's variables, those that are text.
fn environment() -> std::collections::BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is no whole number from 0 up"))
}

fn rate(text: &str) -> Result<u64, String> {
    whole(text).map_err(|wrong| format!("{wrong}; a table of rates (LOAD.csv) may have fractions"))
}

pub(super) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests;
