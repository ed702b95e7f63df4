//! `todo-deploy ec2` and `todo-deploy ecs` against an emulator of AWS: the real program, no account.

mod daily;
mod faults;
mod images;
mod outside;
mod paths;
mod practical;
mod preflight;
mod refusals;
mod sweep;
mod terminal;
mod variants;
pub(crate) mod watching;

use e2e::aws::Emulator;
use serde_json::Value;

const TARGETS: [&str; 2] = ["ec2", "ecs"];

/// `up` from nothing.
const UP: [&str; 3] = ["up", "--image", "todo:1"];

/// Further flags that change something of every sort: image, health path, algorithm, size of the fleet, thresholds.
fn changes(target: &str) -> Vec<&'static str> {
    let common = [
        "--image",
        "todo:2",
        "--set",
        "health_check.path=/api/v1/todos",
        "--set",
        "health_check.interval=15s",
        "--set",
        "load_balancer.algorithm=least-connections",
        "--set",
        "capacity.max=6",
    ];
    let size = match target {
        "ec2" => ["--set", "aws.instance_type=t3.small"],
        _ => ["--set", "aws.fargate_memory=1024"],
    };
    common.into_iter().chain(size).collect()
}

/// Every request fits the models of AWS's own SDK for Python.
async fn assert_well_formed(emulator: &Emulator) {
    for call in emulator.calls().await {
        assert!(call.problems.is_empty(), "{}: {:?}\n{}", call.call, call.problems, call.params);
    }
}

/// What is there of one kind, as the emulator's state names it: `elbv2:LoadBalancers`.
#[track_caller]
fn only<'a>(state: &'a Value, kind: &str) -> &'a Value {
    match state[kind].as_array().map(Vec::as_slice) {
        Some([one]) => one,
        other => panic!("not one of {kind}: {other:?}"),
    }
}
