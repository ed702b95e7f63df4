//! Each kind of LOAD, and what is said of bad ones.

use clap::Parser;

use super::*;
use crate::deployment::Defaults;
use crate::simulate::{Options, simulate};

#[derive(Parser)]
struct Only {
    #[command(flatten)]
    load: LoadArgs,
}

fn data(name: &str) -> String {
    format!("{}/src/cli/input/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn plan(args: &[&str]) -> Result<Plan> {
    let args = std::iter::once("x").chain(args.iter().copied());
    Only::try_parse_from(args)?.load.plan(None)
}

fn good(args: &[&str]) -> Plan {
    plan(args).unwrap_or_else(|error| panic!("{args:?}: {error:#}"))
}

/// The practical's script, the same as a plan, and nothing at all are one load.
#[test]
fn the_practicals_script_is_the_default() {
    for (file, args) in [("k6.js", vec![]), ("plan.toml", vec![])]
        .into_iter()
        .chain([("k6.js", vec!["--stage", "1m:1000", "--stage", "10m:5000"])])
    {
        let path = data(file);
        let seen = good(&[&[path.as_str()], args.as_slice()].concat());
        assert_eq!(seen.name, file);
        assert_eq!(Plan { name: Plan::practical().name, ..seen }, Plan::practical());
    }
}

#[test]
fn the_practicals_script_gives_the_defaults_bytes() {
    let text = |plan: &Plan| {
        let deployment = Deployment::parse("", "test", Defaults::of(Target::Ec2)).expect("valid");
        let service_time = Some("1ms".parse().expect("a distribution"));
        let until = Some(Duration::from_secs(300));
        let options = Options { seed: 7, service_time, until, ..Options::default() };
        let mut run = simulate(&deployment, Target::Ec2, plan, &options);
        run.load.clear();
        serde_json::to_string(&run).expect("it is JSON")
    };
    assert!(text(&good(&[&data("k6.js")])) == text(&good(&[])), "not the same bytes");
}

/// What is made of a script with two scenarios, random pauses and a branch on the answers.
#[test]
fn a_script_of_all_sorts() {
    let plan = good(&[&data("shop.ts"), "-e", "HOST=http://a"]);
    assert_eq!((plan.end, plan.peak.users), (Duration::from_secs(120), 50));
    insta::assert_snapshot!("notes_of_a_script", plan.notes.join("\n"));
    assert_eq!(good(&[&data("shop.ts")]), good(&[&data("shop.ts")]), "the same each time");
}

#[test]
fn a_plan_with_scenarios_side_by_side() {
    let plan = good(&[&data("two.toml")]);
    assert_eq!((plan.end, plan.peak.users), (Duration::from_secs(150), 5));
    assert!((plan.peak.arrivals_per_s - 50.0).abs() < 1e-9);
    let rate = plan.peak.requests_per_s(Duration::ZERO);
    assert!((rate - 55.0).abs() < 1e-9, "five users ask twice in two seconds: {rate}");
}

#[test]
fn a_url_is_a_load_with_flags() {
    let url = "http://localhost:6400/api/v1/todos";
    let stages = ["--stage", "1m:1000", "--stage", "10m:5000"];
    let ramp = good(&[&[url], stages.as_slice()].concat());
    assert_eq!((ramp.name.as_str(), &ramp.loads), (url, &Plan::practical().loads));
    let gentle = good(&[url]);
    assert_eq!((gentle.peak.users, gentle.end), (10, Duration::from_secs(30)));
    let open = good(&[url, "--rate", "20", "--duration", "1m", "--requests", "2"]);
    assert!((open.peak.requests_per_s(Duration::ZERO) - 40.0).abs() < 1e-9);
    let same = good(&["--rate", "20", "--duration", "1m", "--requests", "2"]);
    assert_eq!(open.loads, same.loads);
    assert_eq!(good(&[url, "--users", "3", "--duration", "1m"]).peak.users, 3);
    assert_eq!(good(&[&data("k6.js"), "--vus", "3", "--duration", "1m"]).peak.users, 3);
}

#[test]
fn a_bad_load_is_told_in_words() {
    let (k6, endless) = (data("k6.js"), data("endless.js"));
    for (args, part) in [
        (vec!["nowhere.js"], "there is no file nowhere.js"),
        (vec!["localhost:6400/api"], "write http://localhost:6400/api"),
        (vec!["nowhere.csv"], "cannot read nowhere.csv"),
        (vec![endless.as_str()], "computed without end"),
        (vec![k6.as_str(), "--requests", "2"], "leave out --think and --requests"),
        (vec![k6.as_str(), "--stage", "1m"], "is no stage"),
        (vec!["x.csv", "--stage", "1m:5"], "leave out the flags"),
        (vec!["--duration", "1m"], "--users or --rate"),
        (vec!["-e", "A=1"], "required"),
        (vec!["--users", "1e3", "--duration", "1m"], "`1e3` is no whole number"),
        (vec!["--users", "-5", "--duration", "1m"], "`-5` is no whole number"),
        (vec!["--rate", "0.5", "--duration", "1m"], "a table of rates (LOAD.csv) may have fractions"),
        (vec!["--rate", "1000000000", "--duration", "1h"], "more than can be simulated"),
        (vec!["--users", "5", "--duration", "0s"], "lasts no time"),
        (vec![k6.as_str(), "-e", "A"], "write KEY=VALUE"),
    ] {
        let error = format!("{:#}", plan(&args).expect_err("wrong"));
        assert!(error.contains(part), "{args:?}: {error}");
    }
}

#[test]
fn a_load_is_no_deployment() {
    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        deployment: DeploymentArgs,
    }
    let refused = |file: &str| {
        let args = Only::try_parse_from(["x", "--file", file]).expect("arguments");
        args.deployment.read().expect_err(file).to_string()
    };
    for load in ["k6.js", "plan.toml", "shop.ts"] {
        assert!(
            refused(&data(load)).ends_with("is a load, not a deployment; give it without --file"),
            "{load}"
        );
    }
}

/// Both are TOML, and the one is given for the other.
#[test]
fn a_deployment_is_no_load() {
    let place = tempfile::tempdir().expect("a directory");
    let refused = |text: &str| {
        let file = place.path().join("deployment.toml");
        std::fs::write(&file, text).expect("written");
        format!("{:#}", plan(&[file.to_str().expect("a path")]).expect_err(text))
    };
    for text in ["[aws]\ninstance_type = \"t3.small\"\n", "[capacity]\nmax = 8\n"] {
        assert!(
            refused(text).contains("is a deployment, not a load; give it with --file"),
            "{}",
            refused(text)
        );
    }
    assert!(!refused("[aws]\nsize = 3\n").contains("--file"), "neither");
}
