//! Everything measured by one thread, or by all of them after merging.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::hist::Hist;
use super::registry::{self, MetricId, Registry};
use super::series::Series;
use super::sink::{Kind, Sink};

/// Distinct checks, groups and causes of errors that are kept apart; what comes later is counted together.
const DISTINCT_MAX: usize = 5000;
/// Under which what comes later is counted.
const OTHERS: &str = "(others)";

/// The mergeable measurements.
#[derive(Debug, Clone)]
pub struct Totals {
    pub registry: Arc<Registry>,
    /// By [`MetricId`].
    pub sinks: Vec<Sink>,
    /// By index into [`Registry::subs`].
    pub subs: Vec<Sink>,
    pub checks: Counts<Check>,
    /// Groups seen, by path; root is the empty path.
    pub groups: Counts<Seen>,
    pub errors: Counts<Cause>,
    pub series: Series,
    pub scenarios: Counts<ScenarioStats>,
    /// What each scenario and group measured apart: key is (scenario or nothing for the default one, group's path
    /// without the leading `::`, or nothing). Empty unless the recorder was told to.
    pub parts: Counts<Part>,
}

impl Totals {
    pub fn new(registry: Arc<Registry>) -> Self {
        let sinks = registry.metrics.iter().map(|metric| Sink::new(metric.kind)).collect();
        let kind = |parent: MetricId| registry.metrics[parent.0].kind;
        let subs = registry.subs.iter().map(|sub| Sink::new(kind(sub.parent))).collect();
        Self {
            sinks,
            subs,
            checks: Counts::default(),
            groups: Counts::default(),
            errors: Counts::default(),
            series: Series::default(),
            scenarios: Counts::default(),
            parts: Counts::default(),
            registry,
        }
    }

    /// The paths of groups that were left or that have checks, in the order in which they were first heard of.
    pub fn group_paths(&self) -> Vec<&str> {
        let groups = self.groups.rows.iter().map(|row| (row.2, row.0.as_str()));
        let checks = self.checks.rows.iter().map(|row| (row.2, row.0.as_str()));
        let mut paths: Vec<_> = groups.chain(checks).collect();
        paths.sort_by_key(|(at_ns, _)| *at_ns);
        let mut seen = HashSet::new();
        paths.into_iter().map(|(_, path)| path).filter(|path| seen.insert(*path)).collect()
    }

    pub fn sink(&self, id: MetricId) -> &Sink {
        &self.sinks[id.0]
    }

    /// Adds what another thread measured.
    pub fn merge(&mut self, other: &Self) {
        self.sinks.iter_mut().zip(&other.sinks).for_each(|(mine, theirs)| mine.merge(theirs));
        self.subs.iter_mut().zip(&other.subs).for_each(|(mine, theirs)| mine.merge(theirs));
        self.checks.merge(&other.checks);
        self.groups.merge(&other.groups);
        self.errors.merge(&other.errors);
        self.scenarios.merge(&other.scenarios);
        self.parts.merge(&other.parts);
        self.series.merge(&other.series);
    }
}

/// A row of [`Counts`].
pub trait Row: Default + Clone {
    /// Rows that are kept apart; what comes later is counted together.
    const MAX: usize = DISTINCT_MAX;

    fn merge(&mut self, other: &Self);
}

/// Rows by a two-part key, in the order first seen, bounded in number.
#[derive(Debug, Clone)]
pub struct Counts<R> {
    index: HashMap<String, HashMap<String, usize>>,
    rows: Vec<(String, String, u64, R)>,
    /// Where the next row is expected: iterations repeat themselves.
    next: usize,
}

impl<R> Default for Counts<R> {
    fn default() -> Self {
        Self { index: HashMap::new(), rows: Vec::new(), next: 0 }
    }
}

impl<R: Row> Counts<R> {
    /// The row of a key, made at `at_ns` (since the start) if it is new.
    pub fn row(&mut self, first: &str, second: &str, at_ns: u64) -> &mut R {
        let guess = self.next;
        let at = if self.rows.get(guess).is_some_and(|row| row.0 == first && row.1 == second) {
            guess
        } else {
            let known = self.index.get(first).and_then(|inner| inner.get(second)).copied();
            known.unwrap_or_else(|| self.insert(first, second, at_ns))
        };
        self.next = if at + 1 < self.rows.len() { at + 1 } else { 0 };
        &mut self.rows[at].3
    }

    fn insert(&mut self, first: &str, second: &str, at_ns: u64) -> usize {
        let (first, second) = if self.rows.len() >= R::MAX { ("", OTHERS) } else { (first, second) };
        let inner = self.index.entry(first.to_owned()).or_default();
        *inner.entry(second.to_owned()).or_insert_with(|| {
            self.rows.push((first.to_owned(), second.to_owned(), at_ns, R::default()));
            self.rows.len() - 1
        })
    }

