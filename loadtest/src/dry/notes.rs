//! What the reader of a simulation should know about how the load was found.

use loadtest_js::Script;

use super::drive::{Broken, CALLS_MAX, Trace};
use super::sample::Sample;

/// What happens once, before and after.
pub(super) fn of_tasks(script: &Script, setup: Option<&Trace>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(setup) = setup {
        let requests = setup.steps.iter().map(|step| step.requests().len()).sum();
        let troubled = match &setup.broken {
            None => String::new(),
            Some(broken) => format!("; it {}", words(broken)),
        };
        notes.push(format!("setup() is not simulated ({}){troubled}", count(requests, "request")));
    }
    if script.has_function("teardown") {
        notes.push("teardown() is not simulated".to_owned());
    }
    notes
}

/// How far a scenario's iterations are to be trusted. `branches`: other answers, other requests.
pub(super) fn of_sample(sample: &Sample, is_made_up: bool, branches: bool) -> Vec<String> {
    let answers = if is_made_up { "a made-up answer (200, small JSON)" } else { "the service's answers" };
    let mut notes = Vec::new();
    let broken = sample.traces.iter().filter(|trace| trace.broken.is_some()).count();
    if let Some(first) = sample.traces.iter().find_map(|trace| trace.broken.as_ref()) {
        notes.push(format!(
            "{broken} of {} against {answers} did not end by themselves: the script {}; what was seen until then \
             is simulated",
            count(sample.traces.len(), "iteration"),
            words(first)
        ));
    }
    if !sample.failed_checks.is_empty() {
        let names: Vec<String> = sample.failed_checks.iter().map(|name| format!("`{name}`")).collect();
        notes.push(format!("against {answers} these checks fail: {}", names.join(", ")));
    }
    if branches && broken == 0 {
        notes.push(
            "what an iteration does depends on the answers; it is simulated as with a made-up one (200, small \
             JSON)"
                .to_owned(),
        );
    }
    if sample.traces.windows(2).any(|pair| pair[0].steps != pair[1].steps) {
        notes.push(format!(
            "iterations differ (at random, or by user): {} were sampled, and users draw from them",
            sample.traces.len()
        ));
    }
    notes
}

fn words(broken: &Broken) -> String {
    match broken {
        Broken::Threw(exception) => format!("threw {exception}"),
        Broken::Aborted(reason) => format!("ended the test ({reason})"),
        Broken::TooManyCalls => format!("made more than {CALLS_MAX} requests and pauses in one iteration"),
        Broken::Endless => "computed without end".to_owned(),
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
