//! One structure per algorithm, each kept up to date as targets come, go and take requests.

use super::heap::IndexedHeap;
use super::member::{Member, Members};
use super::ring::Ring;
use super::shares::Shares;
use super::turns::Turns;
use super::{Algorithm, Choice};

#[derive(Debug, Clone)]
pub(super) enum Strategy {
    Turns(Turns),
    /// Ordered by load, then by who was chosen longest ago.
    Least {
        weighted: bool,
        order: IndexedHeap<(u64, u64)>,
        stamp: u64,
    },
    Ring(Ring),
    Random(Shares),
}

impl Strategy {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let least = |weighted| Self::Least { weighted, order: IndexedHeap::new(), stamp: 0 };
        match algorithm {
            Algorithm::RoundRobin => Self::Turns(Turns::default()),
            Algorithm::LeastOutstanding => least(false),
            Algorithm::WeightedLeastConnections => least(true),
            Algorithm::ConsistentHash { load_percent } => Self::Ring(Ring::new(load_percent)),
            Algorithm::WeightedRandom => Self::Random(Shares::default()),
        }
    }

    /// The target may be chosen from now on.
    pub(super) fn enter(&mut self, index: u32, member: &Member) {
        match self {
            Self::Turns(turns) => turns.enter(index),
            Self::Least { weighted, order, .. } => order.set(index, (load(member, *weighted), 0)),
            Self::Ring(ring) => ring.enter(index, member.target),
            Self::Random(shares) => shares.enter(index, member.target.weight),
        }
    }

    /// The target may not be chosen any more.
    pub(super) fn leave(&mut self, index: u32) {
        match self {
            Self::Turns(turns) => turns.leave(index),
            Self::Least { order, .. } => {
                order.remove(index);
            }
            Self::Ring(ring) => ring.leave(index),
            Self::Random(shares) => shares.leave(index),
        }
    }

    pub(super) fn choose(&mut self, choice: &Choice, members: &Members) -> Option<u32> {
        match self {
            Self::Turns(turns) => turns.first().map(|(_, index)| index),
            Self::Least { order, .. } => order.first().map(|(_, index)| index),
            Self::Ring(ring) => ring.choose(choice.hash, members),
            Self::Random(shares) => shares.choose(choice.draw),
        }
    }

    /// A request went to this target, by this strategy or by stickiness.
    pub(super) fn started(&mut self, index: u32, member: &Member) {
        match self {
            Self::Turns(turns) => turns.started(index, member.target.weight),
            Self::Least { weighted, order, stamp } => {
                *stamp += 1;
                order.set(index, (load(member, *weighted), *stamp));
            }
            Self::Ring(_) | Self::Random(_) => {}
        }
    }

    /// A request of this routable target ended.
    pub(super) fn finished(&mut self, index: u32, member: &Member) {
        if let Self::Least { weighted, order, .. } = self
            && let Some((_, stamp)) = order.key(index)
        {
            order.set(index, (load(member, *weighted), stamp));
        }
    }
}

/// The load to minimise. Weighted: the requests per weight if this one were added, in units of 2^-32.
fn load(member: &Member, weighted: bool) -> u64 {
    let outstanding = u64::from(member.outstanding);
    if weighted { ((outstanding + 1) << 32) / u64::from(member.target.weight) } else { outstanding }
}
