//! VUs that share an interpreter do what VUs with one of their own do; which scripts may.

use std::cell::Cell;
use std::time::Duration;

use crate::host::*;
use loadtest_js::*;

thread_local! {
    /// Scripts that [`compare`] has run in a shared interpreter, in this thread.
    static COMPARED: Cell<usize> = const { Cell::new(0) };
}

/// What one iteration of `script` did has to be what each of three VUs does that take turns in one interpreter,
/// which each of them has been through once; for all that the other tests of this crate look at.
pub(crate) fn compare(script: &Script, result: &TaskResult, lines: &[String]) {
    if script.shareable().is_err() {
        return;
    }
    COMPARED.set(COMPARED.get() + 1);
    let pool = VuPool::new(script);
    let rig = |_| Rig::of_pool(script.clone(), &pool, VuConfig { id: 1, ..VuConfig::default() });
    let mut rigs: Vec<Rig> = (0..3).map(rig).collect();
    let mut runs: Vec<(usize, Run)> = Vec::new();
    for (i, rig) in rigs.iter_mut().enumerate() {
        let task = rig.next();
        runs.push((i, rig.begin(task)));
    }
    // The last first, then the first, so that no order of stacks is kept.
    let mut turn = 0;
    while !runs.is_empty() {
        turn = (turn * 7 + 5) % 31;
        let at = turn % runs.len();
        let (i, run) = &mut runs[at];
        if let Some(shared) = rigs[*i].advance(run) {
            assert_eq!(format!("{shared:?}"), format!("{result:?}"));
            assert_eq!(rigs[*i].lines(), lines);
            runs.swap_remove(at);
        }
    }
}

fn pooled(text: &str, vus: u64) -> Vec<Rig> {
    let script = load(text).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(script.shareable(), Ok(()), "{text}");
    let pool = VuPool::new(&script);
    let rig = |id| Rig::of_pool(script.clone(), &pool, VuConfig { id, ..VuConfig::default() });
    (1..=vus).map(rig).collect()
}

/// Runs `rounds` iterations of each VU, taking turns as a die says.
fn take_turns(rigs: &mut [Rig], rounds: usize) -> Vec<Vec<String>> {
    let mut runs: Vec<(usize, Option<Run>)> = rigs.iter().map(|_| (0, None)).collect();
    let mut seed = 1u64;
    loop {
        let open: Vec<usize> = (0..runs.len()).filter(|i| runs[*i].0 < rounds).collect();
        if open.is_empty() {
            return rigs.iter().map(Rig::lines).collect();
        }
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let i = open[usize::try_from(seed >> 33).expect("31 bits") % open.len()];
        let rig = &mut rigs[i];
        let mut run = match runs[i].1.take() {
            Some(run) => run,
            None => {
                let task = rig.next();
                rig.begin(task)
            }
        };
        match rig.advance(&mut run) {
            Some(result) => {
                rig.log.push(format!("{result:?}"));
                runs[i].0 += 1;
            }
            None => runs[i].1 = Some(run),
        }
    }
}

