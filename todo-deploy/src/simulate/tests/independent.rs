//! Scenarios whose capacities were computed by another model: a fluid one with a step of a second and its own alarms,
//! policies and fleet, written from the rules alone. The load is stages of users who ask once a second.

use super::*;

fn agrees(
    target: Target,
    text: &str,
    service_time: &str,
    stages: &[&str],
    minutes: u64,
    expected: &[(u64, u32)],
) {
    let stages: Vec<String> = stages.iter().map(|stage| (*stage).to_owned()).collect();
    let plan = Plan::from_stages(&stages, &plan::Iteration::default()).expect("a plan");
    let deployment = Deployment::parse(text, "test", Defaults::of(target)).expect("valid");
    let until = Some(Duration::from_secs(60 * minutes));
    for seed in [1, 2] {
        let run = simulate(&deployment, target, &plan, &Options { until, ..options(service_time, seed) });
        assert_eq!(changes(&run), expected, "seed {seed}");
    }
}

#[test]
fn steps_with_a_warm_up() {
    let text = r#"
        [capacity]
        max = 8
        [aws]
        zones = ["us-east-1a"]
        instance_type = "m5.large"
        [load_balancer]
        deregistration_delay = "60s"
        [scaling]
        warm_up = "180s"
        [[scaling.policy]]
        kind = "step"
        name = "out"
        alarm = { metric = "cpu", when = ">= 50", period = "60s", evaluation_periods = 2 }
        step = [{ from = 0, adjustment = 1 }, { from = 20, adjustment = 2 }]
        [[scaling.policy]]
        kind = "step"
        name = "in"
        alarm = { metric = "cpu", when = "<= 30", period = "60s", evaluation_periods = 5 }
        step = [{ from = 0, adjustment = -1 }, { from = -20, adjustment = -2 }]
    "#;
    let expected = [(300, 3), (540, 5), (780, 7), (1020, 8), (1980, 7), (2040, 5), (2100, 3), (2160, 1)];
    agrees(Target::Ec2, text, "20ms", &["10m:300", "15m:300", "10m:1"], 60, &expected);
}

#[test]
fn percents_with_long_cooldowns() {
    let text = r#"
        [capacity]
        min = 2
        max = 10
        [aws]
        zones = ["us-east-1a"]
        instance_type = "c5.large"
        [load_balancer]
        deregistration_delay = "60s"
        [model]
        boot_time = "60s"
        [scaling]
        warm_up = "0s"
        [[scaling.policy]]
        kind = "simple"
        name = "out"
        adjust = "percent"
        adjustment = 50
        cooldown = "300s"
        alarm = { metric = "cpu", when = ">= 60", period = "60s", evaluation_periods = 3 }
        [[scaling.policy]]
        kind = "simple"
        name = "in"
        adjust = "percent"
        adjustment = -25
        cooldown = "300s"
        alarm = { metric = "cpu", when = "<= 25", period = "60s", evaluation_periods = 4, datapoints_to_alarm = 3 }
    "#;
    let expected = [(480, 3), (840, 4), (1200, 6), (2400, 5), (2760, 4), (3120, 3), (3480, 2)];
    agrees(Target::Ec2, text, "40ms", &["15m:250", "15m:125", "15m:1"], 90, &expected);
}

#[test]
fn a_target_with_its_own_cooldowns() {
    let text = r#"
        [capacity]
        max = 12
        [aws]
        zones = ["us-east-1a"]
        fargate_cpu = 1024
        fargate_memory = 2048
        [[scaling.policy]]
        kind = "target-tracking"
        name = "cpu"
        metric = "cpu"
        target = 35
        scale_out_cooldown = "300s"
        scale_in_cooldown = "60s"
    "#;
    let expected = [(300, 3), (660, 9), (1020, 12), (3120, 1)];
    agrees(Target::Ecs, text, "40ms", &["15m:150", "10m:60", "10m:120", "5m:1"], 90, &expected);
}
