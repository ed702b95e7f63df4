//! Users: what each is doing.
//!
//! What a request touches stands in one cache line per user; what only cookies and farewells need, elsewhere.
//! Requests that wait too long are found by looking at every user now and then ([`Users::late`]), not by a list
//! that every request would have to enter and leave: a request sent after a look cannot be late before the next.

use std::collections::VecDeque;

use crate::pick::Slot;

use super::super::measure::Outcome;
use super::super::queue::Nanos;
use super::super::station::JobId;
use super::event::EPOCHS;

pub(super) const NOBODY: u32 = u32::MAX;
/// Who has this instead of a load sends one request at a time for another user's batch.
pub(super) const HELPER: u32 = u32::MAX;

/// What a user is doing. One request at a time: those of a batch are sent by helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// Not in an iteration.
    #[default]
    Away,
    /// Between requests.
    Asleep,
    /// Waiting for its helpers.
    Batching,
    /// A connection waits to be accepted by the target.
    Connecting,
    /// The target works on the request.
    Working,
    /// The answer is on its way.
    Answering,
}

impl Phase {
    pub(super) const fn has_request(self) -> bool {
        matches!(self, Self::Connecting | Self::Working | Self::Answering)
    }
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct User {
    /// When the request under way was sent, and how much work it is.
    pub(super) sent: Nanos,
    pub(super) demand: f64,
    pub(super) target: Option<Slot>,
    pub(super) instance: u32,
    pub(super) job: JobId,
    pub(super) load: u32,
    /// Changes when a queued event of this user is void.
    pub(super) epoch: u32,
    /// Iterations begun.
    pub(super) begun: u32,
    pub(super) step: u16,
    pub(super) endpoint: u16,
    pub(super) phase: Phase,
    /// Has to leave after this iteration, and at the latest when its farewell cuts it off.
    pub(super) leaving: bool,
    pub(super) attempt: u8,
    pub(super) answer: Outcome,
}

const _: () = assert!(size_of::<User>() == 64, "one cache line");

/// What is seldom needed of a user.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rest {
    pub(super) cut_at: Nanos,
    /// The target of this user's cookie or connection, and until when the cookie is good.
    pub(super) sticky: Option<Slot>,
    pub(super) sticky_until: Nanos,
    /// When the iteration began, where that matters.
    pub(super) began: Nanos,
    /// For whom a helper asks.
    pub(super) helps: u32,
}

/// All users, and the requests that will be late before the next look.
#[derive(Debug, Default)]
pub(super) struct Users {
    all: Vec<User>,
    rest: Vec<Rest>,
    /// When the request was sent, and whose it is; in this order.
    late: VecDeque<(Nanos, u32)>,
}

impl Users {
    pub(super) fn add(&mut self, load: u32) -> u32 {
        self.all.push(User {
            load,
            epoch: 0,
            phase: Phase::Away,
            leaving: false,
            attempt: 0,
            step: 0,
            endpoint: 0,
            begun: 0,
            answer: Outcome::Answered,
            sent: 0,
            demand: 0.0,
            target: None,
            instance: NOBODY,
            job: 0,
        });
        self.rest.push(Rest::default());
        u32::try_from(self.all.len() - 1).unwrap_or(NOBODY)
    }

    /// Reads the user, for no other purpose than to have read it.
    pub(super) fn touch(&self, id: u32) {
        std::hint::black_box(self.all.get(id as usize).map(|user| user.epoch));
    }

    pub(super) fn at(&self, id: u32) -> &User {
        &self.all[id as usize]
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut User {
        &mut self.all[id as usize]
    }

    pub(super) fn rest_mut(&mut self, id: u32) -> &mut Rest {
        &mut self.rest[id as usize]
    }

    /// Users whose request is with this instance, ascending.
    pub(super) fn with_request_at(&self, instance: u32) -> Vec<u32> {
        let there = |user: &User| user.instance == instance && user.phase.has_request();
        (0..).zip(&self.all).filter(|(_, user)| there(user)).map(|(id, _)| id).collect()
    }

    /// Makes the user's queued event void.
    pub(super) fn forget_event(&mut self, id: u32) {
        let user = self.at_mut(id);
        user.epoch = (user.epoch + 1) % EPOCHS;
    }

    /// Looks for requests that were sent by `sent_by` and are still under way.
    pub(super) fn look_for_late(&mut self, sent_by: Nanos) {
        let is_late = |user: &User| user.phase.has_request() && user.sent <= sent_by;
        let found = (0..).zip(&self.all).filter(|(_, user)| is_late(user));
        self.late.clear();
        self.late.extend(found.map(|(id, user)| (user.sent, id)));
        self.late.make_contiguous().sort_unstable();
    }

    /// The request among those found that was sent first: when, and whose it is.
    pub(super) fn first_late(&mut self) -> Option<(Nanos, u32)> {
        while let Some(&(sent, id)) = self.late.front() {
            let user = self.at(id);
            if user.phase.has_request() && user.sent == sent {
                return Some((sent, id));
            }
            self.late.pop_front();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_requests_are_found_in_the_order_they_were_sent() {
        let mut users = Users::default();
        for id in 0..6 {
            users.add(0);
            let user = users.at_mut(id);
            (user.sent, user.phase) = (u64::from(10 - id), Phase::Working);
        }
        users.at_mut(4).phase = Phase::Asleep;
        users.look_for_late(8);
        users.at_mut(3).sent = 20;
        let mut order = Vec::new();
        while let Some((sent, id)) = users.first_late() {
            order.push((sent, id));
            users.at_mut(id).phase = Phase::Away;
        }
        assert_eq!(order, [(5, 5), (8, 2)], "0 and 1 are not late, 3 asked again, 4 has its answer");
    }
}
