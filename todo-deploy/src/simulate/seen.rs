//! A plan from what the load generator read and saw: a script's iterations, a plan's steps, a URL.
//!
//! Iterations that ask and pause in the same order are one iteration whose pauses are drawn from those that were
//! seen; others stay as they are, and a user draws one of them each time.
//!
//! Left out: which pause goes with which, and what is asked for. All requests cost the same.

use std::time::Duration;

use loadtest::dry::{self, Load};

use super::plan::{BadPlan, Doing, Iteration, Plan};
use crate::sim::dist::Dist;
use crate::sim::scene::Step;

/// How long an iteration takes that does nothing; most of a script's overhead.
const IDLE: Duration = Duration::from_millis(1);

impl Plan {
    /// The load as it was seen. `instead` is what every iteration does, where the load itself does not say.
    pub fn from_load(name: &str, load: &Load, instead: Option<&Iteration>) -> Result<Self, BadPlan> {
        let mut plan = match instead {
            Some(iteration) => Self::from_profile(name, &load.profile, iteration)?,
            None => {
                let each = load.profile.scenarios.iter().zip(&load.iterations);
                let each: Result<Vec<_>, BadPlan> =
                    each.map(|(scenario, seen)| Ok((scenario, doing(seen)?))).collect();
                Self::of(name, each?.into_iter())?
            }
        };
        plan.notes.clone_from(&load.notes);
        Ok(plan)
    }
}

fn doing(seen: &[dry::Iteration]) -> Result<Doing, BadPlan> {
    if seen.iter().all(is_empty) {
        return Err(BadPlan::NoTime);
    }
    let count = seen.len() as f64;
    let requests = seen.iter().flatten().filter(|step| sleep(step).is_none()).count() as f64 / count;
    let slept: Duration = seen.iter().flatten().filter_map(sleep).sum();
    let shape =
        |iteration: &dry::Iteration| iteration.iter().map(|step| sleep(step).is_none()).collect::<Vec<_>>();
    let is_one = seen.windows(2).all(|pair| shape(&pair[0]) == shape(&pair[1]));
    let steps = if is_one { merged(seen) } else { drawn(seen) };
    Ok(Doing { steps, requests, think: slept.div_f64(count) })
}

fn is_empty(iteration: &dry::Iteration) -> bool {
    iteration.iter().all(|step| sleep(step) == Some(Duration::ZERO))
}

/// The pause; none for a request.
fn sleep(step: &dry::Step) -> Option<Duration> {
    match step {
        dry::Step::Request(_) => None,
        dry::Step::Sleep(length) => Some(*length),
    }
}

fn constant(length: Duration) -> Step {
    Step::Sleep(Dist::Constant(length.as_nanos() as f64))
}

/// One iteration for all, which have the same shape.
fn merged(seen: &[dry::Iteration]) -> Vec<Step> {
    let step = |index: usize| {
        let mut pauses: Vec<Duration> =
            seen.iter().filter_map(|iteration| sleep(&iteration[index])).collect();
        pauses.sort_unstable();
        match (pauses.first(), pauses.last()) {
            (Some(shortest), Some(longest)) if shortest == longest => constant(*shortest),
            (Some(_), Some(_)) => {
                Step::Sleep(Dist::Empirical(pauses.iter().map(|pause| pause.as_nanos() as f64).collect()))
            }
            _ => Step::Request(0),
        }
    };
    (0..seen.first().map_or(0, Vec::len)).map(step).collect()
}

/// One iteration after the other, and a draw among them.
fn drawn(seen: &[dry::Iteration]) -> Vec<Step> {
    let (mut ways, mut steps) = (Vec::new(), vec![Step::End]);
    for iteration in seen {
        ways.push(u16::try_from(steps.len()).unwrap_or(u16::MAX));
        steps.extend(iteration.iter().map(|step| sleep(step).map_or(Step::Request(0), constant)));
        if is_empty(iteration) {
            steps.push(constant(IDLE));
        }
        steps.push(Step::End);
    }
    steps[0] = Step::Choose(ways);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Defaults, Deployment, Target};
    use crate::pricing::Prices;
    use crate::simulate::{Options, Run, simulate};

    fn request() -> dry::Step {
        let (method, url) = ("GET".to_owned(), "http://a".to_owned());
        dry::Step::Request(dry::Request { method, url, name: None })
    }

    fn pause(millis: u64) -> dry::Step {
        dry::Step::Sleep(Duration::from_millis(millis))
    }

    fn load(seen: Vec<dry::Iteration>) -> Load {
        let settings = dry::Settings::default();
        let load = dry::load_of("http://a", &settings, None).expect("a load");
        Load { iterations: vec![seen], notes: vec!["a note".to_owned()], ..load }
    }

    fn run(plan: &Plan) -> Run {
        let deployment = Deployment::parse("", "test", Defaults::of(Target::Ecs)).expect("valid");
        let service_time = Some("constant 50us".parse().expect("a distribution"));
        let options =
            Options { seed: 1, service_time, until: None, prices: Prices::default(), faults: Vec::new() };
        simulate(&deployment, Target::Ecs, plan, &options)
    }

    #[test]
    fn one_shape_is_one_iteration() {
        let same = load(vec![vec![request(), pause(1000)]; 8]);
        let plan = Plan::from_load("x", &same, None).expect("a plan");
        let plain = Plan::from_load("x", &same, Some(&Iteration::default())).expect("a plan");
        assert_eq!(plan, plain);
        let random = load((1..=4).rev().map(|n| vec![request(), pause(n * 500)]).collect());
        let plan = Plan::from_load("x", &random, None).expect("a plan");
        assert_eq!(plan.loads[0].iteration[1], Step::Sleep(Dist::Empirical(vec![5e8, 1e9, 15e8, 2e9])));
    }

    /// Half of the iterations ask once and pause for 1 s, half ask three times and pause for 2 s: 10 users for 30 s
    /// make 20 requests in 15 s each, some of 400 in all.
    #[test]
    fn different_iterations_are_drawn() {
        let (short, long) =
            (vec![request(), pause(1000)], vec![request(), request(), request(), pause(2000)]);
        let plan = Plan::from_load("x", &load(vec![short, long]), None).expect("a plan");
        assert!((plan.peak.requests_per_s(Duration::ZERO) - 40.0 / 3.0).abs() < 1e-9);
        let run = run(&plan);
        assert!((360..=450).contains(&run.totals.requests), "{}", run.totals.requests);
        assert!(run.notes.contains(&"a note".to_owned()), "{:?}", run.notes);
    }

    #[test]
    fn what_does_nothing_is_refused_unless_others_do_something() {
        let nothing = load(vec![vec![], vec![pause(0)]]);
        assert_eq!(Plan::from_load("x", &nothing, None), Err(BadPlan::NoTime));
        let some =
            Plan::from_load("x", &load(vec![vec![], vec![request(), pause(1000)]]), None).expect("a plan");
        assert!(run(&some).totals.requests > 100);
    }
}
