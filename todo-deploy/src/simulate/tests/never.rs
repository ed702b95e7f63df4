//! Why a fleet never grew: the advice is only given where it helps.

use super::*;

fn users(count: u64, duration: &str) -> Plan {
    let stages = [format!("0s:{count}"), format!("{duration}:{count}")];
    Plan::from_stages(&stages, &plan::Iteration::default()).expect("a plan")
}

fn run(target: Target, text: &str, sets: &[(&str, f64)], plan: &Plan, service_time: &str) -> Run {
    let sets: Vec<_> =
        sets.iter().map(|(field, value)| ((*field).to_owned(), toml::Value::Float(*value))).collect();
    let deployment = Deployment::parse_with(text, "test", Defaults::of(target), &sets).expect("valid");
    simulate(&deployment, target, plan, &options(service_time, 1))
}

fn note(run: &Run) -> &str {
    let note = run.notes.iter().find(|note| note.starts_with("never scaled out"));
    note.unwrap_or_else(|| panic!("it scaled or does not say why not: {:?}", run.notes))
}

/// The number before ` % would have done it`.
fn advised(note: &str) -> f64 {
    let (before, _) = note.split_once(" % would have done it").unwrap_or_else(|| panic!("no advice: {note}"));
    before.rsplit(' ').next().expect("a word").parse().expect("a number")
}

#[test]
fn a_group_at_its_maximum_is_told_so() {
    let at = |capacity: &str| {
        let text = format!("[capacity]\n{capacity}\n");
        note(&run(Target::Ec2, &text, &[], &users(150, "10m"), "4ms")).to_owned()
    };
    assert_eq!(at("max = 1"), "never scaled out: capacity.min and capacity.max are both 1");
    let full = at("desired = 2\nmax = 2");
    assert_eq!(full, "never scaled out: todo_scale_up fired with the group at capacity.max");
}

#[test]
fn a_peak_that_is_too_short_is_told_so() {
    let run = run(Target::Ec2, "", &[], &users(150, "1m"), "4ms");
    assert!(
        note(&run).ends_with("% CPU, but not >= 20 for 2 × 120 s, as todo_scale_up wants"),
        "{}",
        note(&run)
    );
    assert!(!note(&run).contains("would have done it"));
}

/// Nor is anything advised that only what comes after the load would meet.
#[test]
fn a_load_that_is_over_at_once_is_told_so() {
    let short = run(Target::Ec2, "", &[], &users(100, "1m"), "50us");
    assert!(note(&short).ends_with("for 2 × 120 s; it did not last so long"), "{}", note(&short));
}

/// The advice is below what is there, and who follows it grows.
#[test]
fn the_advised_threshold_scales() {
    let threshold = "scaling.todo_scale_up.threshold";
    for (service_time, now) in [("50us", 20.0), ("50us", 1.0), ("2us", 1.0)] {
        let plan = users(if now < 2.0 { 100 } else { 500 }, "8m");
        let small = run(Target::Ec2, "", &[(threshold, now)], &plan, service_time);
        let better = advised(note(&small));
        assert!(better > 0.0 && better < now, "{}", note(&small));
        let grown = run(Target::Ec2, "", &[(threshold, better)], &plan, service_time);
        assert!(grown.totals.first_scale_out.is_some(), "{} did not help: {:?}", better, grown.notes);
    }
    let plan = users(100, "8m");
    let small = run(Target::Ecs, "", &[], &plan, "50us");
    let better = advised(note(&small));
    assert!(better < 20.0);
    let grown = run(Target::Ecs, "", &[("scaling.target", better)], &plan, "50us");
    assert!(grown.totals.first_scale_out.is_some(), "{better} did not help: {:?}", grown.notes);
}
