//! Servers and scripts that fail.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::server::{Server, answer, ok};
use crate::tool::{Dir, command, run, run_script};

#[test]
fn refused_hung_and_cut_connections_have_k6s_error_codes() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let refused = format!("http://{}", free.local_addr().expect("is bound"));
    drop(free);
    let hung = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let hung_url = format!("http://{}", hung.local_addr().expect("is bound"));
    let cut = Server::start(|_| None);
    let half = Server::start(|_| {
        Some(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nhalf".to_vec())
    });
    let bad = Server::start(|_| Some(answer("503 Service Unavailable", &[], b"")));
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export default function () {{
           const code = (name, res, code) => check(res, {{ [name]: (r) => r.error_code === code }});
           code('refused', http.get('{refused}'), 1212);
           code('timeout', http.get('{hung_url}', {{ timeout: '100ms' }}), 1050);
           code('cut', http.post('{}', 'x'), 1000);
           code('status', http.get('{}'), 1503);
           code('no host', http.get('http://no-such-host.invalid/'), 1101);
           check(http.get('{refused}'), {{ 'no answer': (r) => r.status === 0 && r.error !== '' && r.body === null }});
         }}",
        cut.url, bad.url
    );
    let (run, results) = run_script("codes", &script, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(results["metrics"]["checks"]["fails"], 0, "{}", run.stdout);
    assert_eq!(results["metrics"]["http_req_failed"]["passes"], 6);
    assert!(
        run.stdout.contains("dial: connection refused"),
        "the table of errors names causes: {}",
        run.stdout
    );
    for remedy in ["→ nothing accepts connections there", "→ the host's name leads nowhere"] {
        assert_eq!(run.stdout.matches(remedy).count(), 1, "{remedy}: {}", run.stdout);
    }
    drop((half, hung));
}

#[test]
fn an_exception_ends_the_iteration_but_not_the_test() {
    let script = "export const options = { vus: 2, iterations: 4 };
         export default function () { null.property; }";
    let (run, results) = run_script("exception", script, &[]);
    assert_eq!(run.code, 0);
    assert_eq!(results["metrics"]["iterations"]["count"], 4);
    assert!(run.stdout.contains("4 × script: TypeError"), "{}", run.stdout);
}

