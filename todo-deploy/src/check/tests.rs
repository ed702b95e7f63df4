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

/// Name, target, the practical's values, file, what the remedy says, the same as overrides.
type Case<'a> = (&'a str, Target, bool, &'a str, &'a str, &'a [(&'a str, &'a str)]);

/// Every trap appears, and goes when its own remedy is applied; the numbers are the spec's findings.
#[test]
fn every_trap_goes_with_its_remedy() {
    let (ec2, ecs) = (Target::Ec2, Target::Ecs);
    let slow = "[model]\nservice_time = \"2ms\"\n";
    let custom =
        |policy: &str| format!("{slow}[[scaling.policy]]\nkind = \"simple\"\nname = \"p\"\n{policy}");
    let only_out = custom(
        "adjustment = 1\n[scaling.policy.alarm]\nmetric = \"memory\"\nwhen = \">= 20\"\nperiod = \"60s\"\nevaluation_periods = 2\n",
    );
    let cases: [Case<'_>; 24] = [
        (
            "health-path",
            ec2,
            true,
            slow,
            "health_check.path = \"/api/v1/health\"",
            &[("health_check.path", "/api/v1/health")],
        ), // 1
        (
            "health-path",
            ec2,
            false,
            "[health_check]\npath = \"/\"\n",
            "health_check.path",
            &[("health_check.path", "/api/v1/health")],
        ),
        (
            "starved-alarm",
            ec2,
            true,
            slow,
            "scaling.metric_period = \"60s\"",
            &[("scaling.metric_period", "60s")],
        ), // 2
        ("baseline", ec2, true, slow, "a threshold below 10", &[("scaling.todo_scale_down.threshold", "8")]), // 3
        ("baseline", ec2, true, slow, "unlimited credits", &[("aws.unlimited_credits", "true")]),
        ("deaf-alarm", ec2, true, slow, "unlimited credits", &[("aws.unlimited_credits", "true")]),
        (
            "cooldown-before-boot",
            ec2,
            true,
            slow,
            "cooldown = \"180s\"",
            &[("scaling.todo_scale_up.cooldown", "180s")],
        ), // 4
        (
            "slow-scale-in",
            ec2,
            true,
            slow,
            "load_balancer.deregistration_delay = \"30s\"",
            &[("load_balancer.deregistration_delay", "30s")],
        ), // 5
        (
            "dead-service",
            ec2,
            true,
            slow,
            "health_check.replaces_instances = true",
            &[("health_check.replaces_instances", "true"), ("health_check.grace", "240s")],
        ), // 6
        ("one-zone", ec2, true, slow, "aws.zones = []", &[("aws.zones", "[]")]),
        ("open-ports", ec2, true, slow, "aws.open_to_world = []", &[("aws.open_to_world", "[]")]),
        ("update-at-boot", ec2, true, slow, "aws.update_at_boot = false", &[("aws.update_at_boot", "false")]),
        (
            "warm-up-before-boot",
            ec2,
            true,
            slow,
            "scaling.warm_up = \"120s\"",
            &[("scaling.warm_up", "120s")],
        ),
        (
            "close-thresholds",
            ec2,
            false,
            slow,
            "a scale-in threshold below 8",
            &[("scaling.todo_scale_down.threshold", "7")],
        ),
        ("load-too-large", ec2, false, slow, "capacity.max = 10", &[("capacity.max", "10")]),
        (
            "load-too-small",
            ecs,
            false,
            "[model]\nservice_time = \"5us\"\n",
            "a threshold of at most",
            &[("scaling.target", "7")],
        ),
        (
            "grace-too-short",
            ec2,
            false,
            "[health_check]\ngrace = \"60s\"\n",
            "health_check.grace = \"195s\"",
            &[("health_check.grace", "195s")],
        ),
        (
            "slow-detection",
            ec2,
            false,
            "[health_check]\ninterval = \"30s\"\nunhealthy_threshold = 3\n",
            "interval = \"10s\"",
            &[("health_check.interval", "10s"), ("health_check.unhealthy_threshold", "2")],
        ),
        (
            "keep-alive-race",
            ec2,
            false,
            "[load_balancer]\nidle_timeout = \"90s\"\n",
            "load_balancer.idle_timeout = \"60s\"",
            &[("load_balancer.idle_timeout", "60s")],
        ),
        (
            "no-drain",
            ec2,
            false,
            "[load_balancer]\nderegistration_delay = \"0s\"\n",
            "load_balancer.deregistration_delay = \"30s\"",
            &[("load_balancer.deregistration_delay", "30s")],
        ),
        (
            "algorithm",
            ec2,
            false,
            "[load_balancer]\nalgorithm = \"consistent-hash by path\"\n",
            "one of round-robin",
            &[("load_balancer.algorithm", "least-connections")],
        ),
        (
            "fixed-size",
            ec2,
            false,
            "[capacity]\nmin = 2\nmax = 2\n",
            "a larger capacity.max",
            &[("capacity.max", "3")],
        ),
        (
            "never-shrinks",
            ec2,
            false,
            &only_out,
            "target tracking with scale_in = true",
            &[("scaling.policy", "default")],
        ),
        (
            "simple-on-ecs",
            ecs,
            false,
            &only_out,
            "kind = \"target-tracking\"",
            &[("scaling.policy", "default")],
        ),
    ];
    for (id, target, practical, text, remedy, overrides) in cases {
        let defaults = Defaults { target, as_in_the_practical: practical };
        let plan = Plan::practical();
        let deployment = Deployment::parse(text, "test", defaults).expect("valid");
        let warnings = check(&deployment, target, &plan);
        let found = warnings.iter().find(|warning| warning.id == id);
        let found = found.unwrap_or_else(|| panic!("{id} is missing"));
        assert!(found.remedy.contains(remedy), "{id}: {}", found.remedy);
        // Policies are replaced by leaving them out.
        let (text, overrides) = match overrides {
            [("scaling.policy", _)] => (slow, &[][..]),
            _ => (text, overrides),
        };
        let value = |text: &str| match text {
            "[]" => toml::Value::Array(Vec::new()),
            text => crate::simulate::variants::value(text),
        };
        let overrides: Vec<_> =
            overrides.iter().map(|(field, text)| ((*field).to_owned(), value(text))).collect();
        let better = Deployment::parse_with(text, "test", defaults, &overrides).expect("valid");
        let left = check(&better, target, &plan);
        assert!(left.iter().all(|warning| warning.id != id), "{id} stays: {left:?}");
    }
}