/// Goes other ways for each VU and iteration: ends in errors of every origin, deep in the stack and after a
/// suspension; goes to the stack's limit and asks from there; leaves generators unfinished; keeps errors for later.
const MIXED: &str = r"
import http from 'k6/http';
import { check, fail, group, sleep } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
const kept = [];
const counter = new Counter('turns');
let deepest = 0;
let numbers;
const ask = (what) => http.get(`${__ENV.HOST}/${__VU}/${what}`).json('url');
function nested(n, then_) { return n === 0 ? then_() : nested(n - 1, then_) + 1; }
function* endless() { for (let i = 0; ; i++) yield ask('g' + i); }
function fall(n) { try { return fall(n + 1) + 1; } catch (e) { if (n % 64 === 0 && deepest < n) { deepest = n; ask('deep'); } throw e; } }
class Odd { constructor() { this.at = ask('new'); } get bad() { ask('get'); throw new TypeError('bad ' + __VU); } toJSON() { ask('json'); return this.bad; } }
export default function (data) {
  counter.add(__ITER, { vu: String(__VU) });
  exec.vu.tags.round = __ITER;
  http.cookieJar().set('http://h.test/', 'vu', `${__VU}`);
  const way = (__VU * 5 + __ITER * 3) % 14;
  console.log('way', way, exec.vu.idInTest, exec.vu.iterationInScenario, exec.scenario.name, kept.length);
  switch (way) {
    case 0: nested(5, () => { ask('a'); throw new Error('five deep'); }); break;
    case 1: try { fall(0); } catch (e) { console.log(e instanceof RangeError, deepest > 100); deepest = 0; } break;
    case 2: numbers = numbers ?? endless(); console.log(numbers.next().value, numbers.next().done); break;
    case 3: kept.push(new Error('kept ' + __ITER)); ask('b'); if (kept.length > 1) throw kept[0]; break;
    case 4: JSON.stringify([new Odd()]); break;
    case 5: [3, 1, 2].sort((a, b) => { ask(`${a}${b}`); if (a === 2) throw { plain: __VU }; return a - b; }); break;
    case 6: group('g', () => { check(ask('c'), { throws() { ask('d'); undefined_name; } }); }); break;
    case 7: try { ask('e'); null.x; } catch (e) { console.log(String(e)); ask('f'); fail('failed'); } break;
    case 8: 'a1b2'.replace(/[0-9]/g, (d) => { ask(d); if (d === '2') decodeURIComponent('%'); return d; }); break;
    case 9: try { try { ask('t'); throw new Error('first'); } finally { ask('u'); } } catch (e) { ask('v'); throw e; } break;
    case 10: http.batch([`http://h.test/${__VU}`, 'http://h.test/2']).map((r) => console.log(r.json().url)); break;
    case 11: nested(12, () => { ask('deeper'); null.y; }); break;
    case 12: for (const [k] of Object.entries({ a: 1, b: 2 })) { sleep(1); http.post('http://h.test/', { k }); } break;
    default: new Map([[1, 2]]).forEach((v) => { ask(v); new Odd().bad; });
  }
}
";

#[test]
fn whatever_happens_happens_as_in_an_interpreter_of_its_own() {
    let text = MIXED.replace("undefined_name;", "null.z;");
    let mut rigs = pooled(&text, 150);
    let shared = take_turns(&mut rigs, 5);
    for (i, lines) in shared.iter().enumerate().filter(|(i, _)| i % 6 == 0) {
        let id = i as u64 + 1;
        let mut alone = [Rig::with(load(&text).expect("loads"), VuConfig { id, ..VuConfig::default() })];
        assert_eq!(*lines, take_turns(&mut alone, 5)[0], "VU {id}");
    }
    let all = shared.concat().join("\n");
    assert!(all.contains("five deep") && all.contains("at nested ("), "{all}");
    assert!(!all.contains("#park"));
}

#[test]
fn vus_of_one_interpreter_keep_all_of_their_own() {
    let text = "import http from 'k6/http'; import exec from 'k6/execution'; import { sleep } from 'k6';
        let n = 0;
        class Shop { static visits = 0; }
        export default function () {
          n += __VU; Shop.visits += 1; Shop.last = __VU;
          exec.vu.tags.mine = __VU;
          http.cookieJar().set('http://h.test/', 'who', `v${__VU}`);
          if (__VU === 2) http.setResponseCallback(http.expectedStatuses(404));
          sleep(1);
          console.log(n, Shop.visits, Shop.last, __VU, __ITER, exec.vu.tags.mine, exec.vu.idInTest, http.cookieJar().cookiesForURL('http://h.test/').who[0]);
          http.get('http://h.test/');
        }";
    let mut rigs = pooled(text, 3);
    let lines = take_turns(&mut rigs, 2);
    for (i, lines) in lines.iter().enumerate() {
        let id = i + 1;
        let own = |n: usize| format!("Info: {} {n} {id} {id} {} {id} {id} v{id}", n * id, n - 1);
        let said: Vec<&String> = lines.iter().filter(|line| line.starts_with("Info")).collect();
        assert_eq!(said, [&own(1), &own(2)]);
        let asked = format!("GET http://h.test/ [Cookie: who=v{id}] {{mine={id}}}");
        assert_eq!(lines.iter().filter(|line| **line == asked).count(), 2, "{lines:?}");
    }
}

