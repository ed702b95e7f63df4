//! Which load a script, a plan and a URL are.

use super::*;
use crate::profile::{Executor, Stage};

const PRACTICAL: &str = "
import http from 'k6/http';
import { sleep, check } from 'k6';
export const options = {
  stages: [{ target: 1000, duration: '1m' }, { target: 5000, duration: '10m' }],
};
export default function () {
  const res = http.get('http://your-loadBalancer-url-here/api/v1/todos');
  check(res, { 'status was 200': (r) => r.status == 200 });
  sleep(1);
}";

fn text(text: &str) -> Source {
    Source::Text { text: text.to_owned(), name: "k6.js".to_owned(), directory: "/".into() }
}

fn read(script_text: &str, settings: &Settings) -> Load {
    script(text(script_text), settings, None).expect("a load")
}

/// A script's iterations as words: `GET`, `1s`.
fn story(load: &Load) -> Vec<String> {
    let word = |step: &Step| match step {
        Step::Request(request) => request.method.clone(),
        Step::Batch(requests) => {
            requests.iter().map(|request| request.method.clone()).collect::<Vec<_>>().join("+")
        }
        Step::Sleep(length) => crate::duration::format(*length),
    };
    let iteration = |iteration: &Iteration| iteration.iter().map(word).collect::<Vec<_>>().join(" ");
    load.iterations[0].iter().map(iteration).collect()
}

#[test]
fn the_practicals_script() {
    let load = read(PRACTICAL, &Settings::default());
    let stage = |minutes: u64, target| Stage { duration: Duration::from_secs(60 * minutes), target };
    let executor = Executor::RampingVus {
        start_vus: 1,
        stages: vec![stage(1, 1000), stage(10, 5000)],
        graceful_ramp_down: Duration::from_secs(30),
    };
    assert_eq!(load.profile.scenarios[0].executor, executor);
    assert_eq!(story(&load), vec!["GET 1s"; 8]);
    assert_eq!((load.notes, load.depends_on_answers), (Vec::<String>::new(), false));
}

#[test]
fn flags_and_variables_stand_over_the_script() {
    let flags = Map::from_iter([("vus".to_owned(), 7.into()), ("duration".to_owned(), "1m".into())]);
    let environment = BTreeMap::from([("K6_VUS".to_owned(), "9".to_owned())]);
    let settings = Settings { options: flags, environment: environment.clone(), ..Settings::default() };
    let executor = |settings: &Settings| read(PRACTICAL, settings).profile.scenarios[0].executor.clone();
    let constant = Executor::ConstantVus { vus: 7, duration: Duration::from_secs(60) };
    assert_eq!(executor(&settings), constant);
    let variables = Settings { environment, ..Settings::default() };
    assert!(matches!(executor(&variables), Executor::RampingVus { start_vus: 9, .. }));
}

/// Body of the default function, what is seen, a part of the notes, whether answers matter.
#[test]
fn what_iterations_do_is_seen_and_said() {
    for (body, seen, note, matters) in [
        ("http.batch([['GET', 'http://a'], ['POST', 'http://b', 'x']])", "GET+POST", "", false),
        ("check(http.get('http://a'), { fine: (r) => r.json().id > 5 })", "GET", "checks fail: `fine`", true),
        ("http.get('http://a').json().todos.length; sleep(2)", "GET", "threw TypeError", true),
        (
            "for (const t of http.get('http://a').json()) http.del('http://a/' + t.id)",
            "GET DELETE",
            "depends",
            true,
        ),
        ("while (true) { http.get('http://a') }", "GET GET", "more than 1000", false),
        ("http.get('http://a'); for (;;) {}", "GET", "computed without end", false),
        ("setTimeout(() => http.get('http://b'), 1500); http.get('http://a')", "GET 1.5s GET", "", false),
        ("sleep(Math.random() * 3); http.get('http://a')", "s GET", "iterations differ", false),
        ("if (__VU > 2) { http.get('http://a') } sleep(1)", "1s", "8 were sampled", false),
        (
            "http.get('http://a', { tags: { name: 'list' } }); exec.test.abort('enough')",
            "GET",
            "ended the test",
            true,
        ),
    ] {
        let head =
            "import http from 'k6/http'; import { sleep, check } from 'k6'; import exec from 'k6/execution';";
        let load = read(&format!("{head} export default function () {{ {body} }}"), &Settings::default());
        let (stories, notes) = (story(&load).join(" | "), load.notes.join("\n"));
        assert!(stories.contains(seen), "{body}: {stories}");
        assert!(notes.contains(note) && note.is_empty() == notes.is_empty(), "{body}: {notes:?}");
        assert_eq!(load.depends_on_answers, matters, "{body}: {notes}");
        let again = read(&format!("{head} export default function () {{ {body} }}"), &Settings::default());
        assert_eq!(again, load, "{body}");
    }
}

