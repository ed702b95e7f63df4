//! What is measured, once a second or so: each instance's CPU and memory, and what the balancer counted.
//!
//! A latency percentile is of one sample's requests; the engine takes the mean of those of a period (M: CloudWatch has
//! the percentile of the whole period).

use std::collections::BTreeMap;
use std::time::Duration;

use super::Hub;
use crate::balancer::{Counts, Stats};
use crate::deployment::Metric;
use crate::engine::Burst;
use crate::local::journal::Input;
use crate::local::meter::Meter;
use crate::local::{docker, http, log, procfs, scrape};
use crate::sim::credit::Throttle;
use crate::status::{Details, Totals};
use crate::time::Time;
use crate::timeline::{Event, EventKind, InstanceId, series};

/// Bytes of the access log, and as many again of its predecessor.
const ACCESS_LOG_BYTES_MAX: u64 = 16 << 20;

/// For a service to show its metrics.
const SCRAPE_PATIENCE: Duration = Duration::from_secs(2);

/// A process that is not healthy after this has started nevertheless: what it uses is load.
const STARTING: Duration = Duration::from_secs(10);

/// When and what was counted last.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    at: Time,
    total: Option<Counts>,
    targets: BTreeMap<InstanceId, Counts>,
}

/// One instance's use of resources.
#[derive(Debug)]
pub(super) struct Account {
    meter: Meter,
    throttle: Option<Throttle>,
    used_s: f64,
    /// The container's first process, once it is known.
    first_process: Option<u32>,
    /// Since when its process runs.
    since: Option<Time>,
    cpu_percent: Option<f64>,
    memory_bytes: Option<u64>,
}

impl Account {
    pub(super) fn new(burst: Option<Burst>, now: Time, speed: f64) -> Self {
        let throttle = burst.map(|burst| Throttle::new(burst, nanos(now, speed)));
        Self {
            meter: Meter::default(),
            throttle,
            used_s: 0.0,
            first_process: None,
            since: None,
            cpu_percent: None,
            memory_bytes: None,
        }
    }
}

/// What happened in one period.
struct Period {
    began: Time,
    length_s: f64,
    total: Counts,
    requests: u64,
    answered: crate::balancer::Latency,
    errors: u64,
    in_flight: u64,
    network: BTreeMap<InstanceId, (u64, u64)>,
}

impl Hub {
    pub(super) fn sample(&mut self) {
        let now = self.driver.now();
        let stats = self.handle.stats();
        self.measure_instances(now);
        let Some(period) = self.period(now, stats) else { return };
        self.show(&period);
        for metric in self.driver.engine.metrics().cloned().collect::<Vec<_>>() {
            for (instance, value) in self.values(&metric, &period) {
                self.driver.feed_at(now, &Input::Sample { metric: metric.clone(), instance, value });
            }
        }
        self.scrape();
        self.bound_access_log();
        self.publish();
    }

    /// The balancer knows no bound; what it writes in one period comes on top of ours.
    fn bound_access_log(&self) {
        let path = self.dir.log_of("access");
        if self.wanted.access_log && log::set_aside(&path, ACCESS_LOG_BYTES_MAX) {
            // What cannot be opened now is tried again with the next sample.
            let _ = self.handle.reopen_log();
        }
    }

