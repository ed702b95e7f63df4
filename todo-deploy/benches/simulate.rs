//! The bars of `simulate`: the practical's plan, cost per event, and that cost grows in proportion to events.
//!
//! `cargo bench -p todo-deploy --bench simulate` prints one line per scenario: wall time, events, events per
//! second, peak memory of the process so far. Peak memory is Linux's `VmHWM`; elsewhere it is left out.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::{Duration, Instant};

use todo_deploy::deployment::{Defaults, Deployment, Target};
use todo_deploy::simulate::plan::Iteration;
use todo_deploy::simulate::{Options, Plan, simulate};

fn main() {
    // `cargo bench -p todo-deploy --bench simulate -- 1000` runs the scenarios whose name contains that.
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_default();
    let measure = |name: &str, text: &str, plan: &Plan, service_time: &str, until_s: Option<u64>| {
        if name.contains(&wanted) {
            measure(name, text, plan, service_time, until_s);
        }
    };
    measure("practical, 5000 users, 50 us", "", &Plan::practical(), "50us", None);
    measure("practical, 5000 users, 1 ms, max 8", "[capacity]\nmax = 8\n", &Plan::practical(), "1ms", None);
    for thousands in [1, 10, 100] {
        let name = format!("{thousands}000 users for 2 minutes, 8 instances");
        measure(&name, &fixed(8), &ramp(thousands * 1000), "50us", Some(180));
    }
    for instances in [10, 100, 1000] {
        let name = format!("20000 users for 2 minutes, {instances} instances");
        measure(&name, &fixed(instances), &ramp(20_000), "400us", Some(180));
    }
    for instances in [100, 1000] {
        let name = format!("100000 users for 2 minutes, {instances} instances");
        measure(&name, &fixed(instances), &ramp(100_000), "400us", Some(180));
    }
    measure("a day, 0 to 400 requests/s", "[capacity]\nmax = 8\n", &day(), "4ms", Some(86_400));
}

fn fixed(instances: u32) -> String {
    format!("[capacity]\nmin = {instances}\nmax = {instances}\n")
}

fn ramp(users: u32) -> Plan {
    let stages = [format!("10s:{users}"), format!("2m:{users}")];
    Plan::from_stages(&stages, &Iteration::default()).expect("a plan")
}

/// A day's load: quiet at night, a peak in the afternoon.
fn day() -> Plan {
    let rate = |hour: u32| {
        let angle = f64::from(hour) / 24.0 * std::f64::consts::TAU;
        200.0 * (1.0 - angle.cos())
    };
    let lines: Vec<String> = (0..=24).map(|hour| format!("{},{:.1}", hour * 3600, rate(hour))).collect();
    Plan::from_rates("a day", &lines.join("\n")).expect("rates")
}

fn measure(name: &str, text: &str, plan: &Plan, service_time: &str, until_s: Option<u64>) {
    let deployment = Deployment::parse(text, "bench", Defaults::of(Target::Ec2)).expect("valid");
    let options = Options {
        service_time: Some(service_time.parse().expect("a distribution")),
        until: until_s.map(Duration::from_secs),
        ..Options::default()
    };
    let started = Instant::now();
    let run = simulate(&deployment, Target::Ec2, plan, &options);
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{name:<46} {seconds:>7.2} s  {:>10} requests  {:>11} events  {:>5.2} M events/s{}",
        run.totals.requests,
        run.steps,
        run.steps as f64 / seconds / 1e6,
        peak_memory().map_or(String::new(), |mib| format!("  {mib:>6.1} MiB"))
    );
}

fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
}
