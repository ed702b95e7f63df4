//! What a test runs: a URL, a script or a plan, loaded and turned into options and a program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use loadtest_js::{LogLevel, NativeStep, Recorder, Script, ScriptError, Source, VuError};
use serde_json::{Map, Value};

use super::args::{RunArgs, ScriptArgs};
use super::exit::{self, Failure};
use super::log::Log;
use super::remote::Download;
use super::url_mode;
use crate::metrics::sink::Kind;
use crate::plan::Plan;
use crate::source;

/// A loaded target.
pub(super) struct Target {
    /// As the banner names it.
    pub(super) name: String,
    pub(super) what: What,
    /// The options that it brings with it; a bare URL has none.
    pub(super) options: Option<Map<String, Value>>,
}

pub(super) enum What {
    Script(Script),
    /// The same steps for every scenario, or by scenario name.
    Steps {
        all: Vec<NativeStep>,
        by_scenario: BTreeMap<String, Vec<NativeStep>>,
    },
}

impl Target {
    /// The metrics that it declares.
    pub(super) fn metrics(&self) -> Vec<(String, Kind, bool)> {
        let What::Script(script) = &self.what else { return Vec::new() };
        let kind = |kind| match kind {
            loadtest_js::MetricKind::Counter => Kind::Counter,
            loadtest_js::MetricKind::Gauge => Kind::Gauge,
            loadtest_js::MetricKind::Rate => Kind::Rate,
            loadtest_js::MetricKind::Trend => Kind::Trend,
        };
        script
            .metrics()
            .iter()
            .map(|metric| (metric.name.clone(), kind(metric.kind), metric.is_time))
            .collect()
    }
}

/// Loads what the user named for a run.
pub(super) fn load(args: &RunArgs, log: &Log) -> Result<Target, Failure> {
    let name = args.target.as_deref().unwrap_or_default();
    if source::is_url(name) {
        let url =
            url::Url::parse(name).map_err(|error| Failure::config(format!("{name} is no URL: {error}")))?;
        let steps = url_mode::steps(url.as_str(), args)?;
        let what = What::Steps { all: steps, by_scenario: BTreeMap::new() };
        return Ok(Target { name: name.to_owned(), what, options: None });
    }
    let request = &args.request;
    if request.method.is_some()
        || request.body.is_some()
        || !request.headers.is_empty()
        || !request.checks.is_empty()
    {
        return Err(Failure::config(format!(
            "--method, --header, --body and --check describe a request to a URL, but {name} is a script or a plan"
        )));
    }
    load_file(name, &args.script, log)
}

/// Loads a script or a plan.
pub(super) fn load_file(name: &str, args: &ScriptArgs, log: &Log) -> Result<Target, Failure> {
    if name != "-" && !Path::new(name).exists() {
        let why = source::missing(name);
        return Err(if why.contains("http://") { Failure::config(why) } else { Failure::system(why) });
    }
    if Path::new(name).extension().is_some_and(|extension| extension == "toml") {
        return load_plan(Path::new(name));
    }
    let source = match name {
        "-" => source::standard_input().map_err(Failure::script)?,
        _ => Source::File(PathBuf::from(name)),
    };
    let remote = Arc::new(Download::default());
    secrets(args)?;
    let script = Script::load_with(source, environment(args)?, Rc::new(InitLog(log.clone())), remote)
        .map_err(|error| unloadable(name, &error))?;
    if script.functions().is_empty() {
        return Err(Failure::system(format!(
            "{name}: the script exports no function; write for example `export default function () {{ … }}`"
        )));
    }
    let options = match script.options() {
        Value::Object(options) => options.clone(),
        Value::Null => Map::new(),
        other => {
            return Err(Failure::config(format!(
                "{name}: the exported options must be an object, not {other}"
            )));
        }
    };
    Ok(Target { name: name.to_owned(), what: What::Script(script), options: Some(options) })
}

/// Why a script cannot be run, with k6's exit code for it.
fn unloadable(name: &str, error: &ScriptError) -> Failure {
    let code = match error {
        ScriptError::Init(VuError::Aborted { .. }) => exit::ABORTED,
        ScriptError::Init(VuError::Unhandled(_)) => exit::UNNAMED,
        ScriptError::Options(_) => exit::BAD_CONFIG,
        _ => exit::SCRIPT,
    };
    Failure { code, message: format!("{name}: {error}") }
}

fn load_plan(path: &Path) -> Result<Target, Failure> {
    let bad = |why: String| Failure::config(format!("plan {}: {why}", path.display()));
    let text = source::plan(path).map_err(bad)?;
    let Plan { options, all, by_scenario } = Plan::parse(&text).map_err(bad)?;
    let what = What::Steps { all, by_scenario };
    Ok(Target { name: path.display().to_string(), what, options: Some(options) })
}

/// Makes the sources of secrets known to scripts.
fn secrets(args: &ScriptArgs) -> Result<(), Failure> {
    if args.secret_source.is_empty() {
        return Ok(());
    }
    let read =
        |path: &str| source::plan(Path::new(path)).map_err(|error| format!("secret source {path}: {error}"));
    let sources: Result<Vec<_>, _> =
        args.secret_source.iter().map(|text| loadtest_js::SecretSource::parse(text, read)).collect();
    sources
        .and_then(loadtest_js::set_secret_sources)
        .map_err(|why| Failure::config(format!("--secret-source: {why}")))
}

/// What `__ENV` holds.
fn environment(args: &ScriptArgs) -> Result<BTreeMap<String, String>, Failure> {
    let variable = std::env::var("K6_INCLUDE_SYSTEM_ENV_VARS").ok();
    let from_variable = !variable.is_some_and(|text| matches!(text.as_str(), "false" | "0"));
    let mut environment: BTreeMap<String, String> =
        match args.include_system_env_vars.unwrap_or(from_variable) {
            false => BTreeMap::new(),
            true => std::env::vars_os()
                .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
        };
    for pair in &args.env {
        match pair.split_once('=') {
            Some((key, value)) if is_name(key) => environment.insert(key.to_owned(), value.to_owned()),
            // As k6 2.2 has it: it is there, and empty.
            None if is_name(pair) => environment.insert(pair.clone(), String::new()),
            _ => {
                return Err(Failure::system(format!(
                    "-e {pair}: write KEY=VALUE, the key of letters, digits and underscores"
                )));
            }
        };
    }
    Ok(environment)
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// All layers of options merged: config file, target, variables, flags.
pub(super) fn merged(
    target: &Target,
    args: &ScriptArgs,
    flags: Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    let lookup = |name: &str| std::env::var(name).ok();
    source::options(target.options.clone(), lookup, args.config.as_deref(), flags).map_err(Failure::config)
}

/// What a script's init code writes goes to the log at once.
struct InitLog(Log);

impl Recorder for InitLog {
    fn now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
    fn unix_now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
    fn check(&self, _name: &str, _passed: bool, _tags: loadtest_js::SampleTags<'_>) {}
    fn sample(&self, _metric: &Rc<loadtest_js::MetricDef>, _value: f64, _tags: loadtest_js::SampleTags<'_>) {}
    fn group(&self, _duration: std::time::Duration, _tags: loadtest_js::SampleTags<'_>) {}
    fn log(&self, level: LogLevel, message: &str, source: &str) {
        self.0.of_script(level, message, source);
    }
    fn fail_test(&self, _reason: &str) {}
    fn status(&self) -> loadtest_js::TestStatus {
        loadtest_js::TestStatus::default()
    }
    fn options(&self) -> Arc<str> {
        "{}".into()
    }
}
