//! What a test asks of a service, found without asking it: the load over time, and what an iteration does.
//!
//! Options are merged with the precedence of a real run. A plan or a URL says what its iterations do; a script is
//! run for a few iterations, as different users and with repeatable random numbers, against answers that are made
//! up (always 200) or fetched by the caller. Everything is bounded: calls, sleeps take no time, and computing for
//! ever is cut.
//!
//! Deliberately left out: redirects, cookies that a service would set, and how long answers take.

mod drive;
mod notes;
mod record;
mod sample;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use loadtest_js::{NativeStep, Script, Source, Unrecorded};
use serde_json::{Map, Value};

pub use loadtest_js::{HttpRequest, HttpResponse};

use crate::config::fields::Fields;
use crate::config::scenarios::{self, ScenarioSpec};
use crate::plan::Plan;
use crate::profile::Profile;
use crate::source;

/// What a test would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    pub profile: Profile,
    /// What iterations do, scenario by scenario, in the order of the profile's.
    pub iterations: Vec<Vec<Iteration>>,
    /// The merged option, metric to rules.
    pub thresholds: Map<String, Value>,
    /// At most so many requests per second by all users (k6: `rps`).
    pub rps: Option<f64>,
    /// An iteration that is done earlier waits until it is this old (k6: `minIterationDuration`).
    pub min_iteration: Duration,
    /// Requests of one batch that are sent at once, in all and to one host (k6: `batch`, `batchPerHost`).
    pub batch: (u32, u32),
    /// What a simulation of this load should tell its reader.
    pub notes: Vec<String>,
    /// Made-up answers may have misled the script: it threw, a check failed, or it does something else when the
    /// answers are others.
    pub depends_on_answers: bool,
}

/// One iteration that was seen, or that the plan or URL describes.
pub type Iteration = Vec<Step>;

/// One thing that an iteration does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Request(Request),
    /// Several requests at once, which are all answered before anything else happens.
    Batch(Vec<Request>),
    Sleep(Duration),
}

impl Step {
    /// The requests of this step.
    pub fn requests(&self) -> &[Request] {
        match self {
            Self::Request(request) => std::slice::from_ref(request),
            Self::Batch(requests) => requests,
            Self::Sleep(_) => &[],
        }
    }
}

/// A request, as far as a simulation is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    pub url: String,
    /// The `name` tag, where it is not the URL.
    pub name: Option<String>,
}

/// What stands beside the target.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Options of the highest rank, such as those of flags.
    pub options: Map<String, Value>,
    /// The process's variables: the `K6_*` ones are options, and scripts see them all in `__ENV`.
    pub environment: BTreeMap<String, String>,
    /// Of `__ENV` alone, over those.
    pub env: BTreeMap<String, String>,
}

/// Answers a script's requests; `None` means that answers are made up.
pub type Service<'a> = Option<&'a mut dyn FnMut(&HttpRequest) -> HttpResponse>;

/// Why a load cannot be read, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError(String);

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// Reads a URL, a k6 script (`.js`, `.mjs`, `.ts`; `-` is one on standard input) or a plan (`.toml`).
///
/// # Errors
/// When something cannot be read, or options are not valid; the text says what, where and what is allowed.
pub fn load_of(target: &str, settings: &Settings, service: Service<'_>) -> Result<Load, LoadError> {
    let name = |why: String| LoadError(format!("{target}: {why}"));
    if source::is_url(target) {
        url::Url::parse(target).map_err(|error| LoadError(format!("{target} is no URL: {error}")))?;
        let request = Request { method: "GET".to_owned(), url: target.to_owned(), name: None };
        return Merged::of(None, settings).map_err(name)?.planned(|_| vec![Step::Request(request.clone())]);
    }
    if target == "-" {
        return script(source::standard_input().map_err(name)?, settings, service).map_err(name);
    }
    let path = Path::new(target);
    if !path.exists() {
        return Err(LoadError(source::missing(target)));
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => {
            let plan = Plan::parse(&source::plan(path).map_err(name)?).map_err(name)?;
            let merged = Merged::of(Some(plan.options), settings).map_err(name)?;
            let steps = |scenario: &str| plan.by_scenario.get(scenario).unwrap_or(&plan.all);
            merged.planned(|scenario| steps(scenario).iter().filter_map(step).collect())
        }
        Some("js" | "mjs" | "cjs" | "ts") => {
            script(Source::File(PathBuf::from(path)), settings, service).map_err(name)
        }
        _ => Err(name("is neither a script (.js, .mjs, .ts) nor a plan (.toml)".to_owned())),
    }
}

