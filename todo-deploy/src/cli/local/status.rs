//! `todo-deploy local status`

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Which, ask};
use crate::cli::{Answer, print};
use crate::local::RunDir;
use crate::local::control::Request;
use crate::status::{Phase, Status, text};

const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Back to the top, and remove what was there.
const CLEAR: &str = "\x1b[H\x1b[J";

/// Show how things stand: the fleet, policies, alarms, traffic, and what happened with its causes
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show it anew every second, until it ends
    #[arg(short, long)]
    watch: bool,
    /// Print it as JSON, the same that the dashboard serves as /status.json; with --watch one line each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let dir = args.which.running()?;
    let mut status = status(&dir)?;
    if !args.watch {
        print(&shown(&status, args.json, true)?);
        return Ok(Answer::Yes);
    }
    loop {
        let clear = if std::io::stdout().is_terminal() && !args.json { CLEAR } else { "" };
        print(&format!("{clear}{}", shown(&status, args.json, false)?));
        if status.phase == Phase::Ended {
            return Ok(Answer::Yes);
        }
        #[expect(clippy::disallowed_methods, reason = "somebody watches")]
        std::thread::sleep(WATCH_EVERY);
        status = match self::status(&dir) {
            Ok(status) => status,
            Err(_) if !dir.is_running()? => return Ok(Answer::Yes),
            Err(error) => return Err(error),
        };
    }
}

pub(super) fn status(dir: &RunDir) -> Result<Status> {
    serde_json::from_value(ask::ask(dir, &Request::Status)?)
        .context("the run is of another version of todo-deploy")
}

fn shown(status: &Status, json: bool, pretty: bool) -> Result<String> {
    Ok(match (json, pretty) {
        (true, true) => serde_json::to_string_pretty(status)?,
        (true, false) => serde_json::to_string(status)?,
        (false, _) => text(status),
    })
}
