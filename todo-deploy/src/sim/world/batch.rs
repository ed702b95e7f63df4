//! Requests of one user that are under way at the same time (k6's `http.batch`): helpers send them, each one at a
//! time on a connection of its own, until all have their answers.

use std::collections::BTreeMap;

use super::super::control::Control;
use super::super::queue::Nanos;
use super::World;
use super::event::Kind;
use super::users::{HELPER, Phase};

/// Batches under way, by user, and helpers without anything to do.
#[derive(Debug, Default)]
pub(super) struct Batches<'a> {
    under_way: BTreeMap<u32, Batch<'a>>,
    idle: Vec<u32>,
}

#[derive(Debug)]
struct Batch<'a> {
    /// Not sent yet.
    left: std::slice::Iter<'a, u16>,
    helpers: Vec<u32>,
}

impl<'a, C: Control> World<'a, C> {
    pub(super) fn begin_batch(&mut self, id: u32, endpoints: &'a [u16], at_once: u32) {
        self.users.at_mut(id).phase = Phase::Batching;
        let mut left = endpoints.iter();
        let first: Vec<u16> = left.by_ref().take(at_once.max(1) as usize).copied().collect();
        if first.is_empty() {
            return self.go_on(id, 0);
        }
        let helpers: Vec<u32> = first.iter().map(|_| self.helper(id)).collect();
        self.batches.under_way.insert(id, Batch { left, helpers: helpers.clone() });
        for (helper, endpoint) in helpers.into_iter().zip(first) {
            self.ask(helper, usize::from(endpoint));
        }
    }

    /// Whose request it is, as the balancer knows its client.
    pub(super) fn client(&mut self, id: u32) -> u32 {
        if self.users.at(id).load == HELPER { self.users.rest_mut(id).helps } else { id }
    }

    fn helper(&mut self, of: u32) -> u32 {
        let helper = self.batches.idle.pop().unwrap_or_else(|| {
            self.measure.connects();
            self.users.add(HELPER)
        });
        let own = *self.users.rest_mut(of);
        let rest = self.users.rest_mut(helper);
        (rest.helps, rest.sticky, rest.sticky_until) = (of, own.sticky, own.sticky_until);
        helper
    }

    /// A helper's answer has come, or will be there `after` so long.
    pub(super) fn helper_goes_on(&mut self, helper: u32, after: Nanos) {
        if after > 0 {
            self.users.at_mut(helper).phase = Phase::Asleep;
            return self.schedule_user(helper, after, Kind::Wake);
        }
        let of = *self.users.rest_mut(helper);
        let rest = self.users.rest_mut(of.helps);
        (rest.sticky, rest.sticky_until) = (of.sticky, of.sticky_until);
        let Some(batch) = self.batches.under_way.get_mut(&of.helps) else { return };
        if let Some(&endpoint) = batch.left.next() {
            return self.ask(helper, usize::from(endpoint));
        }
        batch.helpers.retain(|other| *other != helper);
        let is_done = batch.helpers.is_empty();
        self.batches.idle.push(helper);
        self.users.at_mut(helper).phase = Phase::Away;
        if is_done {
            self.batches.under_way.remove(&of.helps);
            self.users.at_mut(of.helps).phase = Phase::Asleep;
            self.go_on(of.helps, 0);
        }
    }

    /// The user goes, and what its helpers have asked is given up.
    pub(super) fn cut_batch(&mut self, id: u32) {
        if self.users.at(id).phase != Phase::Batching {
            return;
        }
        let Some(batch) = self.batches.under_way.remove(&id) else { return };
        for helper in batch.helpers {
            self.give_up(helper);
            self.users.at_mut(helper).phase = Phase::Away;
            self.batches.idle.push(helper);
        }
    }
}
