//! `loadtest TARGET`: from arguments to a running test.

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use loadtest_js::{NativeScenario, NativeStep, Script, VuConfig};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use url::Url;

use super::args::{Isolation, OutputArgs, RunArgs, SummaryMode};
use super::banner::Banner;
use super::exit::Failure;
use super::log::Log;
use super::progress::{self, Progress};
use super::target::{self, Target, What};
use super::{flags, fleet, limits, results, signals, threads};
use crate::config::{Options, ScenarioSpec, inspect, scenarios};
use crate::engine::native::PlanSpec;
use crate::engine::run;
use crate::engine::shared::{Clock, LOG_MAX, Live};
use crate::engine::wire_log::WireLog;
use crate::engine::worker::{Plans, ProgramSpec};
use crate::metrics::recorder::Sample;
use crate::metrics::registry::Registry;
use crate::net::connect::{Network, RateLimit};
use crate::net::dns::Resolver;
use crate::net::proxy::Proxies;
use crate::net::tls::TlsConfigs;
use crate::net::{NetError, Origin};
use crate::output::samples::{self, Destination};
use crate::profile::Profile;

/// How long the first connection to a host that flags or a plan name may take.
const REACH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

type Writer = std::thread::JoinHandle<std::io::Result<()>>;

/// Runs a test and shows its results.
pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let log = Log::new(&args.log, !is_colorless(args), |name| std::env::var(name).ok())?;
    let target = target::load(args, &log)?;
    let json = target::merged(&target, &args.script, flags::options(args)?)?;
    let (mut options, warnings) = Options::read(json).map_err(Failure::config)?;
    warnings.iter().for_each(|warning| log.warn(warning));
    let speed = speed(args.speed)?;
    if let Some(speed) = speed {
        let profile = scenarios::profile(&options.scenarios).sped_up(speed);
        options.scenarios.iter_mut().zip(profile.scenarios).for_each(|(spec, fast)| spec.schedule = fast);
    }
    let base_url = args.base_url.as_deref().map(base_url).transpose()?;
    let thresholds = if args.load.no_thresholds || setting(&options, "noThresholds") {
        serde_json::Map::new()
    } else {
        options.thresholds.clone()
    };
    let mode = results::mode(&options, &args.output)?;
    let mut registry = Registry::new(target.metrics(), &thresholds).map_err(Failure::config)?;
    if options.system_tags.has("expected_response") {
        registry = registry.with_expected_responses().map_err(Failure::config)?;
    }
    check_functions(&target, &options)?;
    let (program, engine) = program(&target, &options, args.isolation);
    let profile = Arc::new(scenarios::profile(&options.scenarios));
    limits::raise_file_limit(profile.max_vus()).map_err(Failure::config)?;
    let registry = Arc::new(registry);
    let destinations = destinations(&args.output, &options)?;
    let clock = Clock::start();
    let (samples, writer) = start_writer(&destinations, &registry, &options, clock)?;
    let network = network(&options)?;
    let quiet = args.output.quiet || setting(&options, "quiet");
    let banner = Banner {
        target: &target.name,
        is_script: matches!(target.what, What::Script(_)),
        outputs: &destinations.iter().map(Destination::describe).collect::<Vec<_>>(),
        engine: &engine,
        base_url: args.base_url.as_deref(),
        proxies: network.proxies.describe(),
        speed,
        profile: &profile,
        scenarios: &options.scenarios,
        share: options.segment.share(),
    };
    if !quiet {
        show(&banner.render());
    }
    let live = live(&profile);
    let (notices, notices_in) = mpsc::channel(LOG_MAX);
    let plans = Plans {
        options_json: inspect::in_test(&options).to_string().into(),
        snapshots: aborts(&registry),
        apart: mode == SummaryMode::Full,
        options: Arc::new(options),
        progress: progress_of(&profile, &live, clock),
        next_vu_id: Arc::new(AtomicU64::new(profile.planned_vus() + 1)),
        profile,
        registry,
        network: Arc::new(network),
        base_url,
        program,
        script: match target.what {
            What::Script(script) => Some(script),
            What::Steps { .. } => None,
        },
        live,
        clock,
        notices,
        samples,
    };
    let done = drive(&plans, args, notices_in, quiet, &target.name, &log);
    // A thread that is stuck keeps its sender.
    if let Some(samples) = &plans.samples {
        let _ = samples.send(samples::END);
    }
    drop(plans);
    join(writer)?;
    done
}

