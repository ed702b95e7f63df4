//! A script's iterations: a few of them, as several users, against one set of made-up answers and another.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use loadtest_js::{Recorder, Scenario, Script, Task, TaskValue, Vu, VuConfig};

use super::drive::{Answers, Broken, Trace, run};
use super::record::Ear;
use super::{Load, Merged, Service, Step, notes};
use crate::config::scenarios::ScenarioSpec;

/// Users, and iterations of each.
const VUS: u64 = 4;
const ITERATIONS: u64 = 2;

/// Answers that most scripts can read: an object, and a list with something in it.
const BODIES: [&str; 2] = ["{}", "[{\"id\":1}]"];

/// The iterations of one scenario, in one world of answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) traces: Vec<Trace>,
    pub(super) failed_checks: BTreeSet<String>,
}

impl Sample {
    /// The fewer the better.
    fn troubles(&self) -> (usize, usize) {
        let broken = self.traces.iter().filter(|trace| trace.broken.is_some()).count();
        (broken, self.failed_checks.len())
    }

    fn has_trouble_with_answers(&self) -> bool {
        let threw = |trace: &Trace| matches!(trace.broken, Some(Broken::Threw(_) | Broken::Aborted(_)));
        self.traces.iter().any(threw) || !self.failed_checks.is_empty()
    }

    fn steps(&self) -> Vec<&[Step]> {
        self.traces.iter().map(|trace| trace.steps.as_slice()).collect()
    }
}

/// A world of answers: what setup did in it, and the scenarios.
struct World {
    setup: Option<Trace>,
    samples: Vec<Sample>,
}

impl World {
    fn troubles(&self) -> (usize, usize) {
        let each = self.samples.iter().map(Sample::troubles);
        each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

/// Everything about a script's load.
pub(super) fn of(script: &Script, merged: Merged, service: Service<'_>) -> Result<Load, String> {
    let is_made_up = service.is_none();
    let mut worlds = Vec::new();
    match service {
        Some(service) => worlds.push(world(script, &merged, &mut Answers::Real(service))?),
        None => {
            for body in BODIES {
                worlds.push(world(script, &merged, &mut Answers::MadeUp(body))?);
            }
        }
    }
    // The first of the best: a script that can read one of the answers shows what it does with it.
    let best = (0..worlds.len()).min_by_key(|&index| worlds[index].troubles()).unwrap_or_default();
    let world = &worlds[best];
    let branches = |index: usize| {
        worlds.iter().any(|other| other.samples[index].steps() != world.samples[index].steps())
    };
    let (mut told, mut depends_on_answers) = (Vec::new(), false);
    told.extend(notes::of_tasks(script, world.setup.as_ref()));
    for (index, (spec, sample)) in merged.specs.iter().zip(&world.samples).enumerate() {
        let place = match merged.specs.len() {
            1 => String::new(),
            _ => format!("scenario {}: ", spec.schedule.name),
        };
        let branches = branches(index);
        depends_on_answers |= is_made_up && (branches || sample.has_trouble_with_answers());
        let all = notes::of_sample(sample, is_made_up, branches);
        told.extend(all.into_iter().map(|note| format!("{place}{note}")));
    }
    let iterations = |sample: &Sample| sample.traces.iter().map(|trace| trace.steps.clone()).collect();
    let iterations = world.samples.iter().map(iterations).collect();
    let mut load = merged.load(iterations)?;
    load.notes.extend(told);
    load.depends_on_answers = depends_on_answers;
    Ok(load)
}

fn world(script: &Script, merged: &Merged, answers: &mut Answers<'_, '_>) -> Result<World, String> {
    let options: Arc<str> = serde_json::to_string(&merged.options).unwrap_or_default().into();
    let fields = merged.fields();
    let flag = |key: &str| fields.bool(key).map(Option::unwrap_or_default);
    let config = VuConfig {
        id: 0,
        throw: flag("throw")?,
        discard_response_bodies: flag("discardResponseBodies")?,
        no_cookies_reset: flag("noCookiesReset")?,
        random_seed: Some(0),
        ..VuConfig::default()
    };
    let rig = Rig { script, options, config };
    let mut setup = None;
    if script.has_function("setup") && !flag("noSetup")? {
        let (mut vu, _) = rig.vu(0)?;
        setup = Some(run(&mut vu, Task::Setup, answers));
    }
    let data = setup.as_ref().and_then(|trace| match &trace.value {
        TaskValue::Json(json) => Some(Arc::clone(json)),
        TaskValue::None | TaskValue::Files(_) => None,
    });
    let each = merged.specs.iter().map(|spec| rig.sample(spec, merged, data.as_ref(), answers));
    Ok(World { samples: each.collect::<Result<_, _>>()?, setup })
}

struct Rig<'a> {
    script: &'a Script,
    options: Arc<str>,
    config: VuConfig,
}

impl Rig<'_> {
    fn vu(&self, id: u64) -> Result<(Vu, Rc<Ear>), String> {
        let ear = Rc::new(Ear::new(Arc::clone(&self.options)));
        let recorder: Rc<dyn Recorder> = Rc::<Ear>::clone(&ear);
        let config = VuConfig { id, random_seed: u32::try_from(id).ok(), ..self.config.clone() };
        let vu = Vu::new(self.script, config, recorder).map_err(|error| error.to_string())?;
        Ok((vu, ear))
    }

    fn sample(
        &self,
        spec: &ScenarioSpec,
        merged: &Merged,
        setup_data: Option<&Arc<str>>,
        answers: &mut Answers<'_, '_>,
    ) -> Result<Sample, String> {
        let mut tags: BTreeMap<String, String> = merged.fields().strings("tags")?;
        tags.extend(spec.tags.clone());
        let scenario = Rc::new(Scenario {
            name: spec.schedule.name.as_str().into(),
            executor: spec.schedule.executor.kind().to_owned(),
            exec: spec.exec.clone(),
            start_unix_ms: 0.0,
            env: spec.env.clone(),
            tags,
        });
        let mut sample = Sample::default();
        for id in 1..=VUS {
            let (mut vu, ear) = self.vu(id)?;
            for in_scenario in 0..ITERATIONS {
                let iteration = loadtest_js::Iteration {
                    scenario: Rc::clone(&scenario),
                    in_scenario,
                    in_instance: in_scenario * VUS + id - 1,
                    in_test: in_scenario * VUS + id - 1,
                    setup_data: setup_data.cloned(),
                };
                let trace = run(&mut vu, Task::Iteration(iteration), answers);
                let is_cut = matches!(trace.broken, Some(Broken::Endless | Broken::TooManyCalls));
                sample.traces.push(trace);
                if is_cut {
                    // One of these is as good as eight, and does not take eight times as long.
                    sample.failed_checks.append(&mut ear.failed_checks.borrow_mut());
                    return Ok(sample);
                }
            }
            sample.failed_checks.append(&mut ear.failed_checks.borrow_mut());
        }
        Ok(sample)
    }
}
