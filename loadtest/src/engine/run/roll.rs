//! Which worker threads still run, and whether they ever will end: a script can be inside a single call of the interpreter
//! or of a module that nothing can interrupt, and its thread is silent then.

use std::time::{Duration, Instant};

/// How long a thread may be silent after all it does had to end. Threads that live are heard of each second.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// The threads.
#[derive(Debug)]
pub(super) struct Roll {
    /// When each was last heard of; none once it is done.
    heard: Vec<Option<Instant>>,
}

impl Roll {
    pub(super) fn new(threads: usize, at: Instant) -> Self {
        Self { heard: vec![Some(at); threads] }
    }

    pub(super) fn heard(&mut self, thread: usize, at: Instant) {
        if let Some(heard) = self.heard.get_mut(thread).and_then(Option::as_mut) {
            *heard = at;
        }
    }

    pub(super) fn done(&mut self, thread: usize) {
        if let Some(heard) = self.heard.get_mut(thread) {
            *heard = None;
        }
    }

    /// Those that are not done.
    pub(super) fn left(&self) -> impl Iterator<Item = usize> {
        self.heard.iter().enumerate().filter(|(_, heard)| heard.is_some()).map(|(thread, _)| thread)
    }

    /// Whether, at `at`, no more is to be expected of those that are left; everything was cut at `cut`.
    pub(super) fn is_stuck(&self, cut: Instant, at: Instant) -> bool {
        self.heard.iter().flatten().all(|heard| at >= (*heard).max(cut) + SILENCE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_stuck_when_it_is_silent_after_the_cut() {
        let begin = crate::net::h1::now();
        let second = |n| begin + Duration::from_secs(n);
        let mut roll = Roll::new(3, begin);
        roll.done(1);
        roll.heard(0, second(60));
        assert_eq!(roll.left().collect::<Vec<_>>(), [0, 2]);
        assert!(!roll.is_stuck(second(50), second(69)), "the first one lived");
        assert!(roll.is_stuck(second(50), second(70)));
        assert!(!roll.is_stuck(second(65), second(70)), "it has not had its time");
        roll.done(0);
        roll.heard(0, second(99));
        assert!(roll.is_stuck(second(50), second(60)), "only the last one is waited for");
    }
}
