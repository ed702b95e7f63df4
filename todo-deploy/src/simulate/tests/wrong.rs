//! What goes wrong, as a simulation tells it: health checks that never pass, services that die, other metrics.

use super::*;
use crate::timeline::{Event, GoneCause, Health, LaunchCause, ScaledBy};

fn parse(target: Target, as_in_the_practical: bool, text: &str) -> Deployment {
    Deployment::parse(text, "test", Defaults { target, as_in_the_practical }).expect("valid")
}

/// 100 users who ask once a second for 15 minutes, on two instances that never scale.
fn steady(target: Target, text: &str, fault: Option<&str>) -> Run {
    let text = format!("[capacity]\nmin = 2\nmax = 2\n{text}");
    let stages = ["1s:100".to_owned(), "15m:100".to_owned()];
    let plan = Plan::from_stages(&stages, &plan::Iteration::default()).expect("a plan");
    let faults = fault.map(|text| faults::fault(text).expect("a fault")).into_iter().collect();
    let until = Some(Duration::from_secs(900));
    let options = Options { faults, until, ..options("1ms", 1) };
    simulate(&parse(target, false, &text), target, &plan, &options)
}

fn count(run: &Run, of: impl Fn(&Event) -> bool) -> usize {
    run.timeline.events.iter().filter(|event| of(event)).count()
}

fn replaced(run: &Run) -> usize {
    count(run, |event| matches!(event.kind, EventKind::Launching { cause: LaunchCause::Replaces(_), .. }))
}

fn opened(run: &Run) -> bool {
    count(run, |event| matches!(event.kind, EventKind::FailOpen { open: true, .. })) > 0
}

/// Trap 1: `/` is not 200, the balancer fails open, and new instances get traffic before the service listens.
#[test]
fn a_health_path_that_is_not_there_fails_open_and_sends_traffic_too_early() {
    let text = "[scaling]\nmetric_period = \"60s\"\n";
    let plan = Plan::from_stages(&["1m:300".to_owned(), "7m:300".to_owned()], &plan::Iteration::default());
    let run = |practical, text: &str| {
        let deployment = parse(Target::Ec2, practical, text);
        simulate(&deployment, Target::Ec2, &plan.clone().expect("a plan"), &options("2ms", 1))
    };
    let bad = run(true, text);
    assert!(opened(&bad) && bad.notes[0].contains("answers 404"), "{:?}", bad.notes);
    assert!(bad.totals.errors.refused_502 > 1000, "{:?}", bad.totals.errors);
    assert_eq!(replaced(&bad), 0, "health type EC2 replaces nothing");
    let good = run(true, &format!("{text}[health_check]\npath = \"/api/v1/health\"\n"));
    assert!(!opened(&good));
    assert_eq!(good.totals.errors.answered(), 0);
    // A matcher that takes the 404 is the other way out.
    let taken = run(true, &format!("{text}[health_check]\nmatcher = \"200,404\"\n"));
    assert_eq!((opened(&taken), taken.totals.errors.answered()), (false, 0));
}

/// The same with health type ELB: every instance is replaced by one that fails as well, for ever.
#[test]
fn a_health_path_that_is_not_there_is_a_crash_loop_when_checks_replace() {
    let text = "[model.answers]\n\"/api/v1/health\" = 503\n";
    let run = steady(Target::Ec2, text, None);
    // Unhealthy and replaced at 20 s, then every 30 s to launch, 180 s of grace and a few to drain.
    assert!(replaced(&run) >= 6, "{}", replaced(&run));
    assert!(run.totals.errors.answered() > 1000, "{:?}", run.totals.errors);
    let healthy = |event: &Event| matches!(event.kind, EventKind::Health { to: Health::Healthy, .. });
    assert_eq!(count(&run, healthy), 0);
}

