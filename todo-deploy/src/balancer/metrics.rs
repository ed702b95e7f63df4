//! What is counted, in the text that Prometheus reads.

use std::fmt::Write as _;
use std::time::Duration;

use super::stats::Counts;
use super::{Handle, TargetStatus};
use crate::pick::TargetState;

/// Upper bounds of the latency histogram, in milliseconds.
const BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000];

impl Handle {
    /// All metrics, in Prometheus' text format.
    #[must_use]
    pub fn metrics(&self) -> String {
        let (stats, targets) = (self.stats(), self.targets());
        let mut text = String::new();
        let out = &mut text;
        gauge(out, "balancer_connections", "Client connections that are open.", stats.connections);
        let lost = self.hub.log.lost.load(std::sync::atomic::Ordering::Relaxed);
        counter(
            out,
            "balancer_log_lines_lost_total",
            "Log lines dropped because the disk was too slow.",
            lost,
        );
        let failed = stats.total.connects_failed;
        counter(out, "balancer_connects_failed_total", "Connections that targets did not accept.", failed);
        counter(out, "balancer_retries_total", "Requests that went to a second target.", stats.total.retries);
        counter(out, "balancer_received_bytes_total", "Bytes read from clients.", stats.total.bytes_in);
        counter(out, "balancer_sent_bytes_total", "Bytes written to clients.", stats.total.bytes_out);
        head(out, "balancer_requests_total", "counter", "Requests by status class; 0 had no answer.");
        for (class, count) in stats.total.statuses.iter().enumerate() {
            let _ = writeln!(out, "balancer_requests_total{{class=\"{}\"}} {count}", class_name(class));
        }
        latency(out, &stats.total);
        let each: Vec<(&TargetStatus, &Counts)> =
            targets.iter().filter_map(|target| Some((target, stats.targets.get(&target.id)?))).collect();
        per_target(out, &each);
        text
    }
}

fn per_target(out: &mut String, each: &[(&TargetStatus, &Counts)]) {
    head(out, "balancer_target_requests_total", "counter", "Requests by target and status class.");
    for (target, counts) in each {
        for (class, count) in counts.statuses.iter().enumerate() {
            let (name, class) = (target.address, class_name(class));
            let _ = writeln!(
                out,
                "balancer_target_requests_total{{target=\"{name}\",class=\"{class}\"}} {count}"
            );
        }
    }
    type Column = (&'static str, &'static str, &'static str, fn(&TargetStatus, &Counts) -> u64);
    let columns: [Column; 5] = [
        ("balancer_target_in_flight", "gauge", "Requests in flight.", |target, _| {
            u64::from(target.in_flight)
        }),
        ("balancer_target_healthy", "gauge", "Whether the target is healthy.", |target, _| {
            u64::from(target.state == TargetState::Healthy && !target.ejected)
        }),
        ("balancer_target_routable", "gauge", "Whether new requests go to it.", |target, _| {
            u64::from(target.routable)
        }),
        (
            "balancer_target_connects_failed_total",
            "counter",
            "Connections it did not accept.",
            |_, counts| counts.connects_failed,
        ),
        (
            "balancer_target_retries_total",
            "counter",
            "Requests it failed that went elsewhere.",
            |_, counts| counts.retries,
        ),
    ];
    for (name, kind, help, value) in columns {
        head(out, name, kind, help);
        for (target, counts) in each {
            let _ = writeln!(out, "{name}{{target=\"{}\"}} {}", target.address, value(target, counts));
        }
    }
}

fn latency(out: &mut String, total: &Counts) {
    const NAME: &str = "balancer_request_duration_seconds";
    head(out, NAME, "histogram", "From the end of a request's head to the last byte of its answer.");
    for bound in BOUNDS_MS {
        let count = total.latency.at_most(Duration::from_millis(bound));
        let _ = writeln!(out, "{NAME}_bucket{{le=\"{}\"}} {count}", bound as f64 / 1e3);
    }
    let count = total.latency.total();
    let _ = writeln!(out, "{NAME}_bucket{{le=\"+Inf\"}} {count}");
    let _ = writeln!(out, "{NAME}_sum {}", total.latency.sum.as_secs_f64());
    let _ = writeln!(out, "{NAME}_count {count}");
}

fn class_name(class: usize) -> &'static str {
    ["none", "1xx", "2xx", "3xx", "4xx", "5xx"].get(class).unwrap_or(&"none")
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn gauge(out: &mut String, name: &str, help: &str, value: usize) {
    head(out, name, "gauge", help);
    let _ = writeln!(out, "{name} {value}");
}

fn counter(out: &mut String, name: &str, help: &str, value: u64) {
    head(out, name, "counter", help);
    let _ = writeln!(out, "{name} {value}");
}
