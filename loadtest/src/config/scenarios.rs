//! Scenarios: the long form, and the short forms (`vus`, `duration`, `iterations`, `stages`) turned into it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::profile::{Executor, OpenVus, Profile, Scenario, Segment, Stage, Stripes};

/// The name of the scenario that the short forms make.
pub const DEFAULT: &str = "default";
const GRACE: Duration = Duration::from_secs(30);
const MAX_DURATION: Duration = Duration::from_secs(600);
/// More VUs than this in one test are refused as a slip of the finger.
const VUS_MAX: u64 = 1_000_000;

/// A scenario with what only the load generator needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioSpec {
    pub schedule: Scenario,
    /// The exported function that it runs.
    pub exec: String,
    pub env: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    /// Which of the whole test's iterations are those of this run: all of them but in a segment.
    pub stripes: Stripes,
    /// Stages as the user wrote them.
    pub stages: usize,
}

impl ScenarioSpec {
    fn of(schedule: Scenario) -> Self {
        let stages = match &schedule.executor {
            Executor::RampingVus { stages, .. } | Executor::RampingArrivalRate { stages, .. } => stages.len(),
            _ => 0,
        };
        let (exec, env, tags, stripes) = Default::default();
        Self { schedule, exec, env, tags, stripes, stages }
    }

    /// This segment's part of it, by k6's rules; `None` where the segment has nothing of it.
    pub fn part(mut self, segment: &Segment) -> Option<Self> {
        let own = segment.stripes();
        self.stripes = own.clone();
        match &mut self.schedule.executor {
            Executor::SharedIterations { vus, iterations, .. } => {
                // Iterations go by the VUs that each segment has.
                self.stripes = segment.by_vus(*vus)?.stripes();
                *iterations = self.stripes.scale(*iterations);
                *vus = own.scale(*vus);
                if *iterations == 0 {
                    return None;
                }
            }
            Executor::PerVuIterations { vus, .. } | Executor::ConstantVus { vus, .. } => {
                *vus = own.scale(*vus)
            }
            Executor::ConstantArrivalRate { vus, .. } | Executor::RampingArrivalRate { vus, .. } => {
                self.stripes = segment.by_vus(vus.max)?.stripes();
                *vus = OpenVus { pre_allocated: own.scale(vus.pre_allocated), max: own.scale(vus.max) };
            }
            Executor::RampingVus { .. } => ramp_of(&mut self.schedule.executor, &own),
        }
        (self.schedule.executor.max_vus() > 0).then_some(self)
    }
}

/// A ramp of some of the VUs: each starts and stops at the nanosecond at which the whole ramp has it, so the ramp becomes
/// jumps with pauses between them.
fn ramp_of(executor: &mut Executor, own: &Stripes) {
    let (steps, length) = (executor.steps(), executor.duration());
    let Executor::RampingVus { start_vus, stages, .. } = executor else { return };
    *start_vus = own.scale(*start_vus);
    stages.clear();
    let (mut vus, mut at) = (*start_vus, Duration::ZERO);
    for step in steps {
        let wanted = own.scale(step.vus);
        // What ends with the ramp ends by itself.
        if wanted == vus || (step.at == length && step.vus == 0) {
            continue;
        }
        stages.push(Stage { duration: step.at - at, target: vus });
        stages.push(Stage { duration: Duration::ZERO, target: wanted });
        (vus, at) = (wanted, step.at);
    }
    stages.push(Stage { duration: length - at, target: vus });
}

/// The load of all scenarios.
pub fn profile(specs: &[ScenarioSpec]) -> Profile {
    Profile { scenarios: specs.iter().map(|spec| spec.schedule.clone()).collect() }
}

/// Reads the merged options. Warnings are appended to `warnings`.
pub fn read(options: &Map<String, Value>, warnings: &mut Vec<String>) -> Result<Vec<ScenarioSpec>, String> {
    let fields = Fields { map: options, place: "options" };
    let stages = fields.list("stages")?.filter(|stages| !stages.is_empty());
    let scenarios = fields.object("scenarios")?;
    let chosen: Vec<&str> = [
        ("iterations", fields.has("iterations")),
        ("stages", stages.is_some()),
        ("scenarios", scenarios.is_some()),
        ("duration", fields.has("duration")),
    ]
    .into_iter()
    .filter_map(|(name, set)| set.then_some(name))
    .collect();
    match chosen.as_slice() {
        [] | [_] | ["iterations", "duration"] => {}
        [first, second, ..] => {
            return Err(format!(
                "`{first}` and `{second}` cannot be used together: remove one of them, or describe both as `scenarios`"
            ));
        }
    }
    if let Some(scenarios) = scenarios.filter(|_| chosen == ["scenarios"]) {
        if fields.has("vus") {
            warnings.push(
                "`vus` overrides `scenarios`: each VU runs one iteration of the default function".to_owned(),
            );
        } else if !scenarios.is_empty() {
            return scenarios.iter().map(|(name, value)| scenario(name, value)).collect();
        } else {
            warnings.push("`scenarios` is empty: one VU runs one iteration".to_owned());
        }
    }
    let executor = short_form(&fields, stages)?;
    let schedule =
        Scenario { name: DEFAULT.to_owned(), executor, start_time: Duration::ZERO, graceful_stop: GRACE };
    let spec = ScenarioSpec { exec: DEFAULT.to_owned(), ..ScenarioSpec::of(schedule) };
    check(&spec).map(|()| vec![spec])
}

