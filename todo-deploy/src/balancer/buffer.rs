//! Buffers that idle connections do not have: taken from the worker when bytes arrive, given back when all are used.

use std::cell::RefCell;

/// One read's worth. A request or response of the usual size passes in one.
pub(super) const SIZE: usize = 16 << 10;
/// Spare buffers that a worker keeps.
const SPARE_MAX: usize = 128;

/// A worker's spare buffers.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    blocks: RefCell<Vec<Box<[u8]>>>,
    vectors: RefCell<Vec<Vec<u8>>>,
}

impl Buffers {
    fn block(&self) -> Box<[u8]> {
        self.blocks.borrow_mut().pop().unwrap_or_else(|| vec![0; SIZE].into_boxed_slice())
    }

    fn give_block(&self, block: Box<[u8]>) {
        let mut blocks = self.blocks.borrow_mut();
        if block.len() == SIZE && blocks.len() < SPARE_MAX {
            blocks.push(block);
        }
    }

    /// An empty vector with room.
    pub(super) fn vector(&self) -> Vec<u8> {
        self.vectors.borrow_mut().pop().unwrap_or_default()
    }

    pub(super) fn give_vector(&self, mut vector: Vec<u8>) {
        let mut vectors = self.vectors.borrow_mut();
        if (1..=2 * SIZE).contains(&vector.capacity()) && vectors.len() < SPARE_MAX {
            vector.clear();
            vectors.push(vector);
        }
    }
}

/// Bytes that were read and not used yet. Without any it holds no memory.
#[derive(Debug, Default)]
pub(super) struct Input {
    block: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Input {
    pub(super) fn data(&self) -> &[u8] {
        &self.block[self.start..self.end]
    }

    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Where the next bytes go; empty when there is no more room.
    pub(super) fn room(&mut self, buffers: &Buffers) -> &mut [u8] {
        if self.block.is_empty() {
            self.block = buffers.block();
            (self.start, self.end) = (0, 0);
        } else if self.is_empty() {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.block.len() && self.start > 0 {
            self.block.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.block[self.end..]
    }

    /// Makes room where there is none, up to `most` bytes in all.
    pub(super) fn grow(&mut self, most: usize, buffers: &Buffers) {
        if self.room(buffers).is_empty() && self.block.len() < most {
            let mut larger = vec![0; (self.block.len() * 2).min(most).max(SIZE)].into_boxed_slice();
            larger[..self.end].copy_from_slice(&self.block[..self.end]);
            buffers.give_block(std::mem::replace(&mut self.block, larger));
        }
    }

    /// `count` bytes were read into the room.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.block.len());
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }

    /// Gives the memory back if nothing is in it.
    pub(super) fn rest(&mut self, buffers: &Buffers) {
        if self.is_empty() && !self.block.is_empty() {
            buffers.give_block(std::mem::take(&mut self.block));
            (self.start, self.end) = (0, 0);
        }
    }
}

/// Bytes that are to be written, and how many of them were.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    pub(super) sent: usize,
}

impl Output {
    pub(super) fn pending(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// All was written: the room is used again.
    pub(super) fn rewind(&mut self) {
        debug_assert!(self.is_empty());
        self.bytes.clear();
        self.sent = 0;
    }

    pub(super) fn rest(&mut self, buffers: &Buffers) {
        buffers.give_vector(std::mem::take(&mut self.bytes));
        self.sent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_memory_only_while_it_holds_bytes() {
        let (buffers, mut input) = (Buffers::default(), Input::default());
        assert_eq!(input.room(&buffers).len(), SIZE);
        input.filled(SIZE);
        input.consume(SIZE - 10);
        input.rest(&buffers);
        assert_eq!(input.len(), 10, "it is not empty, so it rests not");
        assert_eq!(input.room(&buffers).len(), SIZE - 10, "what is left moves to the front");
        input.filled(SIZE - 10);
        input.grow(64 << 10, &buffers);
        assert_eq!(input.room(&buffers).len(), SIZE);
        input.consume(SIZE);
        input.rest(&buffers);
        assert!(input.is_empty() && input.block.is_empty());
        assert_eq!(buffers.blocks.borrow().len(), 1, "the larger one was not kept");
    }
}