/// Trap 6: a dead service in a live machine is replaced by the balancer's checks or never.
#[test]
fn a_service_that_dies_is_replaced_only_where_checks_replace() {
    let never = "[health_check]\nreplaces_instances = false\n";
    let left = steady(Target::Ec2, never, Some("at=5m kill=1"));
    let ours = steady(Target::Ec2, "", Some("at=5m kill=1"));
    assert_eq!((replaced(&left), replaced(&ours)), (0, 1));
    // Refused until two checks have failed: half of 100 requests/s for 10 to 20 s.
    for run in [&left, &ours] {
        let refused = run.totals.errors.refused_502;
        assert!((400..1100).contains(&refused), "{refused}");
    }
    assert_eq!(left.minutes[14].healthy, 1);
    assert_eq!(ours.minutes[14].healthy, 2);
    // A task or process is nothing but its service.
    for target in [Target::Ecs, Target::Local] {
        let gone = steady(target, never, Some("at=5m kill=1"));
        let died = |event: &Event| matches!(event.kind, EventKind::Gone { cause: GoneCause::Died, .. });
        assert_eq!((count(&gone, died), replaced(&gone)), (1, 1), "{target}");
    }
}

#[test]
fn a_service_that_hangs_answers_504_and_may_come_back() {
    let never = "[health_check]\nreplaces_instances = false\n";
    let run = steady(Target::Ec2, never, Some("at=5m hang=1 for=3m"));
    // Whoever was sent there until two checks timed out (at most 25 s later) waits for its 60 s, and is not
    // answered after all: a user asks there every second time.
    assert!((50..=100).contains(&run.totals.errors.timed_out_504), "{:?}", run.totals.errors);
    assert_eq!(run.totals.longest_ms.round(), 60_001.0);
    assert_eq!((run.minutes[6].healthy, run.minutes[14].healthy), (1, 2));
    let lost = steady(Target::Ec2, never, Some("at=5m lose=2"));
    assert_eq!(replaced(&lost), 2);
    assert!(
        lost.totals.errors.no_target_503 > 1000,
        "nobody is registered for 45 s: {:?}",
        lost.totals.errors
    );
}

/// H6: a check that hangs for 6 s counts as failed after 5 s, and the next comes on the clock.
#[test]
fn h6_a_check_that_hangs_fails_at_its_timeout_and_the_next_is_on_the_clock() {
    let run = steady(Target::Ec2, "", Some("at=29s hang=1 for=6s"));
    let unhealthy = |event: &Event| matches!(event.kind, EventKind::Health { .. });
    assert_eq!(count(&run, unhealthy), 0, "one failure is none");
    let run = steady(Target::Ec2, "", Some("at=29s hang=1 for=16s"));
    let first = run.timeline.events.iter().find(|event| unhealthy(event)).expect("it turns unhealthy");
    assert_eq!(first.at, Time::from_secs(45), "asked at 30 and at 40, failed at 35 and at 45");
}

/// The only target-tracking policy, on ECS.
fn tracking(metric: &str, target: f64) -> String {
    format!(
        "[[scaling.policy]]\nkind = \"target-tracking\"\nname = \"p\"\nmetric = \"{metric}\"\ntarget = {target:?}\n"
    )
}

/// 1000 users, one request a second of 1 ms: 60,000 requests a minute, one under way on average.
#[test]
fn policies_on_memory_network_and_custom_metrics_scale() {
    let stages = ["1s:1000".to_owned(), "8m:1000".to_owned()];
    let plan = Plan::from_stages(&stages, &plan::Iteration::default()).expect("a plan");
    let first = |policy: &str, model: &str| {
        let text = format!("[aws]\nfargate_cpu = 4096\nfargate_memory = 8192\n{policy}{model}");
        let until = Some(Duration::from_secs(300));
        let options = Options { until, ..options("constant 1ms", 1) };
        let run = simulate(&parse(Target::Ecs, false, &text), Target::Ecs, &plan, &options);
        let found = run.timeline.events.into_iter().find_map(|event| match event.kind {
            EventKind::Scaled { by: ScaledBy::Policy { cause, .. }, to, .. } => {
                Some((to, cause.points.last().copied().flatten().unwrap_or_default()))
            }
            _ => None,
        });
        (found, run.notes)
    };
    // 2 GiB of 8 at rest, and about one request of 2 GiB.
    let (memory, _) =
        first(&tracking("memory", 30.0), "[model]\nidle_memory_mib = 2048\nrequest_memory_kib = 2e6\n");
    let (to, value) = memory.expect("it scales on memory");
    assert!(to == 2 && (45.0..55.0).contains(&value), "{to} at {value}");
    let (network, _) = first(&tracking("network-in", 15e6), "[model]\nrequest_bytes = 500\n");
    let (to, value) = network.expect("it scales on the network");
    assert!(to == 2 && (29e6..31e6).contains(&value), "{to} at {value}");
    let (out, _) = first(&tracking("network-out", 40e6), "[model]\nresponse_bytes = 2000\n");
    assert_eq!(out.expect("it scales on the network").0, 3);
    let gauge = "[model.custom]\nqueue = { base = 100, per_user = 0.2, per_request_per_second = 0.1 }\n";
    let (custom, notes) = first(&tracking("custom:queue", 200.0), gauge);
    let (to, value) = custom.expect("it scales on a custom metric");
    assert!(to == 2 && (395.0..405.0).contains(&value), "{to} at {value}");
    assert!(notes.is_empty(), "{notes:?}");
    let (nothing, notes) = first(&tracking("custom:other", 200.0), gauge);
    assert!(nothing.is_none() && notes[0].contains("[model.custom]"), "{notes:?}");
}

