//! The group at any moment of a run, read off the events.

use std::collections::BTreeMap;

use crate::time::Time;
use crate::timeline::{Event, EventKind, Health, InstanceId};

/// The group at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) desired: u32,
    pub(crate) in_service: u32,
    pub(crate) healthy: u32,
}

/// Walks through events, moment by moment.
pub(crate) struct Groups<'a> {
    events: std::iter::Peekable<std::slice::Iter<'a, Event>>,
    desired: u32,
    /// In service, and whether healthy.
    members: BTreeMap<InstanceId, bool>,
    launched: std::collections::BTreeSet<InstanceId>,
}

impl<'a> Groups<'a> {
    pub(crate) fn new(events: &'a [Event], desired: u32) -> Self {
        let events = events.iter().peekable();
        Self { events, desired, members: BTreeMap::new(), launched: std::collections::BTreeSet::new() }
    }

    /// The group at `at`, which is not before the last one asked for.
    pub(crate) fn at(&mut self, at: Time) -> Group {
        while let Some(event) = self.events.next_if(|event| event.at <= at) {
            self.take(&event.kind);
        }
        Group {
            desired: self.desired,
            in_service: u32::try_from(self.members.len()).unwrap_or(u32::MAX),
            healthy: u32::try_from(self.members.values().filter(|healthy| **healthy).count())
                .unwrap_or(u32::MAX),
        }
    }

    fn take(&mut self, kind: &EventKind) {
        match kind {
            EventKind::Scaled { to, .. } => self.desired = *to,
            EventKind::Launching { instance, .. } => {
                self.launched.insert(*instance);
            }
            EventKind::InService { instance } => {
                // What was not launched in this run was healthy before it.
                let is_old = !self.launched.remove(instance);
                self.members.insert(*instance, is_old);
            }
            EventKind::Health { instance, to, .. } => {
                if let Some(healthy) = self.members.get_mut(instance) {
                    *healthy = *to == Health::Healthy;
                }
            }
            EventKind::Draining { instance, .. }
            | EventKind::Terminating { instance }
            | EventKind::Gone { instance, .. } => {
                self.members.remove(instance);
            }
            _ => {}
        }
    }
}
