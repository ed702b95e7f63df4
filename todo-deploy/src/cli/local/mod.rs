//! `todo-deploy local`: the whole architecture, alive on this machine.

#![expect(clippy::doc_markdown, reason = "the doc comments are the text of --help, which is no Markdown")]

mod ask;
mod background;
mod deploy;
mod down;
mod logs;
mod screen;
mod status;
mod up;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Subcommand;

use super::Answer;
use crate::deployment::{Defaults, Deployment, Target};
use crate::local::{RunDir, check_name};

/// Run a deployment on this machine: a load balancer, real instances, health checks, an autoscaler, a dashboard
///
/// `up` starts it (and changes it, when it runs already), Ctrl-C or `down` stops it. Nothing of it costs anything or
/// leaves this machine.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(Box<up::Args>),
    Status(status::Args),
    Logs(logs::Args),
    Scale(ask::ScaleArgs),
    Deploy(deploy::Args),
    Kill(ask::KillArgs),
    Down(down::Args),
}

/// Which run.
#[derive(Debug, Clone, clap::Args)]
struct Which {
    /// Name of the run, so that several can be there at a time [default: the deployment's name, `todo`]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where its sockets, logs and database are [default: todo-deploy/NAME in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "DIR", env = "TODO_DEPLOY_RUN_DIR")]
    run_dir: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    match &args.command {
        Command::Up(args) => up::run(args),
        Command::Status(args) => status::run(args),
        Command::Logs(args) => logs::run(args),
        Command::Scale(args) => ask::scale(args),
        Command::Deploy(args) => deploy::run(args),
        Command::Kill(args) => ask::kill(args),
        Command::Down(args) => down::run(args),
    }
}

impl Which {
    /// The directory of the run; `deployment` is its name where one was read.
    fn dir(&self, deployment: Option<&str>) -> Result<RunDir> {
        let name = self.name.clone().or_else(|| deployment.map(str::to_owned)).unwrap_or_else(usual_name);
        check_name(&name)?;
        RunDir::of(&name, self.run_dir.as_deref())
    }

    /// The directory of a run that is there.
    fn running(&self) -> Result<RunDir> {
        let dir = self.dir(None)?;
        if dir.is_running()? {
            return Ok(dir);
        }
        let place = dir.root().display();
        match others(&dir).as_slice() {
            [] => bail!("nothing runs in {place}; start it with `todo-deploy local up`"),
            names => bail!("nothing runs in {place}; what runs is --name {}", names.join(", --name ")),
        }
    }
}

/// Runs beside this one.
fn others(dir: &RunDir) -> Vec<String> {
    let beside = dir.root().parent().and_then(|parent| parent.read_dir().ok());
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        let path = dir.root().with_file_name(&name);
        let is_running = RunDir::of(&name, Some(&path)).ok()?.is_running().ok()?;
        is_running.then_some(name)
    };
    beside.into_iter().flatten().filter_map(name).collect()
}

/// The name that the deployment of this directory has.
fn usual_name() -> String {
    let text = std::fs::read_to_string(Path::new("deployment.toml")).unwrap_or_default();
    let name =
        text.parse::<toml::Table>().ok().and_then(|table| Some(table.get("name")?.as_str()?.to_owned()));
    name.unwrap_or_else(|| Deployment::default_for(Defaults::of(Target::Local)).name.clone())
}
