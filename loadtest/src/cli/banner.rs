//! What is going to happen, before it does.

use crate::config::ScenarioSpec;
use crate::duration::format;
use crate::profile::{Executor, Profile};

/// The facts of the banner.
#[derive(Debug)]
pub(super) struct Banner<'a> {
    pub(super) target: &'a str,
    pub(super) is_script: bool,
    pub(super) outputs: &'a [String],
    /// How the iterations run, in words.
    pub(super) engine: &'a str,
    pub(super) base_url: Option<&'a str>,
    /// Proxies that variables name.
    pub(super) proxies: Option<String>,
    pub(super) speed: Option<f64>,
    pub(super) profile: &'a Profile,
    pub(super) scenarios: &'a [ScenarioSpec],
    /// How much of the test this run is, from 0 to 1.
    pub(super) share: f64,
}

impl Banner<'_> {
    pub(super) fn render(&self) -> String {
        let output = if self.outputs.is_empty() { "-".to_owned() } else { self.outputs.join(", ") };
        let mut rows = vec![("execution", "local".to_owned())];
        rows.push((if self.is_script { "script" } else { "target" }, self.target.to_owned()));
        rows.push(("engine", self.engine.to_owned()));
        if let Some(base_url) = self.base_url {
            rows.push(("base url", format!("{base_url} (instead of scheme and host of every request)")));
        }
        if let Some(proxies) = &self.proxies {
            rows.push(("proxy", format!("{proxies} (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)")));
        }
        if let Some(speed) = self.speed {
            rows.push((
                "speed",
                format!("{speed}x (stages, start times, graceful periods; think times are real)"),
            ));
        }
        rows.push(("output", output));
        let mut text = String::new();
        for (name, value) in rows {
            text.push_str(&format!("     {name:>9}: {value}\n"));
        }
        let count = self.scenarios.len();
        text.push_str(&format!(
            "\n     scenarios: ({:.2}%) {count} scenario{}, {} max VUs, {} max duration (incl. graceful stop):\n",
            self.share * 100.0,
            if count == 1 { "" } else { "s" },
            self.profile.max_vus(),
            format(self.profile.end())
        ));
        for (scenario, spec) in self.profile.scenarios.iter().zip(self.scenarios) {
            let mut notes = Vec::new();
            match &scenario.executor {
                Executor::SharedIterations { max_duration, .. }
                | Executor::PerVuIterations { max_duration, .. } => {
                    notes.push(format!("maxDuration: {}", format(*max_duration)));
                }
                Executor::RampingVus { graceful_ramp_down, .. } => {
                    notes.push(format!("gracefulRampDown: {}", format(*graceful_ramp_down)));
                }
                Executor::ConstantArrivalRate { vus, .. } | Executor::RampingArrivalRate { vus, .. } => {
                    let range =
                        if vus.max > vus.pre_allocated { format!("-{}", vus.max) } else { String::new() };
                    notes.push(format!("maxVUs: {}{range}", vus.pre_allocated));
                }
                Executor::ConstantVus { .. } => {}
            }
            if spec.exec != "default" {
                notes.push(format!("exec: {}", spec.exec));
            }
            if !scenario.start_time.is_zero() {
                notes.push(format!("startTime: {}", format(scenario.start_time)));
            }
            if !scenario.graceful_stop.is_zero() {
                notes.push(format!("gracefulStop: {}", format(scenario.graceful_stop)));
            }
            let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
            text.push_str(&format!(
                "              * {}: {}{notes}\n",
                scenario.name,
                describe(&scenario.executor, spec.stages, self.share)
            ));
        }
        text
    }
}

fn describe(executor: &Executor, stages: usize, share: f64) -> String {
    let length = format(executor.duration());
    match executor {
        Executor::SharedIterations { vus, iterations, .. } => {
            format!("{iterations} iterations shared among {vus} VUs")
        }
        Executor::PerVuIterations { vus, iterations, .. } => {
            format!("{iterations} iterations for each of {vus} VUs")
        }
        Executor::ConstantVus { vus, .. } => format!("{vus} looping VUs for {length}"),
        Executor::RampingVus { .. } => {
            format!("Up to {} looping VUs for {length} over {stages} stages", executor.max_vus())
        }
        Executor::ConstantArrivalRate { rate, time_unit, .. } => {
            format!("{:.2} iterations/s for {length}", *rate as f64 * share / time_unit.as_secs_f64())
        }
        Executor::RampingArrivalRate { start_rate, time_unit, stages: ramp, .. } => {
            let highest = ramp.iter().map(|stage| stage.target).max().unwrap_or(0).max(*start_rate);
            let rate = highest as f64 * share / time_unit.as_secs_f64();
            format!("Up to {rate:.2} iterations/s for {length} over {stages} stages")
        }
    }
}