/// A plan's step; checks ask nothing of the service.
fn step(step: &NativeStep) -> Option<Step> {
    match step {
        NativeStep::Request(request) => {
            let name = request.tags.iter().find(|tag| tag.0 == "name").map(|tag| tag.1.clone());
            let (method, url) = (request.method.clone(), request.url.clone());
            Some(Step::Request(Request { method, url, name }))
        }
        NativeStep::Sleep(length) => Some(Step::Sleep(*length)),
        NativeStep::Check { .. } => None,
    }
}

fn script(source: Source, settings: &Settings, service: Service<'_>) -> Result<Load, String> {
    let mut env = settings.environment.clone();
    env.extend(settings.env.clone());
    let script =
        Script::load(source, env, Rc::new(Unrecorded::default())).map_err(|error| error.to_string())?;
    let own = script.options().as_object().cloned().unwrap_or_default();
    let merged = Merged::of(Some(own), settings)?;
    if let Some(spec) = merged.specs.iter().find(|spec| !script.has_function(&spec.exec)) {
        return Err(format!(
            "scenario `{}` runs `{}`, which the script does not export",
            spec.schedule.name, spec.exec
        ));
    }
    sample::of(&script, merged, service)
}

/// Options from every source, as far as the load depends on them.
struct Merged {
    options: Map<String, Value>,
    specs: Vec<ScenarioSpec>,
    notes: Vec<String>,
}

impl Merged {
    /// `own`: the target's; a URL has none.
    fn of(own: Option<Map<String, Value>>, settings: &Settings) -> Result<Self, String> {
        let lookup = |name: &str| settings.environment.get(name).cloned();
        let options = source::options(own, lookup, None, settings.options.clone())?;
        let mut notes = Vec::new();
        let specs = scenarios::read(&options, &mut notes)?;
        Ok(Self { options, specs, notes })
    }

    fn fields(&self) -> Fields<'_> {
        Fields { map: &self.options, place: "options" }
    }

    /// Iterations that are known as they stand.
    fn planned(self, steps: impl Fn(&str) -> Iteration) -> Result<Load, LoadError> {
        let iterations = self.specs.iter().map(|spec| vec![steps(&spec.schedule.name)]).collect();
        self.load(iterations).map_err(LoadError)
    }

    fn load(self, iterations: Vec<Vec<Iteration>>) -> Result<Load, String> {
        let thresholds = self.fields().object("thresholds")?.cloned().unwrap_or_default();
        let notes = self.notes.clone();
        let fields = self.fields();
        let at_once = |key: &str, default: u32| {
            let number = fields.count(key)?.filter(|number| *number > 0);
            Ok::<u32, String>(number.and_then(|number| u32::try_from(number).ok()).unwrap_or(default))
        };
        Ok(Load {
            profile: scenarios::profile(&self.specs),
            iterations,
            thresholds,
            rps: fields.number("rps")?.filter(|rps| *rps > 0.0),
            min_iteration: fields.duration("minIterationDuration")?.unwrap_or_default(),
            batch: (at_once("batch", 20)?, at_once("batchPerHost", 6)?),
            notes,
            depends_on_answers: false,
        })
    }
}

#[cfg(test)]
mod tests;
