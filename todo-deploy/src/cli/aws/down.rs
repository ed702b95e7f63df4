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
use crate::aws::apply::{Apply, LOOKS_MAX};
use crate::aws::leftovers::{Leftovers, leftovers};
use crate::aws::plan::{KEPT, Plan, removal};
use crate::aws::value::Ids;
use crate::deployment::Target;

/// Remove everything that `up` made, and check by tag that nothing is left
///
/// A database that `up` made is kept, and said so, unless --delete-database; even then a last snapshot stays. Images in ECR
/// stay too, and it is said how to delete them.
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
    if !plan.changes.is_empty() {
        say(&plan.to_string());
        if !confirmed("Remove all of this?", args.yes)? {
            say("nothing was changed");
            return Ok(ExitCode::from(1));
        }
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
        // Before anything else can go wrong.
        troubles.iter().for_each(|trouble| screen.say(&trouble.to_string()));
        let is_looked_for_again = troubles.is_empty();
        let (left, found) = closing(&session, args.delete_database, is_looked_for_again, &stop).await?;
        Ok((troubles.len(), left, found))
    };
    let (troubles, left, found) = stoppable(&stop, &screen, work).await?;
    left.kept.iter().chain(&found.kept).for_each(|kept| say(&format!("kept: {kept}")));
    for call in &found.unseen {
        say(&format!(
            "not checked: {call} is not allowed; `todo-deploy {target} policy` prints what is needed"
        ));
    }
    let known = left.changes.iter().map(|change| format!("left: {} `{}`", change.kind, change.name));
    let tagged =
        found.left.iter().map(|thing| format!("left: {} {}, which carries our tags", thing.kind, thing.id));
    let lines: Vec<String> = known.chain(tagged).map(|line| format!("{line}\n")).collect();
    if !lines.is_empty() || troubles > 0 {
        bail!("{}run it again and it goes on from here", lines.concat());
    }
    match plan.changes.is_empty() {
        true => say(&format!("nothing of {} is there to remove", session.names.deployment)),
        false => say(&format!("nothing of {} is left", session.names.deployment)),
    }
    Ok(ExitCode::SUCCESS)
}

/// What is there afterwards, by name and by tag. A list by tag may be late: what went is asked for again.
async fn closing(
    session: &Session,
    delete_database: bool,
    is_looked_for_again: bool,
    stop: &Cell<bool>,
) -> Result<(Plan, Leftovers)> {
    let observed = session.observe().await?;
    let left = removal(&observed, delete_database);
    let mut keep = Ids::default();
    for logical in KEPT.into_iter().filter(|_| !left.kept.is_empty()) {
        if let Some(id) = observed.ids.get(logical) {
            keep.insert(logical, id);
        }
    }
    let (clock, mut looks) = (session.cloud.patience(), 0..LOOKS_MAX);
    loop {
        let found = leftovers(&session.cloud, &session.names, &keep).await?;
        let again = is_looked_for_again && left.changes.is_empty() && !found.left.is_empty();
        if !again || stop.get() || looks.next().is_none() || !clock.again().await {
            return Ok((left, found));
        }
    }
}
