//! `todo-deploy init`

use anyhow::Result;

use super::{Answer, input::Defaulting, print};
use crate::deployment::manual;

/// Print a commented deployment.toml with every default, which is also the manual of the format
///
/// Example: todo-deploy init --target ecs > deployment.toml
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    defaulting: Defaulting,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    print(&manual(args.defaulting.defaults()));
    Ok(Answer::Yes)
}
