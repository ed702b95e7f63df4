//! What a run leaves behind: one row per period, totals, percentiles. Memory grows with rows only.

use super::histogram::Histogram;
use super::queue::Nanos;

/// How a request ended, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// 200.
    Answered,
    /// 502: the target refused the connection, because nothing listens there yet.
    Refused,
    /// 502: the target went away with the request outstanding.
    Lost,
    /// 503: no target is registered.
    NoTarget,
    /// 504: the target did not accept the connection in time.
    NotAccepted,
    /// 504: the target did not answer in time.
    NotAnswered,
}

impl Outcome {
    /// Every outcome, in the order of [`Row::outcomes`].
    pub const ALL: [Self; 6] =
        [Self::Answered, Self::Refused, Self::Lost, Self::NoTarget, Self::NotAccepted, Self::NotAnswered];

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Answered => 200,
            Self::Refused | Self::Lost => 502,
            Self::NoTarget => 503,
            Self::NotAccepted | Self::NotAnswered => 504,
        }
    }
}

/// What happened in one period. Sums and integrals are exact, so rows can be added up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// The period: from this time to that.
    pub from: Nanos,
    pub to: Nanos,
    /// Requests sent.
    pub sent: u64,
    /// Requests ended, by [`Outcome`].
    pub outcomes: [u64; 6],
    /// Requests given up by a user who had to leave.
    pub interrupted: u64,
    /// The sum of the response times of all requests that ended, good or bad, in nanoseconds.
    pub response_sum: u128,
    /// Percentiles of the same, within 0.1 %, and the longest, exactly.
    pub p50: Nanos,
    pub p95: Nanos,
    pub p99: Nanos,
    pub longest: Nanos,
    /// Iterations completed, and iterations of an open load for which there was no user.
    pub iterations: u64,
    pub dropped: u64,
    /// Connections that users opened to the balancer.
    pub connections: u64,
    /// Integrals over time, in nanoseconds: of requests under way, of users (each has a connection), of
    /// instances that run.
    pub in_flight: u128,
    pub users: u128,
    pub running: u128,
    /// vCPU nanoseconds used by all instances.
    pub cpu_used: f64,
    /// Each instance that ran, where the scene asks for it.
    pub instances: Vec<InstanceRow>,
}

/// One instance in one period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InstanceRow {
    /// Its number.
    pub instance: u32,
    /// Mean use of its processors, in percent.
    pub cpu_percent: f32,
    /// Requests given to it.
    pub requests: u32,
    /// CPU credits left at the end.
    pub credits: Option<f32>,
}

impl Row {
    /// Requests that ended, whatever the outcome.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Requests that ended with 5xx.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.ended() - self.outcomes[Outcome::Answered as usize]
    }

    /// The length of the period, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        (self.to - self.from) as f64 / 1e9
    }

    /// Requests that ended per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.ended() as f64 / self.seconds()
    }

    /// Mean response time, in seconds; zero without requests.
    #[must_use]
    pub fn response_mean(&self) -> f64 {
        self.response_sum as f64 / 1e9 / self.ended().max(1) as f64
    }

    /// The mean over time of one of the integrals.
    #[must_use]
    pub fn mean(&self, integral: u128) -> f64 {
        integral as f64 / (self.to - self.from).max(1) as f64
    }

    /// Adds a later row; percentiles, which cannot be added, become those of the later one.
    fn add(&mut self, row: &Self) {
        self.to = row.to;
        self.sent += row.sent;
        for (sum, count) in self.outcomes.iter_mut().zip(row.outcomes) {
            *sum += count;
        }
        self.interrupted += row.interrupted;
        self.response_sum += row.response_sum;
        self.iterations += row.iterations;
        self.dropped += row.dropped;
        self.connections += row.connections;
        self.in_flight += row.in_flight;
        self.users += row.users;
        self.running += row.running;
        self.cpu_used += row.cpu_used;
    }
}

/// The sum of rows that follow each other; without percentiles and single instances.
#[must_use]
pub fn sum(rows: &[Row]) -> Row {
    let mut total = Row { from: rows.first().map_or(0, |row| row.from), ..Row::default() };
    for row in rows {
        total.add(row);
    }
    total
}

/// A number that changes now and then, and its integral over time.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    value: u64,
    since: Nanos,
    integral: u128,
}

