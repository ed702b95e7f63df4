//! `todo-deploy ec2 down`

use std::cell::Cell;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::super::say;
use super::Common;
use super::confirm::confirmed;
use super::session::Session;
use super::shown::Screen;
use super::stop::stoppable;
use crate::aws::apply::Apply;
use crate::aws::plan::removal;
use crate::deployment::Target;

/// Remove everything that `up` made, and check that nothing is left
///
/// A database that `up` made is kept, and said so, unless --delete-database; even then a last snapshot stays.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Remove the database too; a last snapshot is taken and kept
    #[arg(long)]
    delete_database: bool,
}

pub(super) async fn run(args: &Args, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    let observed = session.observe().await?;
    let plan = removal(&observed, args.delete_database);
    if plan.changes.is_empty() {
        plan.kept.iter().for_each(|kept| say(&format!("kept: {kept}")));
        say(&format!("nothing of {} is there to remove", session.names.deployment));
        return Ok(ExitCode::SUCCESS);
    }
    say(&plan.to_string());
    if !confirmed("Remove all of this?", args.yes)? {
        say("nothing was changed");
        return Ok(ExitCode::from(1));
    }
    let (stop, screen) = (Cell::new(false), Screen::open(args.common.plain, session.cloud.patience()));
    screen.begin(&format!("down {} on {target}", session.names.deployment), &plan);
    let work = async {
        let apply = Apply {
            cloud: &session.cloud,
            names: &session.names,
            deployment: &session.deployment,
            target,
            tell: &|progress| screen.show(&progress),
            stop: &stop,
        };
        let (_, troubles) = apply.run(&plan, &observed).await;
        let left = removal(&session.observe().await?, args.delete_database);
        Ok((troubles, left))
    };
    let (troubles, left) = stoppable(&stop, &screen, work).await?;
    left.kept.iter().for_each(|kept| say(&format!("kept: {kept}")));
    if !left.changes.is_empty() || !troubles.is_empty() {
        let troubles = troubles.iter().map(ToString::to_string);
        let left = left.changes.iter().map(|change| format!("left: {} `{}`", change.kind, change.name));
        let said: Vec<String> = troubles.chain(left).collect();
        bail!("{}\nrun it again and it goes on from here", said.join("\n"));
    }
    say(&format!("nothing of {} is left", session.names.deployment));
    Ok(ExitCode::SUCCESS)
}
