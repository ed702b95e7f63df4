//! Golden scenarios of the whole: load, balancer, instances and engine together, to the minute; determinism.

mod independent;
mod never;
mod wrong;

use super::*;
use crate::deployment::Defaults;
use crate::time::Time;
use crate::timeline::EventKind;

fn options(service_time: &str, seed: u64) -> Options {
    let service_time = Some(service_time.parse().expect("a distribution"));
    Options { seed, service_time, ..Options::default() }
}

/// The practical's settings with a drain of 300 s, whatever else is ours.
fn practical(target: Target, text: &str) -> Deployment {
    let text = format!(
        "[health_check]\ngrace = \"0s\"\nreplaces_instances = false\n\
         [load_balancer]\nderegistration_delay = \"300s\"\n{text}"
    );
    Deployment::parse(&text, "test", Defaults::of(target)).expect("valid")
}

/// When the capacity changed, in seconds, and to what.
fn changes(run: &Run) -> Vec<(u64, u32)> {
    let change = |event: &crate::timeline::Event| match event.kind {
        EventKind::Scaled { to, .. } => Some((event.at.since_start().as_secs(), to)),
        _ => None,
    };
    run.timeline.events.iter().filter_map(change).collect()
}

#[test]
fn ec2_with_one_minute_metrics() {
    let deployment = practical(Target::Ec2, "[scaling]\nwarm_up = \"0s\"\n");
    for service_time in ["1ms", "exp 5ms", "constant 10ms", "20ms"] {
        let run = simulate(&deployment, Target::Ec2, &Plan::practical(), &options(service_time, 1));
        let expected = [(240, 2), (420, 3), (600, 4), (960, 3), (1380, 2), (1800, 1)];
        assert_eq!(changes(&run), expected, "{service_time}");
    }
}

/// With more than about 9 ms a request the users' last requests take half a minute after the load.
#[test]
fn a_backlog_that_is_worked_off_delays_the_scale_in() {
    let text = "[scaling]\nwarm_up = \"0s\"\n[model]\nload_ends = \"gracefully\"\n";
    let deployment = practical(Target::Ec2, text);
    let run = simulate(&deployment, Target::Ec2, &Plan::practical(), &options("exp 20ms", 1));
    assert_eq!(changes(&run), [(240, 2), (420, 3), (600, 4), (1020, 3), (1440, 2), (1860, 1)]);
}

#[test]
fn ec2_with_five_minute_metrics() {
    let deployment = practical(Target::Ec2, "[scaling]\nwarm_up = \"0s\"\nmetric_period = \"300s\"\n");
    for service_time in ["5ms", "exp 20ms"] {
        let run = simulate(&deployment, Target::Ec2, &Plan::practical(), &options(service_time, 1));
        let expected = [(360, 2), (540, 3), (720, 4), (1260, 3), (1680, 2), (2160, 1)];
        assert_eq!(changes(&run), expected, "{service_time}");
    }
}

/// The practical as it is: five-minute metrics, and a health path that is not there.
#[test]
fn ec2_as_in_the_practical() {
    let defaults = Defaults { target: Target::Ec2, as_in_the_practical: true };
    let run = simulate(
        &Deployment::default_for(defaults),
        Target::Ec2,
        &Plan::practical(),
        &options("exp 10ms", 1),
    );
    assert_eq!(changes(&run), [(360, 2), (540, 3), (720, 4), (1260, 3), (1680, 2), (2160, 1)]);
}

#[test]
fn ecs_target_tracking() {
    let deployment = practical(Target::Ecs, "[aws]\nfargate_cpu = 1024\nfargate_memory = 2048\n");
    for service_time in ["5ms", "exp 20ms"] {
        let run = simulate(&deployment, Target::Ecs, &Plan::practical(), &options(service_time, 1));
        assert_eq!(changes(&run), [(240, 4), (1620, 1)], "{service_time}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let deployment = practical(Target::Ec2, "");
    let plan = Plan::from_stages(&["2m:200".to_owned()], &plan::Iteration::default()).expect("a plan");
    let text = |seed| {
        let run = simulate(&deployment, Target::Ec2, &plan, &options("4ms", seed));
        serde_json::to_string(&run).expect("it is JSON")
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn a_service_of_microseconds_never_scales() {
    let deployment = practical(Target::Ec2, "");
    let plan = Plan::from_stages(&["1m:500".to_owned(), "5m:500".to_owned()], &plan::Iteration::default())
        .expect("a plan");
    let run = simulate(&deployment, Target::Ec2, &plan, &options("50us", 1));
    assert_eq!(changes(&run), []);
    assert_eq!(run.totals.errors.answered(), 0);
    assert_eq!(run.totals.in_service_max, 1);
    assert!(run.notes[0].contains("never scaled out: the busiest minute was 2.5 % CPU"), "{:?}", run.notes);
}
