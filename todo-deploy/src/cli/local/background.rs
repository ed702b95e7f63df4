//! `up -d`: the same program once more, on its own, until the service answers there.
//!
//! Waits for another process, which is asked again and again.
#![expect(clippy::disallowed_methods, reason = "asks a process that starts")]

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{ask, status};
use crate::cli::{Answer, say};
use crate::local::RunDir;
use crate::local::control::Request;
use crate::status::Status;

/// From the start until the first instance is healthy.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// After so many instances that ended early nobody waits for another.
const TROUBLES_MAX: usize = 3;
/// Lines of the log that are shown when it does not start.
const SHOWN: usize = 20;

/// Tells the copy in the background what it is.
pub(super) const FLAG: &str = "--in-background";

/// Starts the copy and waits until the service answers, or does not.
pub(super) fn start(dir: &RunDir) -> Result<Answer> {
    dir.create()?;
    let path = dir.own_log();
    let log = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let own = std::env::current_exe().context("this program's own path cannot be read")?;
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (before, after) = split_at_double_dash(&arguments);
    let mut command = Command::new(own);
    command.args(before).arg(FLAG).args(after);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // Ctrl-C at this terminal is not meant for it.
    command.process_group(0);
    let mut child = command.spawn().context("cannot start in the background")?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(ended) = child.try_wait().context("a child can be asked")? {
            bail!("it did not start ({ended}); its last lines:\n{}", last_lines(dir));
        }
        match status::status(dir) {
            Ok(status) if status.group.healthy > 0 => return Ok(ready(&status, dir)),
            Ok(status) if status.notes.len() >= TROUBLES_MAX => {
                let notes = status.notes.join("\n");
                ask::ask(dir, &Request::Down { now: true })?;
                child.wait().context("a child can be waited for")?;
                bail!("the service does not start, and everything was stopped again:\n{notes}");
            }
            shown if Instant::now() > deadline => {
                let notes = shown.map_or_else(|_| Vec::new(), |status| status.notes);
                let notes: String = notes.iter().map(|note| format!("\n{note}")).collect();
                bail!(
                    "no instance is healthy after {} s; it goes on trying: `todo-deploy local status`, `local logs`, `local down`{notes}",
                    PATIENCE.as_secs()
                );
            }
            _ => std::thread::sleep(LOOK_EVERY),
        }
    }
}

fn split_at_double_dash(arguments: &[OsString]) -> (&[OsString], &[OsString]) {
    let at = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    arguments.split_at(at)
}

fn ready(status: &Status, dir: &RunDir) -> Answer {
    say("running in the background");
    for link in &status.about.links {
        say(&format!("  {:<14} {}", link.name.to_lowercase(), link.value));
    }
    say(&format!("  {:<14} {}", "log", dir.own_log().display()));
    say("`todo-deploy local status --watch` shows it, `todo-deploy local down` stops it");
    Answer::Yes
}

fn last_lines(dir: &RunDir) -> String {
    let text = std::fs::read_to_string(dir.own_log()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}