fn drive(
    plans: &Plans,
    args: &RunArgs,
    notices: mpsc::Receiver<crate::engine::shared::Notice>,
    quiet: bool,
    title: &str,
    log: &Log,
) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::system(format!("an event loop could not be started: {error}")))?;
    let no_color = is_colorless(args) || setting(&plans.options, "noColor");
    LocalSet::new().block_on(&runtime, async {
        let is_local = reachable(plans).await?;
        let shares = is_local && threads::never_pauses(plans);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (threads, note) = threads::threads(args.threads, cores, plans.profile.max_vus(), shares)?;
        if let Some(note) = note.filter(|_| !quiet) {
            show(&format!("       {note}"));
        }
        let fleet = match &args.output.timeline {
            Some(text) => Some(fleet::Before::read(text, plans).await?),
            None => None,
        };
        let signals = signals::listen()?;
        let mut watcher =
            Progress::new(Arc::clone(&plans.profile), quiet, log.clone(), plans.options.segment.share());
        let outcomes = run::run(plans, threads, notices, signals, &mut watcher).await.map_err(|error| {
            if error.init { Failure::script(error.message) } else { Failure::system(error.message) }
        })?;
        results::finish(plans, &outcomes, &args.output, title, no_color, fleet, log).await
    })
}

fn is_colorless(args: &RunArgs) -> bool {
    args.output.no_color || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn network(options: &Options) -> Result<Network, Failure> {
    Ok(Network {
        resolver: Resolver::new(options.dns.clone()),
        tls: TlsConfigs::new(&options.tls).map_err(Failure::config)?,
        rate: options.rps.map(RateLimit::new),
        proxies: Proxies::from_environment(|name| std::env::var(name).ok()).map_err(Failure::config)?,
    })
}

fn live(profile: &Profile) -> Arc<Live> {
    let live = Arc::new(Live::new(profile.scenarios.len()));
    for (own, scenario) in live.scenarios.iter().zip(&profile.scenarios) {
        let extra = scenario.executor.open_vus().map_or(0, |vus| vus.max - vus.pre_allocated);
        own.extra_vus.store(extra, Ordering::Relaxed);
    }
    live
}

/// Waits for the thread that writes the outputs, which has been told to end.
fn join(writer: Option<Writer>) -> Result<(), Failure> {
    let Some(writer) = writer else { return Ok(()) };
    match writer.join() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::system(format!("an output could not be written: {error}"))),
        Err(_) => Err(Failure::system("the thread that writes outputs failed")),
    }
}

fn speed(speed: Option<f64>) -> Result<Option<f64>, Failure> {
    match speed {
        Some(speed) if !(0.001..=10_000.0).contains(&speed) => {
            Err(Failure::config(format!("--speed {speed} must be between 0.001 and 10000")))
        }
        other => Ok(other),
    }
}

fn base_url(text: &str) -> Result<Url, Failure> {
    let bad = |why: &str| {
        Failure::config(format!("--base-url {text}: {why}; write for example http://localhost:8080"))
    };
    let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    if Origin::of(&url).is_none() {
        return Err(bad("it must begin with http:// or https:// and name a host"));
    }
    if url.path() != "/" || url.query().is_some() {
        return Err(bad("only scheme, host and port are replaced, so it must have no path"));
    }
    Ok(url)
}

