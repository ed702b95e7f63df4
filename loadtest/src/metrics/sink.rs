//! What is kept of a metric's samples, by the metric's kind. Sinks of several threads merge without loss.

use super::hist::Hist;

/// The four kinds of k6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Rate,
    Trend,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Rate => "rate",
            Self::Trend => "trend",
        }
    }
}

/// What the numbers of a metric measure; decides how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contains {
    Default,
    /// Milliseconds.
    Time,
    /// Bytes.
    Data,
}

impl Contains {
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Time => "time",
            Self::Data => "data",
        }
    }
}

/// The samples of one metric or sub-metric.
#[derive(Debug, Clone)]
pub enum Sink {
    Counter { sum: f64, samples: u64 },
    Gauge { value: f64, min: f64, max: f64, samples: u64, order: u64 },
    Rate { trues: u64, total: u64 },
    Trend(Hist),
}

impl Sink {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Counter => Self::Counter { sum: 0.0, samples: 0 },
            Kind::Gauge => {
                Self::Gauge { value: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, samples: 0, order: 0 }
            }
            Kind::Rate => Self::Rate { trues: 0, total: 0 },
            Kind::Trend => Self::Trend(Hist::default()),
        }
    }

    /// Adds a sample. `order` (nanoseconds since the start) decides which of two gauges is the later one.
    pub fn add(&mut self, sample: f64, at: u64) {
        match self {
            Self::Counter { sum, samples } => {
                *sum += sample;
                *samples += 1;
            }
            Self::Gauge { value, min, max, samples, order } => {
                *value = sample;
                *min = min.min(sample);
                *max = max.max(sample);
                *samples += 1;
                *order = at;
            }
            Self::Rate { trues, total } => {
                *trues += u64::from(sample != 0.0);
                *total += 1;
            }
            Self::Trend(hist) => hist.add(sample),
        }
    }

    /// Adds the samples of another thread's sink of the same metric.
    pub fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Counter { sum, samples }, Self::Counter { sum: other_sum, samples: other_samples }) => {
                *sum += other_sum;
                *samples += other_samples;
            }
            (
                Self::Gauge { value, min, max, samples, order },
                Self::Gauge { value: v, min: lo, max: hi, samples: n, order: at },
            ) => {
                if *n > 0 && (*samples == 0 || at >= order) {
                    *value = *v;
                    *order = *at;
                }
                *min = min.min(*lo);
                *max = max.max(*hi);
                *samples += n;
            }
            (Self::Rate { trues, total }, Self::Rate { trues: other_trues, total: other_total }) => {
                *trues += other_trues;
                *total += other_total;
            }
            (Self::Trend(hist), Self::Trend(other)) => hist.merge(other),
            // Both come from one registry, so the kinds agree.
            _ => debug_assert!(false, "sinks of different kinds"),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.samples() == 0
    }

    pub fn samples(&self) -> u64 {
        match self {
            Self::Counter { samples, .. } | Self::Gauge { samples, .. } => *samples,
            Self::Rate { total, .. } => *total,
            Self::Trend(hist) => hist.count(),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Counter { .. } => Kind::Counter,
            Self::Gauge { .. } => Kind::Gauge,
            Self::Rate { .. } => Kind::Rate,
            Self::Trend(_) => Kind::Trend,
        }
    }

    /// One statistic by its name in thresholds and summaries; `run_s` is the length of the test so far in seconds.
    pub fn stat(&self, stat: &str, run_s: f64) -> Option<f64> {
        match (self, stat) {
            (Self::Counter { sum, .. }, "count") => Some(*sum),
            (Self::Counter { sum, .. }, "rate") => Some(if run_s > 0.0 { sum / run_s } else { 0.0 }),
            (Self::Gauge { value, .. }, "value") => Some(*value),
            (Self::Gauge { min, samples, .. }, "min") => Some(if *samples == 0 { 0.0 } else { *min }),
            (Self::Gauge { max, samples, .. }, "max") => Some(if *samples == 0 { 0.0 } else { *max }),
            (Self::Rate { trues, total }, "rate") => {
                Some(if *total == 0 { 0.0 } else { *trues as f64 / *total as f64 })
            }
            (Self::Rate { trues, .. }, "passes") => Some(*trues as f64),
            (Self::Rate { trues, total }, "fails") => Some((total - trues) as f64),
            (Self::Trend(hist), "avg") => Some(hist.avg()),
            (Self::Trend(hist), "min") => Some(hist.min()),
            (Self::Trend(hist), "max") => Some(hist.max()),
            (Self::Trend(hist), "med") => Some(hist.percentile(50.0)),
            (Self::Trend(hist), "count") => Some(hist.count() as f64),
            (Self::Trend(hist), stat) => percentile_of(stat).map(|percent| hist.percentile(percent)),
            _ => None,
        }
    }
}

/// The number in `p(95)` or `p(99.9)`, within 0 to 100.
pub fn percentile_of(stat: &str) -> Option<f64> {
    let inner = stat.strip_prefix("p(")?.strip_suffix(')')?;
    let percent: f64 = inner.trim().parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}
