//! What AWS told, as values: the timeline's events under AWS's own names, before they are numbered and compared.

use crate::time::Time;
use crate::timeline::{AlarmState, LaunchCause, LeaveCause, WhyNot};

/// Something that happened at AWS.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub(super) at: Time,
    pub(super) what: What,
}

/// Instances and tasks by AWS's ids, policies by the names that they have there, alarms by those of the description.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Launching(String, LaunchCause),
    InService(String),
    /// Until when, and why.
    Draining(String, Time, LeaveCause),
    Gone(String),
    /// By a policy, or by hand.
    Scaled {
        by: Option<String>,
        from: Option<u32>,
        to: u32,
    },
    NotScaled {
        by: String,
        capacity: u32,
        why: WhyNot,
    },
    Alarm {
        alarm: String,
        from: AlarmState,
        to: AlarmState,
        points: Vec<Option<f64>>,
    },
    Told {
        text: String,
        bad: bool,
    },
}