#[test]
fn variables_are_those_of_the_vus_scenario() {
    let text = "const { HOST } = __ENV; export default function () { console.log(HOST, __ENV.WHO, Object.keys(__ENV).length); }";
    let scenario = |who: &str| Scenario {
        exec: "default".to_owned(),
        env: [("WHO".to_owned(), who.to_owned())].into(),
        ..Scenario::default()
    };
    let mut rigs: Vec<Rig> = pooled(text, 3)
        .into_iter()
        .zip(["a", "b", "c"])
        .map(|(rig, who)| rig.scenario(scenario(who)))
        .collect();
    let lines = take_turns(&mut rigs, 2);
    for (lines, who) in lines.iter().zip(["a", "b", "c"]) {
        assert_eq!(
            lines.iter().filter(|l| **l == format!("Info: http://e.test {who} 2")).count(),
            2,
            "{lines:?}"
        );
    }
}

#[test]
fn one_that_never_yields_is_interrupted_and_the_others_go_on() {
    let text = "import { sleep } from 'k6';
        let turns = 0;
        const deep = (n) => (n === 0 ? (sleep(1), 1) : deep(n - 1) + 1);
        export default function () {
          turns += 1;
          if (__VU === 1) { if (__ITER === 0) { for (;;) { try { while (true); } catch (e) { console.log('no'); } } } else { /(a+)+$/.test('a'.repeat(40) + 'b'); } }
          console.log(deep(200), turns);
        }";
    let mut rigs = pooled(text, 3);
    rigs[0].log.tick.set(Duration::from_millis(3));
    for round in 0..2 {
        let mut steps: Vec<Step> = Vec::new();
        for rig in &mut rigs {
            let task = rig.next();
            steps.push(rig.vu.start(task));
        }
        for _ in 0..5 {
            assert!(matches!(steps[0], Step::Call(HostCall::Yield)), "{:?}", steps[0]);
            steps[0] = rigs[0].vu.resume(Reply::Done);
        }
        let done = rigs[1].vu.resume(Reply::Done);
        assert!(matches!(done, Step::Done(_)), "{done:?}");
        let Step::Done(result) = rigs[0].vu.resume(Reply::Interrupt) else { panic!("not done") };
        assert_eq!(result.outcome, Outcome::Interrupted);
        let done = rigs[2].vu.resume(Reply::Done);
        assert!(matches!(done, Step::Done(_)), "{done:?}");
        let said = [format!("Info: 201 {}", round + 1)];
        assert_eq!([rigs[1].lines(), rigs[2].lines()], [said.clone(), said]);
        assert_eq!(rigs[0].lines(), [""; 0]);
    }
}

#[test]
fn vus_are_dropped_in_the_middle_and_in_any_order() {
    let text = "import { sleep } from 'k6';
        const deep = (n) => { if (n === 0) sleep(1); else [1].forEach(() => deep(n - 1)); };
        export default function () { try { deep(50); } finally { console.log('end'); } }";
    let mut rigs = pooled(text, 20);
    for rig in &mut rigs {
        let task = rig.next();
        assert!(matches!(rig.vu.start(task), Step::Call(HostCall::Sleep(_))));
    }
    let mut last = rigs.swap_remove(7);
    for _ in 0..10 {
        drop(rigs.remove(3));
    }
    drop(rigs);
    assert!(matches!(last.vu.resume(Reply::Done), Step::Done(_)));
    assert_eq!(last.lines(), ["Info: end"]);
}

