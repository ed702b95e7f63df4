//! `--timeline`: the fleet's side of a test, from a dashboard and from a file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::{Server, answer, ok};
use crate::tool::{Dir, run};

/// A fleet that grew from one to two while `<script>` watched. It has no clock, so that it begins with the test.
const TIMELINE: &str = r#"{
  "version": 1, "until": 600.0,
  "about": {
    "name": "todo", "limits": {"min": 1, "desired": 1, "max": 2},
    "policies": [{"name": "<script>up", "alarms": [{"name": "<script>up", "metric": "cpu", "when": ">= 20"}]}]
  },
  "events": [
    {"at": 0.0, "event": "in-service", "instance": 1},
    {"at": 0.2, "event": "alarm", "alarm": "<script>up", "from": "ok", "to": "alarm"},
    {"at": 0.2, "event": "scaled", "by": {"policy": {"name": "<script>up"}}, "from": 1, "to": 2},
    {"at": 0.2, "event": "launching", "instance": 2, "cause": "scale-out"},
    {"at": 0.4, "event": "in-service", "instance": 2},
    {"at": 0.4, "event": "health", "instance": 2, "from": "initial", "to": "healthy", "reason": {"checks-passed": 1}}
  ],
  "series": {}
}"#;

const LOAD: [&str; 8] = ["-u", "1", "-d", "1500ms", "--think-time", "50ms", "-q", "--no-color"];

fn json(text: &str) -> Option<Vec<u8>> {
    Some(answer("200 OK", &[("Content-Type", "application/json")], text.as_bytes()))
}

#[test]
fn a_dashboard_is_asked_and_laid_under_the_report() {
    let service = Server::start(|_| ok("hello"));
    let dashboard = Server::start(|seen| match seen.path.as_str() {
        "/timeline.json" => json(TIMELINE),
        _ => Some(answer("404 Not Found", &[], b"")),
    });
    let dir = Dir::new("timeline");
    let report = dir.path("report.html");
    let args =
        [&[service.url.as_str(), "--timeline", &dashboard.url, "--report", &report], &LOAD[..]].concat();
    let run = run(&args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("It scaled: 1 → 2 after 0s by <script>up."), "{}", run.stdout);
    assert_eq!(dashboard.requests(), 2, "before the test and after it");
    let page = dir.read("report.html");
    for part in [
        "Did it scale, and did it help?",
        "<h2>Instances</h2>",
        "<h2>Alarms raised</h2>",
        "class=\"raised\"",
        "class=\"mark\"",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script>up") && page.contains("&lt;script&gt;up"), "names are text");
}

#[test]
fn a_file_will_do_and_without_a_report_too() {
    let service = Server::start(|_| ok("hello"));
    let dir = Dir::new("timeline-file");
    let file = dir.write("run.json", TIMELINE);
    let run = run(&[&[service.url.as_str(), "--timeline", &file], &LOAD[..]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("Did it scale, and did it help?"), "{}", run.stdout);
}

#[test]
fn a_wrong_place_is_said_before_anything_runs() {
    let service = Server::start(|_| ok("hello"));
    let silent = Server::start(|_| None);
    let page = Server::start(|_| ok("<html>"));
    let dir = Dir::new("timeline-wrong");
    let (cut, missing) = (dir.write("cut.json", &TIMELINE[..200]), dir.path("missing.json"));
    for (place, part) in [
        ("http://127.0.0.1:1", "there is no timeline at http://127.0.0.1:1/timeline.json"),
        (silent.url.as_str(), "start the dashboard"),
        (page.url.as_str(), "it is no JSON"),
        ("ftp://host", "must begin with http"),
        ("localhost:8081", "if it is a dashboard, write http://localhost:8081"),
        ("", "it is empty"),
        ("/dev/zero", "neither a file nor a pipe"),
        (cut.as_str(), "it is no JSON"),
        (missing.as_str(), "todo-deploy simulate --timeline"),
    ] {
        let run = run(&[&[service.url.as_str(), "--timeline", place], &LOAD[..]].concat());
        assert_eq!(run.code, 104, "{place}: {}", run.stderr);
        assert!(run.stderr.contains(part), "{place}: {}", run.stderr);
    }
    assert_eq!(service.requests(), 0);
}

#[test]
fn a_dashboard_that_is_gone_after_the_test_loses_no_report() {
    let service = Server::start(|_| ok("hello"));
    let asked = Arc::new(AtomicUsize::new(0));
    let dashboard = Server::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => json(TIMELINE),
        _ => None,
    });
    let dir = Dir::new("timeline-gone");
    let report = dir.path("report.html");
    let args =
        [&[service.url.as_str(), "--timeline", &dashboard.url, "--report", &report], &LOAD[..]].concat();
    let run = run(&args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("after the test, there is no timeline"), "{}", run.stderr);
    assert!(dir.read("report.html").contains("What is said of the fleet is from before the test."));
}
