//! A request's way: user, balancer, instance and back, or whatever goes wrong on it.

use crate::pick::Choice;
use crate::pick::hash::{hash_bytes, mix};

use super::super::control::{Control, Fact};
use super::super::measure::Outcome;
use super::super::queue::Nanos;
use super::super::scene::{DEMAND_MIN, SECOND, Step};
use super::World;
use super::event::{Event, Kind};
use super::users::{HELPER, Phase};

/// A balancer that answers by itself takes about this long; it is also why a user without sleeps who is
/// refused does not ask again in the same instant (M).
const OWN_ANSWER: Nanos = 1_000_000;
/// A user without anything to do looks around for so long.
const SLEEP_MIN: Nanos = 1_000;
/// When a connection that was not accepted is tried again: after 1, 2 and 4 s more (TCP's first retransmission
/// timeout of 1 s, doubled each time; RFC 6298).
const CONNECT_RETRIES: [Nanos; 3] = [SECOND, 2 * SECOND, 4 * SECOND];
/// How often all users are looked at for requests that are late: often enough that few of those found have
/// their answer by then, seldom enough to cost nothing.
const LOOKS_PER_TIMEOUT: Nanos = 8;
/// Owners at a station with this bit are health checks.
pub(super) const PROBE: u32 = 1 << 31;

