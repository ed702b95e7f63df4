//! Options from all sources.

use crate::tool::{Dir, command, run};

#[test]
fn inspect_prints_resolved_options() {
    let dir = Dir::new("inspect");
    let script = "export const options = { stages: [{ duration: '1m', target: 1000 }, { duration: '10m', target: 5000 }],
        thresholds: { http_req_failed: ['rate<0.01'] } };
        export default function () {}";
    let file = dir.write("k6.js", script);
    let run = run(&["inspect", &file, "--execution-requirements"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn flags_stand_over_variables_over_the_script() {
    let dir = Dir::new("precedence");
    let file = dir
        .write("k6.js", "export const options = { vus: 3, duration: '1h' }; export default function () {}");
    let banner = |args: &[&str], variables: &[(&str, &str)]| {
        let mut all = vec![file.as_str(), "--summary-mode", "disabled"];
        all.extend_from_slice(args);
        let output = command(&all).envs(variables.iter().copied()).output().expect("starts");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let iterations = [("K6_ITERATIONS", "5"), ("K6_VUS", "2")];
    assert!(banner(&[], &iterations).contains("5 iterations shared among 2 VUs"));
    assert!(banner(&["-i", "4", "-u", "1"], &iterations).contains("4 iterations shared among 1 VUs"));
    assert!(banner(&["-s", "100ms:2"], &[]).contains("Up to 3 looping VUs for 100ms over 1 stages"));
    assert!(banner(&["-s", "1s:2", "--speed", "10"], &[]).contains("Up to 3 looping VUs for 100ms"));
}

#[test]
fn a_plan_runs_without_javascript() {
    let server = crate::server::Server::start(|_| crate::server::ok("a todo"));
    let dir = Dir::new("plan");
    let plan = format!(
        "[options]\nvus = 2\niterations = 6\n[[steps]]\nget = \"{}\"\ncheck = [\"status=200\", \"body~todo\"]\n",
        server.url
    );
    let file = dir.write("plan.toml", &plan);
    let run = run(&[&file]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("checks_succeeded...: 100.00% 12 out of 12"), "{}", run.stdout);
}

#[test]
fn a_script_comes_from_standard_input() {
    use std::io::Write;
    let mut child = command(&["-", "-q"]);
    let child = child.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = child.spawn().expect("starts");
    let script = b"export const options = { iterations: 3 }; export default function () {}";
    child.stdin.take().expect("is piped").write_all(script).expect("takes it");
    let output = child.wait_with_output().expect("ends");
    assert!(String::from_utf8_lossy(&output.stdout).contains("iterations...........: 3"), "{output:?}");
}
