//! The timeline as a file: its head, its events, its measurements. What the dashboard serves as `/timeline.json`, what
//! `simulate --timeline` writes, and what `todo-deploy dashboard FILE` plays.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bins::{Bins, WhenFull};
use super::{About, Grid, VERSION};
use crate::time::Time;
use crate::timeline::{Event, Point, Timeline, series};

/// Events and points of one series that a [`Recorder`] keeps.
pub(crate) const EVENTS_MAX: usize = 20_000;
const POINTS_MAX: usize = 4096;
const SERIES_MAX: usize = 48;

/// A whole run, as far as it was kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// [`VERSION`].
    pub version: u32,
    pub about: About,
    /// The end of what is recorded.
    pub until: Time,
    /// Events at the beginning that were forgotten, because there were too many.
    #[serde(default)]
    pub events_dropped: u64,
    #[serde(flatten)]
    pub timeline: Timeline,
}

/// Why a file is no recording.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error(
        "it is no timeline ({0}); `todo-deploy simulate --timeline FILE` writes one, and a dashboard serves one at /timeline.json"
    )]
    NoTimeline(String),
    #[error("its version is {0}, and this program reads version {VERSION}; use the program that wrote it")]
    Version(u32),
}

impl Recording {
    /// What a run that is over would have recorded.
    pub fn of_run(about: About, until: Time, timeline: &Timeline) -> Self {
        Recorder::of_run(about, timeline).recording(until)
    }

    /// Reads a file's text; events and points may stand in any order.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let no_timeline = |error: serde_json::Error| Unreadable::NoTimeline(error.to_string());
        let Head { version } = serde_json::from_str(text).map_err(no_timeline)?;
        if version != VERSION {
            return Err(Unreadable::Version(version));
        }
        let mut recording: Self = serde_json::from_str(text).map_err(no_timeline)?;
        recording.timeline.events.sort_by_key(|event| event.at);
        for points in recording.timeline.series.values_mut() {
            points.sort_by_key(|point| point.at);
        }
        Ok(recording)
    }
}

/// Keeps a recording of a run that may last for weeks: the newest events, and measurements that become coarser.
#[derive(Debug)]
pub struct Recorder {
    about: About,
    events: VecDeque<Event>,
    events_dropped: u64,
    series: BTreeMap<String, Bins>,
}

impl Recorder {
    pub fn new(about: About) -> Self {
        Self { about, events: VecDeque::new(), events_dropped: 0, series: BTreeMap::new() }
    }

    /// One that was told a whole timeline.
    pub fn of_run(about: About, timeline: &Timeline) -> Self {
        let mut recorder = Self::new(about);
        timeline.events.iter().for_each(|event| recorder.event(event));
        for (name, points) in &timeline.series {
            points.iter().for_each(|point| recorder.record(name, point.at, point.value));
        }
        recorder
    }

    /// The deployment has changed; its file says how it was at the end.
    pub fn change(&mut self, about: About) {
        self.about = about;
    }

    pub fn event(&mut self, event: &Event) {
        self.events.push_back(event.clone());
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
            self.events_dropped += 1;
        }
    }

    pub fn record(&mut self, name: &str, at: Time, value: f64) {
        if !self.series.contains_key(name) {
            if self.series.len() >= SERIES_MAX {
                return;
            }
            let step = Duration::try_from_secs_f64(self.about.sample_s).unwrap_or_default();
            let bins = Bins::new(step, series::statistic(name), WhenFull::Merge, POINTS_MAX);
            self.series.insert(name.to_owned(), bins);
        }
        if let Some(bins) = self.series.get_mut(name) {
            bins.add(at, value);
        }
    }

    /// What was kept, until `until`.
    pub fn recording(&self, until: Time) -> Recording {
        let series = self.series.iter().map(|(name, bins)| (name.clone(), points(&bins.grid())));
        Recording {
            version: VERSION,
            about: self.about.clone(),
            until,
            events_dropped: self.events_dropped,
            timeline: Timeline { events: self.events.iter().cloned().collect(), series: series.collect() },
        }
    }
}

fn points(grid: &Grid) -> Vec<Point> {
    let at = |index: usize| Duration::try_from_secs_f64(grid.start + index as f64 * grid.step);
    let point = |(index, value): (usize, &Option<f64>)| {
        Some(Point { at: Time::after_start(at(index).ok()?), value: (*value)? })
    };
    grid.values.iter().enumerate().filter_map(point).collect()
}