fn short_form(fields: &Fields<'_>, stages: Option<&Vec<Value>>) -> Result<Executor, String> {
    let vus = fields.count("vus")?;
    if let Some(iterations) = fields.count("iterations")? {
        let max_duration = fields.duration("duration")?.unwrap_or(MAX_DURATION);
        return Ok(Executor::SharedIterations { vus: vus.unwrap_or(1), iterations, max_duration });
    }
    if let Some(duration) = fields.duration("duration")? {
        return Ok(Executor::ConstantVus { vus: vus.unwrap_or(1), duration });
    }
    if let Some(list) = stages {
        let stages = read_stages(list, "options", true)?;
        return Ok(Executor::RampingVus { start_vus: vus.unwrap_or(1), stages, graceful_ramp_down: GRACE });
    }
    Ok(match vus {
        Some(vus) => Executor::SharedIterations { vus, iterations: vus, max_duration: MAX_DURATION },
        None => Executor::PerVuIterations { vus: 1, iterations: 1, max_duration: MAX_DURATION },
    })
}

/// `skip`: a stage without a duration is dropped, as in the short form.
fn read_stages(list: &[Value], place: &str, skip: bool) -> Result<Vec<Stage>, String> {
    let mut stages = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let place = format!("{place}, stage {}", index + 1);
        let map = value.as_object().ok_or_else(|| format!("{place}: must be an object, not {value}"))?;
        let fields = Fields { map, place: &place };
        let Some(duration) = fields.duration("duration")? else {
            if skip {
                continue;
            }
            return Err(format!(
                "{place}: `duration` is missing; write for example {{ duration: \"1m\", target: 10 }}"
            ));
        };
        let target = fields.count("target")?;
        stages
            .push(Stage { duration, target: target.ok_or_else(|| format!("{place}: `target` is missing"))? });
    }
    Ok(stages)
}

fn scenario(name: &str, value: &Value) -> Result<ScenarioSpec, String> {
    let place = format!("scenario `{name}`");
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return Err(format!("{place}: a scenario's name may hold letters, digits, `_` and `-` only"));
    }
    let map = value.as_object().ok_or_else(|| format!("{place}: must be an object, not {value}"))?;
    let fields = Fields { map, place: &place };
    let kind = fields.text("executor")?.ok_or_else(|| format!("{place}: `executor` is missing"))?;
    let (executor, known) = executor(&kind, &fields)?;
    let common = ["executor", "startTime", "gracefulStop", "exec", "env", "tags", "options"];
    if let Some(unknown) =
        map.keys().find(|key| !common.contains(&key.as_str()) && !known.contains(&key.as_str()))
    {
        return Err(format!("{place}: `{kind}` has no `{unknown}`; it has {}", known.join(", ")));
    }
    let exec = fields.text("exec")?;
    if exec.as_deref() == Some("") {
        return Err(format!("{place}: `exec` must name an exported function"));
    }
    let schedule = Scenario {
        name: name.to_owned(),
        executor,
        start_time: fields.duration("startTime")?.unwrap_or_default(),
        graceful_stop: fields.duration("gracefulStop")?.unwrap_or(GRACE),
    };
    let spec = ScenarioSpec {
        exec: exec.unwrap_or_else(|| DEFAULT.to_owned()),
        env: fields.strings("env")?,
        tags: fields.strings("tags")?,
        ..ScenarioSpec::of(schedule)
    };
    check(&spec).map(|()| spec)
}

type Known = &'static [&'static str];

