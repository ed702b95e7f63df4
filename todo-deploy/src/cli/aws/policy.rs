//! `todo-deploy ec2 policy`

use std::process::ExitCode;

use anyhow::Result;

use super::super::print;
use super::Common;
use crate::aws::{Names, permissions};
use crate::deployment::Target;

/// Print the IAM policy that allows what these commands do, and no more
///
/// Asks nobody: it needs neither credentials nor a network.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: Common,
}

pub(super) fn run(args: &Args, target: Target) -> Result<ExitCode> {
    let deployment = args.common.deployment(target)?;
    let names = Names::of(&deployment, target);
    print(&serde_json::to_string_pretty(&permissions::policy(&deployment, &names))?);
    Ok(ExitCode::SUCCESS)
}
