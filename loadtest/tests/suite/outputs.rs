//! What a run leaves behind.

use crate::server::{Server, ok};
use crate::tool::{Dir, command, run, run_script};

#[test]
fn the_summary_reads_as_k6s() {
    let server = Server::start(|_| ok("hello"));
    let run =
        run(&[&server.url, "-u", "1", "-i", "2", "--think-time", "50ms", "--check", "status=200", "-q"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    insta::assert_snapshot!(layout(&run.stdout));
}

/// A script with checks in groups, in the default scenario and in one of its own.
const GROUPS: &str =
    "import http from 'k6/http'; import { check, group } from 'k6'; import { Trend } from 'k6/metrics';
    const size = new Trend('size');
    export const options = { scenarios: {
      default: { executor: 'per-vu-iterations' },
      own: { executor: 'per-vu-iterations', exec: 'own', startTime: '100ms' },
    } };
    export default function () {
      group('outer', () => {
        check(1, { 'one': () => true });
        group('inner', () => { check(1, { 'one': () => false, 'two': () => true }); size.add(1); });
      });
    }
    export function own() { group('outer', () => { check(1, { 'one': () => true }); size.add(3); }); }
    export function setup() { check(1, { 'ready': () => true }); }";

/// What differs from run to run, hidden.
fn layout(text: &str) -> String {
    // A slow machine also has a sample of the number of VUs.
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("vus")).map(|line| {
        let cut = line
            .find(": ")
            .filter(|_| line.contains("avg=") || line.contains("/s") || line.contains("data_"))
            .filter(|_| !line.contains("size..."));
        let kept = cut.map_or(line, |at| &line[..at + 1]);
        // The width of columns depends on times.
        match kept.split_once("avg=") {
            Some((name, stats)) => {
                format!("{name}avg={}\n", stats.split_whitespace().collect::<Vec<_>>().join(" "))
            }
            None => format!("{kept}\n"),
        }
    });
    lines.collect()
}

#[test]
fn the_full_summary_has_a_block_for_each_group_and_scenario() {
    let (run, _) = run_script("full", GROUPS, &["--summary-mode", "full"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    insta::assert_snapshot!(layout(&run.stdout));
}

#[test]
fn the_compact_summary_counts_a_check_of_several_groups_once() {
    let (run, _) = run_script("compact", GROUPS, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    insta::assert_snapshot!(layout(&run.stdout));
}

#[test]
fn unknown_summary_modes_are_refused() {
    let dir = Dir::new("mode");
    let file = dir.write("script.js", "export default function () {}");
    for (mode, part) in [("legacy", "went with k6 2.0"), ("long", "there is no summary mode `long`")] {
        let output = command(&[&file]).env("K6_SUMMARY_MODE", mode).output().expect("starts");
        assert_eq!(output.status.code(), Some(104));
        assert!(String::from_utf8_lossy(&output.stderr).contains(part), "{output:?}");
    }
}

#[test]
fn every_sample_goes_to_the_outputs() {
    let server = Server::start(|_| ok("hello"));
    let dir = Dir::new("samples");
    let (json, csv, html) = (dir.path("out.json"), dir.path("out.csv.gz"), dir.path("report.html"));
    let out = [format!("json={json}"), format!("csv={csv}")];
    let args = [
        &server.url,
        "-u",
        "1",
        "-i",
        "3",
        "--think-time",
        "0s",
        "-o",
        &out[0],
        "-o",
        &out[1],
        "--report",
        &html,
    ];
    let run = run(&args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = dir.read("out.json");
    let points = text
        .lines()
        .filter(|line| line.contains("\"metric\":\"http_reqs\"") && line.contains("Point"))
        .count();
    assert_eq!(points, 3);
    let bytes = std::fs::read(dir.0.join("out.csv.gz")).expect("is there");
    let csv = loadtest::net::decode::decode(bytes, "gzip").expect("is gzip");
    let csv = String::from_utf8(csv).expect("is text");
    assert_eq!(csv.lines().filter(|line| line.starts_with("http_reqs,")).count(), 3);
    let page = dir.read("report.html");
    assert!(page.contains("<svg") && !page.contains("src=") && !page.contains("href="), "self-contained");
}

#[test]
fn handle_summary_takes_the_place_of_the_summary() {
    let dir = Dir::new("handle");
    let file = dir.path("own.txt");
    let script = format!(
        "import {{ Trend }} from 'k6/metrics';
         const sizes = new Trend('sizes');
         export const options = {{ iterations: 10, summaryTrendStats: ['med', 'p(99)', 'count'] }};
         export default function () {{ sizes.add(-5); }}
         export function handleSummary(data) {{
           const sizes = data.metrics.sizes;
           console.log('told\\u001b[2m here');
           return {{ stdout: 'own ' + sizes.values.med + ' ' + sizes.values.count, '{file}': sizes.type }};
         }}"
    );
    let (run, _) = run_script("handle-summary", &script, &[]);
    assert_eq!(run.stdout, "own -5 10", "{}", run.stderr);
    assert!(run.stderr.contains(r#"level=info msg="told\x1b[2m here" source=console"#), "{}", run.stderr);
    assert_eq!(dir.read("own.txt"), "trend");
}

#[test]
fn the_machine_readable_summary_has_k6s_shape() {
    let script = "import { check } from 'k6'; import { Rate, Trend } from 'k6/metrics';
        const [rate, time] = [new Rate('rate'), new Trend('time', true)];
        export const options = { thresholds: { 'time{a:b}': ['max<9'] } };
        export default function () { check(1, { fine: true, bad: false }); rate.add(true); time.add(7, { a: 'b' }); }
        export function setup() { return 5; }
        export function handleSummary(data) { data.own = 1; return { stdout: JSON.stringify(data) }; }";
    let (run, exported) = run_script("machine", script, &["--new-machine-readable-summary=true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let shown: serde_json::Value = serde_json::from_str(&run.stdout).expect("is JSON");
    assert_eq!(shown["config"]["script"], script);
    assert_eq!((&shown["config"]["execution"], &shown["version"]), (&"local".into(), &"1.0.0".into()));
    let metrics = shown["results"]["metrics"].as_array().expect("a list");
    let of_script: Vec<_> = metrics
        .iter()
        .filter(|metric| ["rate", "time", "time{a:b}"].iter().any(|own| metric["name"] == *own))
        .collect();
    insta::assert_json_snapshot!((&shown["results"]["checks"], of_script));
    assert_eq!((&exported["own"], &exported["results"]), (&1.into(), &shown["results"]));
}
