//! `todo-deploy local scale`, `local kill`: one question, one answer.

use anyhow::Result;
use serde_json::Value;

use super::Which;
use crate::cli::{Answer, say};
use crate::local::RunDir;
use crate::local::control::{self, Request};

/// Have so many instances, as somebody who sets the desired capacity by hand
///
/// Stays within the deployment's minimum and maximum; the policies go on from there.
#[derive(Debug, clap::Args)]
pub(super) struct ScaleArgs {
    #[arg(value_name = "N")]
    to: u32,
    #[command(flatten)]
    which: Which,
}

/// End an instance as a power cut would, to see it replaced
#[derive(Debug, clap::Args)]
pub(super) struct KillArgs {
    /// As `status` names it, such as i-2
    #[arg(value_name = "INSTANCE")]
    instance: String,
    #[command(flatten)]
    which: Which,
}

pub(super) fn scale(args: &ScaleArgs) -> Result<Answer> {
    let answer = ask(&args.which.running()?, &Request::Scale { to: args.to })?;
    let number = |field: &str| answer[field].as_u64().unwrap_or_default();
    let (from, to) = (number("from"), number("to"));
    say(&if from == to {
        format!("{to} instances are wanted already")
    } else {
        format!("{from} → {to} instances")
    });
    if to != u64::from(args.to) {
        let (min, max) = (number("min"), number("max"));
        say(&format!(
            "{} is outside the deployment's limits, {min} to {max} (capacity.min, capacity.max)",
            args.to
        ));
        return Ok(Answer::No);
    }
    Ok(Answer::Yes)
}

pub(super) fn kill(args: &KillArgs) -> Result<Answer> {
    ask(&args.which.running()?, &Request::Kill { instance: args.instance.clone() })?;
    say(&format!("{} is killed; `todo-deploy local status` shows what comes in its place", args.instance));
    Ok(Answer::Yes)
}

/// Asks the run and shows what it says meanwhile.
pub(super) fn ask(dir: &RunDir, request: &Request) -> Result<Value> {
    control::ask(&dir.socket(), request, say)
}