impl Level {
    fn set(&mut self, now: Nanos, value: u64) {
        self.integral += u128::from(self.value) * u128::from(now - self.since);
        (self.value, self.since) = (value, now);
    }

    fn take(&mut self, now: Nanos) -> u128 {
        self.set(now, self.value);
        std::mem::take(&mut self.integral)
    }
}

/// The instruments of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Measure {
    row: Row,
    in_flight: Level,
    users: Level,
    running: Level,
    /// Response times since the last sample, since the last row, and of all.
    since_sample: Histogram,
    since_row: Histogram,
    all: Histogram,
    rows: Vec<Row>,
    /// Requests sent until the last sample.
    sampled: u64,
    sent: u64,
    sampled_at: Nanos,
}

impl Measure {
    pub(super) fn sent(&mut self, now: Nanos) {
        self.row.sent += 1;
        self.sent += 1;
        self.in_flight.set(now, self.in_flight.value + 1);
    }

    /// The balancer has answered; the answer reaches the user `on_the_way` later.
    pub(super) fn ended(&mut self, now: Nanos, sent: Nanos, on_the_way: Nanos, outcome: Outcome) {
        let response = now - sent + on_the_way;
        self.in_flight.integral += u128::from(on_the_way);
        self.row.outcomes[outcome as usize] += 1;
        self.row.response_sum += u128::from(response);
        self.since_sample.record(response);
        self.in_flight.set(now, self.in_flight.value - 1);
    }

    pub(super) fn interrupted(&mut self, now: Nanos) {
        self.row.interrupted += 1;
        self.in_flight.set(now, self.in_flight.value - 1);
    }

    pub(super) const fn iteration(&mut self) {
        self.row.iterations += 1;
    }

    /// A user opens its connection.
    pub(super) const fn connects(&mut self) {
        self.row.connections += 1;
    }

    pub(super) const fn dropped(&mut self) {
        self.row.dropped += 1;
    }

    pub(super) fn users(&mut self, now: Nanos, joined: bool) {
        let users = self.users.value;
        self.users.set(now, if joined { users + 1 } else { users - 1 });
    }

    pub(super) fn running(&mut self, now: Nanos, started: bool) {
        let running = self.running.value;
        self.running.set(now, if started { running + 1 } else { running - 1 });
    }

    pub(super) fn cpu_used(&mut self, vcpu_nanos: f64) {
        self.row.cpu_used += vcpu_nanos;
    }

    pub(super) fn instance(&mut self, row: InstanceRow) {
        self.row.instances.push(row);
    }

    /// Requests sent since the last sample.
    pub(super) const fn sent_since_sample(&self) -> u64 {
        self.sent - self.sampled
    }

    /// Response times since the last sample.
    pub(super) const fn responses(&self) -> &Histogram {
        &self.since_sample
    }

    /// How long the sample period was, and the means of users and of requests under way in it.
    pub(super) fn levels_since_sample(&mut self, now: Nanos) -> (Nanos, f64, f64) {
        let elapsed = now - std::mem::replace(&mut self.sampled_at, now);
        let [users, in_flight] = [self.users.take(now), self.in_flight.take(now)];
        self.row.users += users;
        self.row.in_flight += in_flight;
        let mean = |integral: u128| integral as f64 / elapsed.max(1) as f64;
        (elapsed, mean(users), mean(in_flight))
    }

    /// Ends a sample period.
    pub(super) fn end_sample(&mut self) {
        self.sampled = self.sent;
        self.since_row.merge(&self.since_sample);
        self.since_sample.clear();
    }

    /// Ends a row; a sample period has just ended.
    pub(super) fn end_row(&mut self, now: Nanos) {
        let histogram = &self.since_row;
        [self.row.p50, self.row.p95, self.row.p99] = [50.0, 95.0, 99.0].map(|p| histogram.percentile(p));
        self.row.longest = histogram.longest();
        self.row.in_flight += self.in_flight.take(now);
        self.row.users += self.users.take(now);
        self.row.running = self.running.take(now);
        self.row.to = now;
        self.all.merge(&self.since_row);
        self.since_row.clear();
        self.rows.push(std::mem::take(&mut self.row));
        self.row.from = now;
    }

    /// The rows and all response times.
    pub(super) fn finish(self) -> (Vec<Row>, Histogram) {
        (self.rows, self.all)
    }
}
