//! Loads: users who come and go, iterations that start and end.

use std::iter::Peekable;

use super::super::arrivals::Arrivals;
use super::super::control::Control;
use super::super::queue::Nanos;
use super::super::ramp::{self, Steps};
use super::super::scene::{Budget, Load, Shape};
use super::World;
use super::event::Kind;
use super::users::Phase;

#[derive(Debug)]
pub(super) struct LoadState<'a> {
    source: Source<'a>,
    /// Closed: the users in the order in which they came; those behind `wanted` are to leave.
    users: Vec<u32>,
    wanted: usize,
    /// Open: users of whom nobody wants anything now.
    idle: Vec<u32>,
    /// Iterations begun by all.
    begun: u64,
    ended: bool,
}

#[derive(Debug)]
enum Source<'a> {
    Users(Peekable<Steps<'a>>),
    Arrivals { arrivals: Arrivals, users_max: usize },
}

impl<'a> LoadState<'a> {
    pub(super) fn new(load: &'a Load) -> Self {
        let source = match &load.shape {
            Shape::Users { from, stages } => Source::Users(Steps::new(*from, stages).peekable()),
            Shape::Arrivals { rate, spread, users_max } => Source::Arrivals {
                arrivals: Arrivals::new(rate.clone(), *spread),
                users_max: *users_max as usize,
            },
        };
        Self { source, users: Vec::new(), wanted: 0, idle: Vec::new(), begun: 0, ended: false }
    }
}

