//! What the engine wants done and has to tell, in order, until a driver takes it.

use std::collections::VecDeque;

use crate::time::Time;
use crate::timeline::{Event, EventKind, InstanceId};

/// What a driver is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Start an instance; answer with `Started` when it runs.
    Launch(InstanceId),
    /// Choose it no more; answer with `Drained` when nothing is in flight on it. Nothing may be after `until`.
    Drain { id: InstanceId, until: Time },
    /// Stop it; answer with `Exited` when it is gone.
    Terminate(InstanceId),
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    actions: VecDeque<Action>,
    events: VecDeque<Event>,
}

impl Outbox {
    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push_back(action);
    }

    pub(crate) fn event(&mut self, at: Time, kind: EventKind) {
        self.events.push_back(Event { at, kind });
    }

    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }
}
