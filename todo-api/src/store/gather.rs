//! Reads that wait for a connection at the same time are answered together.
//!
//! The first of a group leads: it waits for a connection, and whoever asks the same until then joins it instead of
//! waiting for a connection too. When the leader has its connection the group is sealed, so the read begins after
//! each of its members asked: nobody is answered with less than what was committed when they asked. Without a wait
//! there is no group, and a lone read pays for a look into a map.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::StoreError;

/// Open groups by key `K`; each member brings an item `T` and gets a value `V`.
#[derive(Debug)]
pub(super) struct Gather<K, T, V> {
    open: Mutex<HashMap<K, Vec<Member<T, V>>>>,
    /// Most members that a group takes in.
    members_max: usize,
}

#[derive(Debug)]
struct Member<T, V> {
    item: T,
    reply: oneshot::Sender<Result<V, StoreError>>,
}

/// What a request is in its group.
#[derive(Debug)]
pub(super) enum Role<'a, K: Copy + Eq + Hash, T, V> {
    Leader(Leader<'a, K, T, V>),
    /// Resolves with the leader's outcome, or with an error when the leader was cancelled: then try again.
    Member(oneshot::Receiver<Result<V, StoreError>>),
}

/// Owns an open group. Dropped before it is sealed, the group's members try again.
#[derive(Debug)]
pub(super) struct Leader<'a, K: Copy + Eq + Hash, T, V> {
    gather: &'a Gather<K, T, V>,
    key: K,
    sealed: bool,
}

/// A sealed group without its leader. Dropped unanswered, its members try again.
#[derive(Debug)]
pub(super) struct Group<T, V>(Vec<Member<T, V>>);

impl<K: Copy + Eq + Hash, T, V> Gather<K, T, V> {
    pub(super) fn new(members_max: usize) -> Self {
        Self { open: Mutex::new(HashMap::new()), members_max }
    }

    /// Members of open groups, leaders not counted: for the metrics.
    pub(super) fn waiting(&self) -> usize {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().map(Vec::len).sum()
    }

    /// Joins the open group for `key`, or opens one.
    pub(super) fn enter(&self, key: K, item: T) -> Result<Role<'_, K, T, V>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(group) = open.get_mut(&key) else {
            open.insert(key, Vec::new());
            return Ok(Role::Leader(Leader { gather: self, key, sealed: false }));
        };
        if group.len() >= self.members_max {
            return Err(StoreError::Busy);
        }
        let (reply, outcome) = oneshot::channel();
        group.push(Member { item, reply });
        Ok(Role::Member(outcome))
    }
}

impl<K: Copy + Eq + Hash, T, V> Leader<'_, K, T, V> {
    /// Closes the group: whoever comes now opens the next one.
    pub(super) fn seal(mut self) -> Group<T, V> {
        self.sealed = true;
        self.close()
    }

    fn close(&self) -> Group<T, V> {
        let mut open = self.gather.open.lock().unwrap_or_else(PoisonError::into_inner);
        Group(open.remove(&self.key).unwrap_or_default())
    }
}

impl<K: Copy + Eq + Hash, T, V> Drop for Leader<'_, K, T, V> {
    fn drop(&mut self) {
        // Once sealed, an open group of this key is the next one and not ours.
        if !self.sealed {
            drop(self.close());
        }
    }
}

impl<T, V> Group<T, V> {
    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|member| &member.item)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives every member its value.
    pub(super) fn answer(self, value: impl Fn(&T) -> V) {
        for member in self.0 {
            let value = value(&member.item);
            let _ = member.reply.send(Ok(value));
        }
    }

    /// Tells every member of the failure.
    pub(super) fn fail(self, error: &StoreError) {
        for member in self.0 {
            let _ = member.reply.send(Err(error.told()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(gather: &Gather<u8, u32, u32>, item: u32) -> oneshot::Receiver<Result<u32, StoreError>> {
        match gather.enter(1, item).unwrap() {
            Role::Member(outcome) => outcome,
            Role::Leader(_) => panic!("there should be a leader"),
        }
    }

    fn leader(gather: &Gather<u8, u32, u32>) -> Leader<'_, u8, u32, u32> {
        match gather.enter(1, 0).unwrap() {
            Role::Leader(leader) => leader,
            Role::Member(_) => panic!("there should be no open group"),
        }
    }

    #[tokio::test]
    async fn who_comes_after_the_seal_opens_the_next_group() {
        let gather = Gather::new(8);
        let first = leader(&gather);
        let joined = member(&gather, 20);
        let group = first.seal();
        let _second = leader(&gather);
        let late = member(&gather, 30);
        group.answer(|item| item + 1);
        assert_eq!(joined.await.unwrap().unwrap(), 21);
        drop(_second);
        assert!(late.await.is_err(), "the cancelled leader's member must try again");
    }

    #[tokio::test]
    async fn a_group_has_a_size_limit_and_fails_together() {
        let gather = Gather::new(1);
        let first = leader(&gather);
        let joined = member(&gather, 1);
        assert!(matches!(gather.enter(1, 2), Err(StoreError::Busy)));
        first.seal().fail(&StoreError::down("gone"));
        assert!(matches!(joined.await.unwrap(), Err(StoreError::Unavailable(_))));
    }
}
