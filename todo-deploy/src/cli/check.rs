//! `todo-deploy check`

use anyhow::Result;

use super::input::{DeploymentArgs, LoadArgs};
use super::{Answer, print, say};
use crate::check::{Warning, check};

/// Explain a deployment: what in it will surprise you, why, and what to do about it
///
/// Looks at the deployment under a load (by default the practical's k6.js). What our own defaults
/// do on purpose is told as well, with the reason. Exit code 0 when there is nothing else to warn of, 1 when there
/// is, 2 when the file cannot be used. What a request costs decides much: --set `model.service_time=2ms`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Print the warnings as JSON: a list of {`id`, `field`, `what`, `why`, `remedy`, `by_default`}
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let (deployment, name) = args.deployment.read()?;
    let target = args.deployment.defaulting.target;
    let plan = args.load.plan(None)?;
    plan.notes.iter().for_each(|note| say(&format!("note: {note}")));
    let warnings = check(&deployment, target, &plan);
    if args.json {
        print(&serde_json::to_string_pretty(&warnings)?);
    } else {
        let count = match warnings.len() {
            0 => "nothing to warn of".to_owned(),
            1 => "1 warning".to_owned(),
            count => format!("{count} warnings"),
        };
        let known = warnings.iter().filter(|warning| warning.by_default.is_some()).count();
        let known = match (known, warnings.len()) {
            (0, _) => String::new(),
            (known, all) if known == all => ", all of them of decided defaults".to_owned(),
            (known, _) => format!(", {known} of them of decided defaults"),
        };
        say(&format!("{name} for {target}: {count}{known}"));
        warnings.iter().for_each(|warning| print(&text(warning)));
    }
    let is_fine = warnings.iter().all(|warning| warning.by_default.is_some());
    Ok(if is_fine { Answer::Yes } else { Answer::No })
}

fn text(warning: &Warning) -> String {
    let Warning { id, field, what, why, remedy, by_default } = warning;
    let default = by_default.map(|reason| format!("\n  default {reason}")).unwrap_or_default();
    format!("\n{what}\n  field   {field}  ({id})\n  why     {why}\n  remedy  {remedy}{default}")
}
