//! The names of measurements, in a timeline and in a status.
//!
//! A point is stamped at the start of the period that it describes, as in CloudWatch. Other names may occur (a custom
//! metric of a policy has its own); readers show what they know.

use crate::deployment::{Metric, Statistic};

/// Requests that ended, per second.
pub const REQUESTS: &str = "requests-per-s";
/// Answers that were errors, per second.
pub const ERRORS: &str = "errors-per-s";
/// Response times at the balancer, in milliseconds.
pub const P50: &str = "p50-ms";
pub const P95: &str = "p95-ms";
pub const P99: &str = "p99-ms";
/// Requests that are being worked on.
pub const IN_FLIGHT: &str = "in-flight";
/// Virtual users, where the load is known.
pub const USERS: &str = "users";
/// Mean over the instances, in percent of what each has.
pub const CPU: &str = "cpu-percent";
pub const MEMORY: &str = "memory-percent";
/// How many instances are wanted, in service, healthy. A [`crate::status::Fold`] takes these from the events instead.
pub const DESIRED: &str = "desired";
pub const IN_SERVICE: &str = "in-service";
pub const HEALTHY: &str = "healthy";

/// The series in which a policy's metric is recorded, as a value of the whole group.
pub fn of_metric(metric: &Metric) -> String {
    match metric {
        Metric::Cpu => CPU.to_owned(),
        Metric::Memory => MEMORY.to_owned(),
        Metric::Latency { percentile } => format!("p{percentile}-ms"),
        Metric::NetworkIn | Metric::NetworkOut | Metric::RequestsPerTarget | Metric::Custom(_) => {
            metric.to_string()
        }
    }
}

/// What of several points is kept where there is room for one: a peak of latency must not be averaged away.
pub(crate) fn statistic(name: &str) -> Statistic {
    let is_percentile = name.starts_with('p') && name.ends_with("-ms");
    if is_percentile { Statistic::Maximum } else { Statistic::Average }
}

/// Whether the events say it better.
pub(crate) fn is_derived(name: &str) -> bool {
    [DESIRED, IN_SERVICE, HEALTHY].contains(&name)
}
