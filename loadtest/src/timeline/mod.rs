//! What a fleet did while it was under load: read from the timeline that `todo-deploy` serves and writes.
//!
//! The format is documented in `todo-deploy/README.md` ("The JSON of a timeline"), version 1; this is a reader of its
//! own, because the load generator knows no deployment. What it does not know it skips. Moments are seconds since the
//! timeline's own second zero; [`Timeline::shift`] lays them over a test.

pub mod answer;
mod read;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use read::{Unavailable, Where};

/// The version of the format that is read.
const VERSION: u64 = 1;

/// The part of a timeline that a report draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The deployment's name.
    pub name: String,
    /// Wall-clock time of second zero, in seconds since 1970; a simulation has none.
    pub started_unix_s: Option<f64>,
    /// The end of what is recorded.
    pub until_s: f64,
    pub min: u64,
    pub max: u64,
    /// How many instances there were, from each moment on; in order of time, beginning at zero.
    pub capacity: Vec<Capacity>,
    /// Changes of the desired capacity.
    pub scalings: Vec<Scaling>,
    /// Policies that were invoked and did nothing: when, and why.
    pub refusals: Vec<(f64, String)>,
    pub alarms: Vec<Alarm>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Capacity {
    pub at_s: f64,
    pub desired: u64,
    pub in_service: u64,
    pub healthy: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    pub at_s: f64,
    pub from: u64,
    pub to: u64,
    /// The policy's name, or that it was done by hand.
    pub by: String,
}

/// An alarm and when it was raised.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    pub name: String,
    /// `cpu >= 20`.
    pub when: String,
    /// From and to; an alarm that is still raised ends with the recording.
    pub raised: Vec<(f64, f64)>,
}

impl Timeline {
    /// Reads the documented JSON.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is no JSON ({error})"))?;
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(other) => return Err(format!("its version is {other}, and this program reads {VERSION}")),
            None => return Err("it is no timeline: it has no version".to_owned()),
        }
        let about = &value["about"];
        let (Some(name), Some(events)) = (about["name"].as_str(), value["events"].as_array()) else {
            return Err("it is no timeline: `about.name` or `events` is missing".to_owned());
        };
        let count = |name: &str| about["limits"][name].as_u64().unwrap_or_default();
        let mut events: Vec<(f64, &Value)> =
            events.iter().filter_map(|event| Some((event["at"].as_f64()?, event))).collect();
        events.sort_by(|one, other| one.0.total_cmp(&other.0));
        let last = events.last().map_or(0.0, |event| event.0);
        let mut timeline = Self {
            name: name.to_owned(),
            started_unix_s: about["started_unix_s"].as_f64(),
            until_s: value["until"].as_f64().unwrap_or(last).max(last),
            min: count("min"),
            max: count("max"),
            capacity: vec![Capacity { desired: count("desired"), ..Capacity::default() }],
            scalings: Vec::new(),
            refusals: Vec::new(),
            alarms: alarms(about),
        };
        let mut fleet = Fleet { desired: count("desired"), members: BTreeMap::new() };
        for (at_s, event) in events {
            timeline.take(at_s, event);
            fleet.take(event);
            timeline.count(at_s, &fleet);
        }
        let until_s = timeline.until_s;
        timeline
            .alarms
            .iter_mut()
            .flat_map(|alarm| &mut alarm.raised)
            .for_each(|(_, to)| *to = to.min(until_s));
        Ok(timeline)
    }

    /// What to add to a moment of this timeline to have it in seconds since the start of a test that began at
    /// `start_unix`. A timeline without a wall clock (a simulation) begins with the test.
    pub fn shift(&self, start_unix: Duration) -> f64 {
        self.started_unix_s.map_or(0.0, |started| started - start_unix.as_secs_f64())
    }

    /// The number of instances at a moment of this timeline; none before it begins or after it ends.
    pub fn at(&self, at_s: f64) -> Option<Capacity> {
        let inside = (0.0..=self.until_s).contains(&at_s);
        self.capacity.iter().rev().find(|capacity| capacity.at_s <= at_s).copied().filter(|_| inside)
    }

    /// Since when as many instances have been healthy as just before this moment.
    fn healthy_since(&self, at_s: f64) -> f64 {
        let mut before = self.capacity.iter().rev().skip_while(|now| now.at_s >= at_s).peekable();
        let healthy = before.peek().map(|now| now.healthy);
        before.take_while(|now| Some(now.healthy) == healthy).last().map_or(0.0, |now| now.at_s)
    }

    fn take(&mut self, at_s: f64, event: &Value) {
        match event["event"].as_str() {
            Some("scaled") => {
                let by = event["by"]["policy"]["name"].as_str().unwrap_or("hand");
                let count = |name: &str| event[name].as_u64().unwrap_or_default();
                self.scalings.push(Scaling { at_s, from: count("from"), to: count("to"), by: by.to_owned() });
            }
            Some("not-scaled") => self.refusals.push((at_s, why(&event["why"]))),
            Some("alarm") => {
                let name = event["alarm"].as_str();
                let Some(alarm) = self.alarms.iter_mut().find(|alarm| Some(alarm.name.as_str()) == name)
                else {
                    return;
                };
                if event["to"] == "alarm" {
                    alarm.raised.push((at_s, f64::INFINITY));
                } else if let Some(raised) = alarm.raised.last_mut() {
                    raised.1 = raised.1.min(at_s);
                }
            }
            _ => {}
        }
    }

    fn count(&mut self, at_s: f64, fleet: &Fleet) {
        let now = fleet.count(at_s);
        match self.capacity.last_mut() {
            Some(last) if Capacity { at_s, ..*last } == now => {}
            Some(last) if last.at_s == at_s => *last = now,
            _ => self.capacity.push(now),
        }
    }
}