#[test]
fn setup_gives_its_data_and_no_load() {
    let load = read(
        "import http from 'k6/http';
         export function setup() { http.post('http://a/login'); return { path: '/b' } }
         export function teardown() { http.get('http://a/bye') }
         export default function (data) { http.get('http://a' + data.path) }",
        &Settings::default(),
    );
    let Step::Request(request) = &load.iterations[0][0][0] else { panic!("{load:?}") };
    assert_eq!(request.url, "http://a/b");
    assert_eq!(load.notes, ["setup() is not simulated (1 request)", "teardown() is not simulated"]);
}

#[test]
fn the_callers_answers_replace_made_up_ones() {
    let text = text(
        "import http from 'k6/http';
         export default function () { for (const t of http.get('http://a').json().todos) http.get('http://a/' + t) }",
    );
    let mut service = |_: &HttpRequest| HttpResponse {
        status: 200,
        body: "{\"todos\":[7,8]}".into(),
        ..HttpResponse::default()
    };
    let load = script(text, &Settings::default(), Some(&mut service)).expect("a load");
    assert_eq!((load.iterations[0][0].len(), load.notes.len(), load.depends_on_answers), (3, 0, false));
}

#[test]
fn each_scenario_runs_its_own_function_with_its_variables() {
    let load = read(
        "import http from 'k6/http';
         export const options = { scenarios: {
           a: { executor: 'constant-vus', vus: 2, duration: '1m', exec: 'one', env: { N: '2' } },
           b: { executor: 'constant-arrival-rate', rate: 5, duration: '1m', preAllocatedVUs: 3, exec: 'two' } } };
         export function one() { for (let i = 0; i < __ENV.N; i++) http.get('http://a') }
         export function two() { http.put('http://b'); console.log('x') }",
        &Settings::default(),
    );
    assert_eq!(load.iterations.iter().map(|all| all[0].len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn what_cannot_be_read_is_named() {
    let wrong = |target: &str| load_of(target, &Settings::default(), None).expect_err("wrong").to_string();
    assert!(wrong("nowhere.js").contains("there is no file nowhere.js"));
    assert!(wrong("localhost:6400/a").contains("write http://localhost:6400/a"));
    assert!(wrong("http://").contains("is no URL"));
    let bad = |body: &str| script(text(body), &Settings::default(), None).expect_err("wrong");
    for (body, part) in [
        ("import x from 'k6/browser'; export default function () {}", "k6/browser"),
        ("throw new Error('at once')", "at once"),
        ("export default function () {", "SyntaxError"),
        ("export const options = { vus: 'many' }; export default function () {}", "`vus` must be"),
        ("export function other() {}", "`default`, which the script does not export"),
    ] {
        let error = bad(body);
        assert!(error.contains(part), "{body}: {error}");
    }
}

#[test]
fn a_url_is_one_request_at_a_gentle_pace() {
    let load = load_of("http://a/b", &Settings::default(), None).expect("a load");
    let constant = Executor::ConstantVus { vus: 10, duration: Duration::from_secs(30) };
    assert_eq!(
        (load.profile.scenarios[0].executor.clone(), story(&load)),
        (constant, vec!["GET".to_owned()])
    );
}