#[test]
fn init_code_that_fails_for_one_fails_for_no_other() {
    let text = "const inner = () => { if (__VU === 2) throw new Error('not two'); }; inner();
        export default function () { console.log(__VU); }";
    let script = load(text).expect("loads");
    assert_eq!(script.shareable(), Ok(()));
    let pool = VuPool::new(&script);
    let config = |id| VuConfig { id, ..VuConfig::default() };
    let mut first = Rig::of_pool(script.clone(), &pool, config(1));
    let failed = |made: Result<Vu, VuError>| match made {
        Err(VuError::Init(exception)) => exception,
        other => panic!("{other:?}"),
    };
    let log = || std::rc::Rc::new(Log::default());
    let shared = failed(pool.vu(config(2), log()));
    assert_eq!(shared.message, failed(Vu::new(&script, config(2), log())).message);
    assert!(shared.stack.starts_with("\tat inner (") && !shared.stack.contains("#park"), "{}", shared.stack);
    let mut third = Rig::of_pool(script.clone(), &pool, config(3));
    assert_eq!((first.iterate().outcome, third.iterate().outcome), (Outcome::Completed, Outcome::Completed));
    assert_eq!((first.lines(), third.lines()), (vec!["Info: 1".to_owned()], vec!["Info: 3".to_owned()]));
}

const IMPORTS: &str =
    "import http from 'k6/http'; import exec, { vu } from 'k6/execution'; import { check, sleep } from 'k6';
    import { Trend } from 'k6/metrics'; import { SharedArray } from 'k6/data';";

fn shareable(text: &str) -> Result<(), String> {
    load(&format!("{IMPORTS}\n{text}")).unwrap_or_else(|e| panic!("{e}: {text}")).shareable()
}

#[test]
fn what_only_calls_and_reads_can_share() {
    for text in [
        "let n = 0; const o = {}; export default function () { n += 1; o.x = o.y ??= n; delete o.x; o[n] = [n++]; }",
        "export const options = { vus: 1 }; export default () => { const r = http.get(`${__ENV.HOST}/x`); check(r, { ok: (r) => r.status === 200 }); };",
        "const t = new Trend('t', true); export default () => { t.add(1, { a: 'b' }); };",
        "const d = new SharedArray('d', function () { return JSON.parse('[1]'); }); export default () => { d[exec.vu.idInTest % d.length]; };",
        "export default () => { vu.tags.a = 1; exec.vu.tags['b'] = 2; exec.vu.metrics.metadata.c = 3; delete exec.vu.tags.a; };",
        "export default () => { exec.test.abort('x'); exec.scenario.name.includes('y'); Object.keys(exec.test.options.scenarios); };",
        "class E extends Error { constructor(m) { super(m); this.name = 'E'; } } export default () => { try { throw new E('x'); } catch (e) { e instanceof E; } };",
        "export default () => { ['1'].map(Number).filter(Boolean); Math.max(...[1, 2]); Number.MAX_SAFE_INTEGER.toFixed(1); };",
        "export default () => { const { HOST, ...rest } = __ENV; ({ ...__ENV, a: 1 }); Object.entries(__ENV); __ENV[HOST]; __ENV.HOST.split('.'); };",
        "export default () => { const Math = { random: 1 }; Math.random = 2; const http = {}; http.get = 3; };",
        "function f() { return arguments.length + arguments[0]; } export default () => { f?.(1); f(1)?.toFixed?.(2); };",
        "export default () => { typeof window; typeof process === 'undefined'; new Date().toISOString(); Date.now(); };",
        "export default () => { const u = http.url`http://h/${1}`; http.get(u, { timeout: '1s' }); http.TLS_1_2; new http.CookieJar(); };",
        "export function handleSummary(data) { return { stdout: JSON.stringify(data.metrics.iterations.values.count) }; } export default () => {};",
    ] {
        assert_eq!(shareable(text), Ok(()), "{text}");
    }
}