fn executor(kind: &str, fields: &Fields<'_>) -> Result<(Executor, Known), String> {
    let place = fields.place;
    let missing = |key: &str| format!("{place}: `{key}` is missing");
    let second = Duration::from_secs(1);
    let open = || -> Result<OpenVus, String> {
        let pre_allocated = fields.count("preAllocatedVUs")?.ok_or_else(|| missing("preAllocatedVUs"))?;
        let max = fields.count("maxVUs")?.unwrap_or(pre_allocated);
        if max < pre_allocated {
            return Err(format!(
                "{place}: `maxVUs` ({max}) is less than `preAllocatedVUs` ({pre_allocated})"
            ));
        }
        Ok(OpenVus { pre_allocated, max })
    };
    let stages = || -> Result<Vec<Stage>, String> {
        let list = fields.list("stages")?.filter(|list| !list.is_empty()).ok_or_else(|| missing("stages"))?;
        read_stages(list, place, false)
    };
    Ok(match kind {
        "shared-iterations" | "per-vu-iterations" => {
            let vus = fields.count("vus")?.unwrap_or(1);
            let iterations = fields.count("iterations")?.unwrap_or(1);
            let max_duration = fields.duration("maxDuration")?.unwrap_or(MAX_DURATION);
            let known: Known = &["vus", "iterations", "maxDuration"];
            if kind == "shared-iterations" {
                (Executor::SharedIterations { vus, iterations, max_duration }, known)
            } else {
                (Executor::PerVuIterations { vus, iterations, max_duration }, known)
            }
        }
        "constant-vus" => {
            let duration = fields.duration("duration")?.ok_or_else(|| missing("duration"))?;
            (Executor::ConstantVus { vus: fields.count("vus")?.unwrap_or(1), duration }, &["vus", "duration"])
        }
        "ramping-vus" => {
            let start_vus = fields.count("startVUs")?.unwrap_or(1);
            let graceful_ramp_down = fields.duration("gracefulRampDown")?.unwrap_or(GRACE);
            let executor = Executor::RampingVus { start_vus, stages: stages()?, graceful_ramp_down };
            (executor, &["startVUs", "stages", "gracefulRampDown"])
        }
        "constant-arrival-rate" => {
            let executor = Executor::ConstantArrivalRate {
                rate: fields.count("rate")?.ok_or_else(|| missing("rate"))?,
                time_unit: fields.duration("timeUnit")?.unwrap_or(second),
                duration: fields.duration("duration")?.ok_or_else(|| missing("duration"))?,
                vus: open()?,
            };
            (executor, &["rate", "timeUnit", "duration", "preAllocatedVUs", "maxVUs"])
        }
        "ramping-arrival-rate" => {
            let executor = Executor::RampingArrivalRate {
                start_rate: fields.count("startRate")?.unwrap_or(0),
                time_unit: fields.duration("timeUnit")?.unwrap_or(second),
                stages: stages()?,
                vus: open()?,
            };
            (executor, &["startRate", "timeUnit", "stages", "preAllocatedVUs", "maxVUs"])
        }
        other => {
            return Err(format!(
                "{place}: unknown executor `{other}`; known are shared-iterations, per-vu-iterations, constant-vus, \
                 ramping-vus, constant-arrival-rate and ramping-arrival-rate"
            ));
        }
    })
}

/// What no executor can do.
fn check(spec: &ScenarioSpec) -> Result<(), String> {
    let fail = |what: &str| Err(format!("scenario `{}`: {what}", spec.schedule.name));
    let executor = &spec.schedule.executor;
    if executor.max_vus() > VUS_MAX {
        return fail("more than a million VUs");
    }
    match executor {
        Executor::SharedIterations { vus, iterations, .. }
        | Executor::PerVuIterations { vus, iterations, .. } => {
            if *vus == 0 {
                return fail("the number of VUs must be more than 0");
            }
            if *iterations == 0 {
                return fail("the number of iterations must be more than 0");
            }
            if matches!(executor, Executor::SharedIterations { .. }) && iterations < vus {
                return fail(&format!(
                    "the number of iterations ({iterations}) can't be less than the number of VUs ({vus})"
                ));
            }
        }
        Executor::ConstantVus { vus: 0, .. } => return fail("the number of VUs must be more than 0"),
        Executor::RampingVus { .. } if executor.max_vus() == 0 => {
            return fail("either startVUs or one of the stages' targets must be greater than 0");
        }
        Executor::ConstantArrivalRate { rate, time_unit, .. } => {
            if *rate == 0 {
                return fail("the iteration rate must be more than 0");
            }
            if time_unit.is_zero() {
                return fail("the timeUnit must be more than 0");
            }
        }
        Executor::RampingArrivalRate { time_unit, .. } if time_unit.is_zero() => {
            return fail("the timeUnit must be more than 0");
        }
        _ => {}
    }
    let iterations = matches!(executor, Executor::SharedIterations { .. } | Executor::PerVuIterations { .. });
    let length = executor.duration();
    if length.is_zero() && !matches!(executor, Executor::RampingVus { .. }) {
        return fail(if iterations {
            "the maxDuration must be more than 0"
        } else {
            "the duration must be more than 0"
        });
    }
    Ok(())
}
