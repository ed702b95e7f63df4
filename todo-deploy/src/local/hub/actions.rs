//! What the engine wants done, what it tells, and what instances and the balancer tell it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Hub, Member, Rollout, Said, samples};
use crate::balancer;
use crate::engine::Action;
use crate::local::docker;
use crate::local::instance::{self, Ending, Life, Plan, Stop};
use crate::local::journal::{Fact, Input};
use crate::local::{log, seed};
use crate::pick::TargetState;
use crate::report::story;
use crate::timeline::{Event, EventKind, Health, InstanceId, LaunchCause};

/// A new version whose instances failed so often is taken back.
const ROLLOUT_FAILURES_MAX: u32 = 3;

impl Hub {
    /// Takes what the engine has to tell, and has it done.
    pub(super) fn carry_out(&mut self) {
        let events = self.driver.take_events();
        let had_news = !events.is_empty();
        for event in &events {
            self.note(event);
            self.tell(event);
            self.follow(event);
        }
        for action in self.driver.take_actions() {
            match action {
                Action::Launch(id) => self.launch(id),
                Action::Drain { id, .. } => {
                    self.handle.deregister(id);
                }
                Action::Terminate(id) => self.terminate(id),
            }
        }
        self.finish_rollout();
        if had_news {
            self.publish();
        }
    }

    pub(super) fn publish(&mut self) {
        self.board.publish(self.driver.now());
        (self.say)(Said::Status(Box::new(self.source.status())));
    }

    /// Says what happened; a refusal only when it is another than the last.
    fn tell(&mut self, event: &Event) {
        let lines = story(std::slice::from_ref(event));
        match &event.kind {
            EventKind::NotScaled { policy, why, .. } => {
                let text = format!("{why:?}");
                if self.refusals.get(policy) == Some(&text) {
                    return;
                }
                self.refusals.insert(policy.clone(), text);
            }
            EventKind::Scaled { .. } => self.refusals.clear(),
            // Nobody uses it yet: that nothing is healthy is no news.
            EventKind::FailOpen { .. } if !self.is_seeded => return,
            _ => {}
        }
        lines.iter().for_each(|line| self.line(line));
    }

