//! Weighted random choice: one draw, one binary search in the running sum of weights.

use super::hash::scale;

#[derive(Debug, Clone, Default)]
pub(super) struct Shares {
    /// Ascending by index: the sum of weights up to and with this one, and the index.
    sums: Vec<(u64, u32)>,
}

impl Shares {
    pub(super) fn enter(&mut self, index: u32, weight: u32) {
        let at = self.sums.partition_point(|&(_, other)| other < index);
        let before = if at == 0 { 0 } else { self.sums[at - 1].0 };
        self.sums.insert(at, (before, index));
        for (sum, _) in &mut self.sums[at..] {
            *sum += u64::from(weight);
        }
    }

    pub(super) fn leave(&mut self, index: u32) {
        let at = self.sums.partition_point(|&(_, other)| other < index);
        if self.sums.get(at).is_none_or(|&(_, other)| other != index) {
            return;
        }
        let before = if at == 0 { 0 } else { self.sums[at - 1].0 };
        let weight = self.sums[at].0 - before;
        self.sums.remove(at);
        for (sum, _) in &mut self.sums[at..] {
            *sum -= weight;
        }
    }

    pub(super) fn choose(&self, draw: u64) -> Option<u32> {
        let total = self.sums.last()?.0;
        let mark = scale(draw, total);
        let at = self.sums.partition_point(|&(sum, _)| sum <= mark);
        self.sums.get(at).map(|&(_, index)| index)
    }
}
