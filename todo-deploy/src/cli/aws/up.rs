//! `todo-deploy ec2 up`

use std::cell::{Cell, RefCell};
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::super::{print, say};
use super::confirm::confirmed;
use super::session::Session;
use super::shown::{Screen, cost, warn};
use super::stop::stoppable;
use super::{Common, Resolves};
use crate::aws::apply::Apply;
use crate::aws::plan::Action;
use crate::aws::ready::Ready;
use crate::aws::stale::notes;
use crate::deployment::Target;

/// Make it so: create or change what `plan` shows, and wait until the service answers through the load balancer
///
/// Can be run again at any time, also after it was killed: it goes on from what is there. Prints the URL.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    resolves: Resolves,
    /// Do not ask before creating what costs money
    #[arg(long)]
    yes: bool,
    /// Do not wait until the service answers
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(args: &Args, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    let screen = Screen::open(args.common.plain, session.cloud.patience());
    let mut comparison = session.compare().await?;
    if !comparison.observed.leaving.is_empty() {
        session.wait_for_leaving(&|what, elapsed| screen.wait(what, elapsed)).await?;
        screen.end();
        comparison = session.compare().await?;
    }
    let plan = &comparison.plan;
    let names = &session.names;
    if !plan.changes.is_empty() {
        say(&plan.brief().to_string());
        warn(&session.deployment, target, &comparison.notes);
        let creates = plan.changes.iter().any(|change| change.action == Action::Create);
        if creates {
            say(&cost(&session.deployment, target));
        }
        let removes = plan.changes.iter().any(|c| matches!(c.action, Action::Replace | Action::Delete));
        if (creates || removes) && !confirmed("Go on?", args.yes)? {
            say("nothing was changed");
            return Ok(ExitCode::from(1));
        }
    }
    let (stop, screen) = (Cell::new(false), Screen::open(args.common.plain, session.cloud.patience()));
    screen.begin(&format!("up {} on {target}", names.deployment), plan);
    let work = async {
        let apply = Apply {
            cloud: &session.cloud,
            names,
            deployment: &session.deployment,
            target,
            tell: &|progress| screen.show(&progress),
            stop: &stop,
        };
        let (ids, troubles) = apply.run(plan, &comparison.observed).await;
        if !troubles.is_empty() {
            let said: Vec<String> = troubles.iter().map(ToString::to_string).collect();
            bail!(
                "{}\nwhat is done stays; run it again and it goes on from here, or `down` removes it",
                said.join("\n")
            );
        }
        if args.no_wait {
            return Ok(None);
        }
        let ready = Ready {
            cloud: &session.cloud,
            names,
            ids: &ids,
            deployment: &session.deployment,
            resolve: &args.resolves.resolve,
            followed: RefCell::default(),
        };
        let waited = ready.wait(&|what, elapsed| screen.wait(what, elapsed), &|| stop.get()).await;
        waited.map(Some).map_err(anyhow::Error::msg)
    };
    let url = stoppable(&stop, &screen, work).await?;
    // What was replaced just now has read them anew.
    for note in notes(&session.cloud, names, &session.deployment).await.unwrap_or_default() {
        say(&format!("note: {note}"));
    }
    if let Some(url) = url {
        say(&format!("{} answers", names.deployment));
        print(&url);
    }
    Ok(ExitCode::SUCCESS)
}
