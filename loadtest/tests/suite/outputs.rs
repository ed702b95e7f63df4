//! What a run leaves behind.

use crate::server::{Server, ok};
use crate::tool::{Dir, run, run_script};

#[test]
fn the_summary_reads_as_k6s() {
    let server = Server::start(|_| ok("hello"));
    let run =
        run(&[&server.url, "-u", "1", "-i", "2", "--think-time", "50ms", "--check", "status=200", "-q"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // Times and bytes differ from run to run; the layout does not.
    let hidden: String = run
        .stdout
        .lines()
        .map(|line| {
            let cut = line
                .find(": ")
                .filter(|_| line.contains("avg=") || line.contains("/s") || line.contains("data_"));
            format!("{}\n", cut.map_or(line, |at| &line[..at + 1]))
        })
        .collect();
    insta::assert_snapshot!(hidden);
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
           return {{ stdout: 'own ' + sizes.values.med + ' ' + sizes.values.count, '{file}': sizes.type }};
         }}"
    );
    let (run, _) = run_script("handle-summary", &script, &[]);
    assert_eq!(run.stdout, "own -5 10", "{}", run.stderr);
    assert_eq!(dir.read("own.txt"), "trend");
}
