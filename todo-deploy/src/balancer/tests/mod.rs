//! The balancer with real sockets and scripted targets.

mod basics;
mod entrances;
mod faults;
mod hostile;
mod leaving;
mod responses;
mod shares;
mod stub;

use std::net::SocketAddr;
use std::time::Duration;

use super::settings::{CheckKind, Settings};
use super::{Balancer, Handle};
use crate::timeline::InstanceId;
use stub::{Client, Stub, eventually};

/// A running balancer over some targets, numbered from 0.
struct Bench {
    balancer: Balancer,
    handle: Handle,
    address: SocketAddr,
}

/// Without checks, on one thread: the picker sees requests in the order in which they are sent.
fn quiet() -> Settings {
    let mut settings = Settings { workers: 1, ..Settings::default() };
    settings.checks.kind = CheckKind::Off;
    settings.deregistration_delay = Duration::from_secs(10);
    settings
}

fn bench(settings: Settings, targets: &[&Stub]) -> Bench {
    let addresses: Vec<_> = targets.iter().map(|stub| stub.address).collect();
    bench_at(settings, &addresses)
}

fn bench_at(settings: Settings, targets: &[SocketAddr]) -> Bench {
    let off = settings.checks.kind == CheckKind::Off;
    let balancer = Balancer::start(settings).expect("it starts");
    let handle = balancer.handle();
    for (id, &address) in (0..).zip(targets) {
        handle.register(InstanceId(id), address, 1).expect("it is new");
    }
    if off {
        eventually("all targets are healthy", || {
            handle.targets().iter().all(|target| target.state == crate::pick::TargetState::Healthy)
        });
    }
    let address = handle.addresses()[0];
    Bench { balancer, handle, address }
}

impl Bench {
    fn client(&self) -> Client {
        Client::to(self.address)
    }

    fn in_flight(&self) -> u32 {
        self.handle.targets().iter().map(|target| target.in_flight).sum()
    }
}