#[test]
fn a_script_that_never_yields_does_not_stop_the_others() {
    let server = Server::start(|_| ok(""));
    let script = format!(
        "import http from 'k6/http';
         export const options = {{ scenarios: {{
           mad: {{ executor: 'per-vu-iterations', exec: 'mad', maxDuration: '500ms', gracefulStop: '200ms' }},
           good: {{ executor: 'constant-vus', vus: 1, duration: '500ms', gracefulStop: '5s', exec: 'good' }},
         }} }};
         export function mad() {{ for (;;) {{}} }}
         export function good() {{ http.get('{}'); }}",
        server.url
    );
    let (run, results) = run_script("endless", &script, &["--threads", "1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(results["metrics"]["iterations"]["count"].as_u64() > Some(2), "{}", run.stdout);
}

#[test]
fn recursion_is_an_exception() {
    let script = "export default function () { const f = () => f() + 1; f(); }";
    let (run, _) = run_script("recursion", script, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("1 × script: "), "{}", run.stdout);
}

#[test]
fn what_is_wrong_is_said_before_the_start() {
    for (args, code, part) in [
        (vec!["no-such-file.js"], 255, "there is no file"),
        (vec!["http://127.0.0.1:9/"], 104, "start the service"),
        (vec!["localhost:9"], 104, "write http://localhost:9"),
        (vec!["http://no-such-host.invalid/"], 104, "--base-url"),
        (vec!["http://127.0.0.1:9/", "--threshold", "nope: count>1"], 104, "no such metric"),
        (vec!["http://127.0.0.1:9/", "--stage", "soon"], 255, "duration:target"),
        (vec!["http://127.0.0.1:9/", "--check", "colour=red"], 104, "known are status=200"),
        (vec!["http://127.0.0.1:9/", "--base-url", "ftp://x"], 104, "http://localhost:8080"),
        (vec!["http://127.0.0.1:9/", "-d", "1s", "-s", "1s:1"], 104, "cannot be used together"),
        (vec!["http://127.0.0.1:9/", "-o", "influxdb=x"], 255, "json=FILE"),
    ] {
        let run = run(&args);
        assert_eq!(run.code, code, "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(part), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn setup_that_throws_and_functions_that_are_missing() {
    let (run, _) = run_script(
        "setup",
        "export function setup() { throw new Error('no'); } export default () => {};",
        &[],
    );
    assert_eq!(run.code, 107, "{}", run.stderr);
    assert!(run.stderr.contains("setup() threw"), "{}", run.stderr);
    let script =
        "export const options = { scenarios: { a: { executor: 'per-vu-iterations', exec: 'buy' } } };
         export default function () {}";
    let (run, _) = run_script("exec", script, &[]);
    assert_eq!(run.code, 104);
    assert!(run.stderr.contains("`buy`"), "{}", run.stderr);
}

/// Never ends, and nothing can interrupt it.
const STUCK: &str = "Array.prototype.reverse.call({ length: 2 ** 53 - 1 });";

#[test]
fn a_regular_expression_that_never_ends_is_cut() {
    let script = "export const options = { scenarios: { a: {
           executor: 'constant-vus', duration: '1s', gracefulStop: '0s' } } };
         export default function () { /^(a+)+$/.test('a'.repeat(100) + 'b'); }";
    for isolation in ["--isolation=auto", "--isolation=vu"] {
        let (run, results) = run_script("endless-expression", script, &[isolation]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(results["metrics"]["iterations"], serde_json::Value::Null);
    }
}

#[test]
fn a_script_that_cannot_be_interrupted_does_not_keep_the_test_from_ending() {
    let script = format!(
        "export const options = {{ scenarios: {{ a: {{
           executor: 'constant-vus', duration: '1s', gracefulStop: '0s' }} }} }};
         export default function () {{ {STUCK} }}"
    );
    let dir = Dir::new("stuck-out");
    let out = format!("json={}", dir.path("samples.json"));
    let (run, _) = run_script("stuck", &script, &["--out", &out]);
    assert_eq!(run.code, 102, "{}", run.stderr);
    assert!(run.stderr.contains("1 threads did not end"), "{}", run.stderr);
    assert!(run.stdout.contains("TOTAL RESULTS"), "{}", run.stdout);
    assert!(dir.read("samples.json").contains("vus_max"), "what there is was written");
}

/// Hundredths of a second that a process has computed.
fn busy_ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let after_name = stat.rsplit(')').next().expect("a line");
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[test]
fn the_third_interrupt_ends_whatever_cannot_be_interrupted() {
    let dir = Dir::new("stuck-setup");
    let file = dir.write(
        "script.js",
        &format!("export function setup() {{ {STUCK} }} export default function () {{}}"),
    );
    let mut child = command(&[&file]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
    lines.by_ref().map_while(Result::ok).find(|line| line.starts_with("setup()")).expect("setup begins");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("fits")).expect("a process");
    // A signal before the script is in there would end the test as any other. Nothing but it computes for so long.
    let (begin, enough) = (busy_ticks(child.id()), 50);
    while busy_ticks(child.id()) < begin + enough {
        std::thread::yield_now();
    }
    // Signals that come at once may count as one.
    let code = loop {
        if let Some(status) = child.try_wait().expect("is ours") {
            break status.code();
        }
        kill_process(pid, Signal::INT).expect("is ours");
        std::thread::yield_now();
    };
    assert_eq!(code, Some(105));
    assert!(lines.map_while(Result::ok).any(|line| line.contains("without results")));
}
