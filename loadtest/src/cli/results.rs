//! The end of a test: handleSummary, the summary, the files, the exit code.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::Ordering;

use loadtest_js::{Task, TaskValue};
use tokio::sync::mpsc;

use super::args::{OutputArgs, SummaryMode};
use super::exit::{self, Failure};
use super::fleet;
use super::log::Log;
use crate::config::Options;
use crate::engine::run::{End, Outcomes};
use crate::engine::shared::{LOG_MAX, Notice};
use crate::engine::vu::{Program, VirtualUser};
use crate::engine::worker::{self, Plans};
use crate::metrics::correct;
use crate::output::data::{self, RunFacts};
use crate::output::text::{Mode, Summary};
use crate::output::{html, samples, verdict};

/// Writes everything and says how the program ends.
pub(super) async fn finish(
    plans: &Plans,
    outcomes: &Outcomes,
    output: &OutputArgs,
    title: &str,
    quiet_color: bool,
    fleet: Option<fleet::Before>,
    log: &Log,
) -> Result<ExitCode, Failure> {
    let mode = mode(&plans.options, output)?;
    let verdicts = verdict::judge(&outcomes.totals, outcomes.run_time);
    let is_closed = |name: &str| {
        plans.profile.scenarios.iter().any(|scenario| scenario.name == name && scenario.executor.is_closed())
    };
    let corrected = correct::correct(&outcomes.totals, is_closed);
    let color = !quiet_color && std::io::stdout().is_terminal();
    let summary = Summary {
        totals: &outcomes.totals,
        verdicts: &verdicts,
        corrected: corrected.as_ref(),
        run_time: outcomes.run_time,
        trend_stats: &plans.options.summary_trend_stats,
        time_unit: &plans.options.summary_time_unit,
        mode: if mode == SummaryMode::Full { Mode::Full } else { Mode::Compact },
        color,
    };
    let facts = RunFacts {
        run_time: outcomes.run_time,
        trend_stats: &plans.options.summary_trend_stats,
        time_unit: &plans.options.summary_time_unit,
        no_color: quiet_color,
        stdout_is_terminal: std::io::stdout().is_terminal(),
        stderr_is_terminal: std::io::stderr().is_terminal(),
        setup_data: outcomes.setup_data.as_deref(),
    };
    let new_shape = plans.options.json.get("newMachineReadableSummary").is_some_and(|value| value == true);
    let mut data = if new_shape {
        let script = plans.script.as_ref().map(loadtest_js::Script::source).unwrap_or_default();
        summary.machine_readable(&script, &samples::timestamp(plans.clock.start_unix, plans.clock.now_ns()))
    } else {
        data::summary(&outcomes.totals, &facts)
    };
    if mode != SummaryMode::Disabled {
        match handle_summary(plans, &mut data, log).await {
            // As in k6, what the script wants written decides nothing about the test.
            Some(files) => files
                .iter()
                .filter_map(|(path, content)| write_to(path, content).err())
                .for_each(|failure| log.error(&format!("handleSummary(): {}", failure.message))),
            None => write_to("stdout", format!("{}\n", summary.render()).as_bytes())?,
        }
    }
    let fleet = match fleet {
        Some(before) => Some(before.after(plans, outcomes).await),
        None => None,
    };
    if let Some(fleet) = &fleet {
        if mode != SummaryMode::Disabled {
            write_to("stdout", format!("\n{}\n", fleet.answer.text()).as_bytes())?;
        }
        fleet.note.iter().for_each(|note| log.warn(note));
    }
    let export = output.summary_export.clone().or_else(|| {
        plans.options.json.get("summaryExport").and_then(|path| path.as_str()).map(std::path::PathBuf::from)
    });
    if let Some(path) = export {
        // As in k6, what handleSummary did to its data shows.
        match if new_shape { Ok(data) } else { data::flat(data) } {
            Ok(data) => write_to(&path.display().to_string(), format!("{data:#}").as_bytes())?,
            Err(why) => log.error(&format!(
                "{} was not written: handleSummary() changed its data so that no export can be made of it: {why}",
                path.display()
            )),
        }
    }
    if let Some(path) = &output.report {
        let start_unix = plans.clock.start_unix;
        let facts = html::Facts { title, profile: &plans.profile, start_unix, fleet: fleet.as_ref() };
        let page = html::page(&summary, &facts);
        write_to(&path.display().to_string(), page.as_bytes())?;
    }
    if outcomes.end == End::Regular && plans.live.completed.load(Ordering::Relaxed) == 0 {
        log.warn("no iteration of the script came to its end; consider a longer test");
    }
    if outcomes.stuck > 0 {
        log.error(&format!(
            "{} threads did not end, so what their VUs measured is missing: the script is inside a call that cannot be \
             interrupted, such as a method of a huge array or a costly cryptographic one; let it do less at once",
            outcomes.stuck
        ));
    }
    if outcomes.lost_samples > 0 {
        log.warn(&format!(
            "{} samples did not reach the outputs because these could not keep up; the summary counts them all",
            outcomes.lost_samples
        ));
    }
    if outcomes.lost_log_lines > 0 {
        log.warn(&format!(
            "{} lines of the log were left out because there were too many at once",
            outcomes.lost_log_lines
        ));
    }
    Ok(ExitCode::from(code(outcomes, &verdicts, log)))
}

