//! Turns in proportion to weight: stride scheduling (Waldspurger and Weihl 1995).
//!
//! Each target has a pass; the least goes next and moves on by its stride, which is the smaller the larger its weight.
//! With equal weights the one who just had its turn belongs at the end, so that a queue is enough and a turn costs the
//! same however many targets there are. Who belongs further ahead stands in a heap beside it.

use std::collections::VecDeque;

use super::heap::IndexedHeap;

/// The stride of weight 1. Passes grow by at most this much per pick, so a `u64` lasts 2^40 picks of one target.
const STRIDE: u64 = 1 << 24;
/// The pass of a target that does not take turns.
const OUT: u64 = u64::MAX;

#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    /// Of each target.
    pass: Vec<u64>,
    /// Ascending. An entry counts while it is its target's pass; the first one does.
    queue: VecDeque<(u64, u32)>,
    ahead: IndexedHeap<u64>,
    takes_turns: usize,
}

impl Turns {
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        let (queued, ahead) = (self.queue.front().copied(), self.ahead.first());
        queued.into_iter().chain(ahead).min()
    }

    /// At the present least pass: it takes its turn, but no burst to make up for the time before.
    pub(super) fn enter(&mut self, index: u32) {
        let pass = self.first().map_or(0, |(pass, _)| pass);
        let length = self.pass.len().max(index as usize + 1);
        self.pass.resize(length, OUT);
        self.takes_turns += 1;
        self.place(index, pass);
    }

    pub(super) fn leave(&mut self, index: u32) {
        let pass = self.pass.get_mut(index as usize).filter(|pass| **pass != OUT);
        let Some(pass) = pass else { return };
        *pass = OUT;
        self.takes_turns -= 1;
        self.ahead.remove(index);
        self.tidy();
    }

    /// It was chosen, whether or not it was its turn.
    pub(super) fn started(&mut self, index: u32, weight: u32) {
        let pass = self.pass.get(index as usize).copied().filter(|pass| *pass != OUT);
        if let Some(pass) = pass {
            self.place(index, pass + STRIDE / u64::from(weight).min(STRIDE));
            self.tidy();
        }
    }

    fn place(&mut self, index: u32, pass: u64) {
        self.pass[index as usize] = pass;
        if self.queue.back().is_none_or(|last| *last <= (pass, index)) {
            self.ahead.remove(index);
            self.queue.push_back((pass, index));
        } else {
            self.ahead.set(index, pass);
        }
    }

    /// The first entry counts, and not too many do not.
    fn tidy(&mut self) {
        let pass = &self.pass;
        let counts = |entry: &(u64, u32)| pass[entry.1 as usize] == entry.0;
        while self.queue.front().is_some_and(|first| !counts(first)) {
            self.queue.pop_front();
        }
        if self.queue.len() > 2 * self.takes_turns + 32 {
            self.queue.retain(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list that is searched for the least pass each time.
        #[test]
        fn the_least_pass_goes_next(steps in prop::collection::vec((0u8..8, 0u32..9, 1u32..5), 1..500)) {
            let mut turns = Turns::default();
            let mut model: Vec<Option<u64>> = vec![None; 9];
            let weights = [1, 1, 1, 1, 2, 4, 3, 1, 1];
            for (what, index, _) in steps {
                let least = (0..).zip(&model).filter_map(|(i, pass)| pass.map(|pass| (pass, i))).min();
                prop_assert_eq!(turns.first(), least);
                let place = index as usize;
                match (what, model[place]) {
                    (0 | 1, None) => {
                        turns.enter(index);
                        model[place] = Some(least.map_or(0, |(pass, _)| pass));
                    }
                    (0, Some(_)) => {
                        turns.leave(index);
                        model[place] = None;
                    }
                    (1, Some(pass)) => {
                        turns.started(index, weights[place]);
                        model[place] = Some(pass + STRIDE / u64::from(weights[place]));
                    }
                    _ => if let Some((pass, first)) = least {
                        turns.started(first, weights[first as usize]);
                        model[first as usize] = Some(pass + STRIDE / u64::from(weights[first as usize]));
                    }
                }
                prop_assert!(turns.queue.len() <= 2 * 9 + 33);
            }
        }
    }
}
