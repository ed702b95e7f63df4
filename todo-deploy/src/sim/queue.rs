//! The event queue: a calendar of short time slots, with a heap behind its end.
//!
//! Three in four events of a simulation are "this user wakes up in about a second", thousands at a time. A heap
//! pays a logarithm, and a cache miss per level, for each. A calendar (Brown 1988) hashes an event into the slot
//! of its time in O(1) and sorts only the handful of events of the slot at hand. Slots are lists threaded
//! through one slab, so memory follows the number of pending events, not time. The width and number of slots
//! follow the events: [`EventQueue`] lays itself out anew when they do not fit any more.
//!
//! Events come out in the order of time, then of payload. The order is total, so it does not depend on the
//! layout, and two runs that push the same events pop the same events.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Nanoseconds since the start of the run.
pub type Nanos = u64;

/// As many as fit: 584 years.
pub fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

/// No further event in this slot.
const END: u32 = u32::MAX;
const SLOTS_MIN: usize = 256;
const SLOTS_MAX: usize = 1 << 20;
/// How many operations pass, at least, between two looks at whether the layout still fits.
const REVIEW_AFTER: u64 = 1024;

/// Time, then payload.
type Event = (Nanos, u64);

/// Pending events, the earliest first.
#[derive(Debug, Clone)]
pub struct EventQueue {
    /// Every event of the slot at hand and before it.
    current: BinaryHeap<Reverse<Event>>,
    /// The slot at hand: its time divided by the width of a slot.
    slot: u64,
    /// A slot is `2^shift` nanoseconds wide.
    shift: u32,
    /// The first event of each slot in `slot + 1 .. slot + heads.len()`, at its number modulo the length.
    heads: Vec<u32>,
    /// One bit per head: whether the slot has events, so that 64 empty ones are passed in one step.
    occupied: Vec<u64>,
    nodes: Vec<(Event, u32)>,
    free: u32,
    /// Events in slots.
    filed: usize,
    /// Events behind the end of the calendar.
    far: BinaryHeap<Reverse<Event>>,
    /// Since the last review: events pushed, those of them behind the end, and slots opened.
    pushed: u64,
    pushed_far: u64,
    opened: u64,
    /// The next review comes after this many pushes.
    review_at: u64,
}

