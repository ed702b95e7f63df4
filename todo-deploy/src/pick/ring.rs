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
    /// Where the points of each prefix of `64 - shift` bits begin, so that a look-up touches one cache line of
    /// points and not one per halving.
    prefixes: Vec<u32>,
    shift: u32,
    /// Points and owners that come and go with the next choice: a whole fleet that registers sorts once.
    entering: Vec<(u64, u32)>,
    leaving: Vec<u32>,
}

impl Ring {
    pub(super) const fn new(load_percent: u32) -> Self {
        Self {
            load_percent,
            points: Vec::new(),
            prefixes: Vec::new(),
            shift: 0,
            entering: Vec::new(),
            leaving: Vec::new(),
        }
    }

    pub(super) fn enter(&mut self, index: u32, target: Target) {
        let count = POINTS_PER_WEIGHT * u64::from(target.weight.min(WEIGHT_MAX));
        let point = |i: u64| mix(target.key ^ mix(i.wrapping_add(0x9e37_79b9_7f4a_7c15)));
        self.refresh_leaving(index);
        self.entering.extend((0..count).map(|i| (point(i), index)));
    }

    pub(super) fn leave(&mut self, index: u32) {
        self.entering.retain(|&(_, owner)| owner != index);
        self.leaving.push(index);
    }

    /// The owner of `hash`, or the next owner clockwise that is below its bound.
    pub(super) fn choose(&mut self, hash: u64, members: &Members) -> Option<u32> {
        self.refresh();
        let (before, after) = self.points.split_at(self.first_from(hash)?);
        let mut around = after.iter().chain(before).map(|&(_, owner)| owner);
        let below = |&owner: &u32| members.is_below_bound(owner, self.load_percent);
        around.clone().find(below).or_else(|| around.next())
    }

    /// The place of the first point that is not before `hash`.
    fn first_from(&self, hash: u64) -> Option<usize> {
        let prefix = (hash >> self.shift) as usize;
        let (&start, &end) = (self.prefixes.get(prefix)?, self.prefixes.get(prefix + 1)?);
        let within = &self.points[start as usize..end as usize];
        Some(start as usize + within.partition_point(|&(point, _)| point < hash))
    }

    /// An owner that left and comes back must lose its old points first: its weight may be another now.
    fn refresh_leaving(&mut self, index: u32) {
        if self.leaving.contains(&index) {
            self.refresh();
        }
    }

    fn refresh(&mut self) {
        if self.entering.is_empty() && self.leaving.is_empty() {
            return;
        }
        self.leaving.sort_unstable();
        let leaving = std::mem::take(&mut self.leaving);
        if !leaving.is_empty() {
            self.points.retain(|(_, owner)| leaving.binary_search(owner).is_err());
        }
        self.entering.sort_unstable();
        self.points.append(&mut self.entering);
        // Two runs in order: the stable sort merges them in one pass.
        self.points.sort();
        self.index();
    }

    /// About one prefix per four points.
    fn index(&mut self) {
        let bits = (self.points.len() / 4).next_power_of_two().ilog2().max(1);
        self.shift = 64 - bits;
        self.prefixes.clear();
        self.prefixes.reserve((1 << bits) + 1);
        for (place, &(point, _)) in (0..).zip(&self.points) {
            while self.prefixes.len() <= (point >> self.shift) as usize {
                self.prefixes.push(place);
            }
        }
        let len = u32::try_from(self.points.len()).unwrap_or(u32::MAX);
        self.prefixes.resize((1 << bits) + 1, len);
    }
}
