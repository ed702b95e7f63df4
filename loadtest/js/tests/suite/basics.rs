//! The life of a script: load, init, iterations, setup and teardown.

use crate::host::*;
use loadtest_js::*;

/// The practical's script, as printed in its sheet.
const PRACTICAL: &str = r"
import http from 'k6/http';
import { sleep, check } from 'k6';

export const options = {
  stages: [
    { target: 1000, duration: '1m' },
    { target: 5000, duration: '10m' },
  ],
};

export default function () {
  const res = http.get('http://your-loadBalancer-url-here/api/v1/todos');
  check(res, { 'status was 200': (r) => r.status == 200 });
  sleep(1);
}
";

#[test]
fn the_practicals_script_runs() {
    let mut rig = Rig::new(PRACTICAL);
    assert_eq!(rig.script.options()["stages"][1]["target"], 5000);
    assert_eq!(rig.script.functions(), ["default"]);
    for _ in 0..3 {
        assert_eq!(rig.iterate().outcome, Outcome::Completed);
        let expected = ["GET http://your-loadBalancer-url-here/api/v1/todos", "✓ status was 200", "sleep 1s"];
        assert_eq!(rig.lines(), expected);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever text a script sends as a form arrives as it was.
    #[test]
    fn forms_keep_their_values(value in "\\PC{0,20}") {
        let json = serde_json::Value::from(value.as_str());
        let got = lines(&format!("import http from 'k6/http'; export default () => {{ http.post('http://h.test/', {{ k: {json} }}); }}"));
        let form = got[0].split('<').nth(1).expect("a body").trim_end_matches('>');
        let read: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).collect();
        proptest::prop_assert_eq!(read, [("k".into(), value.as_str().into())]);
    }

    /// JSON goes through setup to the iterations unchanged.
    #[test]
    fn setup_data_round_trips(numbers in proptest::collection::vec(proptest::prelude::any::<i32>(), 0..5), text in "\\PC{0,20}") {
        let value = serde_json::json!({ "numbers": numbers, "text": text });
        let mut rig = Rig::new(&format!("export function setup() {{ return {value}; }} export default () => {{}};"));
        let TaskValue::Json(json) = rig.run(Task::Setup).value else { panic!("no data") };
        let got: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        proptest::prop_assert_eq!(got, value);
    }

    /// No text makes the loader panic.
    #[test]
    fn any_text_loads_or_says_why(text in "\\PC{0,60}") {
        if let Err(error) = load(&text) {
            proptest::prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn scripts_are_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let script = load(PRACTICAL).expect("loads");
    shared(&script);
    let threads: Vec<_> = (1..=4)
        .map(|id| {
            let script = script.clone();
            std::thread::spawn(move || {
                let mut rig = Rig::with(script, VuConfig { id, ..VuConfig::default() });
                (0..20).all(|_| rig.iterate().outcome == Outcome::Completed)
            })
        })
        .collect();
    assert!(threads.into_iter().all(|t| t.join().expect("no panic")));
}

#[test]
fn tags_and_variables_are_the_scenarios() {
    let text = "import http from 'k6/http'; import exec from 'k6/execution'; import { group } from 'k6';
        export function other() {
          exec.vu.metrics.tags.own = 'o';
          group('g', () => http.get(`http://h.test/${__ENV.WHO}`, { tags: { t: 1 } }));
        }";
    let scenario = |who: &str| Scenario {
        name: "s".into(),
        exec: "other".to_owned(),
        env: [("WHO".to_owned(), who.to_owned())].into(),
        tags: [("kind".to_owned(), "a".to_owned())].into(),
        ..Scenario::default()
    };
    let mut rig = Rig::new(text).scenario(scenario("x"));
    rig.iterate();
    let mut rig = rig.scenario(scenario("y"));
    rig.iterate();
    let tags = "{group=::g,kind=a,own=o,t=1}";
    let group = "group 0ms {group=::g,kind=a,own=o}";
    let expected = [
        format!("GET http://h.test/x {tags}"),
        group.into(),
        format!("GET http://h.test/y {tags}"),
        group.into(),
    ];
    assert_eq!(rig.lines(), expected);
}

#[test]
fn failed_requests_warn_or_throw() {
    fn refuse(request: &HttpRequest) -> HttpResponse {
        HttpResponse {
            url: request.url.as_str().into(),
            error: "connection refused".to_owned(),
            error_code: 1212,
            ..HttpResponse::default()
        }
    }
    let text = "import http from 'k6/http';
        export default function () {
          const r = http.get('http://h.test/');
          console.log(r.status, r.error, r.error_code, r.body, r.timings.duration);
          try { http.get('http://h.test/', { throw: true }); } catch (e) { console.log('threw', e.message); }
        }";
    let mut rig = Rig::new(text).server(refuse);
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
    let expected = [
        "GET http://h.test/",
        "Info: 0 connection refused 1212 null 0",
        "GET http://h.test/",
        "Info: threw Get \"http://h.test/\": connection refused",
    ];
    assert_eq!(rig.lines(), expected);
    let config = VuConfig { throw: true, ..VuConfig::default() };
    let mut rig = Rig::with(load(text).expect("loads"), config).server(refuse);
    assert!(
        matches!(rig.iterate().outcome, Outcome::Threw(e) if e.message == "GoError: Get \"http://h.test/\": connection refused")
    );
}

#[test]
fn cookies_are_forgotten_between_iterations_unless_asked() {
    let text = "import http from 'k6/http';
        export default function () { http.get('http://h.test/'); http.cookieJar().set('http://h.test/', 'a', '1'); }";
    for (keep, second) in [(false, "GET http://h.test/"), (true, "GET http://h.test/ [Cookie: a=1]")] {
        let config = VuConfig { no_cookies_reset: keep, ..VuConfig::default() };
        let mut rig = Rig::with(load(text).expect("loads"), config);
        rig.iterate();
        rig.iterate();
        assert_eq!(rig.lines(), ["GET http://h.test/", second]);
    }
}

/// Constructors that a script does not name are taken away; what they made stays as it is.
#[test]
fn what_is_not_named_still_works() {
    let text = "
        import { check } from 'k6';
        const caught = (broken) => { try { broken(); } catch (e) { return `${e.name}: ${e.message}`; } };
        export default function () {
          check(0, {
            [caught(() => nothing)]: true,
            [caught(() => null.x)]: true,
            [caught(() => (1).toFixed(1000))]: true,
            [`${'a-b'.split('-').concat([1, 2].map((n) => n + 0.5))} ${(7).toString(2)} ${!!0} ${2n ** 70n}`]: true,
          });
          null.x;
        }";
    let mut rig = Rig::new(text);
    let Outcome::Threw(exception) = rig.iterate().outcome else { panic!("must throw") };
    assert_eq!(exception.message, "TypeError: Cannot read property 'x' of undefined");
    let expected = [
        "✓ ReferenceError: nothing is not defined",
        "✓ TypeError: Cannot read property 'x' of undefined",
        "✓ RangeError: invalid number of digits",
        "✓ a,b,1.5,2.5 111 false 1180591620717411303424",
    ];
    assert_eq!(rig.lines(), expected);
}

/// The parts of answers that a script never mentions need not be kept by the engine.
#[test]
fn what_a_script_reads_of_answers_is_known() {
    let reads_of = |text: &str| {
        let mut rig = Rig::new(text);
        let task = rig.next();
        let Step::Call(HostCall::Http(request)) = rig.vu.start(task) else { panic!("must ask") };
        (request.reads.headers, request.reads.body, request.reads.rest)
    };
    let reads = |body: &str| {
        reads_of(&format!(
            "import http from 'k6/http'; export default () => {{ const r = http.get('http://h.test/'); {body} }};"
        ))
    };
    assert_eq!(reads_of(PRACTICAL), (false, false, false), "nothing may be kept for the practical's script");
    assert_eq!(reads("r.status;"), (false, false, false));
    assert_eq!(reads("r.json('a');"), (false, true, false));
    assert_eq!(reads("r.headers['A'];"), (true, false, false));
    assert_eq!(reads("r.status_text;"), (false, false, true));
    assert_eq!(reads("const { ['status']: s } = r; 'status' in r;"), (false, false, false));
    for all in [
        "JSON.stringify(r);",
        "console.log(r);",
        "r[`bo${'dy'}`];",
        "({ ...r });",
        "const { [`bo${'dy'}`]: part } = r;",
        "let part; ({ [`bo${'dy'}`]: part } = r);",
        "const { status, ...rest } = r;",
        "let rest; ({ ...rest } = r);",
        "`bo${'dy'}` in r;",
        "const list = Object; list.values(r);",
        "const { values } = Object; values(r);",
        "eval(`r.bo${'dy'}`);",
    ] {
        assert_eq!(reads(all), (true, true, true), "{all}");
    }
}
