//! `todo-deploy simulate`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::calibrate::{Service, calibrate};
use super::input::{DeploymentArgs, LoadArgs};
use super::{Answer, print, say};
use crate::deployment::{Deployment, duration};
use crate::engine::Config;
use crate::pricing::Prices;
use crate::report;
use crate::sim::dist::Dist;
use crate::sim::scene::Fault;
use crate::simulate::faults::fault;
use crate::simulate::requests::{Cost, CostRule, unused};
use crate::simulate::slo::Slo;
use crate::simulate::variants::Sweep;
use crate::simulate::{Options, Plan, Run, simulate};
use crate::status::{About, Recording};
use crate::time::Time;

const EXAMPLES: &str = "\
Examples:
  todo-deploy simulate k6.js --service-time 2ms
  todo-deploy simulate http://localhost:6400/api/v1/todos --stage 1m:1000 --stage 10m:5000
  todo-deploy simulate --target ecs --stage 5m:500 --html report.html
  todo-deploy simulate --target ecs --sweep 'scaling.target=10..60 step 10' --slo 'p95<200ms'";

/// Simulate this deployment under a load: when it scales, why not sooner, who waits or fails, what it costs
///
/// Runs in seconds what takes an hour and a bill to find out, with the same scaling engine as `local`. Prints a
/// story, a row per minute and totals. The same --seed gives the same bytes on any machine.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    deployment: DeploymentArgs,
    /// Seed of all randomness
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// CPU time of one request: a mean such as 4ms, or a distribution such as `exp 4ms`, `constant 4ms`,
    /// `lognormal 4ms cv 2`; by default the deployment's (`service_time` under `model`). Of some requests:
    /// '/api/v1/todos=4ms', 'POST /api/v1/todos/{id}=exp 2ms', 'name list=1ms'; may be repeated, the first that fits
    /// counts
    #[arg(long = "service-time", value_name = "TIME")]
    service_times: Vec<Cost>,
    /// Measure the CPU time: five seconds of one user against one instance of the service at this
    /// http address, with path. Where LOAD is a script, the service also answers the few iterations that are run to see
    /// what they ask, whatever host they name: they really create and delete what they say
    #[arg(long, value_name = "URL", conflicts_with = "service_times")]
    calibrate: Option<String>,
    /// How long to go on; by default 26 minutes after the load
    #[arg(long = "for", value_name = "DURATION", value_parser = lasting)]
    until: Option<Duration>,
    /// Prices that replace built-in ones (`--prices -` prints the built-in table)
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
    /// Simulate these deployments side by side
    #[arg(long, value_name = "FILE", num_args = 2.., conflicts_with = "sweep")]
    compare: Vec<PathBuf>,
    /// Simulate one field at several values: 'capacity.max=2,4,8', with --target ecs 'scaling.target=10..60 step 5'
    #[arg(long, value_name = "FIELD=VALUES")]
    sweep: Option<Sweep>,
    /// What is good enough: 'p95<200ms, errors<0.1%'; exit code 1 when it is missed
    #[arg(long, value_name = "CONDITIONS")]
    slo: Option<Slo>,
    /// Something goes wrong: 'at=5m kill=1' (the service dies on one instance), hang=N (it accepts and never answers)
    /// or lose=N (the machine is gone); with for=2m it comes back. The longest running are hit; may be repeated
    #[arg(long = "fault", value_name = "FAULT", value_parser = fault)]
    faults: Vec<Fault>,
    /// Write a self-contained page with plots
    #[arg(long, value_name = "FILE", conflicts_with_all = ["compare", "sweep"])]
    html: Option<PathBuf>,
    /// Write the timeline, to be watched with `todo-deploy dashboard FILE`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["compare", "sweep"])]
    timeline: Option<PathBuf>,
    /// Print everything as JSON instead of text
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    if args.prices.as_deref().is_some_and(|file| file.as_os_str() == "-") {
        print(Prices::table());
        return Ok(Answer::Yes);
    }
    let rules: Vec<CostRule> = args.service_times.iter().filter_map(Cost::rule).cloned().collect();
    let options = Options {
        seed: args.seed,
        service_time: service_time(args)?,
        service_times: rules,
        until: args.until,
        prices: prices(args)?,
        faults: args.faults.clone(),
    };
    let plan = match &args.calibrate {
        None => args.load.plan(None)?,
        Some(url) => {
            let service = Service::at(url)?;
            args.load.plan(Some(&mut |request| service.answer(request)))?
        }
    };
    unused(&options.service_times, &plan.requests).map_err(anyhow::Error::msg)?;
    let variants = variants(args)?;
    match variants.is_empty() {
        true => single(args, &plan, &options),
        false => several(args, &plan, &options, variants),
    }
}

fn lasting(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        Duration::ZERO => Err("a run lasts longer than no time".to_owned()),
        lasting => Ok(lasting),
    }
}

fn service_time(args: &Args) -> Result<Option<Dist>> {
    let Some(url) = &args.calibrate else { return for_all(&args.service_times) };
    let found = calibrate(url)?;
    let (mean, cv) = (found.mean_ms, found.cv);
    say(&format!(
        "{} answers: a request takes {mean:.3} ms (cv {cv:.2}); again without measuring:",
        found.answers
    ));
    say(&format!("  --service-time 'lognormal {:.0}us cv {cv:.2}'", mean * 1000.0));
    Ok(Some(found.service_time))
}

/// The time that is meant for all requests; one is enough.
fn for_all(costs: &[Cost]) -> Result<Option<Dist>> {
    let mut all = costs.iter().filter_map(|cost| match cost {
        Cost::All(time) => Some(time.clone()),
        Cost::Some(_) => None,
    });
    let first = all.next();
    ensure!(
        all.next().is_none(),
        "--service-time for all requests is given twice; name the requests of one: '/path=4ms'"
    );
    Ok(first)
}

