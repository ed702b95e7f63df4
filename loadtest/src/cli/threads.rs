//! How many worker threads a test gets.

use loadtest_js::NativeStep;

use super::exit::Failure;
use crate::engine::worker::{Plans, ProgramSpec};

/// More than this many helps nobody.
const THREADS_MAX: usize = 1024;

/// The number of worker threads, and what the user should know of it.
///
/// # Arguments
/// * `wanted`: what `--threads` says.
/// * `cores`: those of this machine.
/// * `shares`: the server runs on this machine and is asked without a pause ([`never_pauses`]). Native iterations cost
///   less than what serves them, so the server gets half of the cores. With pauses there are cores enough, and a
///   thread that the server has to wait for only makes answers look late.
///
/// # Errors
/// When none are wanted.
pub(super) fn threads(
    wanted: Option<usize>,
    cores: usize,
    vus: u64,
    shares: bool,
) -> Result<(usize, Option<String>), Failure> {
    let vus = usize::try_from(vus).unwrap_or(usize::MAX);
    match wanted {
        Some(0) => Err(Failure::config("--threads must be at least 1")),
        Some(threads) => Ok((threads.min(THREADS_MAX), None)),
        None if shares && cores > 1 => {
            let threads = (cores / 2).min(vus).max(1);
            let why = format!(
                "threads: {threads} of {cores} cores; the server on this machine gets the rest (--threads N)"
            );
            Ok((threads, Some(why)))
        }
        None => Ok((cores.min(vus).max(1), None)),
    }
}

/// Whether iterations follow each other as fast as the server answers: native ones, in closed models, without sleeps.
pub(super) fn never_pauses(plans: &Plans) -> bool {
    let ProgramSpec::Native(steps) = &plans.program else { return false };
    let options = &plans.options;
    options.rps.is_none()
        && options.min_iteration_duration.is_zero()
        && plans.profile.scenarios.iter().all(|scenario| scenario.executor.is_closed())
        && steps.iter().all(|scenario| is_restless(&scenario.steps))
}

fn is_restless(steps: &[NativeStep]) -> bool {
    !steps.iter().any(|step| matches!(step, NativeStep::Sleep(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_this_machine_gets_half_of_it_and_the_user_is_told() {
        let of = |wanted, cores, vus, shares| threads(wanted, cores, vus, shares).expect("is valid");
        assert_eq!(of(None, 8, 100, false), (8, None));
        assert_eq!(of(None, 8, 3, false), (3, None));
        let (count, why) = of(None, 8, 100, true);
        assert_eq!((count, why.as_deref().map(|why| why.contains("4 of 8 cores"))), (4, Some(true)));
        assert_eq!(of(None, 1, 100, true), (1, None));
        assert_eq!(of(Some(6), 8, 100, true), (6, None));
        assert!(threads(Some(0), 8, 100, true).is_err());
        assert!(is_restless(&[]) && !is_restless(&[NativeStep::Sleep(std::time::Duration::from_secs(1))]));
    }
}