    fn measure_instances(&mut self, now: Time) {
        let all = procfs::all();
        let speed = self.wanted.speed;
        let mut throttled = Vec::new();
        for (id, member) in &mut self.members {
            let Some(running) = &member.running else { continue };
            let account = &mut member.account;
            if let (Some(name), None) = (&member.container, account.first_process) {
                account.first_process = docker::first_process(name);
            }
            let root = match member.container {
                Some(_) => account.first_process,
                None => Some(running.root.pid),
            };
            let Some(root) = root else { continue };
            let tree = procfs::tree(&all, root);
            let Some(used_s) = self.limiter.used_s(&running.limited, &tree) else { continue };
            // What a process uses to start is not load: it would look like an overloaded instance, and make the group
            // grow. Nor are the first todos.
            let since = *account.since.get_or_insert(now);
            let is_starting = !self.served.contains(id) && now.since(since) < STARTING;
            if is_starting || !self.is_seeded {
                account.meter.restart(now, used_s);
            } else {
                account.cpu_percent =
                    account.meter.percent(now, used_s, self.shape.vcpus).or(account.cpu_percent);
            }
            account.memory_bytes = Some(procfs::resident_bytes(&tree));
            let used_now_s = (used_s - std::mem::replace(&mut account.used_s, used_s)).max(0.0);
            let settle =
                |throttle: &mut Throttle| throttle.settle(nanos(now, speed), used_now_s * speed * 1e9);
            let Some(throttle) = account.throttle.as_mut() else { continue };
            if settle(throttle) {
                throttled.push((*id, throttle.is_throttled()));
                match &member.container {
                    Some(name) => docker::set_cpus(name, throttle.vcpus()),
                    None => self.limiter.set(&running.limited, throttle.vcpus()),
                }
            }
        }
        for (instance, throttled) in throttled {
            let event = Event { at: now, kind: EventKind::Throttled { instance, throttled } };
            self.note(&event);
            crate::report::story(&[event]).iter().for_each(|line| self.line(line));
        }
    }

    fn period(&mut self, now: Time, stats: Stats) -> Option<Period> {
        let began = std::mem::replace(&mut self.sampled.at, now);
        let before = self.sampled.total.replace(stats.total.clone());
        let old = std::mem::take(&mut self.sampled.targets);
        let length_s = now.since(began).as_secs_f64();
        let before = before.filter(|_| length_s > 0.0)?;
        let network = stats.targets.iter().map(|(id, counts)| {
            let then = old.get(id).map_or((0, 0), |then| (then.bytes_in, then.bytes_out));
            (*id, (counts.bytes_in.saturating_sub(then.0), counts.bytes_out.saturating_sub(then.1)))
        });
        let period = Period {
            began,
            length_s,
            requests: stats.total.requests.saturating_sub(before.requests),
            answered: stats.total.latency.since(&before.latency),
            errors: errors(&stats.total).saturating_sub(errors(&before)),
            in_flight: self.handle.targets().iter().map(|target| u64::from(target.in_flight)).sum(),
            network: network.collect(),
            total: stats.total,
        };
        self.sampled.targets = stats.targets;
        Some(period)
    }

    /// For people.
    fn show(&mut self, period: &Period) {
        let per_s = |count: u64| count as f64 / period.length_s;
        let mut points = vec![
            (series::REQUESTS.to_owned(), per_s(period.requests)),
            (series::ERRORS.to_owned(), per_s(period.errors)),
            (series::IN_FLIGHT.to_owned(), period.in_flight as f64),
        ];
        for (name, percent) in [(series::P50, 50.0), (series::P95, 95.0), (series::P99, 99.0)] {
            let latency = period.answered.percentile(percent);
            points.extend(latency.map(|latency| (name.to_owned(), latency.as_secs_f64() * 1e3)));
        }
        for metric in [Metric::Cpu, Metric::Memory].iter().chain(self.driver.engine.metrics()) {
            let name = series::of_metric(metric);
            if points.iter().all(|(known, _)| *known != name) {
                let values: Vec<f64> =
                    self.values(metric, period).into_iter().map(|(_, value)| value).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                points.extend((!values.is_empty()).then_some((name, mean)));
            }
        }
        for (name, value) in points {
            let line = serde_json::json!({ "series": name, "at": period.began, "value": value });
            self.timeline.write(format!("{line}\n").as_bytes());
            self.board.record(&name, period.began, value);
        }
        self.board.totals(totals(&period.total));
        self.show_instances();
    }

    pub(super) fn show_instances(&mut self) {
        let targets = self.handle.targets();
        for (id, member) in &self.members {
            let target = targets.iter().find(|target| target.id == *id);
            let process = match (&member.container, &member.running) {
                (Some(name), _) => Some(name.clone()),
                (None, Some(running)) => Some(format!("pid {}", running.root.pid)),
                (None, None) => None,
            };
            let details = Details {
                address: member.address.map(|address| address.to_string()),
                process,
                in_flight: target.map(|target| u64::from(target.in_flight)),
                requests: self.sampled.targets.get(id).map(|counts| counts.requests),
                cpu_percent: member.account.cpu_percent,
                memory_bytes: member.account.memory_bytes,
            };
            self.board.instance(*id, details);
        }
    }