/// Finding 7: at idle the low alarm is raised all the time; harmless only because of min = 1.
#[test]
fn an_alarm_at_idle_is_harmless_above_zero() {
    let why = |min: u32| {
        let text = format!("[capacity]\nmin = {min}\n");
        let deployment = Deployment::parse(&text, "test", Defaults::of(Target::Ec2)).expect("valid");
        let warnings = check(&deployment, Target::Ec2, &Plan::practical());
        let found = warnings.into_iter().find(|warning| warning.id == "alarm-at-idle").expect("it is there");
        (found.why, found.remedy)
    };
    let (bad, remedy) = why(0);
    assert!(bad.contains("503") && remedy == "capacity.min = 1", "{bad}: {remedy}");
    assert!(why(1).0.contains("it does no harm"));
}

#[test]
fn a_load_that_moves_nothing_is_named() {
    let small = ids(Target::Ecs, false, "[model]\nservice_time = \"5us\"\n");
    assert!(small.contains(&"load-too-small"), "{small:?}");
    // However small the load is, the advice is a number above nothing and below what there is.
    let deployment = Deployment::default_for(Defaults::of(Target::Ec2));
    let plan = Plan::from_stages(&["1m:1".to_owned()], &Default::default()).expect("a plan");
    let warnings = check(&deployment, Target::Ec2, &plan);
    let found = warnings.iter().find(|warning| warning.id == "load-too-small").expect("one user is nothing");
    assert!(found.what.contains("at most 0.005 % CPU"), "{}", found.what);
    assert!(
        found.remedy.contains("at most 0.00025 vCPU, or a threshold of at most 0.004;"),
        "{}",
        found.remedy
    );
}

#[test]
fn requests_per_target_that_never_come_are_named() {
    let policy = |kind: &str| {
        let text = format!("[[scaling.policy]]\nname = \"p\"\n{kind}");
        let deployment = Deployment::parse(&text, "test", Defaults::of(Target::Ecs)).expect("valid");
        let plan = Plan::from_stages(&["5m:10".to_owned()], &Default::default()).expect("a plan");
        let warnings = check(&deployment, Target::Ecs, &plan);
        warnings
            .into_iter()
            .find(|warning| warning.id == "load-too-small")
            .map(|warning| (warning.what, warning.remedy))
    };
    let tracking = |target: &str| {
        format!("kind = \"target-tracking\"\nmetric = \"requests-per-target\"\ntarget = {target}\n")
    };
    let (what, remedy) = policy(&tracking("600000")).expect("ten users ask 600 times a minute");
    assert!(
        what.ends_with("makes at most 599 requests per target in 60s; p at 600000 never scales out"),
        "{what}"
    );
    assert_eq!(remedy, "a threshold of at most 479");
    assert_eq!(policy(&tracking("479")), None);
    let alarm = "kind = \"step\"\nstep = [{ from = 0, adjustment = 1 }]\n[scaling.policy.alarm]\nmetric = \"requests-per-target\"\n\
                 statistic = \"sum\"\nperiod = \"120s\"\nevaluation_periods = 1\n";
    assert!(policy(&format!("{alarm}when = \">= 1300\"\n")).is_some());
    assert_eq!(policy(&format!("{alarm}when = \">= 1100\"\n")), None);
}

/// A sign that was forgotten: the policy neither helps nor is said to.
#[test]
fn policies_that_act_the_wrong_way_are_named() {
    let found = |field: &str, value: i64| {
        let sets = [(format!("scaling.{field}"), toml::Value::Integer(value))];
        let deployment = Deployment::parse_with("", "test", Defaults::of(Target::Ec2), &sets).expect("valid");
        let plan = Plan::from_stages(&["1m:2000".to_owned()], &Default::default()).expect("a plan");
        let warnings = check(&deployment, Target::Ec2, &plan);
        let helps = warnings
            .iter()
            .any(|warning| warning.id == "too-late" && warning.field.contains("todo_scale_up"));
        (warnings.into_iter().find(|warning| warning.id == "wrong-way").map(|warning| warning.what), helps)
    };
    assert_eq!(found("todo_scale_up.adjustment", 2), (None, true));
    let (what, helps) = found("todo_scale_up.adjustment", -1);
    assert_eq!(what.as_deref(), Some("todo_scale_up removes instances when cpu is high (>= 20)"));
    assert!(!helps, "what removes instances helps nobody");
    assert_eq!(
        found("todo_scale_up.adjustment", 0).0.as_deref(),
        Some("todo_scale_up changes nothing when cpu is high (>= 20)")
    );
    let (what, _) = found("todo_scale_down.adjustment", 1);
    assert!(what.expect("it is named").starts_with("todo_scale_down adds instances when cpu is low"));
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