/// How much the summary shows.
pub(super) fn mode(options: &Options, output: &OutputArgs) -> Result<SummaryMode, Failure> {
    let variable = || options.json.get("summaryMode").and_then(|mode| mode.as_str());
    match output.summary_mode {
        Some(mode) => Ok(mode),
        None => match variable() {
            None | Some("compact") => Ok(SummaryMode::Compact),
            Some("full") => Ok(SummaryMode::Full),
            Some("disabled") => Ok(SummaryMode::Disabled),
            Some("legacy") => Err(Failure::config(
                "the summary mode `legacy` went with k6 2.0; write compact, full or disabled (K6_SUMMARY_MODE)",
            )),
            Some(other) => Err(Failure::config(format!(
                "there is no summary mode `{other}`; write compact, full or disabled (K6_SUMMARY_MODE)"
            ))),
        },
    }
}

/// What the script's own `handleSummary` returns, and in `data` what it left of that. `None`: there is none, or it failed,
/// so show ours.
async fn handle_summary(
    plans: &Plans,
    data: &mut serde_json::Value,
    log: &Log,
) -> Option<Vec<(String, Vec<u8>)>> {
    let script = plans.script.as_ref()?;
    if !script.has_function("handleSummary") {
        return None;
    }
    // The test's own channel has no reader any more.
    let (notices, mut heard) = mpsc::channel(LOG_MAX);
    let mut shared = worker::shared(plans);
    Rc::get_mut(&mut shared)?.notices = notices;
    let program = Program::Script(script.clone());
    let mut vu = VirtualUser::new(&program, 0, &shared).ok()?;
    let task = Task::HandleSummary { data: data.to_string().into() };
    let timeout = plans.options.handle_summary_timeout;
    let result = vu.run_task(&Rc::clone(&shared), task, timeout).await;
    while let Ok(notice) = heard.try_recv() {
        if let Notice::Log(line) = notice {
            log.plain_line(&line);
        }
    }
    match result {
        None => {
            log.error(&format!("handleSummary() took longer than {}", crate::duration::format(timeout)));
            None
        }
        Some(result) => {
            if let Some(left) = result.data.and_then(|json| serde_json::from_str(&json).ok()) {
                *data = left;
            }
            if let loadtest_js::Outcome::Threw(exception) = &result.outcome {
                log.error(&format!(
                    "handleSummary() threw: {}\n{}",
                    exception.message,
                    exception.stack.trim_end()
                ));
            }
            match result.value {
                TaskValue::Files(files) => Some(files),
                _ => None,
            }
        }
    }
}

/// `stdout`, `stderr` or a file.
fn write_to(path: &str, content: &[u8]) -> Result<(), Failure> {
    let written = match path {
        "stdout" => std::io::stdout().write_all(content).and_then(|()| std::io::stdout().flush()),
        "stderr" => std::io::stderr().write_all(content),
        path => std::fs::write(path, content),
    };
    written.map_err(|error| Failure::system(format!("cannot write {path}: {error}")))
}

fn code(outcomes: &Outcomes, verdicts: &[verdict::Verdict<'_>], log: &Log) -> u8 {
    match &outcomes.end {
        End::SetupTimeout => {
            log.error("setup() did not end in time; raise the option setupTimeout if it needs longer");
            return exit::SETUP_TIMEOUT;
        }
        End::TeardownTimeout => {
            log.error("teardown() did not end in time; raise the option teardownTimeout if it needs longer");
            return exit::TEARDOWN_TIMEOUT;
        }
        End::Script(message) => {
            log.error(message);
            return exit::SCRIPT;
        }
        End::Aborted(reason) => {
            log.error(reason);
            return exit::ABORTED;
        }
        End::Interrupted => {
            log.error("the test was interrupted");
            return exit::INTERRUPTED;
        }
        End::Regular | End::Threshold => {}
    }
    if outcomes.stuck > 0 {
        return exit::TIMEOUT;
    }
    if let Some(reason) = &outcomes.failed {
        log.error(&format!("the script marked the test as failed: {reason}"));
        return exit::FAILED_BY_SCRIPT;
    }
    let crossed = verdict::crossed(verdicts);
    if !crossed.is_empty() {
        log.error(&format!("thresholds on metrics '{}' have been crossed", crossed.join(", ")));
        return exit::THRESHOLDS;
    }
    0
}
