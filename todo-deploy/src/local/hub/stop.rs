//! The end of a run: nothing new is accepted, what is in flight is finished, and nothing stays behind.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::Hub;
use crate::balancer::Balancer;
use crate::local::Stop;
use crate::local::control::{Asked, Request};
use crate::local::docker;
use crate::local::instance::Life;
use crate::local::journal::Input;
use crate::status::Phase;
use crate::timeline::InstanceId;

/// For requests in flight, where the deregistration delay is longer.
const GRACE_MAX: Duration = Duration::from_secs(30);
/// For whoever asked, to be told.
const TELL_PATIENCE: Duration = Duration::from_secs(1);

impl Hub {
    /// Drains, stops every instance and cleans up; a second request to stop does not wait any more.
    pub(super) async fn end(
        mut self,
        first: Stop,
        balancer: Balancer,
        mut stop: watch::Receiver<Stop>,
        mut lives: mpsc::Receiver<(InstanceId, Life)>,
        mut requests: mpsc::Receiver<Asked>,
    ) {
        let mut hurry = first == Stop::Now;
        self.line(&format!(
            "stopping {} instances{}",
            self.members.len(),
            if hurry { " at once" } else { "" }
        ));
        self.driver.feed(&Input::End);
        for event in self.driver.take_events() {
            self.note(&event);
        }
        self.board.phase(Phase::Stopping);
        self.publish();
        let delay = self.deployment.load_balancer.deregistration_delay.div_f64(self.wanted.speed);
        let grace = if hurry { Duration::ZERO } else { delay.min(GRACE_MAX) };
        let mut drained = Some(tokio::task::spawn_blocking(move || balancer.shutdown(grace)));
        let mut stopping = false;
        loop {
            if hurry || (drained.is_none() && !stopping) {
                stopping = true;
                self.stop_all(if hurry { Stop::Now } else { Stop::Gently });
            }
            if self.members.is_empty() && (drained.is_none() || hurry) {
                break;
            }
            tokio::select! {
                finished = async { drained.as_mut().expect("asked only while there").await }, if drained.is_some() => {
                    drained = None;
                    if matches!(finished, Ok(false)) {
                        self.line("some connections were cut");
                    }
                }
                Some((id, life)) = lives.recv() => self.last_words(id, life, stopping, hurry),
                Some(asked) = requests.recv() => match asked.request {
                    Request::Down { now } => {
                        hurry |= now;
                        self.asked_to_stop.push(asked.answer);
                    }
                    _ => asked.answer.failed("it is stopping"),
                },
                changed = stop.wait_for(|stop| *stop == Stop::Now), if !hurry => {
                    hurry = changed.is_ok();
                    if hurry {
                        self.line("at once");
                    }
                }
            }
        }
        self.clean_up().await;
    }

    fn stop_all(&self, how: Stop) {
        for member in self.members.values() {
            if let Some(running) = &member.running {
                self.limiter.release(&running.limited);
            }
            member.stop.send_if_modified(|stop| std::mem::replace(stop, how.max(*stop)) < how);
        }
    }

    fn last_words(&mut self, id: InstanceId, life: Life, stopping: bool, hurry: bool) {
        match life {
            Life::Started { .. } | Life::Unheard(..) => {}
            Life::Spawned(running) => {
                if let Some(member) = self.members.get_mut(&id) {
                    member.running = Some(running);
                }
                if stopping {
                    self.stop_all(if hurry { Stop::Now } else { Stop::Gently });
                }
            }
            Life::Ended(_) => {
                let Some(member) = self.members.remove(&id) else { return };
                if let Some(running) = &member.running {
                    self.limiter.remove(&running.limited);
                }
                member.container.as_deref().into_iter().for_each(|name| {
                    docker::remove(name);
                });
            }
        }
    }

    async fn clean_up(mut self) {
        self.board.phase(Phase::Ended);
        self.publish();
        if let Ok(recording) = serde_json::to_vec(&self.source.recording()) {
            // It is there to be looked at later; the run itself needs it no more.
            let _ = std::fs::write(self.dir.root().join("timeline.json"), recording);
        }
        let _ = std::fs::remove_file(self.dir.socket());
        self.line(&format!("stopped; logs and the timeline are in {}", self.dir.root().display()));
        for answer in std::mem::take(&mut self.asked_to_stop) {
            answer.done(serde_json::json!({ "stopped": true }));
            let _ = timeout(TELL_PATIENCE, answer.told()).await;
        }
    }
}
