//! The thread that carries no traffic: health checks on a fixed clock, leaving targets, growing shares.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use super::clock;
use super::event::Event;
use super::fleet::Target;
use super::hub::Hub;
use super::probe::probe;
use super::settings::{Authority, CheckKind};
use super::worker::{self, Order};
use crate::engine::health::{Flip, HealthState};
use crate::pick::TargetState;
use crate::timeline::{Health, InstanceId, ProbeFailure};

/// What the control thread is told.
#[derive(Debug)]
pub(super) enum Command {
    Registered(Arc<Target>),
    Leaving(Arc<Target>),
    /// Settings changed: checks begin anew.
    Configured,
    Stop,
}

/// While a target has passed no check, it is looked at this often between the checks that count, so that an
/// instance that starts in milliseconds serves in milliseconds. Only a pass counts.
const EAGER: Duration = Duration::from_millis(100);
/// Shares grow in steps of this.
const RAMP: Duration = Duration::from_millis(250);

pub(super) fn start(
    hub: Arc<Hub>,
    workers: Vec<mpsc::UnboundedSender<Order>>,
    commands: mpsc::UnboundedReceiver<Command>,
) -> io::Result<std::thread::JoinHandle<()>> {
    worker::thread("balancer-control".to_owned(), || run(hub, workers, commands))
}

struct Control {
    hub: Arc<Hub>,
    workers: Vec<mpsc::UnboundedSender<Order>>,
    checks: HashMap<InstanceId, JoinHandle<()>>,
    /// A leaving target may have become idle: each drain looks.
    idle: Rc<Notify>,
}

async fn run(
    hub: Arc<Hub>,
    workers: Vec<mpsc::UnboundedSender<Order>>,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let idle = Rc::new(Notify::new());
    let mut control = Control { hub, workers, checks: HashMap::new(), idle };
    let mut next_ramp = clock::now() + RAMP;
    loop {
        let hub = Arc::clone(&control.hub);
        tokio::select! {
            command = commands.recv() => match command {
                None | Some(Command::Stop) => return,
                Some(command) => control.carry_out(command),
            },
            () = hub.fleet.idle.notified() => control.idle.notify_waiters(),
            () = clock::until(next_ramp) => {
                hub.fleet.ramp();
                next_ramp = clock::now() + RAMP;
            }
        }
    }
}

impl Control {
    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Registered(target) => self.check(target),
            Command::Leaving(target) => {
                if let Some(checks) = self.checks.remove(&target.id) {
                    checks.abort();
                }
                tell(&self.workers, || Order::Forget(target.id));
                let (hub, workers) = (Arc::clone(&self.hub), self.workers.clone());
                tokio::task::spawn_local(drain(hub, workers, target, Rc::clone(&self.idle)));
            }
            Command::Configured => {
                for target in self.hub.fleet.targets() {
                    if !target.is_leaving() {
                        self.check(target);
                    }
                }
            }
            Command::Stop => {}
        }
    }

    /// Begins, or begins anew, to check a target.
    fn check(&mut self, target: Arc<Target>) {
        let id = target.id;
        let checking = tokio::task::spawn_local(check(Arc::clone(&self.hub), target));
        if let Some(before) = self.checks.insert(id, checking) {
            before.abort();
        }
    }
}

fn tell(workers: &[mpsc::UnboundedSender<Order>], order: impl Fn() -> Order) {
    for worker in workers {
        // One that has ended has nothing to forget.
        let _ = worker.send(order());
    }
}

/// Waits until the target has nothing in flight or its time is over, then takes it out.
async fn drain(
    hub: Arc<Hub>,
    workers: Vec<mpsc::UnboundedSender<Order>>,
    target: Arc<Target>,
    idle: Rc<Notify>,
) {
    let deadline = clock::now() + hub.settings().deregistration_delay;
    let empty = async {
        loop {
            let mut notified = std::pin::pin!(idle.notified());
            notified.as_mut().enable();
            if hub.fleet.in_flight(target.id) == 0 {
                return;
            }
            notified.await;
        }
    };
    clock::by(deadline, empty).await;
    let cut = hub.fleet.in_flight(target.id);
    hub.fleet.remove(target.id);
    tell(&workers, || Order::Forget(target.id));
    tell(&workers, || Order::Wake);
    let _ = hub.events.send(Event::Drained { id: target.id, cut }).await;
}

/// Checks a target for as long as it is registered: on a fixed clock that begins now, whatever the answers take.
async fn check(hub: Arc<Hub>, target: Arc<Target>) {
    let checks = hub.settings().checks.clone();
    let own = hub.settings().authority == Authority::Own;
    if checks.kind == CheckKind::Off {
        return hub.fleet.set_state(target.id, TargetState::Healthy);
    }
    let mut health = match hub.fleet.state(target.id) {
        Some(TargetState::Healthy) => HealthState::HEALTHY,
        Some(TargetState::Unhealthy) => HealthState::UNHEALTHY,
        _ => HealthState::INITIAL,
    };
    let mut eager = health.health == Health::Initial;
    let mut tick = clock::now() + if eager { checks.interval } else { Duration::ZERO };
    loop {
        let began = clock::now();
        // One that is not on the clock may not delay one that is.
        let limit = if began < tick { checks.timeout.min(tick - began) } else { checks.timeout };
        let result = probe(target.address, &checks.kind, limit).await;
        let took = clock::now().duration_since(began);
        let on_the_clock = began >= tick;
        if result.is_ok() || on_the_clock {
            if result.is_ok() {
                eager = false;
                hub.fleet.readmit(target.id);
            }
            let id = target.id;
            if own {
                decide(
                    &hub,
                    &mut health,
                    &target,
                    result,
                    (checks.healthy_threshold, checks.unhealthy_threshold),
                );
            } else if hub.events.send(Event::Probe { id, result, took }).await.is_err() {
                return;
            }
        }
        while tick <= clock::now() {
            tick += checks.interval;
        }
        let soon = clock::now() + EAGER;
        clock::until(if eager && soon < tick { soon } else { tick }).await;
    }
}

/// What a result means, by the engine's own rules.
fn decide(
    hub: &Hub,
    health: &mut HealthState,
    target: &Target,
    result: Result<(), ProbeFailure>,
    (healthy, unhealthy): (u32, u32),
) {
    let flip = match result {
        Ok(()) => health.passed(healthy),
        Err(why) => health.failed(unhealthy, why),
    };
    let Some(Flip { from, to, reason }) = flip else { return };
    let state = match to {
        Health::Initial => TargetState::Initial,
        Health::Healthy => TargetState::Healthy,
        Health::Unhealthy => TargetState::Unhealthy,
    };
    hub.fleet.set_state(target.id, state);
    // Nobody has to read them where the balancer decides.
    let _ = hub.events.try_send(Event::Health { id: target.id, from, to, reason });
}