#[test]
fn what_could_reach_what_is_shared_cannot() {
    let mut wrong = Vec::new();
    for (body, why) in [
        ("Math.random = () => 4;", "changes `Math.random`"),
        ("http.get = 1;", "changes `k6/http.get`"),
        ("http.extra ??= 1;", "changes `k6/http.extra`"),
        ("__ENV.X = 1;", "changes `__ENV.X`"),
        ("delete __ENV.X;", "changes `__ENV.X`"),
        ("__VU++;", "changes `__VU`"),
        ("({ __ITER } = { __ITER: 1 });", "changes `__ITER`"),
        ("[Math.x] = [1];", "changes `Math.x`"),
        ("for (http.x of [1]);", "changes `k6/http.x`"),
        ("exec.vu.mine = 1;", "changes `k6/execution.vu.mine`"),
        ("exec.vu.tags = {};", "changes `k6/execution.vu.tags`"),
        ("vu.x = 1;", "changes `vu.x`"),
        ("const v = exec.vu; v.x = 1;", "passes around `k6/execution.vu`"),
        ("const { random } = Math;", "passes around `Math`"),
        ("const get = http.get;", "passes around `k6/http.get`"),
        ("[http].length;", "passes around `k6/http`"),
        ("check.x = 1;", "changes `check.x`"),
        ("[1].map(check);", "passes around `check`"),
        ("Object.assign(http, {});", "passes around `k6/http`"),
        ("Object.defineProperty({}, 'x', {});", "uses `Object.defineProperty`"),
        ("Object.setPrototypeOf({}, null);", "uses `Object.setPrototypeOf`"),
        ("http[__ENV.M]('http://h/');", "uses `k6/http.[…]`"),
        ("globalThis.x = 1;", "changes `globalThis.x`"),
        ("x = 1;", "changes `x`"),
        ("eval('1');", "uses `eval`"),
        ("new Function('1');", "uses `Function`"),
        ("[].push.x = 1;", "changes the function `push`"),
        ("const push = [].push; push.x = 1;", "takes the function `push` without calling it"),
        ("[].constructor;", "uses `constructor`"),
        ("[]['__proto__'].x = 1;", "uses `__proto__`"),
        ("const { constructor: c } = {};", "uses `constructor`"),
        ("const k = `constructor`; ({})[k];", "uses `constructor`"),
        ("(() => {}).prototype;", "uses `prototype`"),
        ("Array.prototype.last = 1;", "changes `Array.prototype.last`"),
        ("new Error('x').stack;", "uses `stack`"),
        ("Error.stackTraceLimit = 1;", "uses `stackTraceLimit`"),
        ("Promise.resolve();", "uses `Promise.resolve`"),
        ("({}).then(1);", "uses `then`"),
        ("(async () => {})();", "has `async` functions"),
        ("http.asyncRequest('GET', 'http://h/');", "uses `async…`"),
        ("setTimeout(() => {}, 1);", "uses `setTimeout`"),
        ("import('k6');", "uses `import()`"),
        ("import.meta.url;", "uses `import.meta`"),
        ("new Proxy({}, {});", "uses `Proxy`"),
        ("Reflect.ownKeys({});", "uses `Reflect.ownKeys`"),
        ("new WeakRef({});", "uses `WeakRef`"),
        ("class T extends Trend {}", "passes around `Trend`"),
        ("class A extends Array {}", "passes around `Array`"),
        ("const o = { map(f) { f.x = 1; } }; o.map(Number);", "has a method `map` of its own and hands"),
        ("typeof __ITER;", "uses `typeof __ITER`"),
        ("performance.now();", "uses `performance.now`"),
        ("console.log = 1;", "changes `console.log`"),
        ("const log = console.log;", "passes around `console.log`"),
    ] {
        let text = format!("export default function () {{ {body} }}");
        let refused = shareable(&text).expect_err(body);
        if !refused.starts_with(&format!("it {why}")) {
            wrong.push(format!("{body}: {refused}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
    for (text, why) in [
        (
            "import { group as g } from 'k6'; export { g };\nexport default () => {}",
            "it passes around `group`",
        ),
        ("import { randomSeed } from 'k6'; export default () => { randomSeed(1); }", "it uses `randomSeed`"),
        (
            "import * as helper from './lib/helper.js'; export default () => helper",
            "it imports ./lib/helper.js",
        ),
        ("import fs from 'k6/experimental/fs'; export default () => fs", "it imports k6/experimental/fs"),
        ("export { group } from 'k6'; export default () => {}", "it exports what another module exports"),
        ("export * from 'k6'; export default () => {}", "it exports what another module exports"),
        ("export default async function () {}", "it has `async` functions"),
    ] {
        let script = load(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(script.shareable(), Err(why.to_owned()), "{text}");
    }
    let common = load("module.exports.default = () => {};").expect("loads");
    assert_eq!(common.shareable(), Err("it is no ES module".to_owned()));
}
