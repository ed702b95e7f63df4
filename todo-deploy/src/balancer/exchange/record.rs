//! What is remembered of a request: for the counters and the access log.

use std::sync::Arc;

use super::Connection;
use super::plan::Plan;
use crate::balancer::clock;
use crate::balancer::fleet::Target;
use crate::balancer::http::Reject;
use crate::balancer::http::request::Request;
use crate::balancer::http::scan::Field;
use crate::balancer::stats::Tally;

/// What the log line will need when the head is long gone.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Bytes written to the client.
    pub(super) sent: u64,
    target: Option<Arc<Target>>,
}

impl Noted {
    pub(super) fn of(_: &Connection, _: &[u8], _: &Request, _: &[Field], _: &str) -> Self {
        Self::default()
    }

    /// The target's answer has begun.
    pub(super) fn answered(&mut self, _status: u16) {}

    /// The target had the request and did not answer it.
    pub(super) fn failed(&mut self, target: &Arc<Target>) {
        self.target = Some(Arc::clone(target));
    }
}

/// A request was answered, or came to its end otherwise.
pub(super) fn finished(
    connection: &Connection,
    plan: &Plan,
    status: u16,
    target: Option<&Arc<Target>>,
    _reason: &'static str,
) {
    let latency = clock::now().duration_since(plan.started);
    let tally = Tally { status, bytes_in: plan.received, bytes_out: plan.noted.sent, latency };
    connection.worker.hub.total.count(&tally);
    if let Some(target) = target.or(plan.noted.target.as_ref()) {
        target.counters.count(&tally);
    }
}

/// What was no request, or not one for us.
pub(super) fn refused(connection: &Connection, why: Reject) {
    let tally = Tally {
        status: why.status,
        bytes_in: connection.input.len() as u64,
        bytes_out: 0,
        latency: std::time::Duration::ZERO,
    };
    connection.worker.hub.total.count(&tally);
}
