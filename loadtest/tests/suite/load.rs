//! Executors, stops and pacing, end to end; times are short and asserted loosely from one side only.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use crate::server::{Server, answer, ok};
use crate::tool::{Dir, command, run, run_script};

#[test]
fn iterations_are_counted_exactly() {
    let server = Server::start(|_| ok("hello"));
    let script = format!(
        "import http from 'k6/http';
         export const options = {{ scenarios: {{
           shared: {{ executor: 'shared-iterations', vus: 3, iterations: 20 }},
           each: {{ executor: 'per-vu-iterations', vus: 3, iterations: 5 }},
         }} }};
         export default function () {{ http.get('{}'); }}",
        server.url
    );
    for extra in [vec![], vec!["--isolation=vu"], vec!["--threads", "1"]] {
        let before = server.requests();
        let (run, results) = run_script("iterations", &script, &extra);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(results["metrics"]["iterations"]["count"], 35);
        assert_eq!(results["metrics"]["http_reqs"]["count"], 35);
        assert_eq!(server.requests() - before, 35);
    }
}

#[test]
fn an_open_model_drops_what_finds_no_vu() {
    let server = Server::start(|_| ok(""));
    let script = format!(
        "import http from 'k6/http'; import {{ sleep }} from 'k6';
         export const options = {{ scenarios: {{ open: {{ executor: 'constant-arrival-rate', rate: 50,
           duration: '1s', preAllocatedVUs: 2, maxVUs: 4, gracefulStop: '5s' }} }} }};
         export default function () {{ http.get('{}'); sleep(2); }}",
        server.url
    );
    let (run, results) = run_script("open", &script, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(results["metrics"]["iterations"]["count"], 4, "{}", run.stdout);
    assert_eq!(results["metrics"]["dropped_iterations"]["count"], 46);
    assert!(run.stderr.contains("all 4 VUs are busy"), "{}", run.stderr);
}

#[test]
fn native_and_isolated_runs_agree() {
    let server = Server::start(|seen| if seen.path == "/odd" { ok("odd") } else { ok("a todo") });
    let dir = Dir::new("agree");
    let script = format!(
        "import http from 'k6/http'; import {{ check, sleep }} from 'k6';
         export const options = {{ vus: 4, iterations: 40, thresholds: {{ checks: ['rate>0.6'] }} }};
         export default function () {{
           const res = http.get('{0}/');
           check(res, {{ 'is 200': (r) => r.status === 200, 'is 404': (r) => r.status == 404 }});
           http.get('{0}/odd');
           sleep(0.01);
         }}",
        server.url
    );
    let file = dir.write("k6.js", &script);
    let results = ["--isolation=auto", "--isolation=vu"].map(|isolation| {
        let export = dir.path("out.json");
        let run = run(&[&file, isolation, "--summary-export", &export]);
        assert_eq!(run.code, 99, "{}", run.stderr);
        assert!(run.stderr.contains("thresholds on metrics 'checks' have been crossed"));
        let engine = run.stderr.lines().find(|line| line.contains("engine:")).unwrap_or_default().to_owned();
        let results: serde_json::Value = serde_json::from_str(&dir.read("out.json")).expect("is JSON");
        (engine, results)
    });
    assert!(results[0].0.contains("native") && results[1].0.contains("JavaScript"), "{results:?}");
    for path in [
        "/metrics/checks/passes",
        "/metrics/checks/fails",
        "/metrics/http_reqs/count",
        "/metrics/iterations/count",
        "/metrics/http_req_failed/passes",
        "/root_group",
        "/metrics/data_sent/count",
        "/metrics/data_received/count",
    ] {
        assert_eq!(results[0].1.pointer(path), results[1].1.pointer(path), "{path}");
    }
}

#[test]
fn shared_and_isolated_interpreters_agree() {
    let server = Server::start(|seen| {
        if seen.path.contains("odd") { Some(answer("404 Not Found", &[], b"odd")) } else { ok("a todo") }
    });
    let dir = Dir::new("shared");
    // Each VU keeps count; every third of its requests is for something that is not there.
    let script = format!(
        "import http from 'k6/http'; import {{ check, group, sleep }} from 'k6'; import {{ Counter }} from 'k6/metrics';
         export const options = {{ scenarios: {{ each: {{ executor: 'per-vu-iterations', vus: 5, iterations: 6 }} }} }};
         const counts = new Counter('counts');
         let count = 0;
         export default function () {{
           count += 1;
           counts.add(count);
           const res = http.get(`{0}/${{count % 3 === 0 ? 'odd' : 'even'}}?n=${{count}}`, {{ tags: {{ name: 'todo' }} }});
           group('look', () => check(res, {{ 'is 200': (r) => r.status === 200 }}));
           sleep(0.01);
           if (count === 6) throw new Error(`VU counted to ${{count}}`);
         }}",
        server.url
    );
    let file = dir.write("k6.js", &script);
    let results = ["--isolation=auto", "--isolation=vu"].map(|isolation| {
        let export = dir.path("out.json");
        let run = run(&[&file, isolation, "--threads", "1", "--summary-export", &export]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let said = |text: &str| run.stderr.matches(text).count();
        let engine = run.stderr.lines().find(|line| line.contains("engine:")).unwrap_or_default().to_owned();
        let results: serde_json::Value = serde_json::from_str(&dir.read("out.json")).expect("is JSON");
        (engine, results, said("VU counted to 6"), said("at default ("))
    });
    assert!(results[0].0.contains("several VUs in one interpreter"), "{}", results[0].0);
    assert!(results[1].0.contains("an interpreter of its own for each VU"), "{}", results[1].0);
    assert_eq!((results[0].2, results[0].3), (results[1].2, results[1].3));
    for (path, expected) in [
        ("/metrics/checks/passes", Some(20)),
        ("/metrics/checks/fails", Some(10)),
        ("/metrics/http_reqs/count", Some(30)),
        ("/metrics/iterations/count", Some(30)),
        ("/metrics/counts/count", Some(5 * 21)),
        ("/metrics/http_req_failed/passes", None),
        ("/metrics/data_sent/count", None),
        ("/metrics/data_received/count", None),
        ("/root_group", None),
    ] {
        let [shared, isolated] = [&results[0].1, &results[1].1].map(|r| r.pointer(path));
        assert_eq!(shared, isolated, "{path}");
        assert!(shared.is_some(), "{path}");
        if let Some(expected) = expected {
            assert_eq!(shared.and_then(serde_json::Value::as_u64), Some(expected), "{path}");
        }
    }
}

#[test]
fn a_slow_server_is_corrected_for() {
    let calls = AtomicUsize::new(0);
    let stall = Mutex::new(());
    let wait = Condvar::new();
    let server = Server::start(move |_| {
        if calls.fetch_add(1, Ordering::SeqCst) == 20 {
            // Stalls for a second: nobody ever notifies.
            let guard = stall.lock().expect("not poisoned");
            let _ = wait.wait_timeout(guard, std::time::Duration::from_secs(1));
        }
        ok("")
    });
    let run = run(&[&server.url, "-u", "1", "-d", "2s", "--think-time", "10ms", "-q"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("COORDINATED OMISSION CORRECTED"), "{}", run.stdout);
    let p95 = |name: &str| {
        let line = run
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(name))
            .unwrap_or_default()
            .to_owned();
        line.split("p(95)=")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_default()
            .to_owned()
    };
    assert!(p95("corrected").ends_with("ms") && p95("corrected").len() > 6, "{}", run.stdout);
    assert_ne!(p95("raw"), p95("corrected"));
}

#[test]
fn an_interrupt_ends_gently_and_shows_the_summary() {
    let first = Arc::new((Mutex::new(false), Condvar::new()));
    let told = Arc::clone(&first);
    let server = Server::start(move |_| {
        *told.0.lock().expect("not poisoned") = true;
        told.1.notify_all();
        ok("")
    });
    let mut child = command(&[&server.url, "-d", "10m", "--think-time", "50ms", "-q"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let guard = first.0.lock().expect("not poisoned");
    drop(first.1.wait_while(guard, |seen| !*seen).expect("not poisoned"));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("fits")).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("is ours");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(105));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("TOTAL RESULTS"), "{out}");
    assert!(err.contains("interrupt again"), "{err}");
}

#[test]
fn an_interrupt_during_setup_ends_the_test() {
    let (told, heard) = std::sync::mpsc::channel();
    let told = Mutex::new(told);
    let server = Server::start(move |_| {
        told.lock().expect("not poisoned").send(()).expect("the test waits");
        ok("")
    });
    let script = format!(
        "import http from 'k6/http'; import {{ sleep }} from 'k6';
         export function setup() {{ http.get('{0}/setup'); sleep(600); }}
         export default function () {{ http.get('{0}/never'); }}
         export function teardown() {{ http.get('{0}/never'); }}",
        server.url
    );
    let dir = Dir::new("interrupted-setup");
    let file = dir.write("script.js", &script);
    let mut child = command(&[&file, "-q"]);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    heard.recv().expect("setup asks");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("fits")).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("is ours");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(105), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(server.requests(), 1);
}

