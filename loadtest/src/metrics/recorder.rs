//! Where a thread's samples go. One per thread, so recording takes no lock.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};

use loadtest_js::TagContext;

use super::registry::{self, MetricId, Registry};
use super::series::bucket_of;
use super::tags::{HttpTags, PlainTags, SystemTags, Tagged};
use super::totals::Totals;
use crate::net::Timings;

/// Samples handed to the outputs at once.
const BATCH: usize = 1024;

/// One sample for the outputs.
#[derive(Debug, Clone)]
pub struct Sample {
    pub metric: MetricId,
    /// Nanoseconds since the start of the test.
    pub at_ns: u64,
    pub value: f64,
    pub tags: Arc<SampleLabels>,
}

/// The tags of a sample, written out.
#[derive(Debug, Clone, Default)]
pub struct SampleLabels {
    pub tags: Vec<(String, String)>,
    pub metadata: Vec<(String, String)>,
}

/// The way to the outputs. Bounded: samples that do not fit are counted, not kept.
#[derive(Debug)]
pub struct Outlet {
    to: SyncSender<Vec<Sample>>,
    batch: Vec<Sample>,
    pub lost: u64,
}

impl Outlet {
    pub fn new(to: SyncSender<Vec<Sample>>) -> Self {
        Self { to, batch: Vec::with_capacity(BATCH), lost: 0 }
    }

    fn push(&mut self, sample: Sample) {
        self.batch.push(sample);
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    /// Hands over what is waiting.
    pub fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        if let Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) = self.to.try_send(batch) {
            self.lost += batch.len() as u64;
        }
    }
}

/// A thread's measurements.
#[derive(Debug)]
pub struct Recorder {
    pub totals: Totals,
    pub system: SystemTags,
    pub outlet: Option<Outlet>,
    /// Whether scenarios and groups are also measured apart.
    pub apart: bool,
}

impl Recorder {
    pub fn new(registry: Arc<Registry>, system: SystemTags, outlet: Option<Outlet>, apart: bool) -> Self {
        Self { totals: Totals::new(registry), system, outlet, apart }
    }

    /// One sample of one metric.
    pub fn add(&mut self, id: MetricId, value: f64, tags: &impl Tagged, metadata: &TagContext, at_ns: u64) {
        self.count(id, value, tags, at_ns);
        if self.outlet.is_some() {
            let labels = labels(tags, metadata);
            self.export(id, value, at_ns, &labels);
        }
    }

    /// One request: all its metrics. `at_ns` is its end.
    pub fn http(&mut self, tags: &HttpTags<'_>, timings: &Timings, at_ns: u64) {
        let ms = |duration: std::time::Duration| duration.as_nanos() as f64 / 1e6;
        let duration_ms = ms(timings.duration());
        let mut samples = [
            (registry::HTTP_REQS, 1.0),
            (registry::HTTP_REQ_DURATION, duration_ms),
            (registry::HTTP_REQ_BLOCKED, ms(timings.blocked)),
            (registry::HTTP_REQ_CONNECTING, ms(timings.connecting)),
            (registry::HTTP_REQ_TLS_HANDSHAKING, ms(timings.tls_handshaking)),
            (registry::HTTP_REQ_SENDING, ms(timings.sending)),
            (registry::HTTP_REQ_WAITING, ms(timings.waiting)),
            (registry::HTTP_REQ_RECEIVING, ms(timings.receiving)),
            (registry::HTTP_REQ_FAILED, 0.0),
        ];
        let judged = tags.expected.is_some();
        let failed = tags.expected == Some(false);
        samples[8].1 = f64::from(u8::from(failed));
        let samples = &samples[..if judged { 9 } else { 8 }];
        for (id, value) in samples {
            self.count(*id, *value, tags, at_ns);
        }
        if self.outlet.is_some() {
            let labels = labels(tags, tags.plain.context);
            samples.iter().for_each(|(id, value)| self.export(*id, *value, at_ns, &labels));
        }
        let slice = self.totals.series.at(at_ns);
        slice.requests += 1;
        slice.failed += u64::from(failed);
        slice.latency[bucket_of(duration_ms)] += 1;
        let scenario = &tags.plain.context.scenario;
        if !scenario.is_empty() {
            self.totals.scenarios.row(scenario, "", at_ns).request_ms.add(duration_ms);
        }
        if failed {
            self.failure(tags, at_ns);
        }
    }

    /// One check.
    pub fn check(
        &mut self,
        name: &str,
        passed: bool,
        context: &TagContext,
        extra: &[(String, String)],
        at_ns: u64,
    ) {
        self.totals.checks.row(&context.group, name, at_ns).add(passed);
        let tags = PlainTags { context, extra, system: self.system, own: &[("check", name)] };
        self.add(registry::CHECKS, f64::from(u8::from(passed)), &tags, context, at_ns);
    }

