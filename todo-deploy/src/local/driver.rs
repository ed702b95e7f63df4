//! The engine in real time. The only file that reads the engine's clock; it decides nothing.
//!
//! Inputs are stamped here, in the order in which they come, recorded, and given to the engine; its timers are handled
//! when they are due or later, which makes no difference.
#![expect(clippy::disallowed_methods, reason = "this is where the engine's time comes from")]

use std::time::SystemTime;

use anyhow::Result;
use tokio::time::Instant;

use super::journal::{FACTS_BYTES_MAX, Input, Journal, Setup, config, just_before};
use super::rundir::RunDir;
use crate::deployment::{Deployment, Target};
use crate::engine::{Action, Engine, Start};
use crate::time::Time;
use crate::timeline::Event;

#[derive(Debug)]
pub(super) struct Driver {
    began: Instant,
    began_unix: SystemTime,
    pub(super) engine: Engine,
    journal: Journal,
}

impl Driver {
    /// An engine that begins now, with a fleet that is created now.
    pub(super) fn start(dir: &RunDir, deployment: &Deployment, target: Target, speed: f64) -> Result<Self> {
        let setup = Setup::new(deployment, target, speed)?;
        let journal = Journal::create(&dir.facts(), &setup, FACTS_BYTES_MAX)?;
        let engine = Engine::new(config(deployment, target, speed), Start::Created, Time::ZERO);
        Ok(Self { began: Instant::now(), began_unix: SystemTime::now(), engine, journal })
    }

    pub(super) fn now(&self) -> Time {
        Time::after_start(self.began.elapsed())
    }

    /// Wall-clock time of the start.
    pub(super) fn began_unix(&self) -> SystemTime {
        self.began_unix
    }

    /// Gives an input to the engine, now.
    pub(super) fn feed(&mut self, input: &Input) {
        self.feed_at(self.now(), input);
    }

    /// Gives an input that describes this moment, which lies between the last one and now.
    pub(super) fn feed_at(&mut self, at: Time, input: &Input) {
        self.journal.record(at, input);
        input.feed(&mut self.engine, at);
    }

    /// Handles what is due.
    pub(super) fn wake(&mut self) {
        self.engine.handle_timeout(just_before(self.now()));
    }

    /// When to wake it.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let due = self.engine.poll_timeout()?;
        // Just past the due time: what is due now is handled only after now.
        self.began.checked_add(due.since_start() + std::time::Duration::from_micros(1))
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.engine.poll_event()).collect()
    }

    pub(super) fn take_actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.engine.poll_action()).collect()
    }
}