impl<C: Control> World<'_, C> {
    pub(super) fn begin_loads(&mut self) {
        for (id, load) in (0..).zip(&self.scene.loads) {
            if load.iteration.is_empty() {
                continue;
            }
            let length = match &load.shape {
                Shape::Users { stages, .. } => ramp::length(stages),
                Shape::Arrivals { rate, .. } => rate.end(),
            };
            self.schedule(load.start.saturating_add(length), Kind::LoadEnds, id);
            match load.shape {
                Shape::Users { .. } => self.schedule(load.start, Kind::LoadStep, id),
                Shape::Arrivals { .. } => self.next_arrival(id),
            }
        }
    }

    /// A closed load's number of users changes.
    pub(super) fn load_step(&mut self, id: u32) {
        let start = self.scene.loads[id as usize].start;
        let load = &mut self.loads[id as usize];
        let Source::Users(steps) = &mut load.source else { return };
        if load.ended {
            return;
        }
        let mut wanted = load.wanted;
        while let Some((_, count)) = steps.next_if(|(at, _)| start + at <= self.now) {
            wanted = count as usize;
        }
        let next = steps.peek().map(|(at, _)| start + at);
        self.set_wanted(id, wanted);
        if let Some(next) = next {
            self.schedule(next - self.now, Kind::LoadStep, id);
        }
    }

    fn set_wanted(&mut self, id: u32, wanted: usize) {
        let before = std::mem::replace(&mut self.loads[id as usize].wanted, wanted);
        for place in before..wanted {
            if place == self.loads[id as usize].users.len() {
                self.measure.connects();
                let user = self.users.add(id);
                self.loads[id as usize].users.push(user);
            }
            let user = self.loads[id as usize].users[place];
            // One who was about to leave just carries on.
            self.users.at_mut(user).leaving = false;
            if self.users.at(user).phase == Phase::Away {
                self.measure.users(self.now, true);
                self.iteration_starts(user);
            }
        }
        // The last to come are the first to go.
        for place in (wanted..before).rev() {
            let user = self.loads[id as usize].users[place];
            self.ask_to_leave(user, self.scene.loads[id as usize].graceful_ramp_down);
        }
    }

    fn ask_to_leave(&mut self, user: u32, grace: Nanos) {
        let state = self.users.at_mut(user);
        if state.phase == Phase::Away {
            return;
        }
        state.leaving = true;
        self.users.rest_mut(user).cut_at = self.now.saturating_add(grace);
        if grace == 0 {
            self.cut(user);
        } else {
            self.schedule(grace, Kind::UserCut, user);
        }
    }

    /// A user who had to leave has had time enough; unless it was asked to stay, or asked again later.
    pub(super) fn user_cut(&mut self, user: u32) {
        let is_due = self.users.rest_mut(user).cut_at == self.now;
        let state = self.users.at(user);
        if state.leaving && is_due && state.phase != Phase::Away {
            self.cut(user);
        }
    }

    pub(super) fn arrival(&mut self, id: u32) {
        self.next_arrival(id);
        let load = &mut self.loads[id as usize];
        let Source::Arrivals { users_max, .. } = load.source else { return };
        if load.ended {
            return;
        }
        let user = match load.idle.pop() {
            Some(user) => user,
            None if load.users.len() < users_max => {
                self.measure.connects();
                let user = self.users.add(id);
                load.users.push(user);
                user
            }
            None => return self.measure.dropped(),
        };
        self.users.at_mut(user).leaving = true;
        self.measure.users(self.now, true);
        self.iteration_starts(user);
    }

    fn next_arrival(&mut self, id: u32) {
        let Source::Arrivals { arrivals, .. } = &mut self.loads[id as usize].source else { return };
        if let Some(at) = arrivals.next(&mut self.streams.arrival) {
            let start = self.scene.loads[id as usize].start;
            self.schedule((start + at).saturating_sub(self.now), Kind::Arrival, id);
        }
    }

    /// No iteration starts any more.
    pub(super) fn load_ends(&mut self, id: u32) {
        let load = &mut self.loads[id as usize];
        load.ended = true;
        for &user in &load.users {
            self.users.at_mut(user).leaving = true;
        }
        self.schedule(self.scene.loads[id as usize].graceful_stop, Kind::LoadCut, id);
    }

    /// Who is not done by now is cut short.
    pub(super) fn load_cut(&mut self, id: u32) {
        for user in self.loads[id as usize].users.clone() {
            if self.users.at(user).phase != Phase::Away {
                self.cut(user);
            }
        }
    }

    fn iteration_starts(&mut self, user: u32) {
        let keeps = self.scene.balancer.keeps_cookies || self.scene.balancer.per_connection;
        let state = self.users.at_mut(user);
        let load = &mut self.loads[state.load as usize];
        let has_budget = match self.scene.loads[state.load as usize].budget {
            Budget::Time => true,
            Budget::Shared(all) => load.begun < all,
            Budget::Each(own) => u64::from(state.begun) < own,
        };
        if !has_budget {
            return self.leave(user);
        }
        (load.begun, state.begun) = (load.begun + 1, state.begun.saturating_add(1));
        state.step = 0;
        if self.scene.loads[state.load as usize].min_iteration > 0 {
            self.users.rest_mut(user).began = self.now;
        }
        if !keeps && self.scene.balancer.sticks() {
            self.users.rest_mut(user).sticky = None;
        }
        self.go_on(user, 0);
    }

    pub(super) fn iteration_ends(&mut self, user: u32) {
        let least = self.scene.loads[self.users.at(user).load as usize].min_iteration;
        if least > 0 {
            let until = self.users.rest_mut(user).began.saturating_add(least);
            if until > self.now {
                let state = self.users.at_mut(user);
                (state.phase, state.step) = (Phase::Asleep, u16::MAX);
                return self.schedule_user(user, until - self.now, Kind::Wake);
            }
        }
        self.measure.iteration();
        if self.users.at(user).leaving {
            self.leave(user);
        } else {
            self.iteration_starts(user);
        }
    }

    /// Ends the user's iteration wherever it stands.
    fn cut(&mut self, user: u32) {
        self.give_up(user);
        self.cut_batch(user);
        self.leave(user);
    }

    /// Takes the user's request back, where it has one, and its queued event.
    pub(super) fn give_up(&mut self, user: u32) {
        self.abandon(user);
        if self.users.at(user).phase.has_request() {
            self.measure.interrupted(self.now);
            self.release(user);
        }
    }

    fn leave(&mut self, user: u32) {
        let state = self.users.at_mut(user);
        (state.phase, state.leaving) = (Phase::Away, false);
        let load = &mut self.loads[state.load as usize];
        self.measure.users(self.now, false);
        if let Source::Arrivals { .. } = load.source {
            load.idle.push(user);
        }
    }
}
