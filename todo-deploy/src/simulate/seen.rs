//! A plan from what the load generator read and saw: a script's iterations, a plan's steps, a URL.
//!
//! Iterations that ask for the same and pause in the same order are one iteration whose pauses are drawn from those
//! that were seen; others stay as they are, and a user draws one of them each time.
//!
//! Left out: which pause goes with which.

use std::time::Duration;

use loadtest::dry::{self, Load};

use super::plan::{BadPlan, Doing, Iteration, Plan};
use super::requests::Kinds;
use crate::sim::dist::Dist;
use crate::sim::scene::Step;

/// How long an iteration takes that does nothing; most of a script's overhead.
const IDLE: Duration = Duration::from_millis(1);

impl Plan {
    /// The load as it was seen. `instead` is what every iteration does, where the load itself does not say.
    pub fn from_load(name: &str, load: &Load, instead: Option<&Iteration>) -> Result<Self, BadPlan> {
        let mut kinds = Kinds::default();
        let mut plan = match instead {
            Some(iteration) => {
                let mut requests = load.iterations.iter().flatten().flatten().flat_map(dry::Step::requests);
                if let Some(request) = requests.next() {
                    kinds.number(request);
                }
                let kind = kinds.0.first().unwrap_or(&iteration.kind).clone();
                Self::from_profile(name, &load.profile, &Iteration { kind, ..iteration.clone() })?
            }
            None => {
                let at_once = load.batch.0.min(load.batch.1);
                let mut each = Vec::new();
                for (scenario, seen) in load.profile.scenarios.iter().zip(&load.iterations) {
                    each.push((scenario, doing(seen, at_once, load.min_iteration, &mut kinds)?));
                }
                Self::of(name, kinds.0, each.into_iter())?
            }
        };
        for scenario in &mut plan.loads {
            scenario.min_iteration = u64::try_from(load.min_iteration.as_nanos()).unwrap_or(u64::MAX);
        }
        plan.request_gap =
            load.rps.map_or(Duration::ZERO, |rps| Duration::from_secs_f64((1.0 / rps).min(1e6)));
        plan.notes.clone_from(&load.notes);
        Ok(plan)
    }
}

/// What was seen with requests as numbers of their kinds.
#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Ask(Vec<usize>),
    Pause(Duration),
}

fn doing(
    seen: &[dry::Iteration],
    at_once: u32,
    min_iteration: Duration,
    kinds: &mut Kinds,
) -> Result<Doing, BadPlan> {
    let mut step = |step: &dry::Step| match step {
        dry::Step::Sleep(length) => Seen::Pause(*length),
        asks => Seen::Ask(asks.requests().iter().map(|request| kinds.number(request)).collect()),
    };
    let seen: Vec<Vec<Seen>> =
        seen.iter().map(|iteration| iteration.iter().map(&mut step).collect()).collect();
    if seen.iter().all(|iteration| is_empty(iteration)) {
        return Err(BadPlan::NoTime);
    }
    let count = seen.len() as f64;
    let mut requests = vec![0.0; kinds.0.len()];
    for number in seen.iter().flatten().flat_map(asks) {
        requests[*number] += 1.0 / count;
    }
    let paused =
        |iteration: &Vec<Seen>| iteration.iter().filter_map(pause).sum::<Duration>().max(min_iteration);
    let think = seen.iter().map(paused).sum::<Duration>().div_f64(count);
    let shape = |iteration: &[Seen]| iteration.iter().map(|step| asks(step).to_vec()).collect::<Vec<_>>();
    let is_one = seen.windows(2).all(|pair| shape(&pair[0]) == shape(&pair[1]));
    let steps = if is_one { merged(&seen, at_once) } else { drawn(&seen, at_once) };
    Ok(Doing { steps, requests, think })
}

fn is_empty(iteration: &[Seen]) -> bool {
    iteration.iter().all(|step| pause(step) == Some(Duration::ZERO))
}

/// The pause; none for requests.
fn pause(step: &Seen) -> Option<Duration> {
    match step {
        Seen::Ask(_) => None,
        Seen::Pause(length) => Some(*length),
    }
}

fn asks(step: &Seen) -> &[usize] {
    match step {
        Seen::Ask(numbers) => numbers,
        Seen::Pause(_) => &[],
    }
}

fn constant(length: Duration) -> Step {
    Step::Sleep(Dist::Constant(length.as_nanos() as f64))
}

fn step(seen: &Seen, at_once: u32) -> Step {
    match seen {
        Seen::Pause(length) => constant(*length),
        Seen::Ask(numbers) => match numbers.as_slice() {
            [one] => Step::Request(*one),
            several => {
                let endpoints = several.iter().map(|number| u16::try_from(*number).unwrap_or(u16::MAX));
                Step::Batch { endpoints: endpoints.collect(), at_once }
            }
        },
    }
}

