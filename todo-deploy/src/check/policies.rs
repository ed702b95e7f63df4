//! Policies and alarms that fire late, at the wrong time, for ever or against each other.

use std::time::Duration;

use super::{Subject, Warning, warning};
use crate::deployment::{Alarm, Metric, Policy, SimplePolicy, Target, duration};
use crate::pricing::instance_burst;

pub(super) fn check(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    for policy in &subject.deployment.scaling.policies {
        if let Some(alarm) = policy.alarm() {
            starved(subject, policy.name(), alarm, warnings);
            at_the_baseline(subject, policy.name(), alarm, warnings);
            wrong_way(policy, alarm, warnings);
        }
        if let Policy::Simple(simple) = policy {
            cooldown(subject, simple, warnings);
            if subject.target == Target::Ecs {
                warnings.push(simple_on_ecs(&simple.name));
            }
        }
    }
    at_idle(subject, warnings);
    close_thresholds(subject, warnings);
    slow_scale_in(subject, warnings);
    short_warm_up(subject, warnings);
}

/// Finding 2.
fn starved(subject: &Subject<'_>, name: &str, alarm: &Alarm, warnings: &mut Vec<Warning>) {
    let points = subject.deployment.scaling.metric_period;
    if alarm.period < points {
        warnings.push(warning(
            "starved-alarm",
            "scaling.metric_period",
            format!(
                "{name} looks at periods of {} while a point comes every {}",
                duration::text(alarm.period),
                duration::text(points)
            ),
            "most periods are empty, so that real and missing points mix and scaling starts minutes late",
            "scaling.metric_period = \"60s\" (detailed monitoring), or periods as long as the points'"
                .to_owned(),
        ));
    }
}

/// Finding 3.
fn at_the_baseline(subject: &Subject<'_>, name: &str, alarm: &Alarm, warnings: &mut Vec<Warning>) {
    let Some(burst) = instance_burst(subject.deployment, subject.target) else { return };
    let baseline = 100.0 * burst.baseline;
    if alarm.metric != Metric::Cpu {
        return;
    }
    let threshold = alarm.when.threshold;
    let instance_type = &subject.deployment.aws.instance_type;
    let field = format!("scaling.policy.{name}.alarm.when");
    if !alarm.when.comparison.is_upward() && threshold >= baseline {
        warnings.push(warning(
            "baseline",
            &field,
            format!("{name} scales in under overload once the instances are out of CPU credits"),
            &format!(
                "a {instance_type} without credits is held at {baseline:.0} % CPU, which {} satisfies, however many wait",
                alarm.when
            ),
            format!("a threshold below {baseline:.0}, unlimited credits, or an instance type that is not burstable"),
        ));
    }
    if alarm.when.comparison.is_upward() && threshold > baseline {
        warnings.push(warning(
            "deaf-alarm",
            &field,
            format!("{name} cannot fire once the instances are out of CPU credits"),
            &format!(
                "a {instance_type} without credits shows {baseline:.0} % CPU at most; {} is out of reach",
                alarm.when
            ),
            "unlimited credits, or scale on requests-per-target or latency-p95 as well".to_owned(),
        ));
    }
}

/// A sign that was forgotten. Of a custom metric nobody knows which way is up.
fn wrong_way(policy: &Policy, alarm: &Alarm, warnings: &mut Vec<Warning>) {
    let (up, metric) = (alarm.when.comparison.is_upward(), &alarm.metric);
    let (acts, against) =
        if up { (policy.grows(), policy.shrinks()) } else { (policy.shrinks(), policy.grows()) };
    if acts || matches!(metric, Metric::Custom(_)) {
        return;
    }
    let does = match (against, up) {
        (true, true) => "removes instances",
        (true, false) => "adds instances",
        (false, _) => "changes nothing",
    };
    let (high, wanted) = if up { ("high", "above") } else { ("low", "below") };
    warnings.push(warning(
        "wrong-way",
        &format!("scaling.policy.{}.adjustment", policy.name()),
        format!("{} {does} when {metric} is {high} ({})", policy.name(), alarm.when),
        "its adjustment and its comparison point in different directions",
        format!("an adjustment {wanted} 0, or the other comparison"),
    ));
}

/// Finding 4.
fn cooldown(subject: &Subject<'_>, simple: &SimplePolicy, warnings: &mut Vec<Warning>) {
    let (scaling, boot) = (&subject.deployment.scaling, subject.deployment.model.boot_time);
    let cooldown = simple.cooldown.unwrap_or(scaling.default_cooldown);
    // A booting instance only fills the averages with nothing while it is not left out of them.
    if simple.adjustment > 0 && cooldown < boot + Duration::from_secs(60) && subject.target != Target::Local {
        warnings.push(warning(
            "cooldown-before-boot",
            &format!("scaling.policy.{}.cooldown", simple.name),
            format!(
                "{} may add a second instance before the first one helps: cooldown {}, boot {} and a minute to be measured",
                simple.name,
                duration::text(cooldown),
                duration::text(boot)
            ),
            "the cooldown starts when the instance runs, before its user data has started the service",
            format!("cooldown = \"{}s\"", boot.as_secs() + 60),
        ));
    }
}

