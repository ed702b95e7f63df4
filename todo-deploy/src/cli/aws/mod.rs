//! `todo-deploy ec2` and `todo-deploy ecs`

mod board;
mod confirm;
mod down;
pub(super) mod image;
mod logs;
mod plan;
mod policy;
mod revisions;
mod session;
mod shown;
mod status;
mod stop;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::{input, say};
use crate::aws::preflight::Registry;
use crate::aws::ready::Resolve;
use crate::aws::{Access, Pace};
use crate::deployment::{Defaults, Deployment, Target, duration};
use crate::simulate::variants::assignment;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Args),
    Up(up::Args),
    Down(down::Args),
    Status(status::Args),
    Logs(logs::Args),
    Scale(revisions::Scale),
    History(revisions::History),
    Rollback(revisions::Rollback),
    Restart(revisions::Restart),
    Policy(policy::Args),
}

/// Which deployment, and whose.
#[derive(Debug, Clone, clap::Args)]
struct Common {
    /// The deployment's file; without it ./deployment.toml where there is one, else the defaults
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Use the practical's values instead of our corrections of them
    #[arg(long)]
    as_in_the_practical: bool,
    /// Set one field differently: --set capacity.max=8
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = assignment)]
    sets: Vec<(String, toml::Value)>,
    /// What the deployment is called: everything of it carries this name
    #[arg(long)]
    name: Option<String>,
    /// The container image, by tag or, better, by digest
    #[arg(long)]
    image: Option<String>,
    #[arg(long)]
    region: Option<String>,
    /// A profile of ~/.aws
    #[arg(long)]
    profile: Option<String>,
    /// Ask this registry whether the image is there, instead of the image's own: a mirror's address, or `none`
    #[arg(long, value_name = "URL", default_value = "", hide_default_value = true, hide_short_help = true, value_parser = registry)]
    registry_mirror: Registry,
    /// Plain lines of progress even on a terminal; pipes and CI get them anyway
    #[arg(long)]
    plain: bool,
    /// Give up waiting after this long
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30m")]
    timeout: Duration,
    /// Between two looks at something that takes its time
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "5s", hide_short_help = true)]
    poll: Duration,
    /// Limit of one attempt of one call; it is tried again with growing pauses
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "20s", hide_short_help = true)]
    call_timeout: Duration,
    /// First pause before a call is tried again
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "1s", hide_short_help = true)]
    backoff: Duration,
}

impl Common {
    fn deployment(&self, target: Target) -> Result<Deployment> {
        let (text, name) = input::description(self.file.as_deref())?;
        let text_of = |field: &str, value: &Option<String>| {
            value.as_ref().map(|value| (field.to_owned(), toml::Value::String(value.clone())))
        };
        let flags = [("name", &self.name), ("service.image", &self.image), ("aws.region", &self.region)];
        let flags = flags.into_iter().filter_map(|(field, value)| text_of(field, value));
        let overrides: Vec<_> = self.sets.iter().cloned().chain(flags).collect();
        let defaults = Defaults { target, as_in_the_practical: self.as_in_the_practical };
        Ok(Deployment::parse_with(&text, &name, defaults, &overrides)?)
    }

    fn access(&self, deployment: &Deployment) -> Access {
        Access {
            region: deployment.aws.region.clone(),
            profile: self.profile.clone(),
            lab_file: Access::lab_file(self.profile.is_some()),
        }
    }

    fn pace(&self) -> Pace {
        Pace {
            poll: self.poll,
            attempt: self.call_timeout,
            call: self.call_timeout.saturating_mul(6),
            backoff: self.backoff,
            total: self.timeout,
        }
    }
}

/// Nothing said is the image's own.
fn registry(text: &str) -> Result<Registry, String> {
    if text.is_empty() { Ok(Registry::Own) } else { text.parse() }
}

/// Answers that HOST:PORT:ADDRESS gives.
#[derive(Debug, Clone, clap::Args)]
struct Resolves {
    /// Where to find the load balancer whatever the name service says, as curl's: HOST:PORT:ADDRESS
    #[arg(long, value_name = "HOST:PORT:ADDRESS")]
    resolve: Vec<Resolve>,
}

/// `todo-deploy image`
pub(super) fn run_image(args: &image::Args) -> ExitCode {
    block_on(image::run(args))
}

pub(super) fn run(args: &Args, target: Target) -> ExitCode {
    block_on(async {
        match &args.command {
            Command::Plan(args) => plan::run(args, target).await,
            Command::Up(args) => up::run(args, target).await,
            Command::Down(args) => down::run(args, target).await,
            Command::Status(args) => status::run(args, target).await,
            Command::Logs(args) => logs::run(args, target).await,
            Command::Scale(args) => revisions::run_scale(args, target).await,
            Command::History(args) => revisions::show_history(args, target).await,
            Command::Policy(args) => policy::run(args, target),
            Command::Rollback(args) => revisions::run_rollback(args, target).await,
            Command::Restart(args) => revisions::run_restart(args, target).await,
        }
    })
}

fn block_on(work: impl Future<Output = Result<ExitCode>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.context("cannot start the runtime").and_then(|runtime| runtime.block_on(work));
    result.unwrap_or_else(|error| {
        say(&format!("error: {error:#}"));
        ExitCode::from(1)
    })
}
