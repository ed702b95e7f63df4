//! What is seen while a test runs: progress and the log, on standard error.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::log::Log;
use crate::duration::format;
use crate::engine::run::Watcher;
use crate::engine::shared::{Live, LogLine};
use crate::profile::{Executor, Profile, Scenario};

const BAR: usize = 38;

/// Shows progress once a second: in place on a terminal, as plain lines otherwise.
pub(super) struct Progress {
    profile: Arc<Profile>,
    quiet: bool,
    terminal: bool,
    log: Log,
    /// How much of the test this run is, from 0 to 1.
    share: f64,
    /// Lines of the last drawing, to be drawn over.
    drawn: usize,
}

impl Progress {
    pub(super) fn new(profile: Arc<Profile>, quiet: bool, log: Log, share: f64) -> Self {
        Self { profile, quiet, terminal: std::io::stderr().is_terminal(), log, share, drawn: 0 }
    }

    /// Removes the drawing.
    fn clear(&mut self) -> String {
        if self.drawn == 0 {
            return String::new();
        }
        let up = format!("\u{1b}[{}A\r\u{1b}[J", self.drawn);
        self.drawn = 0;
        up
    }

    fn write(&mut self, text: &str) {
        let clear = self.clear();
        let mut err = std::io::stderr().lock();
        // A closed standard error must not end the test.
        let _ = write!(err, "{clear}{text}");
        let _ = err.flush();
    }
}

impl Watcher for Progress {
    fn log(&mut self, line: &LogLine) {
        let log = self.log.clone();
        log.line(line, |text| self.write(text));
    }

    fn tick(&mut self, elapsed: Duration, live: &Live) {
        if self.quiet {
            return;
        }
        let text = render(&self.profile, self.share, elapsed, live);
        let lines = text.lines().count();
        if self.terminal {
            self.write(&text);
            self.drawn = lines;
        } else {
            self.write(&format!("{text}\n"));
        }
    }

    fn state(&mut self, text: &str) {
        if text != "running" && !(self.quiet && text.ends_with("()")) {
            self.write(&format!("{text}\n"));
        }
    }
}

/// The lines of k6's progress: the whole test, then a bar for each scenario.
fn render(profile: &Profile, of_test: f64, elapsed: Duration, live: &Live) -> String {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let total = count(&live.initialized).max(1);
    let width = total.to_string().len();
    let mut text = format!(
        "running ({}), {:0width$}/{total} VUs, {} complete and {} interrupted iterations\n",
        clock(elapsed, profile.end()),
        count(&live.active),
        count(&live.completed),
        count(&live.interrupted),
    );
    let name_width = profile.scenarios.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    for (index, scenario) in profile.scenarios.iter().enumerate() {
        let own = &live.scenarios[index];
        let share = share(scenario, elapsed, count(&own.completed));
        let filled = (share * BAR as f64) as usize;
        let bar = format!("{}{}", "=".repeat(filled), "-".repeat(BAR - filled));
        let detail = detail(scenario, of_test, elapsed, count(&own.active), count(&own.completed));
        text.push_str(&format!("{:name_width$} [{bar}] {detail}\n", scenario.name));
    }
    text
}

/// How far a scenario is, from 0 to 1.
pub(super) fn share(scenario: &Scenario, elapsed: Duration, completed: u64) -> f64 {
    let iterations = match &scenario.executor {
        Executor::SharedIterations { iterations, .. } => *iterations,
        Executor::PerVuIterations { vus, iterations, .. } => vus * iterations,
        executor => {
            let spent = elapsed.saturating_sub(scenario.start_time).as_secs_f64();
            let length = executor.duration().as_secs_f64();
            return if length > 0.0 { (spent / length).min(1.0) } else { 1.0 };
        }
    };
    (completed as f64 / iterations.max(1) as f64).min(1.0)
}

fn detail(scenario: &Scenario, of_test: f64, elapsed: Duration, active: u64, completed: u64) -> String {
    let length = scenario.executor.duration();
    if elapsed < scenario.start_time {
        return format!("waiting  {}", format(whole(scenario.start_time.saturating_sub(elapsed))));
    }
    let spent = clock(elapsed.saturating_sub(scenario.start_time).min(length), length);
    let time = format!("{spent}/{}", format(length));
    match &scenario.executor {
        Executor::SharedIterations { iterations, vus, .. } => {
            format!("{vus} VUs  {time}  {completed}/{iterations} shared iters")
        }
        Executor::PerVuIterations { iterations, vus, .. } => {
            format!("{vus} VUs  {time}  {completed}/{} iters, {iterations} per VU", vus * iterations)
        }
        Executor::ConstantVus { vus, .. } => format!("{vus} VUs  {time}"),
        Executor::RampingVus { .. } => {
            let most = scenario.executor.max_vus();
            format!("{active:0width$}/{most} VUs  {time}", width = most.to_string().len())
        }
        executor => {
            let rate = executor.rate_at(elapsed.saturating_sub(scenario.start_time)) * of_test;
            format!("{active}/{} VUs  {time}  {rate:.2} iters/s", executor.max_vus())
        }
    }
}

fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

/// A time with as many parts as the longest one has: `05.4s`, `00m05.4s`, `0h00m05.4s`.
fn clock(time: Duration, longest: Duration) -> String {
    let tenths = time.as_millis() / 100;
    let (seconds, tenth) = (tenths / 10, tenths % 10);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if longest.as_secs() >= 3600 {
        format!("{hours}h{minutes:02}m{seconds:02}.{tenth}s")
    } else if longest.as_secs() >= 60 {
        format!("{minutes:02}m{seconds:02}.{tenth}s")
    } else {
        format!("{seconds:02}.{tenth}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_the_test_and_one_for_each_scenario() {
        let scenario = Scenario {
            name: "default".to_owned(),
            executor: Executor::ConstantVus { vus: 20, duration: Duration::from_secs(30) },
            start_time: Duration::ZERO,
            graceful_stop: Duration::from_secs(30),
        };
        let live = Live::new(1);
        live.initialized.store(20, Ordering::Relaxed);
        live.enter(0);
        let text = render(&Profile { scenarios: vec![scenario] }, 1.0, Duration::from_millis(15_000), &live);
        let bar = format!("{}{}", "=".repeat(19), "-".repeat(19));
        assert_eq!(
            text,
            format!(
                "running (00m15.0s), 01/20 VUs, 0 complete and 0 interrupted iterations\n\
                 default [{bar}] 20 VUs  15.0s/30s\n"
            )
        );
    }
}
