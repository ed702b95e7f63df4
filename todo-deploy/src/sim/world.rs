//! The run itself: takes the earliest of what may happen next, and lets it happen.
//!
//! Four sources are merged: the event queue (users waking up, instances booting, samples), the next departure
//! of every instance (a heap with one entry per instance, so that no event is ever scheduled in vain), the
//! oldest request's timeout (found by a look at all users now and then), and the controller's own
//! timeout. On a tie departures come before timeouts, these before queued events in the order of
//! [`Kind`], and the controller comes last: facts before decisions.

mod batch;
mod event;
mod faults;
mod instances;
mod loads;
mod requests;
mod samples;
mod users;

use std::time::Duration;

use crate::pick::heap::IndexedHeap;
use crate::time::Time;

use super::balancer::Balancer;
use super::control::{Action, Control};
use super::histogram::Histogram;
use super::instance::Instance;
use super::measure::{Measure, Row};
use super::queue::{EventQueue, Nanos, nanos};
use super::rng::Streams;
use super::scene::Scene;
use batch::Batches;
use event::{Event, Kind};
use loads::LoadState;
use users::Users;

/// What a run leaves behind.
#[derive(Debug, Clone)]
pub struct Outcomes {
    /// One row per period, in order.
    pub rows: Vec<Row>,
    /// All response times.
    pub responses: Histogram,
    /// How many events were handled: departures, timeouts and queued events.
    pub events: u64,
}

/// Simulates the scene until its end under this controller.
pub fn run<C: Control>(scene: &Scene, control: &mut C) -> Outcomes {
    let mut world = World::new(scene, control);
    world.begin();
    while world.step() {}
    world.finish()
}

struct World<'a, C> {
    scene: &'a Scene,
    control: &'a mut C,
    now: Nanos,
    /// When the controller wants to be called, kept so that it is asked only after it was told something.
    control_due: Nanos,
    queue: EventQueue,
    departures: IndexedHeap<Nanos>,
    instances: Vec<Instance>,
    balancer: Balancer,
    users: Users,
    batches: Batches<'a>,
    /// When the next request may be sent, where the scene limits their rate.
    next_send: Nanos,
    loads: Vec<LoadState<'a>>,
    streams: Streams,
    measure: Measure,
    sampled_at: Nanos,
    events: u64,
}

/// Where the next thing to happen comes from; in the order in which ties are broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Departure,
    Timeout,
    Queue,
    Control,
}

impl<'a, C: Control> World<'a, C> {
    fn new(scene: &'a Scene, control: &'a mut C) -> Self {
        Self {
            scene,
            control,
            now: 0,
            control_due: Nanos::MAX,
            queue: EventQueue::new(),
            departures: IndexedHeap::new(),
            instances: Vec::new(),
            balancer: Balancer::new(&scene.balancer),
            users: Users::default(),
            batches: Batches::default(),
            next_send: 0,
            loads: scene.loads.iter().map(LoadState::new).collect(),
            streams: Streams::new(scene.seed),
            measure: Measure::default(),
            sampled_at: 0,
            events: 0,
        }
    }

    fn begin(&mut self) {
        self.obey();
        self.schedule(self.scene.sample_every, Kind::Sample, 0);
        self.look_for_late();
        for (id, fault) in (0..).zip(&self.scene.faults) {
            self.schedule(fault.at, Kind::Fault, id);
        }
        self.begin_loads();
    }

    /// Lets the next thing happen; false when the end is reached.
    fn step(&mut self) -> bool {
        let departure = self.departures.first().map_or(Nanos::MAX, |(at, _)| at);
        let timeout =
            self.users.first_late().map_or(Nanos::MAX, |(sent, _)| sent + self.scene.balancer.timeout);
        let queued = self.queue.peek().map_or(Nanos::MAX, |(at, _)| at);
        let mut next = (departure, Source::Departure);
        for other in
            [(timeout, Source::Timeout), (queued, Source::Queue), (self.control_due, Source::Control)]
        {
            if other.0 < next.0 {
                next = other;
            }
        }
        let (at, source) = next;
        // What is due at the very end still belongs to the last period.
        if at > self.scene.end {
            return false;
        }
        debug_assert!(at >= self.now, "time went back from {} to {at}", self.now);
        self.now = at;
        match source {
            Source::Departure => self.depart(),
            Source::Timeout => self.time_out(),
            Source::Queue => {
                if let Some((_, payload)) = self.queue.pop() {
                    self.look_ahead();
                    self.happen(Event::from_payload(payload));
                }
            }
            Source::Control => {
                self.control.handle_timeout(time(at));
                self.obey();
                return true;
            }
        }
        self.events += 1;
        true
    }

    /// Has the next event's user brought into the cache while this event is handled: with a hundred thousand users
    /// that is most of what an event costs.
    fn look_ahead(&self) {
        if let Some((_, payload)) = self.queue.peek() {
            let event = Event::from_payload(payload);
            if event.kind.is_of_a_user() {
                self.users.touch(event.id);
            }
        }
    }

    fn finish(mut self) -> Outcomes {
        self.now = self.scene.end;
        if self.sampled_at < self.now {
            self.sample();
        }
        let (rows, responses) = self.measure.finish();
        Outcomes { rows, responses, events: self.events }
    }

    fn happen(&mut self, event: Event) {
        let id = event.id;
        match event.kind {
            Kind::Sample => self.sample_and_go_on(),
            Kind::InstanceRuns => self.instance_runs(id),
            Kind::InstanceAnswers => self.instance_answers(id),
            Kind::CreditCheck => self.check_credits(id),
            Kind::Fault => self.fault(id),
            Kind::FaultEnds => self.fault_ends(id),
            Kind::LookForLate => self.look_for_late(),
            Kind::SlowStart => self.slow_start(id),
            Kind::Probe => self.probe(id),
            Kind::ProbeLate => self.probe_late(id),
            Kind::LoadEnds => self.load_ends(id),
            Kind::LoadCut => self.load_cut(id),
            Kind::LoadStep => self.load_step(id),
            Kind::Arrival => self.arrival(id),
            Kind::UserCut => self.user_cut(id),
            Kind::Answer | Kind::Connect | Kind::Send | Kind::Wake => self.user_event(event),
        }
    }

    /// Schedules an event that nothing can overtake.
    fn schedule(&mut self, after: Nanos, kind: Kind, id: u32) {
        self.queue.push(self.now.saturating_add(after), Event { kind, id, epoch: 0 }.payload());
    }

    /// Does what the controller wants, and asks when it wants to be called again.
    fn obey(&mut self) {
        while let Some(action) = self.control.poll_action() {
            match action {
                Action::Launch(id) => self.launch(id),
                Action::Adopt(id) => self.adopt(id),
                Action::Route(id, state) => self.route(id, state),
                Action::Drain(id) => self.drain(id),
                Action::Terminate(id) => self.terminate(id),
            }
        }
        self.control_due = self.control.poll_timeout().map_or(Nanos::MAX, |at| nanos(at.since_start()));
    }
}

fn time(at: Nanos) -> Time {
    Time::after_start(Duration::from_nanos(at))
}