fn setting(options: &Options, key: &str) -> bool {
    options.json.get(key).and_then(serde_json::Value::as_bool).unwrap_or(false)
}

/// Every scenario's function must exist before the test starts.
fn check_functions(target: &Target, options: &Options) -> Result<(), Failure> {
    let What::Script(script) = &target.what else { return Ok(()) };
    for spec in &options.scenarios {
        if !script.has_function(&spec.exec) {
            let known: Vec<&str> = script.functions().iter().map(String::as_str).collect();
            return Err(Failure::config(format!(
                "scenario `{}` runs `{}`, but the script exports no function of that name; it exports: {}",
                spec.schedule.name,
                spec.exec,
                if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
            )));
        }
    }
    Ok(())
}

/// What the VUs run, and how the banner calls it.
fn program(target: &Target, options: &Options, isolation: Isolation) -> (ProgramSpec, String) {
    match &target.what {
        What::Script(script) => {
            let own = |why: &str| {
                let words = format!("JavaScript, an interpreter of its own for each VU{why}");
                (ProgramSpec::Script(script.clone()), words)
            };
            if isolation == Isolation::Vu {
                return own("");
            }
            match native_plan(script, options) {
                Some(plan) => {
                    let words = "native: the script is a plain list of requests, checks and pauses (--isolation=vu \
                                 runs it as JavaScript)";
                    (ProgramSpec::Native(Arc::new(plan)), words.to_owned())
                }
                None => match script.shareable() {
                    Ok(()) => {
                        let words = "JavaScript, several VUs in one interpreter, each with its own instance of the \
                                     script (--isolation=vu gives each an interpreter)";
                        (ProgramSpec::Shared(script.clone()), words.to_owned())
                    }
                    Err(why) => own(&format!(": {why}")),
                },
            }
        }
        What::Steps { all, by_scenario } => {
            let steps = |name: &str| NativeScenario { steps: by_scenario.get(name).unwrap_or(all).clone() };
            let plan: PlanSpec = options.scenarios.iter().map(|spec| steps(&spec.schedule.name)).collect();
            (ProgramSpec::Native(Arc::new(plan)), "native, without JavaScript".to_owned())
        }
    }
}

/// The script as data, if every scenario of it is simple enough.
fn native_plan(script: &Script, options: &Options) -> Option<PlanSpec> {
    if options.throw || options.no_cookies_reset || options.wire_log != WireLog::Nothing {
        return None;
    }
    let config = VuConfig { id: 1, ..options.vu_config() };
    if config.tag_vu || config.tag_iter {
        return None;
    }
    let scenario = |spec: &ScenarioSpec| {
        let scenario = loadtest_js::Scenario {
            name: spec.schedule.name.as_str().into(),
            executor: spec.schedule.executor.kind().to_owned(),
            exec: spec.exec.clone(),
            env: spec.env.clone(),
            tags: spec.tags.clone(),
            ..loadtest_js::Scenario::default()
        };
        script.native(&Rc::new(scenario), &config)
    };
    options.scenarios.iter().map(scenario).collect()
}