fn prices(args: &Args) -> Result<Prices> {
    let Some(file) = &args.prices else { return Ok(Prices::default()) };
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Prices::parse(&text).map_err(|wrong| anyhow::anyhow!("{}: {wrong}", file.display()))
}

/// The deployments to be simulated side by side, with their names.
fn variants(args: &Args) -> Result<Vec<(String, Deployment)>> {
    if let Some(sweep) = &args.sweep {
        let variant = |value: &toml::Value| {
            let name = format!("{}={}", sweep.field, value.to_string().trim_matches('"'));
            let (deployment, _) = args.deployment.read_with(None, &[(sweep.field.clone(), value.clone())])?;
            Ok((name, deployment))
        };
        return sweep.values.iter().map(variant).collect();
    }
    let variant = |file: &PathBuf| {
        let (deployment, name) = args.deployment.read_with(Some(file), &[])?;
        Ok((name, deployment))
    };
    args.compare.iter().map(variant).collect()
}

fn single(args: &Args, plan: &Plan, options: &Options) -> Result<Answer> {
    let (deployment, _) = args.deployment.read()?;
    let run = simulate(&deployment, args.deployment.defaulting.target, plan, options);
    if let Some(file) = &args.html {
        std::fs::write(file, report::page(&deployment, &run))
            .with_context(|| format!("cannot write {}", file.display()))?;
        say(&format!("wrote {}", file.display()));
    }
    if let Some(file) = &args.timeline {
        let json = serde_json::to_string(&recording(&deployment, &run))?;
        std::fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))?;
        say(&format!("wrote {}; watch it with: todo-deploy dashboard {0}", file.display()));
    }
    match args.json {
        true => print(&serde_json::to_string_pretty(&run)?),
        false => print(&report::text(&run)),
    }
    let missed = args.slo.as_ref().map(|slo| slo.missed(&run.totals)).unwrap_or_default();
    for condition in &missed {
        say(&format!("missed: {condition}"));
    }
    Ok(if missed.is_empty() { Answer::Yes } else { Answer::No })
}

/// Every note of these runs once, with the variants that it is about unless it is about all.
fn notes(runs: &[(String, Run)]) -> Vec<String> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for (variant, run) in runs {
        for note in &run.notes {
            match found.iter_mut().find(|(known, _)| known == note) {
                Some((_, variants)) => variants.push(variant),
                None => found.push((note, vec![variant])),
            }
        }
    }
    let text = |(note, variants): (&str, Vec<&str>)| match variants.len() == runs.len() {
        true => format!("note: {note}"),
        false => format!("note ({}): {note}", variants.join(", ")),
    };
    found.into_iter().map(text).collect()
}

/// What somebody who watched would have recorded.
fn recording(deployment: &Deployment, run: &Run) -> Recording {
    let about = About::new(deployment, run.target, &Config::new(deployment, run.target))
        .sampled_every(Duration::from_secs(60))
        .fact("Simulated", &format!("{}, seed {}", run.load, run.seed));
    let until = Time::after_start(Duration::try_from_secs_f64(run.totals.seconds).unwrap_or_default());
    Recording::of_run(about, until, &run.timeline)
}

#[derive(Serialize)]
struct Variant<'a> {
    variant: &'a str,
    missed: Vec<String>,
    #[serde(flatten)]
    run: &'a Run,
}

fn several(
    args: &Args,
    plan: &Plan,
    options: &Options,
    variants: Vec<(String, Deployment)>,
) -> Result<Answer> {
    let target = args.deployment.defaulting.target;
    let mut runs = Vec::new();
    let count = variants.len();
    for (number, (name, deployment)) in (1..).zip(variants) {
        say(&format!("{number} of {count}: {name}"));
        let run = simulate(&deployment, target, plan, options);
        runs.push((name, run));
    }
    notes(&runs).iter().for_each(|note| say(note));
    let missed = |run: &Run| args.slo.as_ref().map(|slo| slo.missed(&run.totals)).unwrap_or_default();
    match args.json {
        true => {
            let variant = |(name, run): &(String, Run)| {
                serde_json::to_value(Variant { variant: name, missed: missed(run), run })
            };
            let all: Vec<serde_json::Value> = runs.iter().map(variant).collect::<Result<_, _>>()?;
            print(&serde_json::to_string_pretty(&all)?);
        }
        false => print(&report::comparison(&runs, args.slo.as_ref())),
    }
    let any_good = runs.iter().any(|(_, run)| missed(run).is_empty());
    Ok(if any_good { Answer::Yes } else { Answer::No })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::{Defaults, Target};

    /// One variant's instance has no price; the load is too small for either.
    #[test]
    fn notes_of_variants() {
        let plan = Plan::from_stages(&["2m:1".to_owned()], &Default::default()).expect("a plan");
        let run = |(variant, text): (&str, &str)| {
            let deployment = Deployment::parse(text, "test", Defaults::of(Target::Ec2)).expect("valid");
            let options = Options { until: Some(Duration::from_secs(120)), ..Options::default() };
            (variant.to_owned(), simulate(&deployment, Target::Ec2, &plan, &options))
        };
        let cheap = "[aws]\ndatabase_class = \"db.m5.large\"\n";
        let found = notes(&[("a", ""), ("b", cheap), ("c", cheap)].map(run));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("note: never scaled out"), "{}", found[0]);
        assert!(found[1].starts_with("note (b, c): no price for db.m5.large"), "{}", found[1]);
    }
}
