//! `todo-deploy ec2 history`, `rollback`, `restart` and `scale`

use std::cell::RefCell;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::super::{print, say};
use super::session::Session;
use super::shown::Screen;
use super::stop::stoppable;
use super::{Common, Resolves};
use crate::aws::plan::Plan;
use crate::aws::ready::{Followed, Ready};
use crate::aws::revisions::{Revision, history, restart, roll_back, scale, undo};
use crate::aws::value::Ids;
use crate::deployment::Target;

/// List the versions that ran, newest first, with their images
#[derive(Debug, clap::Args)]
pub(super) struct History {
    #[command(flatten)]
    common: Common,
    /// Print a list of {`number`, `made_unix_s`, `image`, `current`}
    #[arg(long)]
    json: bool,
}

/// Go back to an earlier version, without `plan`: the one before, or the number that `history` shows
///
/// While instances are being replaced, the one before is the one that they are replaced from: the replacement is undone.
/// The next `up` brings the described version again; change the description too.
#[derive(Debug, clap::Args)]
pub(super) struct Rollback {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    resolves: Resolves,
    /// The version to go back to
    #[arg(value_name = "NUMBER")]
    number: Option<i64>,
}

/// Replace instances or tasks by their like, one after the other, so that they read their secrets anew
///
/// `status` and `up` say when a secret has changed since something that runs began.
#[derive(Debug, clap::Args)]
pub(super) struct Restart {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    resolves: Resolves,
}

/// Set how many instances or tasks there should be now; the policies may change it again
#[derive(Debug, clap::Args)]
pub(super) struct Scale {
    #[command(flatten)]
    common: Common,
    /// From capacity.min to capacity.max
    #[arg(value_name = "N")]
    wanted: u32,
}

pub(super) async fn show_history(args: &History, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    let found = history(&session.cloud, &session.names).await?;
    if args.json {
        print(&serde_json::to_string_pretty(&found)?);
        return Ok(ExitCode::SUCCESS);
    }
    if found.is_empty() {
        say(&format!("{} has no versions on {target}; `up` makes the first", session.names.deployment));
    }
    for Revision { number, image, current, .. } in &found {
        print(&format!("{} {number:>4}  {image}", if *current { "*" } else { " " }));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn run_rollback(args: &Rollback, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    let known = history(&session.cloud, &session.names).await?;
    let Some(current) = known.iter().find(|revision| revision.current) else {
        bail!("{} is not deployed on {target}; there is nothing to go back from", session.names.deployment);
    };
    let mut ids = session.observe().await?.ids;
    ids.remove(crate::aws::render::ROLLOUT);
    // While instances are being replaced, the version before is still the group's own.
    let may_undo = args.number.is_none_or(|number| number == current.number);
    let is_undone = may_undo && undo(&session.cloud, &session.names, &mut ids).await?;
    if is_undone {
        say(&format!(
            "the replacement that is under way is undone: back to {} ({})",
            current.number, current.image
        ));
    } else {
        let to = match args.number {
            Some(number) => known.iter().find(|revision| revision.number == number),
            None => known.iter().find(|revision| revision.number < current.number),
        };
        let Some(to) = to else {
            match args.number {
                Some(number) => bail!("there is no version {number}; `history` lists those there are"),
                None => bail!("there is no version before {} ({})", current.number, current.image),
            }
        };
        say(&format!("from {} ({}) to {} ({})", current.number, current.image, to.number, to.image));
        roll_back(&session.cloud, &session.names, to.number, &mut ids).await?;
    }
    wait("rollback", &session, (&args.common, &args.resolves), &ids, Followed::undone(is_undone)).await
}

pub(super) async fn run_restart(args: &Restart, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    let mut ids = session.observe().await?.ids;
    ids.remove(crate::aws::render::ROLLOUT);
    let begun = restart(&session.cloud, &session.names, &mut ids).await?;
    wait("restart", &session, (&args.common, &args.resolves), &ids, Followed::begun(begun)).await
}

/// Until the service answers; prints its URL.
async fn wait(
    what: &str,
    session: &Session,
    (common, resolves): (&Common, &Resolves),
    ids: &Ids,
    followed: Followed,
) -> Result<ExitCode> {
    let stop = std::cell::Cell::new(false);
    let screen = Screen::open(common.plain, session.cloud.patience());
    let title = format!("{what} of {} on {}", session.names.deployment, session.target);
    screen.begin(&title, &Plan::default());
    let ready = Ready {
        cloud: &session.cloud,
        names: &session.names,
        ids,
        deployment: &session.deployment,
        resolve: &resolves.resolve,
        followed: RefCell::new(followed),
    };
    let work = async {
        let waited = ready.wait(&|what, elapsed| screen.wait(what, elapsed), &|| stop.get()).await;
        waited.map_err(anyhow::Error::msg)
    };
    print(&stoppable(&stop, &screen, work).await?);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn run_scale(args: &Scale, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    scale(&session.cloud, &session.names, args.wanted).await?;
    say(&format!("{} are wanted now; `status --watch` shows them come and go", args.wanted));
    Ok(ExitCode::SUCCESS)
}