/// Every alarm that any policy has, raised never so far.
fn alarms(about: &Value) -> Vec<Alarm> {
    let policies = about["policies"].as_array().into_iter().flatten();
    let alarms = policies.flat_map(|policy| policy["alarms"].as_array().into_iter().flatten());
    let alarm = |alarm: &Value| {
        let word = |name: &str| alarm[name].as_str().unwrap_or_default();
        let when = format!("{} {}", word("metric"), word("when"));
        Some(Alarm { name: alarm["name"].as_str()?.to_owned(), when, raised: Vec::new() })
    };
    alarms.filter_map(alarm).collect()
}

/// The kind of a reason, in words: the first key of an object or a plain word.
fn why(why: &Value) -> String {
    let kind = match why {
        Value::String(kind) => Some(kind.as_str()),
        Value::Object(fields) => fields.keys().next().map(String::as_str),
        _ => None,
    };
    match kind {
        Some("activity") => "an activity was in progress",
        Some("cooldown") => "cooldown",
        Some("limit") => "the limit was reached",
        Some("enough") => "there was enough",
        Some("warming-up") => "instances were warming up",
        // The provider's own word.
        Some("other") => why["other"]["text"].as_str().unwrap_or("unknown"),
        Some(other) => other,
        None => "unknown",
    }
    .to_owned()
}

/// Which instances are in service, and healthy.
struct Fleet {
    desired: u64,
    /// By number; whether it is in service, and whether healthy.
    members: BTreeMap<u64, (bool, bool)>,
}

impl Fleet {
    fn take(&mut self, event: &Value) {
        if event["event"] == "scaled" {
            self.desired = event["to"].as_u64().unwrap_or(self.desired);
        }
        let Some(id) = event["instance"].as_u64() else { return };
        match event["event"].as_str() {
            Some("launching") => {
                self.members.insert(id, (false, false));
            }
            // One that nobody saw launching was there, healthy, before.
            Some("in-service") => {
                let seen = self.members.contains_key(&id);
                self.members.insert(id, (true, !seen));
            }
            Some("health") => {
                self.members.entry(id).or_default().1 = event["to"] == "healthy";
            }
            Some("draining" | "terminating" | "gone") => {
                self.members.remove(&id);
            }
            _ => {}
        }
    }

    fn count(&self, at_s: f64) -> Capacity {
        let in_service = self.members.values().filter(|(in_service, _)| *in_service);
        let healthy = in_service.clone().filter(|(_, healthy)| *healthy).count() as u64;
        Capacity { at_s, desired: self.desired, in_service: in_service.count() as u64, healthy }
    }
}

#[cfg(test)]
mod tests;
