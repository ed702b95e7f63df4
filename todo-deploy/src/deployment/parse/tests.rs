//! Which files are refused, and in which words.

use super::*;
use crate::deployment::Target;

fn mistakes(text: &str) -> String {
    let parsed = Deployment::parse(text, "deployment.toml", Defaults::of(Target::Ec2));
    parsed.expect_err("the file has a mistake").to_string()
}

#[test]
fn an_empty_file_is_the_default() {
    for target in Target::ALL {
        for as_in_the_practical in [false, true] {
            let defaults = Defaults { target, as_in_the_practical };
            let parsed = Deployment::parse("", "deployment.toml", defaults).expect("the default is valid");
            assert_eq!(parsed, Deployment::default_for(defaults));
        }
    }
}

#[test]
fn a_file_is_laid_over_the_default() {
    let text = "name = \"shop\"\n[capacity]\nmax = 8\n";
    let parsed = Deployment::parse(text, "deployment.toml", Defaults::of(Target::Ec2)).expect("valid");
    assert_eq!((parsed.name.as_str(), parsed.capacity.min, parsed.capacity.max), ("shop", 1, 8));
}

#[test]
fn desired_begins_at_the_minimum() {
    let parsed = Deployment::parse("[capacity]\nmin = 2\n", "f", Defaults::of(Target::Ec2)).expect("valid");
    assert_eq!(parsed.capacity.desired, 2);
}

/// Every message says file, line, field, what is wrong and what is allowed.
#[test]
fn mistakes_are_worth_reading() {
    let cases = [
        ("capacity", "[capacity]\nmin = 2\ndesired = 1\n"),
        ("order", "[capacity]\nmax = 3\nmin = 5\n"),
        ("typo", "[capacity]\n\nmaximum = 3\n"),
        ("table", "[helth_check]\npath = \"/\"\n"),
        ("kind", "[capacity]\nmax = \"four\"\n"),
        ("unit", "[health_check]\ninterval = 10\n"),
        ("duration", "[load_balancer]\nderegistration_delay = \"5 minutes\"\n"),
        ("range", "[load_balancer]\nderegistration_delay = \"2h\"\n"),
        ("algorithm", "[load_balancer]\nalgorithm = \"fastest\"\n"),
        ("syntax", "[capacity]\nmax = \n"),
        ("twice", "[capacity]\nmax = 1\nmax = 2\n"),
        ("timeout", "[health_check]\ninterval = \"5s\"\ntimeout = \"6s\"\n"),
        ("password", "[database]\nsource = \"existing\"\nurl = \"postgresql://me:secret@db/todo\"\n"),
        ("sqlite", "[database]\nsource = \"existing\"\nurl = \"sqlite://todo.db\"\n"),
        (
            "period",
            "[[scaling.policy]]\nkind = \"simple\"\nname = \"up\"\nadjustment = 1\nalarm = { metric = \"cpu\", \
                    when = \">= 20\", period = \"45s\", evaluation_periods = 2 }\n",
        ),
        (
            "m of n",
            "[[scaling.policy]]\nkind = \"simple\"\nname = \"up\"\nadjustment = 1\n[scaling.policy.alarm]\nmetric = \
                    \"cpu\"\nwhen = \">= 20\"\nperiod = \"60s\"\nevaluation_periods = 2\ndatapoints_to_alarm = 3\n",
        ),
        (
            "policy typo",
            "[[scaling.policy]]\nkind = \"target-tracking\"\nname = \"t\"\nmetric = \"cpu\"\ntarget = 20\ncool = 1\n",
        ),
        ("policy kind", "[[scaling.policy]]\nkind = \"predictive\"\n"),
        ("fargate", "[aws]\nfargate_cpu = 256\nfargate_memory = 4096\n"),
        ("words for numbers", "[aws]\ninstance_type = 2\n[model]\nboot_cpu = \"half\"\n"),
        ("a number", "[model]\nboot_cpu = \"half\"\n"),
        ("reach", "[model]\nrange_extra = 4000000000\n"),
        ("instance type", "[aws]\ninstance_type = \"z9.huge\"\n"),
    ];
    let report: Vec<String> = cases
        .iter()
        .map(|(name, text)| format!("{name}\n    {}", mistakes(text).replace('\n', "\n    ")))
        .collect();
    insta::assert_snapshot!(report.join("\n"));
}

/// What is wrong in a policy is told with its own line, whatever kind it is.
#[test]
fn mistakes_in_policies_have_their_own_lines() {
    let alarm =
        "[scaling.policy.alarm]\nmetric = \"cpu\"\nwhen = \"20\"\nperiod = \"60s\"\nevaluation_periods = 2\n";
    for (text, expected) in [
        (
            "kind = \"target-tracking\"\nname = \"x\"\nmetric = \"cpus\"\ntarget = 20\n",
            "f:4: scaling.policy.0.metric: `cpus` is no metric",
        ),
        (
            "kind = \"target-tracking\"\nname = \"x\"\nmetric = \"cpu\"\ntarget = 20\nspeed = 1\n",
            "f:6: scaling.policy.0.speed: unknown field `speed`",
        ),
        (
            &format!("kind = \"simple\"\nname = \"x\"\nadjustment = 1\n{alarm}"),
            "f:7: scaling.policy.0.alarm.when: `20` is no condition",
        ),
        (
            &format!("kind = \"step\"\nname = \"x\"\n{alarm}"),
            "scaling.policy.0.alarm.when: `20` is no condition",
        ),
        ("kind = \"simple\"\nname = \"x\"\nadjustment = 1\n", "f:1: scaling.policy.0: missing field `alarm`"),
        (
            "kind = \"simple\"\nname = \"x\"\nadjustment = \"one\"\n",
            "f:4: scaling.policy.0.adjustment: invalid type",
        ),
    ] {
        let text = format!("[[scaling.policy]]\n{text}");
        let wrong = Deployment::parse(&text, "f", Defaults::of(Target::Ec2)).expect_err("wrong").to_string();
        assert!(wrong.contains(expected), "{wrong}");
    }
}
