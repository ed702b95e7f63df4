//! Which findings a deployment gives.

use super::*;
use crate::deployment::Defaults;

fn ids(target: Target, as_in_the_practical: bool, text: &str) -> Vec<&'static str> {
    let defaults = Defaults { target, as_in_the_practical };
    let deployment = Deployment::parse(text, "test", defaults).expect("valid");
    check(&deployment, target, &Plan::practical()).iter().map(|warning| warning.id).collect()
}

/// Every trap of the practical is found in the practical.
#[test]
fn the_practical_has_its_traps() {
    let slow = "[model]\nservice_time = \"2ms\"\n";
    let ec2 = ids(Target::Ec2, true, slow);
    for trap in [
        "health-path",
        "dead-service",
        "starved-alarm",
        "baseline",
        "deaf-alarm",
        "cooldown-before-boot",
        "slow-scale-in",
        "close-thresholds",
        "one-zone",
        "open-ports",
        "update-at-boot",
        "warm-up-before-boot",
        "alarm-at-idle",
        "load-too-large",
        "too-late",
    ] {
        assert!(ec2.contains(&trap), "{trap} is missing in {ec2:?}");
    }
}

#[test]
fn a_load_that_moves_nothing_is_named() {
    let small = ids(Target::Ecs, false, "[model]\nservice_time = \"5us\"\n");
    assert!(small.contains(&"load-too-small"), "{small:?}");
}

#[test]
fn each_trap_can_be_left() {
    let text = r#"
        [model]
        boot_time = "20s"
        launch_time = "20s"
        service_time = "200us"
        [scaling]
        [[scaling.policy]]
        kind = "target-tracking"
        name = "requests"
        metric = "requests-per-target"
        target = 60000
    "#;
    assert_eq!(ids(Target::Ecs, false, text), Vec::<&str>::new());
}

/// Every trap of the defaults is one on purpose and says so; what a user makes of them is not.
#[test]
fn defaults_explain_themselves() {
    for target in [Target::Ec2, Target::Ecs, Target::Local] {
        let ours = Deployment::default_for(Defaults::of(target));
        let warnings = check(&ours, target, &Plan::practical());
        let unexplained: Vec<_> = warnings.iter().filter(|warning| warning.by_default.is_none()).collect();
        assert!(unexplained.is_empty(), "{target}: {unexplained:?}");
        let text = "[aws]\ninstance_type = \"t2.nano\"\n[capacity]\nmin = 0\n[health_check]\npath = \"/\"\n";
        let theirs = Deployment::parse(text, "test", Defaults::of(target)).expect("valid");
        for warning in check(&theirs, target, &Plan::practical()) {
            let is_theirs = ["baseline", "deaf-alarm", "alarm-at-idle", "health-path"].contains(&warning.id);
            assert!(!is_theirs || warning.by_default.is_none(), "{target}: {warning:?}");
        }
    }
}

/// The words, for both paths of the practical.
#[test]
fn warnings_read_well() {
    for (name, target) in [("ec2", Target::Ec2), ("ecs", Target::Ecs)] {
        let defaults = Defaults { target, as_in_the_practical: true };
        let warnings = check(&Deployment::default_for(defaults), target, &Plan::practical());
        let text: Vec<String> = warnings
            .iter()
            .map(|w| format!("{} ({})\n  {}\n  why: {}\n  do:  {}", w.id, w.field, w.what, w.why, w.remedy))
            .collect();
        insta::assert_snapshot!(format!("practical_{name}"), text.join("\n"));
    }
}
