//! What the scaling engine costs per fact, by the size of the fleet.
//!
//! `cargo bench -p todo-deploy --bench engine`. Items per second are facts and measurements.

use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use todo_deploy::deployment::{Defaults, Deployment, Metric, Target};
use todo_deploy::engine::{Config, Engine, InstanceFact, Sample, Start};
use todo_deploy::time::Time;
use todo_deploy::timeline::InstanceId;

fn main() {
    divan::main();
}

const SIZES: [u32; 4] = [10, 100, 1_000, 10_000];

fn engine(instances: u32, start: Start) -> Engine {
    let text = format!("[capacity]\nmin = {instances}\nmax = {instances}\n");
    let deployment = Deployment::parse(&text, "bench", Defaults::of(Target::Ec2)).expect("valid");
    Engine::new(Config::new(&deployment, Target::Ec2), start, Time::ZERO)
}

fn drain(engine: &mut Engine) {
    while engine.poll_action().is_some() {}
    while engine.poll_event().is_some() {}
}

/// Six checks of each instance, a measurement of each, and the alarms.
#[divan::bench(args = SIZES)]
fn a_quiet_minute(bencher: Bencher<'_, '_>, instances: u32) {
    let mut engine = engine(instances, Start::Settled);
    let mut now = Time::ZERO;
    bencher.counter(ItemsCount::new(7 * instances)).bench_local(|| {
        for _ in 0..6 {
            now = now + Duration::from_secs(10);
            for id in 1..=instances {
                engine.instance(now, InstanceId(id), InstanceFact::ProbePassed);
            }
        }
        for id in 1..=instances {
            let sample = Sample { metric: Metric::Cpu, instance: Some(InstanceId(id)), value: 15.0 };
            engine.observe(now, &sample);
        }
        engine.handle_timeout(now);
        drain(&mut engine);
    });
}

/// Every fact changes something: each instance starts, passes its first check, fails two, passes two.
#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn everything_changes(bencher: Bencher<'_, '_>, instances: u32) {
    let refused = InstanceFact::ProbeFailed(todo_deploy::timeline::ProbeFailure::Refused);
    let passed = InstanceFact::ProbePassed;
    let facts = [InstanceFact::Started, passed, refused, refused, passed, passed];
    bencher
        .counter(ItemsCount::new(facts.len() as u32 * instances))
        .with_inputs(|| engine(instances, Start::Created))
        .bench_local_values(|mut engine| {
            for (second, fact) in (1..).zip(facts) {
                for id in 1..=instances {
                    engine.instance(Time::from_secs(second), InstanceId(id), fact);
                }
                drain(&mut engine);
            }
            engine
        });
}
