//! Whether this load can move this fleet at all.

use std::time::Duration;

use super::{Subject, Warning, warning};
use crate::deployment::{Metric, Policy, Statistic, duration};
use crate::pricing::instance_vcpus;
use crate::simulate::two_digits;

pub(super) fn check(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let deployment = subject.deployment;
    let model = &deployment.model;
    let vcpus = instance_vcpus(deployment, subject.target);
    let fewest = f64::from(deployment.capacity.min.max(1));
    let (rate, wanted) = subject.plan.work(model);
    let mean = Duration::from_secs_f64(wanted / rate.max(1e-9));
    let percent = (100.0 * wanted / (vcpus * fewest)).min(100.0);
    for policy in &deployment.scaling.policies {
        let Some((when, _, period)) = policy.wants(model.high_periods) else { continue };
        let (most, what, unit, why, remedy) = match policy.metric() {
            Metric::Cpu => (
                percent,
                "% CPU".to_owned(),
                " %",
                format!(
                    "at most {rate:.0} requests/s of {} CPU each need {} of {} vCPUs",
                    short(mean),
                    two_digits(wanted),
                    two_digits(vcpus * fewest)
                ),
                format!(
                    "instances of at most {} vCPU, or a threshold of at most {}; if a request costs more, say so in \
                     model.service_time",
                    two_digits(wanted * 100.0 / when.threshold / fewest),
                    two_digits(percent * 0.8)
                ),
            ),
            // Where requests are not added up, a value is of the point's length, not of the period's.
            Metric::RequestsPerTarget if sums(policy) => {
                let each = rate * period.as_secs_f64() / fewest;
                let period = duration::text(period);
                (
                    each,
                    format!("requests per target in {period}"),
                    "",
                    format!("at most {} requests/s go to {fewest} targets", two_digits(rate)),
                    format!("a threshold of at most {}", two_digits(each * 0.8)),
                )
            }
            _ => continue,
        };
        if when.holds(most) {
            continue;
        }
        let field = if policy.alarm().is_some() { "alarm.when" } else { "target" };
        warnings.push(warning(
            "load-too-small",
            &format!("scaling.policy.{}.{field}", policy.name()),
            format!(
                "{} makes at most {} {what}; {} at {}{unit} never scales out",
                subject.plan.name,
                two_digits(most),
                policy.name(),
                when.threshold
            ),
            &why,
            remedy,
        ));
    }
    let most = f64::from(deployment.capacity.max) * vcpus;
    if wanted > most {
        warnings.push(warning(
            "load-too-large",
            "capacity.max",
            format!("{} wants {wanted:.1} vCPUs; the largest fleet has {most:.1}", subject.plan.name),
            "beyond that more users only wait longer, and in the end requests fail with 504",
            format!("capacity.max = {:.0}, or larger instances", (wanted / vcpus).ceil()),
        ));
    }
    too_late(subject, warnings);
}

/// Whether the policy's alarm adds up what comes in its period; target tracking does.
fn sums(policy: &Policy) -> bool {
    policy.alarm().is_none_or(|alarm| alarm.statistic == Statistic::Sum)
}

/// To three digits.
fn short(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    let digits = 10_f64.powi((nanos.max(1.0).log10().floor() as i32 - 2).max(0));
    duration::text(Duration::from_nanos(((nanos / digits).round() * digits) as u64))
}

/// Capacity that arrives when the load is nearly over.
fn too_late(subject: &Subject<'_>, warnings: &mut Vec<Warning>) {
    let (scaling, model) = (&subject.deployment.scaling, &subject.deployment.model);
    for policy in &scaling.policies {
        let Some((_, periods, period)) = policy.wants(model.high_periods) else { continue };
        let window = period * periods;
        let reaction = window.max(scaling.metric_period) + model.metric_lag;
        let helps = reaction + model.launch_time + model.boot_time;
        if helps * 2 > subject.plan.end {
            warnings.push(warning(
                "too-late",
                &format!("scaling.policy.{}", policy.name()),
                format!(
                    "{} helps {} after the load rises at the earliest; the load lasts {}",
                    policy.name(),
                    duration::text(helps),
                    duration::text(subject.plan.end)
                ),
                "the alarm waits for its periods and the metric's delay, then an instance launches and boots",
                "a shorter period, a faster boot, or more instances from the start (capacity.min)".to_owned(),
            ));
        }
    }
}
