//! One structure per algorithm, each kept up to date as targets come, go and take requests.

use super::heap::IndexedHeap;
use super::member::{Member, Members};
use super::ring::Ring;
use super::shares::Shares;
use super::{Algorithm, Choice};

/// The stride of weight 1. Passes grow by at most this much per pick, so a `u64` lasts 2^40 picks of one target.
const STRIDE: u64 = 1 << 24;

#[derive(Debug, Clone)]
pub(super) enum Strategy {
    /// Stride scheduling (Waldspurger and Weihl 1995): the least pass goes next and moves on by its stride.
    Turns {
        passes: IndexedHeap<u64>,
    },
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
            Algorithm::RoundRobin => Self::Turns { passes: IndexedHeap::new() },
            Algorithm::LeastOutstanding => least(false),
            Algorithm::WeightedLeastConnections => least(true),
            Algorithm::ConsistentHash { load_percent } => Self::Ring(Ring::new(load_percent)),
            Algorithm::WeightedRandom => Self::Random(Shares::default()),
        }
    }

    /// The target may be chosen from now on.
    pub(super) fn enter(&mut self, index: u32, member: &Member) {
        match self {
            // At the present least pass: it takes its turn, but no burst to make up for the time before.
            Self::Turns { passes } => {
                let pass = passes.first().map_or(0, |(pass, _)| pass);
                passes.set(index, pass);
            }
            Self::Least { weighted, order, .. } => order.set(index, (load(member, *weighted), 0)),
            Self::Ring(ring) => ring.enter(index, member.target),
            Self::Random(shares) => shares.enter(index, member.target.weight),
        }
    }

    /// The target may not be chosen any more.
    pub(super) fn leave(&mut self, index: u32) {
        match self {
            Self::Turns { passes } => {
                passes.remove(index);
            }
            Self::Least { order, .. } => {
                order.remove(index);
            }
            Self::Ring(ring) => ring.leave(index),
            Self::Random(shares) => shares.leave(index),
        }
    }

    pub(super) fn choose(&mut self, choice: &Choice, members: &Members) -> Option<u32> {
        match self {
            Self::Turns { passes } => passes.first().map(|(_, index)| index),
            Self::Least { order, .. } => order.first().map(|(_, index)| index),
            Self::Ring(ring) => ring.choose(choice.hash, members),
            Self::Random(shares) => shares.choose(choice.draw),
        }
    }

    /// A request went to this target, by this strategy or by stickiness.
    pub(super) fn started(&mut self, index: u32, member: &Member) {
        match self {
            Self::Turns { passes } => {
                if let Some(pass) = passes.key(index) {
                    passes.set(index, pass + STRIDE / u64::from(member.target.weight).min(STRIDE));
                }
            }
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
