//! Rates, ramps, the life of connections and a test that is ended at once, end to end.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::atomic::Ordering;

use rustix::process::{Pid, Signal, kill_process};

use crate::server::{Server, ok};
use crate::tool::{Dir, command, run_script};

#[test]
fn rps_limits_all_vus_together() {
    let server = Server::start(|_| ok(""));
    let script = format!(
        "import http from 'k6/http';
         export const options = {{ vus: 4, iterations: 20, rps: 40 }};
         export default function () {{ http.get('{}'); }}",
        server.url
    );
    for isolation in ["--isolation=auto", "--isolation=vu"] {
        let (run, results) = run_script("rps", &script, &[isolation]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(results["metrics"]["http_reqs"]["count"], 20);
        let rate = results["metrics"]["http_reqs"]["rate"].as_f64().expect("a number");
        // The first request does not wait.
        assert!(rate <= 40.0 * 20.0 / 19.0, "{rate}");
    }
}

#[test]
fn connections_live_as_long_as_the_options_say() {
    for (options, connections) in
        [("", 1), ("noVUConnectionReuse: true,", 3), ("noConnectionReuse: true,", 6)]
    {
        for isolation in ["--isolation=auto", "--isolation=vu"] {
            let server = Server::start(|_| ok("hello"));
            let script = format!(
                "import http from 'k6/http';
                 export const options = {{ {options} vus: 1, iterations: 3 }};
                 export default function () {{ http.get('{0}/a'); http.get('{0}/b'); }}",
                server.url
            );
            let (run, results) = run_script("reuse", &script, &[isolation]);
            assert_eq!(run.code, 0, "{}", run.stderr);
            assert_eq!(results["metrics"]["http_reqs"]["count"], 6);
            assert_eq!(server.connections.load(Ordering::SeqCst), connections, "{options} {isolation}");
        }
    }
}

#[test]
fn ramps_of_vus_and_of_rates() {
    let server = Server::start(|_| ok(""));
    let script = format!(
        "import http from 'k6/http'; import {{ sleep }} from 'k6';
         export const options = {{ scenarios: {{
           vus: {{ executor: 'ramping-vus', startVUs: 0, gracefulRampDown: '1m', exec: 'looping',
             stages: [{{ duration: '0s', target: 3 }}, {{ duration: '500ms', target: 3 }}, {{ duration: '500ms', target: 0 }}] }},
           rate: {{ executor: 'ramping-arrival-rate', startRate: 0, timeUnit: '1s', preAllocatedVUs: 20,
             stages: [{{ duration: '1s', target: 20 }}] }},
         }}, thresholds: {{ 'iterations{{scenario:vus}}': ['count>2'], 'iterations{{scenario:rate}}': ['count>0'] }} }};
         export function looping() {{ http.get('{0}/vus'); sleep(0.05); }}
         export default function () {{ http.get('{0}/rate'); }}",
        server.url
    );
    let (run, results) = run_script("ramps", &script, &[]);
    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
    let metrics = &results["metrics"];
    let count = |name: &str| metrics[name]["count"].as_u64().unwrap_or(0);
    // A rate that grows from nothing to 20/s within a second makes ten starts.
    let started = count("iterations{scenario:rate}") + count("dropped_iterations");
    assert!((9..=11).contains(&started), "{started}: {}", run.stdout);
    assert_eq!(count("iterations"), count("iterations{scenario:rate}") + count("iterations{scenario:vus}"));
    assert_eq!(metrics["vus_max"]["value"], 23);
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let dir = Dir::new("twice");
    let script = "import { sleep } from 'k6';
        export const options = { scenarios: { s: { executor: 'per-vu-iterations', gracefulStop: '1h', maxDuration: '1h' } } };
        export default function () { console.log('begun'); sleep(3600); }";
    let file = dir.write("script.js", script);
    let mut child = command(&[&file, "-q"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("fits")).expect("a process");
    let mut lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
    for awaited in ["begun", "interrupt again"] {
        let line = lines.by_ref().map_while(Result::ok).find(|line| line.contains(awaited));
        assert!(line.is_some(), "never said {awaited:?}");
        kill_process(pid, Signal::INT).expect("is ours");
    }
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(105));
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("TOTAL RESULTS") && !out.contains("iterations."), "{out}");
}