    /// One complete iteration with what it moved over the sockets.
    pub fn iteration(&mut self, iteration_ms: f64, context: &TagContext, at_ns: u64) {
        let tags = PlainTags { context, extra: &[], system: self.system, own: &[] };
        self.add(registry::ITERATION_DURATION, iteration_ms, &tags, context, at_ns);
        self.add(registry::ITERATIONS, 1.0, &tags, context, at_ns);
        self.totals.scenarios.row(&context.scenario, "", at_ns).iteration_ms.add(iteration_ms);
        self.totals.series.at(at_ns).iterations += 1;
    }

    /// Bytes on the sockets since the last time.
    pub fn data(&mut self, sent: u64, received: u64, context: &TagContext, at_ns: u64) {
        let tags = PlainTags { context, extra: &[], system: self.system, own: &[] };
        self.add(registry::DATA_SENT, sent as f64, &tags, context, at_ns);
        self.add(registry::DATA_RECEIVED, received as f64, &tags, context, at_ns);
        let slice = self.totals.series.at(at_ns);
        slice.bytes_sent += sent;
        slice.bytes_received += received;
    }

    /// Iterations of an open model that found no free VU, or that a closed one did not get to.
    pub fn dropped(&mut self, count: u64, context: &TagContext, at_ns: u64) {
        let system = self.system.without("group");
        let tags = PlainTags { context, extra: &[], system, own: &[] };
        self.add(registry::DROPPED_ITERATIONS, count as f64, &tags, context, at_ns);
        self.totals.series.at(at_ns).dropped += count;
    }

    /// A group was entered; it shows in the results even without checks.
    pub fn group_seen(&mut self, path: &str, at_ns: u64) {
        self.totals.groups.row(path, "", at_ns);
    }

    /// Counts one error of a kind. True while it is one of the first of its cause, worth a line in the log.
    pub fn error(&mut self, kind: &str, message: &str, example: &str, at_ns: u64) -> bool {
        let cause = self.totals.errors.row(kind, message, at_ns);
        cause.count += 1;
        if cause.example.is_empty() {
            example.clone_into(&mut cause.example);
        }
        cause.count <= 3
    }

    fn failure(&mut self, tags: &HttpTags<'_>, at_ns: u64) {
        let example = format!("{} {}", tags.method, tags.url);
        if tags.status == 0 {
            self.error("request", tags.error, &example, at_ns);
        } else {
            self.error("response", &format!("status {}", tags.status), &example, at_ns);
        }
    }

    fn count(&mut self, id: MetricId, value: f64, tags: &impl Tagged, at_ns: u64) {
        self.totals.sinks[id.0].add(value, at_ns);
        let registry = &self.totals.registry;
        for sub in &registry.metrics[id.0].subs {
            let wanted = &registry.subs[*sub].tags;
            if wanted.iter().all(|(tag, value)| tags.tag(tag).as_deref().unwrap_or("") == value) {
                self.totals.subs[*sub].add(value, at_ns);
            }
        }
        if self.apart {
            self.count_apart(id, value, tags, at_ns);
        }
    }

    /// As in k6's full summary: a sample belongs to its scenario, unless that is the default one, and to the
    /// innermost group; what setup and teardown do belongs to no group.
    fn count_apart(&mut self, id: MetricId, value: f64, tags: &impl Tagged, at_ns: u64) {
        let scenario = tags.tag("scenario").filter(|name| name != "default").unwrap_or_default();
        let path = tags.tag("group").unwrap_or_default();
        let group = path.strip_prefix("::").unwrap_or(&path);
        let check = tags.tag("check");
        let kind = self.totals.registry.metrics[id.0].kind;
        let parts = &mut self.totals.parts;
        if !scenario.is_empty() {
            parts.row(&scenario, "", at_ns).add(id, kind, value, check.as_deref(), at_ns);
        }
        if !matches!(group, "" | "setup" | "teardown") {
            parts.row(&scenario, group, at_ns).add(id, kind, value, check.as_deref(), at_ns);
        }
    }

    fn export(&mut self, metric: MetricId, value: f64, at_ns: u64, labels: &Arc<SampleLabels>) {
        if let Some(outlet) = &mut self.outlet {
            outlet.push(Sample { metric, at_ns, value, tags: Arc::clone(labels) });
        }
    }
}

fn labels(tags: &impl Tagged, context: &TagContext) -> Arc<SampleLabels> {
    let metadata = context.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    Arc::new(SampleLabels { tags: tags.list(), metadata })
}
