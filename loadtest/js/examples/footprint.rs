//! What a virtual user costs: memory of N suspended ones, time of their creation and of an iteration.
//!
//! `cargo run --release -p loadtest-js --example footprint -- [VUS] [ITERATIONS] [SCRIPT] [shared]`

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring program reads clocks and prints"
)]

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadtest_js::*;

const PRACTICAL: &str = r"
import http from 'k6/http';
import { sleep, check } from 'k6';
export const options = { stages: [{ target: 1000, duration: '1m' }, { target: 5000, duration: '10m' }] };
export default function () {
  const res = http.get('http://127.0.0.1/api/v1/todos');
  check(res, { 'status was 200': (r) => r.status == 200 });
  sleep(1);
}
";

struct Quiet(Instant, std::cell::Cell<u64>);

impl Recorder for Quiet {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
    fn unix_now(&self) -> Duration {
        Duration::from_secs(1_700_000_000)
    }
    fn check(&self, _: &str, passed: bool, _: SampleTags<'_>) {
        self.1.set(self.1.get() + u64::from(passed));
    }
    fn sample(&self, _: &Rc<MetricDef>, _: f64, _: SampleTags<'_>) {}
    fn group(&self, _: Duration, _: SampleTags<'_>) {}
    fn log(&self, _: LogLevel, message: &str, _: &str) {
        println!("{message}");
    }
    fn fail_test(&self, _: &str) {}
    fn status(&self) -> TestStatus {
        TestStatus::default()
    }
    fn options(&self) -> Arc<str> {
        "{}".into()
    }
}

fn rss_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:"));
    line.and_then(|l| l.split_whitespace().nth(1)).and_then(|n| n.parse().ok()).unwrap_or(0)
}

type Waiting = (Vu, Option<Reply>);

/// Lets a VU take one step; what it did.
fn advance((vu, waiting): &mut Waiting, scenario: &Rc<Scenario>, body: &bytes::Bytes) -> Option<Outcome> {
    let step = match waiting.take() {
        Some(reply) => vu.resume(reply),
        None => {
            let scenario = Rc::clone(scenario);
            vu.start(Task::Iteration(Iteration {
                scenario,
                in_scenario: 0,
                in_instance: 0,
                in_test: 0,
                setup_data: None,
            }))
        }
    };
    let answer = |r: HttpRequest| HttpResponse {
        status: 200,
        url: r.url.into(),
        body: body.clone(),
        ..HttpResponse::default()
    };
    *waiting = Some(match step {
        Step::Done(result) => return Some(result.outcome),
        Step::Call(HostCall::Http(request)) => Reply::Http(Box::new(answer(*request))),
        Step::Call(HostCall::Batch(requests)) => Reply::Batch(requests.into_iter().map(answer).collect()),
        Step::Call(_) => Reply::Done,
    });
    None
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let vus: usize = args.next().map_or(Ok(5000), |n| n.parse())?;
    let iterations: usize = args.next().map_or(Ok(10), |n| n.parse())?;
    let source = match args.next() {
        Some(path) => Source::File(path.into()),
        None => Source::Text { text: PRACTICAL.to_owned(), name: "k6.js".to_owned(), directory: "/".into() },
    };
    let shared = args.next().is_some_and(|mode| mode == "shared");
    let recorder = Rc::new(Quiet(Instant::now(), std::cell::Cell::new(0)));
    let script = Script::load(source, Default::default(), Rc::<Quiet>::clone(&recorder))?;
    let before = rss_kib();
    let each = || (rss_kib() - before) as f64 / vus as f64;
    let start = Instant::now();
    let pool = VuPool::new(&script);
    let mut all: Vec<Waiting> = Vec::new();
    for id in 1..=vus {
        let config = VuConfig { id: id as u64, ..VuConfig::default() };
        let recorder = Rc::<Quiet>::clone(&recorder);
        let vu = if shared { pool.vu(config, recorder)? } else { Vu::new(&script, config, recorder)? };
        all.push((vu, None));
    }
    println!("created in {:.1} us each", start.elapsed().as_secs_f64() * 1e6 / vus as f64);
    println!("{:.1} KiB each, idle", each());
    let scenario = Rc::new(Scenario { exec: "default".to_owned(), ..Scenario::default() });
    let body = bytes::Bytes::from(vec![b'x'; 2314]);
    let (mut done, mut steps) = (0, 0u64);
    let start = Instant::now();
    while done < vus * iterations {
        for vu in &mut all {
            steps += 1;
            if let Some(outcome) = advance(vu, &scenario, &body) {
                assert_eq!(outcome, Outcome::Completed);
                done += 1;
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{:.2} us per iteration of {:.1} steps",
        seconds * 1e6 / done as f64,
        steps as f64 / done as f64
    );
    // Two steps into another iteration: in the middle of it, as a VU is most of the time.
    for vu in &mut all {
        advance(vu, &scenario, &body);
        advance(vu, &scenario, &body);
    }
    println!("{:.1} KiB each, suspended", each());
    Ok(())
}
