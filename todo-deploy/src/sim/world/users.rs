//! Users: what each is doing, and the requests under way in the order they were sent.

use crate::pick::Slot;

use super::super::measure::Outcome;
use super::super::queue::Nanos;
use super::super::station::JobId;
use super::event::EPOCHS;

pub(super) const NOBODY: u32 = u32::MAX;

/// What a user is doing. One request at a time: a script's batches are sent one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// Not in an iteration.
    #[default]
    Away,
    /// Between requests.
    Asleep,
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
pub(super) struct User {
    pub(super) load: u32,
    /// Changes when a queued event of this user is void.
    pub(super) epoch: u32,
    pub(super) phase: Phase,
    /// Has to leave after this iteration, and at the latest at `cut_at`.
    pub(super) leaving: bool,
    pub(super) attempt: u8,
    pub(super) step: u16,
    pub(super) endpoint: u16,
    /// Iterations begun.
    pub(super) begun: u64,
    pub(super) answer: Outcome,
    pub(super) cut_at: Nanos,
    /// When the request under way was sent, and how much work it is.
    pub(super) sent: Nanos,
    pub(super) demand: f64,
    pub(super) target: Option<Slot>,
    pub(super) instance: u32,
    pub(super) job: JobId,
    /// The target of this user's cookie or connection, and until when the cookie is good.
    pub(super) sticky: Option<Slot>,
    pub(super) sticky_until: Nanos,
    older: u32,
    newer: u32,
}

/// All users, and the list of those with a request under way, the oldest request first.
#[derive(Debug)]
pub(super) struct Users {
    all: Vec<User>,
    oldest: u32,
    newest: u32,
}

impl Default for Users {
    fn default() -> Self {
        Self { all: Vec::new(), oldest: NOBODY, newest: NOBODY }
    }
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
            cut_at: 0,
            sent: 0,
            demand: 0.0,
            target: None,
            instance: NOBODY,
            job: 0,
            sticky: None,
            sticky_until: 0,
            older: NOBODY,
            newer: NOBODY,
        });
        u32::try_from(self.all.len() - 1).unwrap_or(NOBODY)
    }

    pub(super) fn at(&self, id: u32) -> &User {
        &self.all[id as usize]
    }

    pub(super) fn at_mut(&mut self, id: u32) -> &mut User {
        &mut self.all[id as usize]
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

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NOBODY).then_some(self.oldest)
    }

    /// When the oldest request under way was sent.
    pub(super) fn oldest_sent(&self) -> Option<Nanos> {
        self.oldest().map(|id| self.at(id).sent)
    }

    /// The user's request, sent now, is the newest.
    pub(super) fn enlist(&mut self, id: u32) {
        let before = std::mem::replace(&mut self.newest, id);
        if before == NOBODY {
            self.oldest = id;
        } else {
            self.at_mut(before).newer = id;
        }
        let user = self.at_mut(id);
        (user.older, user.newer) = (before, NOBODY);
    }

    /// The user's request has ended.
    pub(super) fn delist(&mut self, id: u32) {
        let User { older, newer, .. } = *self.at(id);
        if older == NOBODY {
            self.oldest = newer;
        } else {
            self.at_mut(older).newer = newer;
        }
        if newer == NOBODY {
            self.newest = older;
        } else {
            self.at_mut(newer).older = older;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_time_out_in_the_order_they_were_sent() {
        let mut users = Users::default();
        let ids: Vec<u32> = (0..4).map(|_| users.add(0)).collect();
        for &id in &[2, 0, 3, 1] {
            users.at_mut(id).sent = u64::from(10 - id);
            users.enlist(id);
        }
        users.delist(0);
        users.delist(1);
        let mut order = Vec::new();
        while let Some(id) = users.oldest() {
            order.push(id);
            users.delist(id);
        }
        assert_eq!((order, ids.len(), users.oldest_sent()), (vec![2, 3], 4, None));
    }
}
