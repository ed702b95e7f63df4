//! What the balancer tells those who decide about its targets.

use std::time::Duration;

use crate::timeline::{Health, HealthReason, InstanceId, ProbeFailure};

/// Something that happened to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A health check ended.
    Probe { id: InstanceId, result: Result<(), ProbeFailure>, took: Duration },
    /// The balancer, being the authority, changed its mind about a target.
    Health { id: InstanceId, from: Health, to: Health, reason: HealthReason },
    /// A leaving target has nothing in flight any more, or its time was over and `cut` requests were cut. It
    /// is registered no longer.
    Drained { id: InstanceId, cut: u32 },
    /// It refused a connection, or did not accept one in time, and is left out until a check passes.
    Ejected { id: InstanceId },
}

/// Events not yet read: probes wait when there are this many.
pub(super) const EVENTS_MAX: usize = 1024;