/// One iteration for all, which ask for the same.
fn merged(seen: &[Vec<Seen>], at_once: u32) -> Vec<Step> {
    let one = |index: usize| {
        let mut pauses: Vec<Duration> =
            seen.iter().filter_map(|iteration| pause(&iteration[index])).collect();
        pauses.sort_unstable();
        match (pauses.first(), pauses.last()) {
            (Some(shortest), Some(longest)) if shortest != longest => {
                Step::Sleep(Dist::Empirical(pauses.iter().map(|pause| pause.as_nanos() as f64).collect()))
            }
            _ => step(&seen[0][index], at_once),
        }
    };
    (0..seen.first().map_or(0, Vec::len)).map(one).collect()
}

/// One iteration after the other, and a draw among them.
fn drawn(seen: &[Vec<Seen>], at_once: u32) -> Vec<Step> {
    let (mut ways, mut steps) = (Vec::new(), vec![Step::End]);
    for iteration in seen {
        ways.push(u16::try_from(steps.len()).unwrap_or(u16::MAX));
        steps.extend(iteration.iter().map(|seen| step(seen, at_once)));
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
    use crate::sim::ramp;
    use crate::sim::scene::Shape;
    use crate::simulate::requests::Cost;
    use crate::simulate::{Options, Run, simulate};

    fn ask(method: &str) -> dry::Request {
        dry::Request { method: method.to_owned(), url: "http://a/b".to_owned(), name: None }
    }

    fn request() -> dry::Step {
        dry::Step::Request(ask("GET"))
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
        let options = Options { service_time, ..Options::default() };
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

    fn users(count: u32, seconds: u64) -> Shape {
        let stages = vec![ramp::Stage { length: seconds * 1_000_000_000, target: count }];
        Shape::Users { from: count, stages }
    }

    /// Four users on four vCPUs: a read of 10 ms and a write of 90 ms, then a second.
    #[test]
    fn requests_cost_what_their_kind_costs() {
        let load = load(vec![vec![request(), dry::Step::Request(ask("POST")), pause(1000)]]);
        let mut plan = Plan::from_load("x", &load, None).expect("a plan");
        plan.loads[0].shape = users(4, 30);
        let labels: Vec<String> = plan.requests.iter().map(|kind| kind.label()).collect();
        assert_eq!(labels, ["GET /b", "POST /b"]);
        let costs = ["GET /b=constant 10ms", "/b=constant 90ms"].map(|text| match text.parse() {
            Ok(Cost::Some(rule)) => rule,
            other => panic!("{other:?}"),
        });
        let text = "[aws]\nfargate_cpu = 4096\nfargate_memory = 8192\n[model]\nround_trip = \"0s\"\n";
        let deployment = Deployment::parse(text, "test", Defaults::of(Target::Ecs)).expect("valid");
        let options = Options { service_times: costs.to_vec(), ..Options::default() };
        let run = simulate(&deployment, Target::Ecs, &plan, &options);
        assert!((run.totals.mean_ms - 50.0).abs() < 1.0, "{}", run.totals.mean_ms);
        assert!((run.totals.p95_ms - 90.0).abs() < 2.0, "{}", run.totals.p95_ms);
    }

    /// Twelve requests of 100 ms at once on four vCPUs, six connections: two rounds of 150 ms instead of 1.2 s.
    #[test]
    fn batches_are_parallel() {
        let batch = dry::Step::Batch(vec![ask("GET"); 12]);
        let load = load(vec![vec![batch, pause(1000)]]);
        let mut plan = Plan::from_load("x", &load, None).expect("a plan");
        plan.loads[0].shape = users(1, 13);
        let text = "[aws]\nfargate_cpu = 4096\nfargate_memory = 8192\n[model]\nround_trip = \"0s\"\n";
        let deployment = Deployment::parse(text, "test", Defaults::of(Target::Ecs)).expect("valid");
        let service_time = Some("constant 100ms".parse().expect("a distribution"));
        let run = simulate(&deployment, Target::Ecs, &plan, &Options { service_time, ..Options::default() });
        assert_eq!(run.totals.requests, 120, "ten iterations of 1.3 s");
        assert_eq!(run.totals.mean_ms, 150.0);
    }

    /// A hundred users who would ask a hundred times a second may ask twenty times.
    #[test]
    fn a_limit_on_the_rate_and_a_least_length_of_iterations() {
        let mut limited = load(vec![vec![request(), pause(100)]]);
        limited.rps = Some(20.0);
        let plan = Plan::from_load("x", &limited, None).expect("a plan");
        assert!((590..=602).contains(&run(&plan).totals.requests), "{}", run(&plan).totals.requests);
        limited.rps = None;
        limited.min_iteration = Duration::from_secs(2);
        let plan = Plan::from_load("x", &limited, None).expect("a plan");
        assert_eq!(run(&plan).totals.requests, 150, "ten users, fifteen iterations each");
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
