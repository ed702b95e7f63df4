//! What others ask of a run: scaling by hand, killing, rolling out, reloading.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::settings::settings;
use super::{Hub, Rollout};
use crate::local::Stop;
use crate::local::control::{Answer, Asked, Request, Version};
use crate::local::instance::Running;
use crate::local::journal::{Input, Setup};
use crate::local::service::{Runs, Service, difference};
use crate::local::wanted::{Shape, Wanted};
use crate::local::{docker, procfs};
use crate::timeline::InstanceId;

impl Hub {
    /// Something when it is to end.
    pub(super) fn asked(&mut self, asked: Asked) -> Option<Stop> {
        let Asked { request, answer } = asked;
        let done = match request {
            Request::Status => serde_json::to_value(self.source.status()).context("a status is JSON"),
            Request::Scale { to } => Ok(self.scale(to)),
            Request::Kill { instance } => self.kill(&instance),
            Request::Deploy(version) => match self.deploy(version, &answer) {
                // Answered when it is there.
                Ok(()) => return None,
                Err(error) => Err(error),
            },
            Request::Reload(wanted) => match self.reload(*wanted, &answer) {
                Ok(true) => return None,
                Ok(false) => Ok(json!({ "reloaded": true })),
                Err(error) => Err(error),
            },
            Request::Down { now } => {
                self.asked_to_stop.push(answer);
                return Some(if now { Stop::Now } else { Stop::Gently });
            }
        };
        match done {
            Ok(value) => answer.done(value),
            Err(error) => answer.failed(&format!("{error:#}")),
        }
        None
    }

    fn scale(&mut self, to: u32) -> serde_json::Value {
        let from = self.driver.engine.desired();
        self.driver.feed(&Input::Desired { to });
        let capacity = self.deployment.capacity;
        json!({ "from": from, "to": self.driver.engine.desired(), "min": capacity.min, "max": capacity.max })
    }

    fn kill(&mut self, name: &str) -> Result<serde_json::Value> {
        let number = name.strip_prefix("i-").unwrap_or(name).parse().ok().map(InstanceId);
        let known = self.members.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let member = number.and_then(|id| Some((id, self.members.get_mut(&id)?)));
        let Some((id, member)) = member else { bail!("there is no instance {name}; there are {known}") };
        let Some(running) = &member.running else { bail!("{id} has no process yet") };
        match &member.container {
            Some(container) => docker::kill(container),
            None => kill(running),
        }
        member.is_killed = true;
        self.line(&format!("{id} is killed, as asked"));
        Ok(json!({ "killed": id.to_string() }))
    }

    fn deploy(&mut self, version: Version, answer: &Answer) -> Result<()> {
        let (image, program) = match &self.service.runs {
            Runs::Image { image, arguments } => (Some((image.clone(), arguments.clone())), None),
            Runs::Program { path, arguments } => (None, Some((path.clone(), arguments.clone()))),
        };
        let before = image.as_ref().map(|(_, arguments)| arguments).or(program.as_ref().map(|(_, a)| a));
        let arguments = version.arguments.or(before.cloned()).unwrap_or_default();
        let runs = match (version.program, version.image, image, program) {
            (Some(path), ..) => {
                ensure!(path.is_file(), "there is no program {}", path.display());
                Runs::Program { path, arguments }
            }
            (None, Some(image), ..) => {
                ensure!(
                    docker::answers(),
                    "an image needs a container engine, and none answers `docker version`"
                );
                Runs::Image { image, arguments }
            }
            (None, None, Some((image, _)), _) => Runs::Image { image, arguments },
            (None, None, None, Some((path, _))) => Runs::Program { path, arguments },
            (None, None, None, None) => bail!("there is nothing to deploy"),
        };
        let mut environment = self.service.environment.clone();
        environment.0.extend(version.environment);
        self.roll_out(Service::new(runs, &self.deployment, environment), answer)
    }