/// What has no price is missing in the bill, and that is said.
#[test]
fn what_has_no_price_is_told() {
    let text = "[aws]\ndatabase_class = \"db.m5.large\"\n";
    let run = steady(Target::Ec2, text, None);
    let told = |run: &Run| {
        run.notes.iter().any(|note| note.starts_with("no price for db.m5.large: only its storage"))
    };
    assert!(told(&run), "{:?}", run.notes);
    assert!(!told(&steady(Target::Ec2, &format!("{text}[database]\nsource = \"none\"\n"), None)));
    assert!(!told(&steady(Target::Local, text, None)));
    assert!(!steady(Target::Ec2, "", None).notes.iter().any(|note| note.contains("no price")));
}

/// What of a fault does not happen as it says is told.
#[test]
fn faults_that_do_not_happen_are_told() {
    let told = |target: Target, fault: &str| -> Vec<String> {
        let notes = steady(target, "", Some(fault)).notes;
        notes.into_iter().filter(|note| note.contains("the fault at")).collect()
    };
    assert_eq!(told(Target::Ec2, "at=1m kill=2 for=30s"), [""; 0]);
    assert_eq!(
        told(Target::Ec2, "at=20m kill=1"),
        ["the fault at 20m comes after the end at 15m and does nothing; see --for"]
    );
    assert_eq!(told(Target::Ec2, "at=1m hang=5"), ["the fault at 60s was to hit 5; 2 served then"]);
    assert!(told(Target::Ecs, "at=1m kill=1 for=30s")[0].contains("does not come back, whatever `for` says"));
}

/// AWS has no such thing, and `check` says so; so does a simulation.
#[test]
fn an_algorithm_that_aws_does_not_have_is_told() {
    let text = "[load_balancer]\nalgorithm = \"consistent-hash by path\"\n";
    let told = |target: Target| {
        steady(target, text, None).notes.iter().any(|note| note.contains("AWS does not balance by"))
    };
    assert_eq!([Target::Ec2, Target::Ecs, Target::Local].map(told), [true, true, false]);
}

/// The last row of a run may be shorter than a minute; its errors are still per second.
#[test]
fn errors_per_second_in_a_last_partial_minute() {
    let deployment = parse(Target::Ec2, false, "[capacity]\nmin = 1\nmax = 1\n");
    let stages = ["0s:100".to_owned(), "2m:100".to_owned()];
    let plan = Plan::from_stages(&stages, &plan::Iteration::default()).expect("a plan");
    let faults = vec![faults::fault("at=90s lose=1").expect("a fault")];
    let run = |until: u64| {
        let until = Some(Duration::from_secs(until));
        let options = Options { faults: faults.clone(), until, ..options("1ms", 1) };
        let run = simulate(&deployment, Target::Ec2, &plan, &options);
        let errors = &run.timeline.series[crate::timeline::series::ERRORS];
        (errors[1].value, run.minutes[1].errors)
    };
    let (per_second, errors) = run(105);
    assert!(errors > 1000, "{errors}");
    assert!((per_second - errors as f64 / 45.0).abs() < 1e-9, "{per_second} of {errors} in 45 s");
}
