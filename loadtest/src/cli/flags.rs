//! Flags turned into a layer of options.

use std::ffi::OsString;

use serde_json::{Map, Value, json};

use super::args::RunArgs;
use super::exit::Failure;
use crate::config::local_ips::LocalIps;
use crate::config::{layers, network};

/// The practical's stages, for `--practical`.
const PRACTICAL: [&str; 2] = ["1m:1000", "10m:5000"];

/// Flags that take no value, with the options that they set.
const SWITCHES: [(&str, Option<&str>); 16] = [
    ("no-setup", Some("noSetup")),
    ("no-teardown", Some("noTeardown")),
    ("throw", Some("throw")),
    ("paused", Some("paused")),
    ("insecure-skip-tls-verify", Some("insecureSkipTLSVerify")),
    ("no-connection-reuse", Some("noConnectionReuse")),
    ("no-vu-connection-reuse", Some("noVUConnectionReuse")),
    ("discard-response-bodies", Some("discardResponseBodies")),
    ("new-machine-readable-summary", Some("newMachineReadableSummary")),
    ("no-thresholds", None),
    ("quiet", None),
    ("no-color", None),
    ("verbose", None),
    ("linger", None),
    ("no-usage-report", None),
    ("profiling-enabled", None),
];

/// An argument such as `--throw=true`, which k6 takes, as one without a value.
pub(super) fn switch(argument: OsString) -> OsString {
    let known = |text: &str| {
        let (name, value) = text.strip_prefix("--")?.split_once('=')?;
        SWITCHES.iter().find(|(switch, _)| *switch == name)?;
        match value {
            "true" | "1" => Some(format!("--{name}")),
            "false" | "0" => Some(format!("--off={name}")),
            _ => None,
        }
    };
    argument.to_str().and_then(known).map_or(argument, OsString::from)
}

/// The options that the flags set, load included.
pub(super) fn options(args: &RunArgs) -> Result<Map<String, Value>, Failure> {
    let mut options = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            options.insert(key.to_owned(), value);
        }
    };
    let flag = |on: bool| on.then(|| json!(true));
    let list = |list: &Vec<String>| (!list.is_empty()).then(|| json!(list));
    let (http, output) = (&args.http, &args.output);
    set("rps", http.rps.map(|n| json!(n)));
    set("maxRedirects", http.max_redirects.map(|n| json!(n)));
    set("batch", http.batch.map(|n| json!(n)));
    set("batchPerHost", http.batch_per_host.map(|n| json!(n)));
    set("userAgent", http.user_agent.as_ref().map(|text| json!(text)));
    set("insecureSkipTLSVerify", flag(http.insecure_skip_tls_verify));
    set("noConnectionReuse", flag(http.no_connection_reuse));
    set("noVUConnectionReuse", flag(http.no_vu_connection_reuse));
    set("discardResponseBodies", flag(http.discard_response_bodies));
    set("minIterationDuration", http.min_iteration_duration.as_ref().map(|text| json!(text)));
    set("paused", flag(args.k6.paused));
    set("throw", flag(http.throw));
    set("blacklistIPs", list(&http.blacklist_ips));
    set("blockHostnames", list(&http.block_hostnames));
    set("httpDebug", http.http_debug.as_ref().map(|text| json!(text)));
    set("localIPs", http.local_ips.as_ref().map(|text| json!(text)));
    set("dns", http.dns.as_ref().map(|text| json!(text)));
    set("noSetup", flag(args.no_setup));
    set("noTeardown", flag(args.no_teardown));
    set("executionSegment", args.execution_segment.as_ref().map(|text| json!(text)));
    set("executionSegmentSequence", args.execution_segment_sequence.as_ref().map(|text| json!(text)));
    set("summaryTrendStats", output.summary_trend_stats.as_ref().map(|text| json!(text)));
    set("summaryTimeUnit", output.summary_time_unit.as_ref().map(|text| json!(text)));
    set("newMachineReadableSummary", flag(output.new_machine_readable_summary));
    set("systemTags", output.system_tags.as_ref().map(|text| json!(text)));
    set("hosts", hosts(&http.resolve)?);
    set("tags", tags(&output.tags)?);
    set("thresholds", thresholds(&args.load.thresholds)?);
    for name in &args.k6.off {
        if let Some((_, Some(key))) = SWITCHES.iter().find(|(switch, _)| switch == name) {
            set(key, Some(json!(false)));
        }
    }
    load(args, &mut set)?;
    // As in k6, a flag that cannot be read is no matter of the options.
    network::dns(&options).map_err(Failure::system)?;
    if let Some(text) = &http.local_ips {
        LocalIps::parse(text).map_err(Failure::system)?;
    }
    Ok(options)
}

