//! `todo-deploy local down`
//!
//! Waits for another process to be gone, which tells nobody.
#![expect(clippy::disallowed_methods, reason = "waits for the lock of a process that is ending")]

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::{Which, ask};
use crate::cli::{Answer, say};
use crate::local::control::Request;
use crate::local::{Lock, RunDir, end_orphans};

/// From the last answer to the end of the process.
const PATIENCE: Duration = Duration::from_secs(10);

/// Stop everything: drain, stop every instance, and clean up after a run that was killed
///
/// The todos and the logs stay for the next `up`; --purge removes them, too.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Without draining: requests in flight fail
    #[arg(long)]
    now: bool,
    /// Remove the run's directory with its todos and logs
    #[arg(long)]
    purge: bool,
    #[command(flatten)]
    which: Which,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let dir = args.which.dir(None)?;
    if dir.is_running()? {
        ask::ask(&dir, &Request::Down { now: args.now })?;
        say("stopped");
    } else if !dir.root().exists() {
        say("nothing runs, and nothing is left");
        return Ok(Answer::Yes);
    }
    let lock = lock(&dir)?;
    match end_orphans(&dir, &lock) {
        0 => {}
        orphans => say(&format!("ended {orphans} instances that a killed todo-deploy had left")),
    }
    if args.purge {
        dir.purge()?;
        say(&format!("removed {}", dir.root().display()));
    }
    Ok(Answer::Yes)
}

fn lock(dir: &RunDir) -> Result<Lock> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(lock) = dir.lock()? {
            return Ok(lock);
        }
        if Instant::now() > deadline {
            bail!("the run has answered, and still does not end; look at {}", dir.own_log().display());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