/// Requests whose URLs are known must lead somewhere, or nothing starts. True when there are any and all lead to a
/// loopback address.
async fn reachable(plans: &Plans) -> Result<bool, Failure> {
    let ProgramSpec::Native(plan) = &plans.program else { return Ok(false) };
    let (mut seen, mut is_local) = (Vec::new(), true);
    for step in plan.iter().flat_map(|scenario| &scenario.steps) {
        let NativeStep::Request(request) = step else { continue };
        let url = plans.base_url.as_ref().map_or(request.url.as_str(), Url::as_str);
        let origin = Url::parse(url).ok().and_then(|url| Origin::of(&url));
        let origin = origin.ok_or_else(|| {
            Failure::config(format!(
                "{} is no URL that can be called; it must begin with http:// or https://",
                request.url
            ))
        })?;
        if seen.contains(&origin) {
            continue;
        }
        // A proxy asks for the host's address itself.
        let proxy = plans.network.proxies.of(&origin).map(|proxy| &proxy.origin);
        let dialled = proxy.unwrap_or(&origin);
        let resolved = plans.network.resolver.resolve(dialled).await;
        is_local &= proxy.is_none() && resolved.as_ref().is_ok_and(|address| address.ip().is_loopback());
        match resolved {
            // A script may call such a host on purpose; what flags and plans name must be there.
            Ok(address) if plans.script.is_none() => answers(dialled, address).await?,
            Err(error) if error == NetError::no_such_host() => {
                return Err(Failure::config(format!(
                    "the host `{}` cannot be found; check the name, or send every request elsewhere with \
                     --base-url http://HOST:PORT",
                    dialled.host
                )));
            }
            _ => {}
        }
        seen.push(origin);
    }
    Ok(is_local && !seen.is_empty())
}

/// Something must accept connections there.
async fn answers(origin: &Origin, address: std::net::SocketAddr) -> Result<(), Failure> {
    let attempt = tokio::time::timeout(REACH_TIMEOUT, tokio::net::TcpStream::connect(address)).await;
    let why = match attempt {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {}", crate::duration::format(REACH_TIMEOUT)),
    };
    Err(Failure::config(format!(
        "nothing accepts connections at {} ({address}): {why}; start the service, or check host and port",
        origin.authority()
    )))
}

fn destinations(output: &OutputArgs, options: &Options) -> Result<Vec<Destination>, Failure> {
    let from_variables = options.json.get("out").and_then(serde_json::Value::as_array);
    let texts: Vec<String> = if output.out.is_empty() {
        from_variables.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    } else {
        output.out.clone()
    };
    texts.iter().map(|text| Destination::parse(text).map_err(Failure::system)).collect()
}

type Started = (Option<std::sync::mpsc::SyncSender<Vec<Sample>>>, Option<Writer>);

fn start_writer(
    destinations: &[Destination],
    registry: &Arc<Registry>,
    options: &Options,
    clock: Clock,
) -> Result<Started, Failure> {
    if destinations.is_empty() {
        return Ok((None, None));
    }
    let open = |destination: &Destination| match destination.open() {
        Ok(out) => Ok((destination.clone(), out)),
        Err(error) => Err(Failure::system(format!("cannot write {}: {error}", destination.describe()))),
    };
    let outputs = destinations.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let (to, from) = std::sync::mpsc::sync_channel(samples::BATCHES_MAX);
    let (registry, system) = (Arc::clone(registry), options.system_tags);
    let writer = std::thread::Builder::new()
        .name("outputs".to_owned())
        .spawn(move || samples::write_all(&from, outputs, &registry, system, clock.start_unix))
        .map_err(|error| Failure::system(format!("a thread could not be started: {error}")))?;
    Ok((Some(to), Some(writer)))
}

/// Whether any threshold may abort the test.
fn aborts(registry: &Registry) -> bool {
    let rules = registry.metrics.iter().flat_map(|metric| &metric.thresholds);
    rules.chain(registry.subs.iter().flat_map(|sub| &sub.thresholds)).any(|rule| rule.abort_on_fail)
}

fn progress_of(
    profile: &Arc<Profile>,
    live: &Arc<Live>,
    clock: Clock,
) -> Arc<dyn Fn(usize) -> f64 + Send + Sync> {
    let (profile, live) = (Arc::clone(profile), Arc::clone(live));
    Arc::new(move |scenario| {
        let completed = live.scenarios[scenario].completed.load(Ordering::Relaxed);
        progress::share(&profile.scenarios[scenario], clock.elapsed(), completed)
    })
}

#[expect(clippy::print_stderr, reason = "words for the user go to standard error")]
fn show(text: &str) {
    eprintln!("{text}");
}
