//! One instance's processor, shared by the requests it works on.
//!
//! Processor sharing (Kleinrock 1967): every request in service gets the same share of the capacity, but never
//! more than one vCPU, because one request runs on one thread. The work each request has received is kept as
//! one number for all of them, the station's *virtual time*; a request that needs `d` more leaves when virtual
//! time has grown by `d`. So an arrival or a departure costs one heap operation, not a pass over all requests.
//!
//! With a limit on concurrency the rest wait first come, first served, up to a listen queue's length. A limit
//! equal to the number of vCPUs makes the station M/M/c for exponential demands and Poisson arrivals.
//!
//! Left out: a CPU quota is treated as a slower processor (a real one runs at full speed, then stands still for
//! the rest of each 100 ms), and working on many requests at once costs nothing extra.

use std::collections::VecDeque;

use crate::pick::heap::IndexedHeap;

use super::queue::Nanos;

/// A request's place at a station; used again after it has left.
pub type JobId = u32;

/// The listen queue is full: the connection is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// A processor-sharing station. What a lone request touches stands in the first 64 bytes: with a thousand
/// instances most requests are alone, and their cost is that of fetching this.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub struct Station {
    /// vCPUs to be shared now.
    capacity: f64,
    /// Nanoseconds of one vCPU that each request in service has received since the station was last idle.
    virtual_time: f64,
    updated: Nanos,
    /// vCPU nanoseconds used since the start.
    used: f64,
    /// The integral over time of the number of requests here, in nanoseconds.
    present: f64,
    /// vCPUs used by what is not a request: booting.
    background: f64,
    /// The virtual time at which the only request leaves, which is number [`LONE`]; [`NOT_ALONE`] when it is
    /// not the only one, and stands with the others, or when nobody is here.
    lone_finish: f64,
    lone_owner: u32,
    /// Requests here, waiting ones included.
    here: u32,
    /// At most so many are worked on at once.
    concurrency: usize,
    /// At most so many wait to be worked on.
    backlog: usize,
    /// The virtual time at which each request in service leaves, as bits: for numbers that are not negative
    /// their order is that of the numbers.
    finish: IndexedHeap<u64>,
    jobs: Vec<Job>,
    free: Vec<JobId>,
    waiting: VecDeque<JobId>,
}

/// The number of a request that came to an idle station.
const LONE: JobId = 0;
const NOT_ALONE: f64 = -1.0;

#[derive(Debug, Clone, Copy)]
struct Job {
    owner: u32,
    demand: f64,
}

