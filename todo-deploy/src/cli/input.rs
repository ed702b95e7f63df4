//! What several commands read: the deployment, and the load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use loadtest::profile::{Executor, OpenVus, Profile, Scenario};

use crate::deployment::{Defaults, Deployment, Target, duration};
use crate::sim::dist::Dist;
use crate::simulate::plan::{Iteration, Plan};
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
    /// Set one field differently: --set capacity.max=8, --set scaling.target=35
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
        let default = Path::new("deployment.toml");
        let file = file.or(self.file.as_deref()).or_else(|| default.exists().then_some(default));
        let (text, name) = match file {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("cannot read {}", file.display()))?;
                (text, file.display().to_string())
            }
            None => (String::new(), "the defaults".to_owned()),
        };
        let overrides = [self.sets.as_slice(), more].concat();
        let deployment = Deployment::parse_with(&text, &name, self.defaulting.defaults(), &overrides)?;
        Ok((deployment, name))
    }
}

/// The load.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LoadArgs {
    /// A plan file (.toml) or a table of rates (.csv: seconds,requests per second); without it and the flags
    /// below, the practical's k6.js: to 1000 users in 1 minute, to 5000 in 10 more
    #[arg(value_name = "LOAD")]
    load: Option<PathBuf>,
    /// A ramp of users, one after the other: --stage 1m:1000 --stage 10m:5000
    #[arg(long = "stage", value_name = "DURATION:USERS", conflicts_with_all = ["load", "users", "rate"])]
    stages: Vec<String>,
    /// So many users for --duration
    #[arg(long, value_name = "N", requires = "duration", conflicts_with_all = ["load", "rate"])]
    users: Option<u64>,
    /// So many requests per second for --duration, whatever the answers
    #[arg(long, value_name = "PER_SECOND", requires = "duration", conflicts_with = "load")]
    rate: Option<u64>,
    /// How long --users or --rate last
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    duration: Option<Duration>,
    /// What a user does after its requests: a time such as 1s, or a distribution such as `exp 1s`
    #[arg(long, value_name = "TIME", default_value = "constant 1s")]
    think: Dist,
    /// Requests of one iteration
    #[arg(long, value_name = "N", default_value_t = 1)]
    requests: u32,
}

impl LoadArgs {
    pub(super) fn plan(&self) -> Result<Plan> {
        let iteration = Iteration { requests: self.requests, think: self.think.clone() };
        let lasting = self.duration.unwrap_or_default();
        let plan = match (&self.load, self.users, self.rate) {
            (Some(file), ..) => return read(file),
            (_, Some(vus), _) => {
                let executor = Executor::ConstantVus { vus, duration: lasting };
                Plan::from_profile(&format!("{vus} users"), &one(executor), &iteration)
            }
            (_, _, Some(rate)) => {
                let vus = OpenVus { pre_allocated: 0, max: 200_000 };
                let time_unit = Duration::from_secs(1);
                let executor = Executor::ConstantArrivalRate { rate, time_unit, duration: lasting, vus };
                // Arrivals do not pause: the schedule says when the next comes.
                let iteration = Iteration { think: Dist::ZERO, ..iteration };
                Plan::from_profile(&format!("{rate} requests/s"), &one(executor), &iteration)
            }
            _ if !self.stages.is_empty() => Plan::from_stages(&self.stages, &iteration),
            _ => Plan::practical_with(&iteration),
        };
        Ok(plan?)
    }
}

fn one(executor: Executor) -> Profile {
    let (start_time, graceful_stop) = (Duration::ZERO, Duration::from_secs(30));
    Profile { scenarios: vec![Scenario { name: "default".to_owned(), executor, start_time, graceful_stop }] }
}

fn read(file: &Path) -> Result<Plan> {
    let name = file.display().to_string();
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if !matches!(extension, "csv" | "toml") {
        bail!(
            "{name} is no load that can be read: a .toml plan, a .csv file of `seconds,requests per second` lines, or use \
             --stage, --users or --rate"
        );
    }
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let plan =
        if extension == "csv" { Plan::from_rates(&name, &text) } else { Plan::from_toml(&name, &text) };
    plan.with_context(|| name)
}
