//! `todo-deploy ec2 plan`

use std::process::ExitCode;

use anyhow::Result;

use super::super::print;
use super::Common;
use super::session::Session;
use super::shown::warn;
use crate::aws::cloudformation;
use crate::deployment::Target;

/// Show what `up` would change: + made, ~ changed, − removed, ± replaced; and warn of traps
///
/// Exit code 0 when there is nothing to change, 2 when there is, 1 when it cannot be told.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
    /// Print the changes as JSON: {`changes`: [{`logical`, `action`, `kind`, `name`, `attributes`: [{`path`, `old`,
    /// `new`}], `calls`}], `unchanged`, `kept`}
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

pub(super) async fn run(args: &Args, target: Target) -> Result<ExitCode> {
    let session = Session::open(&args.common, target).await?;
    let comparison = session.compare().await?;
    let plan = &comparison.plan;
    if args.json {
        print(&serde_json::to_string_pretty(plan)?);
    } else if args.format == Format::CloudFormation {
        let template = cloudformation::template(&comparison.desired, &session.names);
        print(&serde_json::to_string_pretty(&template)?);
    } else {
        print(&plan.to_string());
        warn(&session.deployment, target, &comparison.notes);
    }
    Ok(if plan.changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