    fn follow(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Launching { instance, cause: LaunchCause::Replaces(old) } => {
                let ended_early = !self.served.contains(old) && !self.members.contains_key(old);
                self.backoff.replaces(*instance, *old, ended_early);
            }
            EventKind::Health { instance, to, .. } => {
                self.handle.set_state(*instance, state(*to));
                if *to == Health::Healthy {
                    self.served.insert(*instance);
                    self.backoff.forget(*instance);
                    self.welcome(*instance);
                }
            }
            _ => {}
        }
        // Whom nothing can be asked about any more need not be remembered.
        while self.served.len() > 1000 {
            self.served.pop_first();
        }
    }

    /// The first instance that serves: the database gets its first todos, and then all is ready.
    fn welcome(&mut self, id: InstanceId) {
        if self.is_ready {
            return;
        }
        self.is_ready = true;
        let address = self.members.get(&id).and_then(|member| member.address);
        let count = self.wanted.seed_todos;
        let seeded = self.seeded.clone();
        tokio::spawn(async move {
            let count = match address {
                Some(address) => seed::seed(address, count).await,
                None => Ok(0),
            };
            let _ = seeded.send(count).await;
        });
    }

    pub(super) fn ready(&mut self, seeded: anyhow::Result<u32>) {
        match seeded {
            Ok(0) => {}
            Ok(count) => self.line(&format!("the database was empty: put {count} todos into it")),
            Err(error) => self.line(&format!("the database gets no first todos: {error:#}")),
        }
        self.is_seeded = true;
        if let Some(address) = self.handle.addresses().first() {
            (self.say)(Said::Ready(*address, self.dashboard));
        }
    }

    fn launch(&mut self, id: InstanceId) {
        let (stop, stopped) = watch::channel(Stop::No);
        let failures = self.backoff.failures(id);
        let wait = self.backoff.wait(id);
        if failures > 0 {
            let wait = wait.as_secs_f64();
            self.line(&format!("{id} waits {wait:.1} s before it starts: {failures} in a row ended early"));
        }
        // Those that are there from the beginning stand for machines that have long been up.
        let from_the_beginning = !self.is_ready && self.served.is_empty();
        let delay = |delay| if from_the_beginning { std::time::Duration::ZERO } else { delay };
        let service = Arc::clone(&self.service);
        let container = service
            .is_image()
            .then(|| format!("todo-deploy-{}-{}-{id}", self.deployment.name, std::process::id()));
        let plan = Plan {
            id,
            service: Arc::clone(&service),
            wait,
            launch: delay(self.shape.launch),
            boot: delay(self.shape.boot),
            vcpus: self.shape.vcpus,
            stop_timeout: self.wanted.stop_timeout,
            record: self.dir.record(id),
            log: self.dir.log_of(&id.to_string()),
            container: container.clone(),
        };
        log::prune(&self.dir.logs());
        let account = samples::Account::new(self.shape.burst, self.driver.now(), self.wanted.speed);
        let member = Member {
            stop,
            service,
            container,
            address: None,
            metrics: None,
            running: None,
            account,
            is_killed: false,
        };
        self.members.insert(id, member);
        tokio::spawn(instance::live(plan, Arc::clone(&self.limiter), stopped, self.told.clone()));
    }

    fn terminate(&mut self, id: InstanceId) {
        // Not registered any more, or never was, unless there is no deregistration delay.
        self.handle.deregister(id);
        if let Some(member) = self.members.get(&id) {
            if let Some(running) = &member.running {
                self.limiter.release(&running.limited);
            }
            let _ = member.stop.send(Stop::Gently);
        }
    }

    /// An instance tells about itself.
    pub(super) fn lived(&mut self, id: InstanceId, life: Life) {
        let Some(member) = self.members.get_mut(&id) else { return };
        match life {
            Life::Started { address, metrics } => {
                (member.address, member.metrics) = (Some(address), Some(metrics));
                // It was told to stop while it was starting: the engine knows.
                if *member.stop.borrow() == Stop::No && self.handle.register(id, address, 1).is_ok() {
                    self.driver.feed(&Input::Fact { instance: id, is: Fact::Started });
                }
            }
            Life::Spawned(running) => {
                if *member.stop.borrow() != Stop::No {
                    self.limiter.release(&running.limited);
                }
                member.running = Some(running);
            }
            Life::Unheard(address, elsewhere) => {
                let text = unheard(id, address, &elsewhere, &member.service.port_given(address.port()));
                // Whoever waits for a roll-out hears it once; its other instances do no better.
                if let Some(rollout) = self.rollout.as_ref().filter(|rollout| rollout.failures == 0) {
                    rollout.answer.progress(&text);
                }
                self.warn(text);
            }
            Life::Ended(ending) => return self.ended(id, &ending),
        }
        self.show_instances();
        self.publish();
    }

    fn ended(&mut self, id: InstanceId, ending: &Ending) {
        let Some(member) = self.members.remove(&id) else { return };
        self.handle.deregister(id);
        if let Some(running) = &member.running {
            self.limiter.remove(&running.limited);
        }
        if let Some(name) = member.container.clone() {
            tokio::task::spawn_blocking(move || docker::remove(&name));
        }
        let was_asked = *member.stop.borrow() != Stop::No;
        let has_served = self.served.contains(&id);
        if !was_asked && !member.is_killed {
            self.trouble(id, ending);
        }
        let is_new = |rollout: &Rollout| !Arc::ptr_eq(&rollout.previous, &member.service);
        if let Some(rollout) = self.rollout.as_mut().filter(|rollout| !has_served && is_new(rollout)) {
            rollout.failures += 1;
            if rollout.failures >= ROLLOUT_FAILURES_MAX {
                self.take_back(ending);
            }
        }
        self.driver.feed(&Input::Fact { instance: id, is: Fact::Exited });
    }

    /// The balancer tells about a target.
    pub(super) fn balanced(&mut self, event: balancer::Event) {
        let (id, fact) = match event {
            balancer::Event::Probe { id, result: Ok(()), .. } => (id, Fact::ProbePassed),
            balancer::Event::Probe { id, result: Err(why), .. } => (id, Fact::ProbeFailed(why)),
            balancer::Event::Drained { id, cut } => {
                if cut > 0 {
                    self.line(&format!(
                        "{id}: {cut} requests took longer than the deregistration delay and were cut"
                    ));
                }
                (id, Fact::Drained)
            }
            balancer::Event::Ejected { .. } | balancer::Event::Health { .. } => return,
        };
        self.driver.feed(&Input::Fact { instance: id, is: fact });
    }

    /// All instances run the new version.
    fn finish_rollout(&mut self) {
        if self.driver.engine.is_rolling() {
            return;
        }
        if let Some(rollout) = self.rollout.take() {
            let text = format!("every instance runs {}", self.service);
            self.line(&text);
            rollout.answer.done(serde_json::json!({ "deployed": self.service.to_string() }));
        }
    }

    /// The new version cannot start: back to the previous one.
    fn take_back(&mut self, last: &Ending) {
        let Some(rollout) = self.rollout.take() else { return };
        let failed = std::mem::replace(&mut self.service, rollout.previous);
        let has_survivors = self
            .members
            .iter()
            .any(|(id, member)| Arc::ptr_eq(&member.service, &failed) && self.served.contains(id));
        let input = if has_survivors { Input::Roll } else { Input::StopRolling };
        self.driver.feed(&input);
        let lines: String = last.last_lines.iter().map(|line| format!("\n    | {line}")).collect();
        let text = format!(
            "{failed} does not start ({} {}): back to {}{lines}",
            last.how,
            if rollout.failures > 1 { format!("{} times", rollout.failures) } else { "once".to_owned() },
            self.service
        );
        self.line(&text);
        self.renew_about();
        rollout.answer.failed(&text);
    }
}

/// What there is to say of an instance that does not listen where it should.
fn unheard(id: InstanceId, address: SocketAddr, elsewhere: &[SocketAddr], given: &str) -> String {
    let elsewhere: Vec<String> = elsewhere.iter().map(ToString::to_string).collect();
    match elsewhere.as_slice() {
        [] => format!("{id} listens nowhere, and so not on {address}, which {given}"),
        _ => format!("{id} listens on {} and not on {address}, which {given}", elsewhere.join(" and ")),
    }
}

const fn state(health: Health) -> TargetState {
    match health {
        Health::Initial => TargetState::Initial,
        Health::Healthy => TargetState::Healthy,
        Health::Unhealthy => TargetState::Unhealthy,
    }
}
