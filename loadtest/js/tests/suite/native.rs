//! Which scripts run without an interpreter, and that they do the same there.

use std::rc::Rc;
use std::time::Duration;

use crate::host::load;
use loadtest_js::*;

fn native(text: &str) -> Option<NativeScenario> {
    let script = load(text).unwrap_or_else(|e| panic!("{e}"));
    let scenario = Scenario { exec: "default".to_owned(), ..Scenario::default() };
    script.native(&Rc::new(scenario), &VuConfig::default())
}

const IMPORTS: &str = "import http from 'k6/http'; import { check, group, sleep } from 'k6';\n";

fn native_body(body: &str) -> Option<NativeScenario> {
    native(&format!("{IMPORTS}export default function () {{ {body} }}"))
}

#[test]
fn the_practicals_iteration_is_plain_data() {
    let steps = native_body(
        "const res = http.get('http://h.test/api/v1/todos');
         check(res, { 'status was 200': (r) => r.status == 200 });
         sleep(1);",
    );
    let request = NativeRequest {
        method: "GET".to_owned(),
        url: "http://h.test/api/v1/todos".to_owned(),
        name: None,
        headers: vec![],
        body: None,
        redirects_max: None,
        timeout: Duration::from_secs(60),
        response_type: ResponseType::Text,
        tags: vec![],
    };
    let test = NativeTest::Compare(NativeNumber::Status, NativeOrder::Equal, 200.0);
    let check = NativeStep::Check { request: 0, name: "status was 200".to_owned(), test, tags: vec![] };
    let steps = steps.expect("native").steps;
    assert_eq!(steps, [NativeStep::Request(request), check, NativeStep::Sleep(Duration::from_secs(1))]);
}

#[test]
fn constants_are_evaluated_by_the_interpreter() {
    let text = format!(
        "{IMPORTS}
         const BASE = __ENV.HOST || 'http://other.test';
         const params = {{ headers: {{ 'X-Key': `k${{1 + 1}}` }}, tags: {{ kind: 'a' }}, timeout: '5s' }};
         export const options = {{ vus: 2 }};
         export default () => {{
           const payload = JSON.stringify({{ a: [1, 'x'], b: null }});
           http.post(`${{BASE}}/x`, payload, params);
           check(http.get(BASE), {{ a: (r) => r.status < 300 && r.body.length >= 0, b(r) {{ return 1; }} }});
         }};"
    );
    assert_eq!(native(&text), None, "a method among the checks is not of the form");
    let steps = native(&text.replace(", b(r) { return 1; }", "")).expect("native").steps;
    let [NativeStep::Request(post), NativeStep::Request(get), NativeStep::Check { request, .. }] =
        steps.as_slice()
    else {
        panic!("{steps:?}")
    };
    assert_eq!(post.url, "http://e.test/x");
    assert_eq!(post.body.as_deref(), Some(br#"{"a":[1,"x"],"b":null}"#.as_slice()));
    assert_eq!(post.headers, [("X-Key".to_owned(), "k2".to_owned())]);
    assert_eq!((post.timeout, get.url.as_str(), *request), (Duration::from_secs(5), "http://e.test", 1));
}

#[test]
fn what_is_not_constant_or_not_straight_is_left_to_the_interpreter() {
    for body in [
        "http.get('http://h.test/' + Math.random());",
        "http.get(`http://h.test/${__VU}`);",
        "http.get(`http://h.test/${__ITER}`);",
        "http.get('http://h.test/' + Date.now());",
        "for (let i = 0; i < 2; i++) http.get('http://h.test/');",
        "if (http.get('http://h.test/').status) sleep(1);",
        "const r = http.get('http://h.test/'); http.get(r.url);",
        "sleep(Math.random());",
        "sleep(0);",
        "group('g', () => { http.get('http://h.test/'); });",
        "check(http.get('http://h.test/'), { a: (r) => r.json().a === 1 });",
        "check(http.get('http://h.test/'), { a: (r) => r.status === '200' });",
        "check(http.get('http://h.test/'), { a: (r) => { console.log(1); return true; } });",
        "check(http.get('http://h.test/'), { a: (r) => __VU === 1 });",
        "const http = 1;",
        "return http.get('http://h.test/');",
        "http.get('http://h.test/', { responseCallback: http.expectedStatuses(404) });",
        "http.get('http://h.test/', { auth: 'basic', cookies: { a: 1 } });",
        "http.get('http://user:pass@h.test/');",
        "console.log('x');",
    ] {
        assert_eq!(native_body(body), None, "{body}");
    }
    for text in [
        "let n = 0; export default function () { http.get('http://h.test/' + n); }",
        "http.setResponseCallback(null); export default function () { http.get('http://h.test/'); }",
        "export default async function () { http.get('http://h.test/'); }",
        "export default function (data) { http.get('http://h.test/'); }",
        "const x = new Date(); export default function () { http.get('http://h.test/'); }",
        "const x = (http.get = () => 1); export default function () { http.get('http://h.test/'); }",
        "class A { static { http.get = 1 } } export default function () { http.get('http://h.test/'); }",
    ] {
        assert_eq!(native(&format!("{IMPORTS}{text}")), None, "{text}");
    }
}

#[test]
fn tests_hold_as_in_the_interpreter() {
    for test in [
        "r => r.status === 200",
        "r => 200 != r.status",
        "r => !(r.status >= 300)",
        "r => r.status > 199 && r.status < 300",
        "(r) => r.status == 404 || r.body.includes('body')",
        "function (r) { return r.body.length > 5; }",
        "r => r.timings.duration < 500",
        "r => 500 <= r.timings.waiting",
        "r => r.body",
        "r => r.error_code === 0",
    ] {
        // `native` itself compares each with the interpreter on two different answers.
        assert!(
            native_body(&format!("check(http.get('http://h.test/'), {{ t: {test} }});")).is_some(),
            "{test}"
        );
    }
    let view = NativeView {
        status: 0,
        error_code: 1212,
        body: None,
        duration: Duration::ZERO,
        waiting: Duration::ZERO,
    };
    assert!(NativeTest::BodyIncludes("x".to_owned()).holds(view).is_err());
    assert_eq!(NativeTest::BodyTruthy.holds(view), Ok(false));
}

#[test]
fn other_functions_and_options_that_matter() {
    let text = format!(
        "{IMPORTS}export function other() {{ http.get('http://h.test/o'); }} export const f = () => {{ sleep(2); }};"
    );
    let script = load(&text).expect("loads");
    for (exec, steps) in [("other", 1), ("f", 1)] {
        let scenario = Rc::new(Scenario { exec: exec.to_owned(), ..Scenario::default() });
        assert_eq!(
            script.native(&scenario, &VuConfig::default()).map(|n| n.steps.len()),
            Some(steps),
            "{exec}"
        );
        assert_eq!(script.native(&scenario, &VuConfig { throw: true, ..VuConfig::default() }), None);
    }
}