fn load(args: &RunArgs, set: &mut impl FnMut(&str, Option<Value>)) -> Result<(), Failure> {
    let load = &args.load;
    if load.practical && (!load.stages.is_empty() || load.duration.is_some() || load.iterations.is_some()) {
        return Err(Failure::config(
            "--practical is a whole plan; leave out --stage, --duration and --iterations",
        ));
    }
    let stages = if load.practical {
        layers::stages(PRACTICAL)
    } else {
        layers::stages(load.stages.iter().flat_map(|stage| stage.split(',')))
    };
    let is_untargeted = load.stages.iter().any(|stage| crate::duration::parse(stage).is_ok());
    let stages = stages.map_err(if is_untargeted { Failure::config } else { Failure::system })?;
    if let Some(text) = &load.duration {
        crate::duration::parse(text).map_err(|error| Failure::system(format!("--duration: {error}")))?;
    }
    let has_stages = stages.as_array().is_some_and(|stages| !stages.is_empty());
    let Some(rate) = load.rate else {
        if load.max_vus.is_some() {
            return Err(Failure::config("--max-vus belongs to --rate; use --vus for the number of VUs"));
        }
        set("vus", load.vus.map(|n| json!(n)));
        set("duration", load.duration.as_ref().map(|text| json!(text)));
        set("iterations", load.iterations.map(|n| json!(n)));
        set("stages", has_stages.then_some(stages));
        return Ok(());
    };
    if load.iterations.is_some() {
        return Err(Failure::config("--rate and --iterations cannot be used together"));
    }
    let highest = stages.as_array().into_iter().flatten().filter_map(|stage| stage["target"].as_u64()).max();
    let highest = highest.unwrap_or(0).max(rate);
    // Enough for answers within a second unless the user says otherwise; more are made on demand up to the maximum.
    let pre_allocated = load.vus.unwrap_or_else(|| highest.clamp(1, 1000));
    let max = load.max_vus.unwrap_or_else(|| (highest * 10).clamp(10, 10_000).max(pre_allocated));
    let vus = json!({"preAllocatedVUs": pre_allocated, "maxVUs": max.max(pre_allocated)});
    let mut scenario = vus.as_object().cloned().unwrap_or_default();
    if has_stages {
        scenario.insert("executor".to_owned(), json!("ramping-arrival-rate"));
        scenario.insert("startRate".to_owned(), json!(rate));
        scenario.insert("stages".to_owned(), stages);
    } else {
        scenario.insert("executor".to_owned(), json!("constant-arrival-rate"));
        scenario.insert("rate".to_owned(), json!(rate));
        scenario.insert("duration".to_owned(), json!(load.duration.as_deref().unwrap_or("30s")));
    }
    set("scenarios", Some(json!({"default": scenario})));
    Ok(())
}

fn tags(list: &[String]) -> Result<Option<Value>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.to_owned(), json!(value))),
        _ => Err(Failure::system(format!("--tag {text}: write NAME=VALUE"))),
    };
    let tags = list.iter().map(pair).collect::<Result<Map<_, _>, _>>()?;
    Ok((!tags.is_empty()).then_some(Value::Object(tags)))
}

/// `metric: rule` or `metric{tag:value}: rule`; several rules of one metric add up.
fn thresholds(list: &[String]) -> Result<Option<Value>, Failure> {
    let mut all: Map<String, Value> = Map::new();
    for text in list {
        let after_tags = text.find('}').map_or(0, |at| at + 1);
        let colon = text[after_tags..].find(':').map(|at| at + after_tags);
        let Some(colon) = colon else {
            let example = "write for example --threshold 'http_req_duration: p(95)<200'";
            return Err(Failure::config(format!(
                "--threshold {text}: there is no metric before a colon; {example}"
            )));
        };
        let (metric, rule) = (text[..colon].trim(), text[colon + 1..].trim());
        match all.entry(metric).or_insert_with(|| json!([])) {
            Value::Array(rules) => rules.push(json!(rule)),
            _ => unreachable!("only lists are put in"),
        }
    }
    Ok((!all.is_empty()).then_some(Value::Object(all)))
}

fn hosts(list: &[String]) -> Result<Option<Value>, Failure> {
    let mut hosts = Map::new();
    for text in list {
        let bad = || {
            Failure::config(format!(
                "--resolve {text}: write HOST:PORT:ADDR, such as shop.test:443:127.0.0.1"
            ))
        };
        let (host, rest) = text.split_once(':').ok_or_else(bad)?;
        let (port, address) = rest.split_once(':').ok_or_else(bad)?;
        port.parse::<u16>().map_err(|_| bad())?;
        hosts.insert(format!("{host}:{port}"), json!(address));
    }
    Ok((!hosts.is_empty()).then_some(Value::Object(hosts)))
}