fn simple_on_ecs(name: &str) -> Warning {
    warning(
        "simple-on-ecs",
        &format!("scaling.policy.{name}.kind"),
        format!("{name} is a simple policy, which ECS does not have"),
        "Application Auto Scaling knows step and target-tracking policies only",
        "kind = \"target-tracking\", or kind = \"step\" with one step, which is the nearest".to_owned(),
    )
}

/// Finding 7.
fn at_idle(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let min = subject.deployment.capacity.min;
    for policy in &subject.deployment.scaling.policies {
        let Some(alarm) = policy.alarm() else { continue };
        if alarm.metric != Metric::Cpu || alarm.when.comparison.is_upward() || !alarm.when.holds(0.0) {
            continue;
        }
        let what = format!("at idle the alarm of {} is raised all the time", policy.name());
        let (why, remedy) = if min == 0 {
            (
                "an idle instance is below any threshold, and with capacity.min = 0 the last one goes: whoever comes \
                 next is answered 503"
                    .to_owned(),
                "capacity.min = 1",
            )
        } else {
            (
                format!(
                    "an idle instance is below any threshold; it does no harm because the fleet never gets below \
                     capacity.min = {min}"
                ),
                "none is needed: do not wake anybody for this alarm, and keep capacity.min above 0",
            )
        };
        warnings.push(warning(
            "alarm-at-idle",
            &format!("scaling.policy.{}.alarm.when", policy.name()),
            what,
            &why,
            remedy.to_owned(),
        ));
    }
}

/// One instance more brings the average below the scale-in threshold, and so on for ever.
fn close_thresholds(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let simple = subject.deployment.scaling.policies.iter().filter_map(|policy| match policy {
        Policy::Simple(simple) if simple.alarm.metric == Metric::Cpu => Some(simple),
        _ => None,
    });
    let (out, back): (Vec<_>, Vec<_>) = simple.partition(|simple| simple.alarm.when.comparison.is_upward());
    let few = subject.deployment.capacity.min.max(1);
    for (out, back) in out.iter().flat_map(|out| back.iter().map(move |back| (out, back))) {
        let added = out.adjustment.max(1) as u32;
        let after = out.alarm.when.threshold * f64::from(few) / f64::from(few + added);
        if back.alarm.when.holds(after) {
            warnings.push(warning(
                "close-thresholds",
                &format!("scaling.policy.{}.alarm.when", back.name),
                format!(
                    "{} and {} can undo each other: {} % on {few} becomes {after:.1} % on {}",
                    out.name,
                    back.name,
                    out.alarm.when.threshold,
                    few + added
                ),
                &format!(
                    "{after:.1} % satisfies {} again, and the fleet swings at a steady load",
                    back.alarm.when
                ),
                format!("a scale-in threshold below {:.0}, leaving room for noise", (after * 0.8).floor()),
            ));
        }
    }
}

/// Finding 5.
fn slow_scale_in(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let deployment = subject.deployment;
    let drain = deployment.load_balancer.deregistration_delay;
    for policy in &deployment.scaling.policies {
        let Policy::Simple(simple) = policy else { continue };
        let each = drain + simple.cooldown.unwrap_or(deployment.scaling.default_cooldown);
        if simple.adjustment < 0 && each >= Duration::from_secs(300) && !deployment.model.drain_ends_early {
            warnings.push(warning(
                "slow-scale-in",
                "load_balancer.deregistration_delay",
                format!("{} removes one step per {}", simple.name, duration::text(each)),
                "the cooldown starts after the drain, and the group waits for the whole deregistration delay",
                "load_balancer.deregistration_delay = \"30s\", longer than the longest request".to_owned(),
            ));
        }
    }
}

fn short_warm_up(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let (scaling, boot) = (&subject.deployment.scaling, subject.deployment.model.boot_time);
    if subject.target == Target::Ec2 && scaling.warm_up < boot {
        warnings.push(warning(
            "warm-up-before-boot",
            "scaling.warm_up",
            format!(
                "instances count in the average {} before they answer",
                duration::text(boot - scaling.warm_up)
            ),
            "an instance that does not serve yet dilutes the average, so that the group thinks it is at ease",
            format!("scaling.warm_up = \"{}\"", duration::text(boot)),
        ));
    }
}
