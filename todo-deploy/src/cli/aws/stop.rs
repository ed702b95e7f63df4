//! Ctrl-C: the first lets running calls finish and begins nothing more, the second ends at once.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Result, bail};

use super::board::FRAME;
use super::shown::Screen;
use crate::aws::Deadline;

/// Runs `work` with a flag that the first Ctrl-C sets, and lets its screen show that time goes by.
pub(super) async fn stoppable<T>(
    stop: &Cell<bool>,
    screen: &Screen,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::pin!(work);
    let frames = Deadline::after(Duration::MAX, FRAME);
    let result = loop {
        tokio::select! {
            biased;
            done = &mut work => break done,
            signal = tokio::signal::ctrl_c() => {
                signal?;
                if stop.replace(true) {
                    screen.end();
                    bail!("ended at once; what was being made may be half done. Run the command again and it goes on, or `down`");
                }
                screen.stopping();
            }
            _ = frames.again() => screen.tick(),
        }
    };
    screen.end();
    result
}