#[test]
fn setup_data_reaches_iterations_and_teardown() {
    let server = Server::start(|seen| ok(&seen.path));
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export const options = {{ scenarios: {{ a: {{ executor: 'per-vu-iterations', vus: 2 }} }} }};
         export function setup() {{ http.get('{0}/setup'); return {{ token: 'abc' }}; }}
         export default function (data) {{
           check(data, {{ 'has the token': (d) => d.token === 'abc' }});
           data.token = 'changed';
         }}
         export function teardown(data) {{ http.get('{0}/' + data.token); }}",
        server.url
    );
    let (run, results) = run_script("setup-data", &script, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(results["metrics"]["http_reqs"]["count"], 2);
    assert_eq!(server.requests(), 2);
    assert_eq!(results["metrics"]["checks"]["passes"], 2, "each VU has a copy of its own: {}", run.stdout);
}

#[test]
fn a_threshold_can_abort() {
    let server = Server::start(|_| Some(crate::server::answer("500 Oh", &[], b"")));
    let script = format!(
        "import http from 'k6/http'; import {{ sleep }} from 'k6';
         export const options = {{ vus: 1, duration: '10m',
           thresholds: {{ http_req_failed: [{{ threshold: 'rate<0.5', abortOnFail: true }}] }} }};
         export default function () {{ http.get('{}'); sleep(0.1); }}",
        server.url
    );
    let (run, _) = run_script("abort", &script, &[]);
    assert_eq!(run.code, 99, "{}", run.stderr);
}

/// The gentle load of a bare URL gives way to flags that describe another one.
#[test]
fn a_urls_own_load_yields_to_flags() {
    let server = Server::start(|_| ok("hello"));
    for (flags, wanted) in [(["--rate", "20", "-d", "1s"], 15..=21), (["-i", "3", "-u", "1"], 3..=3)] {
        let run = run(&[&[server.url.as_str(), "--think-time", "0s", "-q"], flags.as_slice()].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let line = run.stdout.lines().find(|line| line.trim_start().starts_with("iterations."));
        let count =
            line.and_then(|line| line.split(": ").nth(1)?.split_whitespace().next()?.parse::<u32>().ok());
        assert!(count.is_some_and(|count| wanted.contains(&count)), "{flags:?}: {}", run.stdout);
    }
}