impl Station {
    /// An idle station of `capacity` vCPUs.
    #[must_use]
    pub const fn new(now: Nanos, capacity: f64, concurrency: usize, backlog: usize) -> Self {
        Self {
            capacity,
            virtual_time: 0.0,
            updated: now,
            used: 0.0,
            present: 0.0,
            background: 0.0,
            lone_finish: NOT_ALONE,
            lone_owner: 0,
            here: 0,
            concurrency,
            backlog,
            finish: IndexedHeap::new(),
            jobs: Vec::new(),
            free: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    /// A request that needs `demand` nanoseconds of one vCPU arrives for `owner`.
    ///
    /// # Errors
    /// [`Full`] when the listen queue has no room.
    pub fn arrive(&mut self, now: Nanos, owner: u32, demand: f64) -> Result<JobId, Full> {
        self.advance(now);
        if self.here == 0 && self.concurrency > 0 {
            (self.lone_finish, self.lone_owner, self.here) = (self.virtual_time + demand, owner, 1);
            return Ok(LONE);
        }
        let has_room = self.serving() < self.concurrency;
        if !has_room && self.waiting.len() >= self.backlog {
            return Err(Full);
        }
        self.seat_lone();
        let job = Job { owner, demand };
        let id = match self.free.pop() {
            Some(id) => {
                self.jobs[id as usize] = job;
                id
            }
            None => {
                self.jobs.push(job);
                u32::try_from(self.jobs.len() - 1).unwrap_or(JobId::MAX)
            }
        };
        self.here += 1;
        if has_room {
            self.start(id);
        } else {
            self.waiting.push_back(id);
        }
        Ok(id)
    }

    /// When the next request leaves if none arrives before.
    #[must_use]
    pub fn next_departure(&self) -> Option<Nanos> {
        let finish = match self.is_lone() {
            true => self.lone_finish,
            false if self.here == 0 => return None,
            false => f64::from_bits(self.finish.first()?.0),
        };
        if self.capacity <= 0.0 {
            return None;
        }
        let left = finish - self.virtual_time;
        // Rounded up: a request may leave a fraction of a nanosecond late, never early.
        Some(self.updated + (left / self.speed()).ceil().max(0.0) as Nanos)
    }

    /// The request that is due leaves: its place and owner. Called at [`Station::next_departure`].
    pub fn depart(&mut self, now: Nanos) -> Option<(JobId, u32)> {
        self.advance(now);
        if self.is_lone() {
            self.lone_leaves();
            return Some((LONE, self.lone_owner));
        }
        let (finish, id) = self.finish.pop()?;
        self.virtual_time = self.virtual_time.max(f64::from_bits(finish));
        let owner = self.jobs[id as usize].owner;
        self.vacate(id);
        Some((id, owner))
    }

    /// The request leaves unfinished, from service or from the queue.
    pub fn cancel(&mut self, now: Nanos, id: JobId) {
        self.advance(now);
        if self.is_lone() {
            if id == LONE {
                self.lone_leaves();
            }
            return;
        }
        if !self.finish.remove(id) {
            // Those who give up first are those who came first, so this looks at the front only.
            let Some(at) = self.waiting.iter().position(|&other| other == id) else { return };
            self.waiting.remove(at);
        }
        self.vacate(id);
    }

    /// Changes how many vCPUs are shared from now on.
    pub fn set_capacity(&mut self, now: Nanos, capacity: f64) {
        self.advance(now);
        self.capacity = capacity;
    }

    /// Brings virtual time and the use of the processor up to `now`.
    pub fn advance(&mut self, now: Nanos) {
        let elapsed = now.saturating_sub(self.updated) as f64;
        self.updated = self.updated.max(now);
        let serving = self.serving() as f64;
        if self.here > 0 {
            self.virtual_time += elapsed * (self.capacity / serving).min(1.0);
            self.present += elapsed * f64::from(self.here);
        }
        self.used += elapsed * self.capacity.min(serving + self.background);
    }

    /// Changes how many vCPUs are used by what is not a request.
    pub fn set_background(&mut self, now: Nanos, vcpus: f64) {
        self.advance(now);
        self.background = vcpus;
    }

    /// vCPUs in use now.
    #[must_use]
    pub fn busy(&self) -> f64 {
        self.capacity.min(self.serving() as f64 + self.background)
    }

    /// vCPU nanoseconds used up to the last change.
    #[must_use]
    pub const fn used(&self) -> f64 {
        self.used
    }

    /// The integral over time of the number of requests here up to the last change, in nanoseconds.
    #[must_use]
    pub const fn present(&self) -> f64 {
        self.present
    }

    /// Requests at the station, waiting ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.here as usize
    }

    /// Whether no request is at the station.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The owner of every request at the station, ascending.
    #[must_use]
    pub fn owners(&self) -> Vec<u32> {
        let ids = self.finish.iter().map(|(_, id)| id).chain(self.waiting.iter().copied());
        let lone = self.is_lone().then_some(self.lone_owner);
        let mut owners: Vec<u32> = ids.map(|id| self.jobs[id as usize].owner).chain(lone).collect();
        owners.sort_unstable();
        owners
    }

    /// The share of one vCPU that each request in service gets.
    fn speed(&self) -> f64 {
        (self.capacity / self.serving() as f64).min(1.0)
    }

    fn is_lone(&self) -> bool {
        self.lone_finish >= 0.0
    }

    /// Requests in service.
    fn serving(&self) -> usize {
        if self.is_lone() {
            1
        } else if self.here == 0 {
            0
        } else {
            self.finish.len()
        }
    }

    /// The only request is no longer alone.
    fn seat_lone(&mut self) {
        if self.jobs.is_empty() {
            // The lone one's number is never given to another.
            self.jobs.push(Job { owner: 0, demand: 0.0 });
        }
        if self.is_lone() {
            self.jobs[LONE as usize].owner = self.lone_owner;
            self.finish.set(LONE, self.lone_finish.to_bits());
            self.lone_finish = NOT_ALONE;
        }
    }

    fn lone_leaves(&mut self) {
        self.lone_finish = NOT_ALONE;
        self.left();
    }

    fn start(&mut self, id: JobId) {
        let finish = self.virtual_time + self.jobs[id as usize].demand;
        self.finish.set(id, finish.to_bits());
    }

    fn vacate(&mut self, id: JobId) {
        if id != LONE {
            self.free.push(id);
        }
        self.left();
    }

    /// One is gone: the next one that waits begins.
    fn left(&mut self) {
        self.here -= 1;
        if self.here > 0
            && self.finish.len() < self.concurrency
            && let Some(next) = self.waiting.pop_front()
        {
            self.start(next);
        }
        if self.here == 0 {
            // Start over while nobody's tag refers to it, so that it stays small and exact.
            self.virtual_time = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn departures(station: &mut Station) -> Vec<(Nanos, u32)> {
        let mut out = Vec::new();
        while let Some(at) = station.next_departure() {
            out.extend(station.depart(at).map(|(_, owner)| (at, owner)));
        }
        out
    }

    #[test]
    fn shares_one_processor_equally() {
        // Worked by hand: A needs 10 from 0, B needs 4 from 2. They share until B has its 4 at 10; A has then
        // had 2 + 4 and needs 4 more.
        let mut station = Station::new(0, 1.0, usize::MAX, 0);
        station.arrive(0, 1, 10.0).expect("room");
        station.arrive(2, 2, 4.0).expect("room");
        assert_eq!(departures(&mut station), [(10, 2), (14, 1)]);
        assert!((station.used() - 14.0).abs() < 1e-9);
    }

    #[test]
    fn one_request_uses_one_processor_at_most() {
        let mut station = Station::new(0, 4.0, usize::MAX, 0);
        station.arrive(0, 1, 100.0).expect("room");
        assert_eq!(station.next_departure(), Some(100));
        for owner in 2..=8 {
            station.arrive(0, owner, 100.0).expect("room");
        }
        assert_eq!(station.next_departure(), Some(200), "eight on four");
    }

    #[test]
    fn a_limit_makes_a_queue_and_a_backlog_refuses() {
        let mut station = Station::new(0, 1.0, 1, 1);
        let first = station.arrive(0, 1, 10.0).expect("room");
        station.arrive(0, 2, 5.0).expect("waits");
        assert_eq!(station.arrive(0, 3, 5.0), Err(Full));
        station.cancel(4, first);
        assert_eq!(departures(&mut station), [(9, 2)]);
    }

    #[test]
    fn capacity_may_change_in_the_middle() {
        let mut station = Station::new(0, 1.0, usize::MAX, 0);
        station.arrive(0, 1, 100.0).expect("room");
        station.set_capacity(50, 0.1);
        assert_eq!(station.next_departure(), Some(550));
        assert!((station.busy() - 0.1).abs() < 1e-12);
    }
}
