//! Ctrl-C: the first lets running calls finish and begins nothing more, the second ends at once.

use std::cell::Cell;

use anyhow::{Result, bail};

use super::super::say;

/// Runs `work` with a flag that the first Ctrl-C sets.
pub(super) async fn stoppable<T>(stop: &Cell<bool>, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            signal = tokio::signal::ctrl_c() => {
                signal?;
                if stop.replace(true) {
                    bail!("ended at once; what was being made may be half done. Run the command again and it goes on, or `down`");
                }
                say("stopping: what runs is finished, nothing more begins (Ctrl-C again ends at once)");
            }
        }
    }
}
