//! `todo-deploy ec2 plan`

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use super::super::{print, say};
use super::Common;
use super::session::{Comparison, Session};
use super::shown::{cost, hourly, traps, warn};
use crate::aws::cloudformation;
use crate::aws::plan::{Action, Plan};
use crate::check::Warning;
use crate::deployment::Target;

/// Show what `up` would change: + made, ~ changed, − removed, ± replaced; what it costs; and warn of traps
///
/// Exit code 0 when there is nothing to change, 2 when there is, 1 when it cannot be told.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Print the changes as JSON: {`changes`: [{`logical`, `action`, `kind`, `name`, `attributes`: [{`path`, `old`,
    /// `new`}], `calls`}], `unchanged`, `kept`, `traps`, `notes`, `usd_per_hour`}
    #[arg(long)]
    json: bool,
    /// `text`, or what should be there as a CloudFormation template
    #[arg(long, value_enum, default_value = "text", conflicts_with = "json")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    #[value(name = "cloudformation")]
    CloudFormation,
}

/// `--json`: all that is said otherwise.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    traps: Vec<Warning>,
    notes: &'a [String],
    /// What it costs while nothing scales, at list prices, in US dollars.
    usd_per_hour: f64,
}

pub(super) async fn run(args: &Args, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    let comparison = session.compare().await?;
    let plan = &comparison.plan;
    if args.json {
        let Comparison { notes, .. } = &comparison;
        let (traps, usd_per_hour) = (traps(&session.deployment, target), hourly(&session.deployment, target));
        print(&serde_json::to_string_pretty(&Shown { plan, traps, notes, usd_per_hour })?);
    } else if args.format == Format::CloudFormation {
        let template = cloudformation::template(&comparison.desired, &session.names);
        print(&serde_json::to_string_pretty(&template)?);
    } else {
        print(&plan.to_string());
        if plan.changes.iter().any(|change| change.action == Action::Create) {
            say(&cost(&session.deployment, target));
        }
        warn(&session.deployment, target, &comparison.notes);
    }
    Ok(if plan.changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