    /// Also without a difference: a program may have been built anew.
    fn roll_out(&mut self, service: Service, answer: &Answer) -> Result<()> {
        ensure!(self.rollout.is_none(), "a version is being rolled out already; wait for its end");
        let service = Arc::new(service);
        let what = difference(&self.service, &service).unwrap_or_else(|| "the same, started anew".to_owned());
        self.line(&format!("rolling out {service} ({what}): one instance after the other"));
        let previous = std::mem::replace(&mut self.service, service);
        self.rollout = Some(Rollout { previous, answer: answer.clone(), failures: 0 });
        answer.progress(&format!("rolling out: {what}"));
        self.renew_about();
        self.driver.feed(&Input::Roll);
        Ok(())
    }

    /// The same where nobody waits for an answer: what there is to say is said here.
    pub(super) fn reload_unasked(&mut self, wanted: Wanted) {
        if let Err(error) = self.reload(wanted, &Answer::to_nobody()) {
            self.line(&format!("nothing is reloaded: {error:#}"));
        }
    }

    /// Becomes what is wanted now; only what changed is touched. True when the answer comes later.
    fn reload(&mut self, wanted: Wanted, answer: &Answer) -> Result<bool> {
        let deployment = wanted.deployment()?;
        let fixed = [
            ("the speed", wanted.speed == self.wanted.speed),
            ("--like", wanted.like == self.wanted.like),
            ("the dashboard's address", wanted.dashboard == self.wanted.dashboard),
            ("how CPU is limited", wanted.cpu_limit == self.wanted.cpu_limit),
            (
                "the kind of load balancer",
                deployment.load_balancer.kind == self.deployment.load_balancer.kind,
            ),
        ];
        let changed: Vec<&str> = fixed.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect();
        ensure!(
            changed.is_empty(),
            "{} cannot change while it runs: `down` first, then `up`",
            changed.join(", ")
        );
        let mut said = Vec::new();
        // What can fail comes first: then nothing has changed.
        let service = Service::new(wanted.runs.clone(), &deployment, wanted.environment.clone());
        let difference = difference(&self.service, &service);
        ensure!(
            difference.is_none() || self.rollout.is_none(),
            "a version is being rolled out already, and this would be another; wait for its end"
        );
        let setup = Setup::new(&deployment, wanted.like, wanted.speed)?;
        let is_set_up_anew = setup != Setup::new(&self.deployment, self.wanted.like, self.wanted.speed)?;
        let of = |wanted: &Wanted, deployment| settings(wanted, deployment, &self.dir);
        let (next, before) = (of(&wanted, &deployment), of(&self.wanted, &self.deployment));
        if next != before {
            self.handle
                .configure(next)
                .context("the load balancer stays as it is, and so does everything else")?;
            said.push("the load balancer is set up anew; no connection was touched".to_owned());
        }
        if is_set_up_anew {
            self.driver.feed(&Input::Reconfigure { setup: Box::new(setup) });
            said.push("limits, policies and checks are those of the deployment now".to_owned());
        }
        let shape = Shape::of(&deployment, wanted.like, wanted.speed);
        if shape.vcpus != self.shape.vcpus {
            for running in self.members.values().filter_map(|member| member.running.as_ref()) {
                self.limiter.set(&running.limited, shape.vcpus);
            }
            said.push(format!("each instance may use {} vCPU", shape.vcpus));
        }
        (self.shape, self.wanted, self.deployment) = (shape, wanted, deployment);
        if said.is_empty() && difference.is_none() {
            said.push("nothing changed".to_owned());
        }
        for line in &said {
            self.line(line);
            answer.progress(line);
        }
        self.renew_about();
        match difference {
            Some(_) => self.roll_out(service, answer).map(|()| true),
            None => Ok(false),
        }
    }
}

/// SIGKILL to all of an instance's processes, the first one first.
fn kill(running: &Running) {
    let tree = procfs::tree(&procfs::all(), running.root.pid);
    let is_ours = tree.iter().any(|stat| stat.pid == running.root.pid && stat.start == running.root.start);
    if is_ours || tree.is_empty() {
        procfs::signal(running.root.pid, rustix::process::Signal::KILL);
    }
    for stat in tree.iter().filter(|stat| is_ours && stat.pid != running.root.pid) {
        procfs::signal(stat.pid, rustix::process::Signal::KILL);
    }
}
