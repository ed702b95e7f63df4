//! Cleaning up after this process, however it ends.

use std::process::{Child, ChildStdin, Command, Stdio};

/// A shell that notices the end of this process, also by `kill -9`, because it reads from a pipe that only this
/// process holds. Dropping the value has the same effect.
#[derive(Debug)]
pub struct Watchdog {
    pipe: Option<ChildStdin>,
    shell: Child,
}

impl Watchdog {
    /// Runs the shell script `cleanup`, with `args` as its `$1`, `$2`…, once this process has ended. A script that
    /// has something to do before then writes `watch` where it wants to wait.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn start(script: &str, args: &[&str]) -> std::io::Result<Self> {
        // In a process group of its own, and deaf: Ctrl-C ends the tests, and what comes after is our business.
        let script = format!("trap '' INT TERM HUP; watch() {{ cat >/dev/null; }}; {script}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "watchdog"]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut shell = command.spawn()?;
        Ok(Self { pipe: shell.stdin.take(), shell })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
