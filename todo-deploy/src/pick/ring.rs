//! Consistent hashing: targets own arcs of a ring of hashes, and a client belongs to the arc it hashes into.
//!
//! As in ketama (libketama, nginx's `hash … consistent`): 160 points per unit of weight, so that the shares of
//! equal targets differ by some percent, and a target that leaves gives only its own arcs away. Points depend
//! on the target's key alone, never on the order of registration.

use super::hash::mix;
use super::member::{Members, Target};

const POINTS_PER_WEIGHT: u64 = 160;
/// Beyond this weight a target gains no more points: a ring has to fit a cache.
const WEIGHT_MAX: u32 = 64;

#[derive(Debug, Clone)]
pub(super) struct Ring {
    load_percent: u32,
    /// Ascending by hash, then by index.
    points: Vec<(u64, u32)>,
}

impl Ring {
    pub(super) const fn new(load_percent: u32) -> Self {
        Self { load_percent, points: Vec::new() }
    }

    pub(super) fn enter(&mut self, index: u32, target: Target) {
        let count = POINTS_PER_WEIGHT * u64::from(target.weight.min(WEIGHT_MAX));
        let point = |i: u64| mix(target.key ^ mix(i.wrapping_add(0x9e37_79b9_7f4a_7c15)));
        self.points.extend((0..count).map(|i| (point(i), index)));
        self.points.sort_unstable();
    }

    pub(super) fn leave(&mut self, index: u32) {
        self.points.retain(|&(_, owner)| owner != index);
    }

    /// The owner of `hash`, or the next owner clockwise that is below its bound.
    pub(super) fn choose(&self, hash: u64, members: &Members) -> Option<u32> {
        let start = self.points.partition_point(|&(point, _)| point < hash);
        let (before, after) = self.points.split_at(start);
        let mut around = after.iter().chain(before).map(|&(_, owner)| owner);
        let below = |&owner: &u32| members.is_below_bound(owner, self.load_percent);
        around.clone().find(below).or_else(|| around.next())
    }
}