    /// A metric's measurements; none where nothing can be measured, so that its alarms miss their data.
    fn values(&self, metric: &Metric, period: &Period) -> Vec<(Option<InstanceId>, f64)> {
        let each = |value: &dyn Fn(&Account) -> Option<f64>| {
            let value =
                |(id, member): (&InstanceId, &super::Member)| Some((Some(*id), value(&member.account)?));
            self.members.iter().filter_map(value).collect()
        };
        match metric {
            Metric::Cpu => each(&|account| account.cpu_percent),
            Metric::Memory => {
                each(&|account| Some(100.0 * account.memory_bytes? as f64 / self.memory_bytes()?))
            }
            Metric::NetworkIn => {
                period.network.iter().map(|(id, (bytes, _))| (Some(*id), *bytes as f64)).collect()
            }
            Metric::NetworkOut => {
                period.network.iter().map(|(id, (_, bytes))| (Some(*id), *bytes as f64)).collect()
            }
            Metric::RequestsPerTarget => match self.handle.targets().len() {
                0 => Vec::new(),
                targets => vec![(None, period.requests as f64 / targets as f64)],
            },
            Metric::Latency { percentile } => {
                let latency = period.answered.percentile(f64::from(*percentile));
                latency.map(|latency| (None, latency.as_secs_f64() * 1e3)).into_iter().collect()
            }
            // It comes later, from the services themselves.
            Metric::Custom(_) => Vec::new(),
        }
    }

    /// What an instance may have: a task's memory, otherwise the machine's.
    fn memory_bytes(&self) -> Option<f64> {
        match self.wanted.like {
            crate::deployment::Target::Ecs => {
                Some(f64::from(self.deployment.aws.fargate_memory) * 1_048_576.0)
            }
            crate::deployment::Target::Ec2 | crate::deployment::Target::Local => {
                procfs::machine_memory_bytes()
            }
        }
    }

    /// Asks every instance for the custom metrics that policies look at.
    fn scrape(&self) {
        let custom = |metric: &Metric| match metric {
            Metric::Custom(name) => Some(name.clone()),
            _ => None,
        };
        let names: Vec<String> = self.driver.engine.metrics().filter_map(custom).collect();
        if names.is_empty() {
            return;
        }
        for (id, member) in &self.members {
            let publishes_apart = member.service.has_metrics_port();
            let address = if publishes_apart { member.metrics } else { member.address };
            let (Some(address), Some(_)) = (address, &member.running) else { continue };
            let (id, names, scraped) = (*id, names.clone(), self.scraped.clone());
            tokio::spawn(async move {
                let Ok(text) = http::ask(address, "GET", "/metrics", "", SCRAPE_PATIENCE).await else {
                    return;
                };
                let values = names.into_iter().filter_map(|name| Some((scrape::value(&text, &name)?, name)));
                // A reading that finds no room comes again with the next sample.
                let _ = scraped.try_send((id, values.map(|(value, name)| (name, value)).collect()));
            });
        }
    }

    pub(super) fn scraped(&mut self, id: InstanceId, values: &BTreeMap<String, f64>) {
        for (name, value) in values {
            let metric = Metric::Custom(name.clone());
            let now = self.driver.now();
            self.board.record(&series::of_metric(&metric), now, *value);
            self.driver.feed_at(now, &Input::Sample { metric, instance: Some(id), value: *value });
        }
    }
}

/// Answers that are the service's or the balancer's fault, and requests that got none.
fn errors(counts: &Counts) -> u64 {
    counts.statuses[5] + counts.statuses[0]
}

fn totals(counts: &Counts) -> Totals {
    let errors =
        [("5xx", counts.statuses[5]), ("not answered", counts.statuses[0]), ("4xx", counts.statuses[4])];
    let some = errors.into_iter().filter(|(_, count)| *count > 0);
    Totals { requests: counts.requests, errors: some.map(|(name, count)| (name.to_owned(), count)).collect() }
}

/// Credits live in time that runs `speed` times as fast.
fn nanos(now: Time, speed: f64) -> u64 {
    (now.as_secs_f64() * speed * 1e9) as u64
}
