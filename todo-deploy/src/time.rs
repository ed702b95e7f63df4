//! The only notion of time below the drivers: how long ago the run started.
//!
//! There is no clock here and no date. A driver decides what zero is (the start of the deployment, of the
//! simulation) and passes the present in; so the same facts at the same times give the same decisions.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, as the time since the start of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(Duration);

impl Time {
    /// The start of the run.
    pub const ZERO: Self = Self(Duration::ZERO);
    /// Later than anything that happens: "until something else ends it".
    pub const NEVER: Self = Self(Duration::MAX);

    /// The moment `elapsed` after the start.
    pub const fn after_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub const fn since_start(self) -> Duration {
        self.0
    }

    pub const fn as_secs_f64(self) -> f64 {
        self.0.as_secs_f64()
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// `by` earlier, or the start where that would lie before it.
    pub const fn back(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }

    /// The first multiple of `step` strictly after this moment.
    pub fn next_multiple(self, step: Duration) -> Self {
        let step = step.as_nanos().max(1);
        let next = (self.0.as_nanos() / step + 1) * step;
        Self(Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX)))
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }
}

impl Sub for Time {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// `04:30`, `1:02:03`, with tenths only where there are any.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, tenths) = (self.0.as_secs(), self.0.subsec_millis() / 100);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let mut text = if hours > 0 {
            format!("{hours}:{minutes:02}:{seconds:02}")
        } else {
            format!("{minutes:02}:{seconds:02}")
        };
        if tenths > 0 {
            text.push_str(&format!(".{tenths}"));
        }
        f.pad(&text)
    }
}

/// Seconds since the start, as a number: what a reader of `--json` can plot.
impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_stopwatch() {
        assert_eq!(Time::from_secs(270).to_string(), "04:30");
        assert_eq!(Time::from_secs(3723).to_string(), "1:02:03");
        assert_eq!(Time::after_start(Duration::from_millis(61_500)).to_string(), "01:01.5");
        assert_eq!(format!("[{:>6}]", Time::from_secs(5)), "[ 00:05]");
    }

    #[test]
    fn next_multiple_is_strictly_later() {
        let minute = Duration::from_secs(60);
        assert_eq!(Time::ZERO.next_multiple(minute), Time::from_secs(60));
        assert_eq!(Time::from_secs(60).next_multiple(minute), Time::from_secs(120));
        assert_eq!(Time::from_secs(61).next_multiple(minute), Time::from_secs(120));
    }
}
