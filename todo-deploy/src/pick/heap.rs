//! A min-heap whose members are known by a small number, so that a key can change or leave in O(log n).
//!
//! Four children per node: half the levels of a binary heap, and the four keys that one step compares lie in
//! one or two cache lines. Equal keys are ordered by the member's number, so the order never depends on the
//! history of the heap. Used by the routing algorithms and by the simulator's stations.

const ARITY: usize = 4;
const ABSENT: u32 = u32::MAX;

/// Members `0..n`, each with at most one key.
#[derive(Debug, Clone, Default)]
pub struct IndexedHeap<K> {
    nodes: Vec<(K, u32)>,
    /// Where each member stands in `nodes`, or [`ABSENT`].
    position: Vec<u32>,
}

impl<K: Ord + Copy> IndexedHeap<K> {
    /// An empty heap.
    #[must_use]
    pub const fn new() -> Self {
        Self { nodes: Vec::new(), position: Vec::new() }
    }

    /// How many members have a key.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether no member has a key.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The smallest key and its member.
    #[must_use]
    pub fn first(&self) -> Option<(K, u32)> {
        self.nodes.first().copied()
    }

    /// The key of `member`, if it has one.
    #[must_use]
    pub fn key(&self, member: u32) -> Option<K> {
        match self.position.get(member as usize) {
            Some(&at) if at != ABSENT => Some(self.nodes[at as usize].0),
            _ => None,
        }
    }

    /// Gives `member` this key, whether or not it had one.
    pub fn set(&mut self, member: u32, key: K) {
        let index = member as usize;
        if index >= self.position.len() {
            self.position.resize(index + 1, ABSENT);
        }
        let at = self.position[index];
        if at == ABSENT {
            self.nodes.push((key, member));
            self.sift_up(self.nodes.len() - 1, (key, member));
            return;
        }
        let at = at as usize;
        if (key, member) < self.nodes[at] {
            self.sift_up(at, (key, member));
        } else {
            self.sift_down(at, (key, member));
        }
    }

    /// Takes `member` out; false when it was not in.
    pub fn remove(&mut self, member: u32) -> bool {
        let Some(&at) = self.position.get(member as usize) else { return false };
        if at == ABSENT {
            return false;
        }
        let at = at as usize;
        self.position[member as usize] = ABSENT;
        let Some(last) = self.nodes.pop() else { return false };
        if at < self.nodes.len() {
            if at > 0 && last < self.nodes[(at - 1) / ARITY] {
                self.sift_up(at, last);
            } else {
                self.sift_down(at, last);
            }
        }
        true
    }

    /// Takes out the member with the smallest key.
    pub fn pop(&mut self) -> Option<(K, u32)> {
        let first = self.first()?;
        self.remove(first.1);
        Some(first)
    }

    /// Every member with its key, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (K, u32)> + '_ {
        self.nodes.iter().copied()
    }

    fn sift_up(&mut self, mut at: usize, node: (K, u32)) {
        while at > 0 {
            let parent = (at - 1) / ARITY;
            if self.nodes[parent] <= node {
                break;
            }
            self.place(at, self.nodes[parent]);
            at = parent;
        }
        self.place(at, node);
    }

    fn sift_down(&mut self, mut at: usize, node: (K, u32)) {
        loop {
            let first = at * ARITY + 1;
            if first >= self.nodes.len() {
                break;
            }
            let end = (first + ARITY).min(self.nodes.len());
            let mut least = first;
            for child in first + 1..end {
                if self.nodes[child] < self.nodes[least] {
                    least = child;
                }
            }
            if node <= self.nodes[least] {
                break;
            }
            self.place(at, self.nodes[least]);
            at = least;
        }
        self.place(at, node);
    }

    fn place(&mut self, at: usize, node: (K, u32)) {
        self.nodes[at] = node;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "members are u32, so there are fewer than 2^32 nodes"
        )]
        let place = at as u32;
        self.position[node.1 as usize] = place;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::IndexedHeap;

    proptest! {
        #[test]
        fn agrees_with_a_sorted_map(ops in prop::collection::vec((0u32..40, 0u64..20, 0u8..4), 1..300)) {
            let mut heap = IndexedHeap::new();
            let mut model = BTreeMap::new();
            for (member, key, op) in ops {
                match op {
                    0 | 1 => {
                        heap.set(member, key);
                        model.insert(member, key);
                    }
                    2 => prop_assert_eq!(heap.remove(member), model.remove(&member).is_some()),
                    _ => {
                        let least = model.iter().map(|(&m, &k)| (k, m)).min();
                        prop_assert_eq!(heap.pop(), least);
                        if let Some((_, m)) = least {
                            model.remove(&m);
                        }
                    }
                }
                prop_assert_eq!(heap.len(), model.len());
                prop_assert_eq!(heap.key(member), model.get(&member).copied());
                prop_assert_eq!(heap.first(), model.iter().map(|(&m, &k)| (k, m)).min());
            }
        }
    }
}
