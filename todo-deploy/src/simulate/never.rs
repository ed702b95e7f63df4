//! Why a fleet never grew, and what would have made it.

use std::time::Duration;

use super::run::Minute;
use crate::deployment::{Condition, Deployment, Metric};
use crate::timeline::{Event, EventKind, WhyNot};

/// For each policy on CPU, why it never scaled out. Where the load was too small for it, also what would have done;
/// `vcpus` are those of one instance.
pub(super) fn why_never(
    deployment: &Deployment,
    minutes: &[Minute],
    events: &[Event],
    vcpus: f64,
) -> Vec<String> {
    let capacity = deployment.capacity;
    if capacity.min == capacity.max && !deployment.scaling.policies.is_empty() {
        return vec![format!("never scaled out: capacity.min and capacity.max are both {}", capacity.max)];
    }
    let busiest = minutes.iter().map(|minute| minute.cpu_percent).fold(0.0, f64::max);
    let on_cpu = deployment.scaling.policies.iter().filter(|policy| *policy.metric() == Metric::Cpu);
    let why = |name: &str, when: Condition, periods: u32, period: Duration| {
        let wanted = format!("{when} for {periods} × {} s", period.as_secs());
        let reached = when.holds(busiest);
        match held_back(name, events, capacity.max) {
            // Target tracking is also refused where it may not shrink.
            Some(true) if reached => format!("{name} fired with the group at capacity.max"),
            Some(false) if reached => format!("{name} fired and was held back each time"),
            _ if reached => {
                format!(
                    "the busiest minute was {} % CPU, but not {wanted}, as {name} wants",
                    two_digits(busiest)
                )
            }
            _ => {
                let seen = format!(
                    "the busiest minute was {} % CPU, and {name} wants {wanted}",
                    two_digits(busiest)
                );
                let lasting = sustained(minutes, periods, period);
                let half = lasting / 2.0;
                // No threshold is met by a load that is over so soon.
                if lasting < busiest / 10.0 || lasting < f64::EPSILON {
                    return format!("{seen}; it did not last so long");
                }
                format!(
                    "{seen}; instances of {} vCPU or a threshold of {} % would have done it, or requests that cost more \
                     (--service-time)",
                    two_digits(vcpus * half / when.threshold),
                    two_digits(half)
                )
            }
        }
    };
    on_cpu
        .filter_map(|policy| {
            let (when, periods, period) = policy.wants(deployment.model.high_periods)?;
            Some(format!("never scaled out: {}", why(policy.name(), when, periods, period)))
        })
        .collect()
}

/// Whether the policy was refused at all, and then whether because the group was at `max`.
fn held_back(policy: &str, events: &[Event], max: u32) -> Option<bool> {
    let refused = events.iter().filter_map(|event| match &event.kind {
        EventKind::NotScaled { policy: name, why, .. } if name == policy => {
            Some(*why == WhyNot::Limit { limit: max })
        }
        _ => None,
    });
    refused.max()
}

/// The highest CPU that lasted for so many periods, in percent.
fn sustained(minutes: &[Minute], periods: u32, period: Duration) -> f64 {
    let length = usize::try_from(period.as_secs() / 60).unwrap_or(usize::MAX).max(1);
    let all = length.saturating_mul(periods as usize);
    let mean =
        |period: &[Minute]| period.iter().map(|minute| minute.cpu_percent).sum::<f64>() / length as f64;
    let least = |window: &[Minute]| window.chunks(length).map(mean).fold(f64::INFINITY, f64::min);
    minutes.windows(all).map(least).fold(0.0, f64::max)
}

/// Two significant digits, however small the number.
pub fn two_digits(value: f64) -> String {
    let decimals = 1 - value.abs().max(f64::MIN_POSITIVE).log10().floor() as i32;
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:.0$}", usize::try_from(decimals).unwrap_or(0));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (value, text) in [
            (0.0, "0"),
            (0.004_96, "0.005"),
            (0.0123, "0.012"),
            (2.5, "2.5"),
            (15.0, "15"),
            (99.96, "100"),
            (150.0, "150"),
        ] {
            assert_eq!(two_digits(value), text);
        }
    }
}
