//! `todo-deploy ec2|ecs status --web`, running.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::deploy::Deploy;
use super::emulator::Emulator;
use crate::{Api, within};

/// From the start of the command to its address, and from Ctrl-C to its end.
const PATIENCE: Duration = Duration::from_secs(120);

/// A dashboard of a deployment.
#[derive(Debug)]
pub struct Web {
    running: Child,
    pub url: String,
    api: Api,
}

impl Web {
    /// Looks anew five times a second.
    ///
    /// # Panics
    /// When it does not say its address.
    pub async fn of(deploy: &Deploy, emulator: &Emulator) -> Self {
        let status = ["status", "--web", "--listen", "127.0.0.1:0", "--poll", "200ms"];
        let mut command = deploy.command(emulator, &status);
        command.stderr(Stdio::piped()).kill_on_drop(true);
        let mut running = command.spawn().expect("todo-deploy was built with this test");
        let said = running.stderr.take().expect("standard error is piped");
        let mut lines = BufReader::new(said).lines();
        let first = within("the page's address", PATIENCE, lines.next_line()).await;
        let first = first.expect("readable").expect("a line");
        // What it says later must find a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let url = first.split_whitespace().next().expect("an address").to_owned();
        let address = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
        Self { running, url, api: Api { address } }
    }

    pub async fn timeline(&self) -> Value {
        self.api.get("/timeline.json").await.is(200).value()
    }

    /// Ctrl-C; the exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn end(mut self) -> Option<i32> {
        let id = self.running.id().and_then(|id| Pid::from_raw(id.cast_signed())).expect("it runs");
        kill_process(id, Signal::INT).expect("our own child");
        within("the page to end", PATIENCE, self.running.wait()).await.expect("a child").code()
    }
}