impl Default for EventQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl EventQueue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self {
            current: BinaryHeap::new(),
            slot: 0,
            shift: 20,
            heads: vec![END; SLOTS_MIN],
            occupied: vec![0; SLOTS_MIN / 64],
            nodes: Vec::new(),
            free: END,
            filed: 0,
            far: BinaryHeap::new(),
            pushed: 0,
            pushed_far: 0,
            opened: 0,
            review_at: REVIEW_AFTER,
        }
    }

    /// How many events are pending.
    #[must_use]
    pub fn len(&self) -> usize {
        self.current.len() + self.filed + self.far.len()
    }

    /// Whether nothing is pending.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an event. One that lies before the last one taken out is the next to come out.
    pub fn push(&mut self, at: Nanos, payload: u64) {
        self.file((at, payload));
        self.pushed += 1;
        if self.pushed >= self.review_at {
            self.review();
        }
        if self.current.is_empty() {
            self.open_next();
        }
    }

    /// The earliest event, left in place.
    #[must_use]
    pub fn peek(&self) -> Option<(Nanos, u64)> {
        self.current.peek().map(|Reverse(event)| *event)
    }

    /// Takes the earliest event out.
    pub fn pop(&mut self) -> Option<(Nanos, u64)> {
        let Reverse(event) = self.current.pop()?;
        if self.current.is_empty() {
            self.open_next();
        }
        Some(event)
    }

    fn file(&mut self, event: Event) {
        let slot = event.0 >> self.shift;
        if slot <= self.slot {
            self.current.push(Reverse(event));
        } else if slot - self.slot < self.heads.len() as u64 {
            self.put(slot, event);
        } else {
            self.pushed_far += 1;
            self.far.push(Reverse(event));
        }
    }

    fn put(&mut self, slot: u64, event: Event) {
        let place = slot as usize & (self.heads.len() - 1);
        let next = self.heads[place];
        let node = if self.free == END {
            self.nodes.push((event, next));
            u32::try_from(self.nodes.len() - 1).unwrap_or(END)
        } else {
            let node = self.free;
            self.free = self.nodes[node as usize].1;
            self.nodes[node as usize] = (event, next);
            node
        };
        self.heads[place] = node;
        self.occupied[place / 64] |= 1 << (place % 64);
        self.filed += 1;
    }

    /// Moves on to the next slot that has events, so that `current` is empty only when the queue is.
    fn open_next(&mut self) {
        while self.current.is_empty() {
            if self.filed > 0 {
                self.slot = self.next_occupied();
            } else if let Some(Reverse((at, _))) = self.far.peek() {
                self.slot = at >> self.shift;
            } else {
                return;
            }
            self.empty_slot();
            self.fetch_far();
        }
    }

    /// The first slot after the one at hand that has events; there is one.
    fn next_occupied(&self) -> u64 {
        let mask = self.heads.len() - 1;
        let start = (self.slot as usize + 1) & mask;
        let mut word = start / 64;
        let mut bits = self.occupied[word] & (u64::MAX << (start % 64));
        while bits == 0 {
            word = (word + 1) % self.occupied.len();
            bits = self.occupied[word];
        }
        let place = word * 64 + bits.trailing_zeros() as usize;
        self.slot + 1 + ((place.wrapping_sub(start)) & mask) as u64
    }

    /// Moves the events of the slot at hand into `current`.
    fn empty_slot(&mut self) {
        let place = self.slot as usize & (self.heads.len() - 1);
        let mut node = std::mem::replace(&mut self.heads[place], END);
        self.occupied[place / 64] &= !(1 << (place % 64));
        while node != END {
            let (event, next) = self.nodes[node as usize];
            self.current.push(Reverse(event));
            self.nodes[node as usize].1 = self.free;
            self.free = node;
            node = next;
            self.filed -= 1;
        }
        self.opened += 1;
    }

    /// Files what the calendar has come to reach.
    fn fetch_far(&mut self) {
        let end = self.slot + self.heads.len() as u64;
        while let Some(&Reverse(event)) = self.far.peek()
            && event.0 >> self.shift < end
        {
            self.far.pop();
            let slot = event.0 >> self.shift;
            if slot <= self.slot {
                self.current.push(Reverse(event));
            } else {
                self.put(slot, event);
            }
        }
    }

    /// Lays the calendar out anew when slots hold too many events, or too many events lie behind its end.
    fn review(&mut self) {
        let len = self.len();
        let crowded = self.pushed > 16 * self.opened.max(1);
        let short = self.pushed_far * 2 > self.pushed;
        let too_few = self.heads.len() < SLOTS_MAX && len > 2 * self.heads.len();
        let too_many = self.heads.len() > SLOTS_MIN && len * 16 < self.heads.len();
        (self.pushed, self.pushed_far, self.opened) = (0, 0, 0);
        self.review_at = REVIEW_AFTER.max(len as u64);
        if crowded || short || too_few || too_many {
            self.lay_out();
        }
    }

    fn lay_out(&mut self) {
        let mut events: Vec<Event> = self.current.drain().chain(self.far.drain()).map(|r| r.0).collect();
        for head in &mut self.heads {
            let mut node = std::mem::replace(head, END);
            while node != END {
                events.push(self.nodes[node as usize].0);
                node = self.nodes[node as usize].1;
            }
        }
        self.nodes = Vec::with_capacity(events.len());
        (self.free, self.filed) = (END, 0);
        let slots = events.len().next_power_of_two().clamp(SLOTS_MIN, SLOTS_MAX);
        self.heads = vec![END; slots];
        self.occupied = vec![0; slots / 64];
        let Some(first) = events.iter().map(|e| e.0).min() else { return };
        // As wide as it takes for nineteen in twenty pending events to lie within the calendar.
        let most = events.len() * 19 / 20;
        let (_, (horizon, _), _) = events.select_nth_unstable(most);
        let width = (*horizon - first) / slots as u64 + 1;
        self.shift = width.ilog2() + u32::from(!width.is_power_of_two());
        self.slot = first >> self.shift;
        for event in events {
            self.file(event);
        }
        self.pushed_far = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::EventQueue;

    proptest! {
        /// Against a sorted set, over spacings from 1 ns to an hour, so that every part of the calendar works.
        #[test]
        fn pops_in_order(ops in prop::collection::vec((0u32..42, any::<u16>(), 0u8..5), 1..6000)) {
            let mut queue = EventQueue::new();
            let mut model = BTreeSet::new();
            let mut now = 0;
            for (scale, jitter, op) in ops {
                if op < 3 {
                    let event = (now + (u64::from(jitter) << scale >> 16), u64::from(jitter));
                    if model.insert(event) {
                        queue.push(event.0, event.1);
                    }
                } else {
                    let next = model.pop_first();
                    prop_assert_eq!(queue.pop(), next);
                    now = next.map_or(now, |(at, _)| at);
                }
                prop_assert_eq!(queue.peek(), model.first().copied());
                prop_assert_eq!(queue.len(), model.len());
            }
            while let Some(event) = model.pop_first() {
                prop_assert_eq!(queue.pop(), Some(event));
            }
            prop_assert!(queue.is_empty());
        }
    }

    #[test]
    fn memory_follows_pending_events_not_time() {
        let mut queue = EventQueue::new();
        for user in 0..1000 {
            queue.push(user, user);
        }
        for _ in 0..300_000 {
            let (at, user) = queue.pop().expect("a thousand are pending");
            queue.push(at + 900_000_000 + user * 200_000, user);
        }
        assert_eq!(queue.len(), 1000);
        assert!(queue.nodes.capacity() <= 4096, "{} nodes", queue.nodes.capacity());
        assert!(queue.heads.len() <= 4096, "{} slots", queue.heads.len());
    }
}