impl<C: Control> World<'_, C> {
    /// The user does the next step of the iteration, `after` the last one has ended: that long an answer may be
    /// on its way.
    pub(super) fn go_on(&mut self, id: u32, after: Nanos) {
        let user = self.users.at_mut(id);
        if user.load == HELPER {
            return self.helper_goes_on(id, after);
        }
        let scene = self.scene;
        let steps = &scene.loads[user.load as usize].iteration;
        let mut step = steps.get(usize::from(user.step));
        if let Some(Step::Choose(ways)) = step {
            let way = (self.streams.think.unit() * ways.len() as f64).ceil() as usize;
            user.step = ways.get(way.saturating_sub(1)).copied().unwrap_or(u16::MAX);
            step = steps.get(usize::from(user.step));
        }
        if after > 0 && !matches!(step, Some(Step::Sleep(_))) {
            user.phase = Phase::Asleep;
            return self.schedule_user(id, after, Kind::Wake);
        }
        user.step = user.step.saturating_add(1);
        match step {
            Some(&Step::Request(endpoint)) => self.ask(id, endpoint),
            Some(Step::Batch { endpoints, at_once }) => self.begin_batch(id, endpoints, *at_once),
            Some(Step::Sleep(length)) => {
                let length = length.sample_nanos(&mut self.streams.think);
                user.phase = Phase::Asleep;
                self.schedule_user(id, after + length.max(SLEEP_MIN), Kind::Wake);
            }
            Some(Step::Choose(_) | Step::End) | None => self.iteration_ends(id),
        }
    }

    /// Queues an event that counts only if nothing else happens to the user before.
    pub(super) fn schedule_user(&mut self, id: u32, after: Nanos, kind: Kind) {
        let epoch = self.users.at(id).epoch;
        self.queue.push(self.now.saturating_add(after), Event { kind, id, epoch }.payload());
    }

    pub(super) fn user_event(&mut self, event: Event) {
        let id = event.id;
        let user = self.users.at(id);
        if user.epoch != event.epoch {
            return;
        }
        match event.kind {
            Kind::Wake => self.go_on(id, 0),
            Kind::Connect => self.connect(id),
            Kind::Send => self.send(id, usize::from(user.endpoint)),
            _ => self.end_request(id, user.answer),
        }
    }

    /// Sends the request as soon as the scene's rate allows.
    pub(super) fn ask(&mut self, id: u32, endpoint: usize) {
        let at = self.next_send.max(self.now);
        if self.scene.request_gap > 0 {
            self.next_send = at.saturating_add(self.scene.request_gap);
        }
        if at == self.now {
            return self.send(id, endpoint);
        }
        let user = self.users.at_mut(id);
        (user.phase, user.endpoint) = (Phase::Asleep, u16::try_from(endpoint).unwrap_or(u16::MAX));
        self.schedule_user(id, at - self.now, Kind::Send);
    }

    fn send(&mut self, id: u32, endpoint: usize) {
        self.measure.sent(self.now);
        let demand = self.scene.endpoints[endpoint].demand.sample(&mut self.streams.demand).max(DEMAND_MIN);
        let choice = self.choice(id);
        let target = self.balancer.pick(&choice);
        let user = self.users.at_mut(id);
        (user.sent, user.demand, user.attempt) = (self.now, demand, 0);
        user.endpoint = u16::try_from(endpoint).unwrap_or(u16::MAX);
        user.target = target;
        let Some(target) = target else { return self.answer_after(id, OWN_ANSWER, Outcome::NoTarget) };
        self.stick(id);
        let instance = self.balancer.instance(target);
        self.users.at_mut(id).instance = instance;
        self.instances[instance as usize].requests += 1;
        self.connect(id);
    }

    fn choice(&mut self, id: u32) -> Choice {
        let model = &self.scene.balancer;
        let draw = if self.balancer.needs_draw() { self.streams.route.bits() } else { 0 };
        let hash = if model.hash_requests { mix(draw) } else { hash_bytes(&self.client(id).to_le_bytes()) };
        let sticky = if model.sticks() {
            let rest = self.users.rest_mut(id);
            rest.sticky.filter(|_| rest.sticky_until > self.now)
        } else {
            None
        };
        Choice { hash, draw, sticky }
    }

    /// The answer will carry a cookie, or the connection stays.
    fn stick(&mut self, id: u32) {
        let model = &self.scene.balancer;
        if !model.sticks() {
            return;
        }
        let target = self.users.at(id).target;
        let rest = self.users.rest_mut(id);
        if model.per_connection {
            (rest.sticky, rest.sticky_until) = (target, Nanos::MAX);
        } else if rest.sticky != target || rest.sticky_until <= self.now {
            (rest.sticky, rest.sticky_until) = (target, self.now.saturating_add(model.sticky));
        }
    }

    fn connect(&mut self, id: u32) {
        let user = self.users.at_mut(id);
        let instance = &mut self.instances[user.instance as usize];
        if !instance.listens {
            return self.answer_after(id, OWN_ANSWER, Outcome::Refused);
        }
        if let Ok(job) = instance.station.arrive(self.now, id, user.demand) {
            (user.job, user.phase) = (job, Phase::Working);
            return self.reschedule(self.users.at(id).instance);
        }
        user.phase = Phase::Connecting;
        let attempt = usize::from(user.attempt);
        user.attempt += 1;
        let gives_up = user.sent + self.scene.balancer.connect_timeout;
        match CONNECT_RETRIES.get(attempt) {
            Some(&wait) if self.now + wait < gives_up => self.schedule_user(id, wait, Kind::Connect),
            _ => {
                let left = gives_up.saturating_sub(self.now);
                self.answer_after(id, left, Outcome::NotAccepted);
            }
        }
    }

    fn answer_after(&mut self, id: u32, after: Nanos, outcome: Outcome) {
        let user = self.users.at_mut(id);
        (user.phase, user.answer) = (Phase::Answering, outcome);
        self.schedule_user(id, after, Kind::Answer);
    }

    /// The departure that is due.
    pub(super) fn depart(&mut self) {
        let Some((_, number)) = self.departures.first() else { return };
        let departed = self.instances[number as usize].station.depart(self.now);
        self.reschedule(number);
        let Some((_, owner)) = departed else { return };
        if owner & PROBE != 0 {
            return self.probe_answered(number);
        }
        let latency = &self.scene.endpoints[usize::from(self.users.at(owner).endpoint)].latency;
        if latency.is_zero() {
            return self.end_request(owner, Outcome::Answered);
        }
        let latency = latency.sample_nanos(&mut self.streams.latency);
        self.answer_after(owner, latency, Outcome::Answered);
    }

    /// The oldest request has waited too long.
    pub(super) fn time_out(&mut self) {
        let Some((_, id)) = self.users.first_late() else { return };
        self.abandon(id);
        self.end_request(id, Outcome::NotAnswered);
    }

    /// Takes the request from wherever it is, without an answer.
    pub(super) fn abandon(&mut self, id: u32) {
        let user = *self.users.at(id);
        if user.phase == Phase::Working {
            self.instances[user.instance as usize].station.cancel(self.now, user.job);
            self.reschedule(user.instance);
        }
        self.users.forget_event(id);
    }

    pub(super) fn end_request(&mut self, id: u32, outcome: Outcome) {
        let on_the_way = self.scene.round_trip;
        self.measure.ended(self.now, self.users.at(id).sent, on_the_way, outcome);
        self.release(id);
        self.go_on(id, on_the_way);
    }

    /// Looks for requests that will have waited too long before the next look.
    pub(super) fn look_for_late(&mut self) {
        let timeout = self.scene.balancer.timeout;
        let every = (timeout / LOOKS_PER_TIMEOUT).max(1);
        if let Some(sent_by) = (self.now + every).checked_sub(timeout) {
            self.users.look_for_late(sent_by);
        }
        self.schedule(every, Kind::LookForLate, 0);
    }

    /// The balancer forgets the request.
    pub(super) fn release(&mut self, id: u32) {
        let user = self.users.at_mut(id);
        user.phase = Phase::Asleep;
        let Some(target) = user.target.take() else { return };
        let number = user.instance;
        self.balancer.release(target);
        let instance = &self.instances[number as usize];
        if instance.draining && instance.slot == Some(target) && self.balancer.outstanding(target) == 0 {
            self.tell_and_obey(number, Fact::Drained);
        }
    }
}