    /// Rows with their keys, first seen first.
    pub fn rows(&self) -> Vec<(&str, &str, &R)> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|row| row.2);
        rows.into_iter().map(|(first, second, _, row)| (first.as_str(), second.as_str(), row)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn merge(&mut self, other: &Self) {
        for (first, second, at_ns, theirs) in &other.rows {
            self.row(first, second, *at_ns).merge(theirs);
            if let Some(at) = self.index.get(first).and_then(|inner| inner.get(second)) {
                let mine = &mut self.rows[*at].2;
                *mine = (*mine).min(*at_ns);
            }
        }
    }
}

/// One check of one group: key is (group, name).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Check {
    pub passes: u64,
    pub fails: u64,
}

impl Check {
    pub fn add(&mut self, passed: bool) {
        if passed { self.passes += 1 } else { self.fails += 1 }
    }
}

impl Row for Check {
    fn merge(&mut self, other: &Self) {
        self.passes += other.passes;
        self.fails += other.fails;
    }
}

/// A group that was entered: key is (path, "").
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen;

impl Row for Seen {
    fn merge(&mut self, _other: &Self) {}
}

/// A cause of errors: key is (what it is, message).
#[derive(Debug, Clone, Default)]
pub struct Cause {
    pub count: u64,
    /// One request or place where it happened.
    pub example: String,
}

impl Row for Cause {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if self.example.is_empty() {
            self.example.clone_from(&other.example);
        }
    }
}

/// What the correction for coordinated omission needs of a scenario: key is (name, "").
#[derive(Debug, Clone, Default)]
pub struct ScenarioStats {
    pub iteration_ms: Hist,
    pub request_ms: Hist,
}

impl Row for ScenarioStats {
    fn merge(&mut self, other: &Self) {
        self.iteration_ms.merge(&other.iteration_ms);
        self.request_ms.merge(&other.request_ms);
    }
}

/// What one scenario or group measured.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// By [`MetricId`].
    pub sinks: BTreeMap<usize, Sink>,
    /// Key is (name, "").
    pub checks: Counts<Check>,
}

impl Part {
    /// Adds a sample; `check` is the name of the check that it tells of.
    pub fn add(&mut self, id: MetricId, kind: Kind, value: f64, check: Option<&str>, at_ns: u64) {
        self.sinks.entry(id.0).or_insert_with(|| Sink::new(kind)).add(value, at_ns);
        if let Some(name) = check.filter(|_| id == registry::CHECKS) {
            self.checks.row(name, "", at_ns).add(value != 0.0);
        }
    }
}

impl Row for Part {
    /// Each has a histogram for each of its metrics.
    const MAX: usize = 200;

    fn merge(&mut self, other: &Self) {
        for (id, theirs) in &other.sinks {
            self.sinks.entry(*id).or_insert_with(|| Sink::new(theirs.kind())).merge(theirs);
        }
        self.checks.merge(&other.checks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_merge() {
        let mut parts = Counts::<Part>::default();
        let mut add = |group: &str, value| {
            parts.row("", group, 0).add(registry::CHECKS, Kind::Rate, value, Some("c"), 0);
        };
        (0..300).for_each(|n| add(&n.to_string(), 1.0));
        assert_eq!(parts.rows().len(), Part::MAX + 1);
        assert_eq!(parts.rows()[Part::MAX].1, OTHERS);
        let mut other = Counts::<Part>::default();
        other.row("", "7", 0).add(registry::CHECKS, Kind::Rate, 0.0, Some("c"), 0);
        other.merge(&parts);
        assert_eq!(*other.row("", "7", 0).checks.row("c", "", 0), Check { passes: 1, fails: 1 });
    }

    #[test]
    fn rows_are_bounded_and_keep_their_order() {
        let mut counts = Counts::<Check>::default();
        for n in 0..DISTINCT_MAX + 10 {
            counts.row("", &n.to_string(), n as u64).passes += 1;
        }
        assert_eq!(counts.rows().len(), DISTINCT_MAX + 1);
        assert_eq!(counts.rows()[DISTINCT_MAX].2.passes, 10);
        let mut early = Counts::<Check>::default();
        early.row("::g", "late", 100).fails += 1;
        early.row("", "7", 3).fails += 1;
        early.merge(&counts);
        assert_eq!(early.rows()[0].1, "0");
        assert_eq!(*early.row("", "7", 0), Check { passes: 1, fails: 1 });
    }
}
