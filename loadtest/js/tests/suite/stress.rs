//! Many VUs suspended in the middle of everything, and scripts that do not behave.

use std::rc::Rc;
use std::time::Duration;

use crate::host::*;
use loadtest_js::*;

/// Suspends in every kind of frame, and adds up to a number that only holds if no frame was mixed up.
const TANGLE: &str = r"
import http from 'k6/http';
import { check, group, sleep } from 'k6';
let total = 0;
const id = __VU;
const ask = (n) => http.get(`http://h.test/${id}/${n}`).json('url').split('/').pop() | 0;
class Thing {
  constructor(n) { this.n = ask(n); }
  get twice() { return ask(this.n) + ask(this.n); }
  toJSON() { return ask(this.n); }
  static *numbers(n) { for (let i = 0; i < n; i++) yield ask(i); }
}
function deep(n) { return n === 0 ? ask(1) : deep(n - 1) + ask(0); }
export default function () {
  let sum = 0;
  [1, 2, 3].forEach((n) => { sum += ask(n); });                                     // 6
  sum += [3, 1, 2].sort((a, b) => ask(a) - ask(b))[0];                              // 1
  sum += Number('a1b2'.replace(/[0-9]/g, (d) => String(ask(Number(d)) + 1)).replace(/[ab]/g, '')); // 23
  sum += new Thing(4).twice;                                                        // 8
  sum += JSON.parse(JSON.stringify([new Thing(5)]))[0];                             // 5
  for (const n of Thing.numbers(4)) sum += n;                                       // 6
  try { try { ask(1); throw new Error(String(ask(7))); } finally { sum += ask(2); } } catch (e) { sum += Number(e.message); } // 9
  sum += deep(20);                                                                  // 1
  sum += group('g', () => [1, 2].map((n) => ask(n)).reduce((a, b) => a + b));       // 3
  check(null, { slow: () => { sum += ask(1); return true; } });                     // 1
  const { a = ask(2) } = {};
  sum += a + `${ask(1)}`.length;                                                    // 3
  sum += Array.from({ length: 2 }, (_, i) => ask(i)).length;                        // 2
  sleep(1);
  total += sum;
  if (sum !== 68) throw new Error(`VU ${id} got ${sum}`);
  if (total !== 68 * (__ITER + 1)) throw new Error(`VU ${id} has ${total}`);
}
";

/// Numbers without a pattern, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }
}

#[test]
fn hundreds_of_vus_interleave_in_every_kind_of_frame() {
    interleave(|script, config, log| Vu::new(script, config, log));
}

#[test]
fn hundreds_of_vus_interleave_in_shared_interpreters() {
    let pool = std::cell::OnceCell::new();
    interleave(|script, config, log| pool.get_or_init(|| VuPool::new(script)).vu(config, log));
}

fn interleave(make: impl Fn(&Script, VuConfig, Rc<Log>) -> Result<Vu, VuError>) {
    let script = load(TANGLE).expect("loads");
    let log = Rc::new(Log::default());
    let scenario = Rc::new(Scenario { exec: "default".to_owned(), ..Scenario::default() });
    let made = |id| {
        let config = VuConfig { id, ..VuConfig::default() };
        make(&script, config, Rc::clone(&log)).expect("a VU")
    };
    let fresh = |id| (made(id), None::<Reply>);
    let mut vus: Vec<_> = (1..=200).map(fresh).collect();
    let mut dice = Dice(7);
    let (mut done, mut cut, mut steps) = (0, 0, 0);
    while done < 1000 {
        let at = dice.below(vus.len());
        let (vu, waiting) = &mut vus[at];
        let step = match waiting.take() {
            None => vu.start(Task::Iteration(Iteration {
                scenario: Rc::clone(&scenario),
                in_scenario: 0,
                in_instance: 0,
                in_test: 0,
                setup_data: None,
            })),
            // Now and then one is cut, or dropped in the middle and replaced.
            Some(_) if dice.below(2000) == 0 => {
                cut += 1;
                if dice.below(2) == 0 {
                    let id = at as u64 + 1;
                    vus[at] = fresh(id);
                    continue;
                }
                // What it had counted so far is lost with the iteration, and it would notice.
                let step = vu.resume(Reply::Interrupt);
                assert!(
                    matches!(step, Step::Done(TaskResult { outcome: Outcome::Interrupted, .. })),
                    "{step:?}"
                );
                vus[at].0 = made(at as u64 + 1);
                continue;
            }
            Some(reply) => vu.resume(reply),
        };
        steps += 1;
        match step {
            Step::Call(HostCall::Http(request)) => *waiting = Some(Reply::Http(Box::new(echo(&request)))),
            Step::Call(_) => *waiting = Some(Reply::Done),
            Step::Done(result) => {
                assert_eq!(result.outcome, Outcome::Completed);
                done += 1;
            }
        }
    }
    assert!(steps > 30_000 && cut > 5, "{steps} steps, {cut} cut");
}

#[test]
fn runaway_recursion_can_be_caught() {
    let text = "export default function () {
          let depth = 0;
          const fall = () => { depth += 1; fall(); };
          for (let i = 0; i < 3; i++) { try { fall(); } catch (e) { console.log(e instanceof RangeError, depth > 100); } }
        }";
    assert_eq!(lines(text), ["Info: true true", "Info: true true", "Info: true true"]);
    let got = lines("export default function f() { f(); }");
    assert!(got[0].starts_with("threw RangeError"), "{got:?}");
    let got = lines(
        "const a = []; a[0] = a; let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; export default () => { JSON.stringify(o); }",
    );
    assert!(got[0].starts_with("threw "), "{got:?}");
    let got = lines("export default () => { JSON.parse('['.repeat(1e6)); }");
    assert!(got[0].starts_with("threw "), "{got:?}");
    let got = lines("export default () => { console.log(/(a+)+b/.test('a'.repeat(18))); }");
    assert_eq!(got, ["Info: false"]);
    let got = lines(
        "export default () => { const s = '('.repeat(1e5) + '1' + ')'.repeat(1e5); new Function('return ' + s)(); }",
    );
    assert!(got[0].starts_with("threw "), "{got:?}");
}

fn endless(text: &str, expected: &[&str]) {
    let mut rig = Rig::new(text);
    // A clock that moves whenever it is read, so that a loop takes time.
    rig.log.tick.set(Duration::from_millis(3));
    let task = rig.next();
    let mut step = rig.vu.start(task);
    let mut yields = 0;
    while matches!(step, Step::Call(HostCall::Yield)) && yields < 5 {
        yields += 1;
        step = rig.vu.resume(Reply::Done);
    }
    assert_eq!(yields, 5, "{text}: {step:?}");
    let step = rig.vu.resume(Reply::Interrupt);
    let Step::Done(result) = step else { panic!("{text}: {step:?}") };
    assert_eq!(result.outcome, Outcome::Interrupted, "{text}");
    assert_eq!(rig.lines(), expected, "{text}");
}

#[test]
fn endless_loops_yield_and_can_be_cut() {
    endless("export default function () { while (true); }", &[]);
    endless(
        "export default function () { for (;;) { try { while (true); } catch (e) { console.log('no'); } finally { console.log('no'); } } }",
        &[],
    );
    endless("export default function () { /(a+)+$/.test('a'.repeat(40) + 'b'); }", &[]);
    endless("export default function () { [1, 2].sort(() => { for (;;); }); }", &[]);
    endless("export default async function () { for (;;) await null; }", &[]);
    endless("export default function () { Promise.resolve().then(() => { for (;;); }); }", &[]);
    let log = Rc::new(Log::default());
    log.tick.set(Duration::from_millis(10));
    let loaded = Script::load(source("for (;;);\nexport default function () {}"), Default::default(), log);
    assert_eq!(loaded.expect_err("endless").to_string(), "the init code ran for more than 60 s");
}

#[test]
fn a_cut_cannot_be_caught_and_the_vu_goes_on() {
    let text = "import { sleep } from 'k6';
        let n = 0;
        export default function () {
          n += 1;
          console.log('begin', n);
          try { sleep(1); } catch (e) { console.log('caught'); } finally { console.log('finally'); }
          console.log('end');
        }";
    let mut rig = Rig::new(text);
    let task = rig.next();
    assert!(matches!(rig.vu.start(task), Step::Call(HostCall::Sleep(_))));
    let Step::Done(result) = rig.vu.resume(Reply::Interrupt) else { panic!("not done") };
    assert_eq!(result.outcome, Outcome::Interrupted);
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
    assert_eq!(rig.lines(), ["Info: begin 1", "Info: begin 2", "sleep 1s", "Info: finally", "Info: end"]);
}

#[test]
fn a_cut_ends_what_is_in_the_background() {
    let text = "import http from 'k6/http';
        export default async function () {
          setTimeout(() => console.log('late'), 5);
          await http.asyncRequest('GET', 'http://h.test/');
          console.log('answered');
        }";
    let mut rig = Rig::new(text);
    let task = rig.next();
    let mut step = rig.vu.start(task);
    while let Step::Call(HostCall::Start(..)) = step {
        step = rig.vu.resume(Reply::Done);
    }
    assert!(matches!(step, Step::Call(HostCall::Wait)), "{step:?}");
    let Step::Done(result) = rig.vu.resume(Reply::Interrupt) else { panic!("not done") };
    assert_eq!(result.outcome, Outcome::Interrupted);
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
    assert_eq!(rig.lines(), ["async GET http://h.test/", "Info: late", "Info: answered"]);
}

#[test]
fn vus_keep_their_state_to_themselves() {
    let script = load("let n = 0; export default function () { n += __VU; globalThis.g = (globalThis.g ?? 0) + 1; console.log(n, g); }").expect("loads");
    let mut rigs: Vec<Rig> =
        (1..=3).map(|id| Rig::with(script.clone(), VuConfig { id, ..VuConfig::default() })).collect();
    for _ in 0..2 {
        rigs.iter_mut().for_each(|rig| drop(rig.iterate()));
    }
    let lines: Vec<_> = rigs.iter().map(Rig::lines).collect();
    assert_eq!(lines, [["Info: 1 1", "Info: 2 2"], ["Info: 2 1", "Info: 4 2"], ["Info: 3 1", "Info: 6 2"]]);
}

#[test]
fn memory_does_not_grow_with_iterations() {
    let text = "import http from 'k6/http';
        export default async function () {
          const knot = {}; knot.self = knot; knot.data = 'x'.repeat(1000);
          await http.asyncRequest('GET', 'http://h.test/');
          http.get('http://h.test/').json();
        }";
    let mut rig = Rig::new(text);
    let run = |rig: &mut Rig, n: usize| {
        for _ in 0..n {
            assert_eq!(rig.iterate().outcome, Outcome::Completed);
            rig.lines();
        }
    };
    run(&mut rig, 300);
    // Other tests may run in this process: a leak, of a kilobyte per iteration, would show in every round.
    let mut grown = Vec::new();
    for _ in 0..40 {
        let before = resident_kib();
        run(&mut rig, 1000);
        grown.push(resident_kib().saturating_sub(before));
        if grown.last().is_some_and(|kib| *kib < 500) {
            break;
        }
    }
    assert!(grown.iter().any(|kib| *kib < 500), "{grown:?} KiB");
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:"));
    line.and_then(|l| l.split_whitespace().nth(1)).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn deep_json(request: &HttpRequest) -> HttpResponse {
    respond(
        request,
        200,
        "application/json",
        &format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)),
    )
}

fn deep_page(request: &HttpRequest) -> HttpResponse {
    respond(request, 200, "text/html", &format!("{}x{}", "<div>".repeat(2_000), "</div>".repeat(2_000)))
}

#[test]
fn deep_data_does_not_break_the_small_stack() {
    let text = "import http from 'k6/http';
        export default function () {
          const r = http.get('http://h.test/');
          try { r.json('a.0.0'); } catch (e) { console.log('json', e.message.slice(0, 20)); }
          try { r.json(); } catch (e) { console.log('parse', e.message.length > 0); }
          let o = {}; for (let i = 0; i < 1e5; i++) o = { o };
          console.log(o);
          let s = 'a'; s = s.repeat(1e6); console.log(s.length);
        }";
    let mut rig = Rig::new(text).server(deep_json);
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
    let lines = rig.lines();
    assert_eq!(lines[1..3], ["Info: json the JSON is nested m", "Info: parse true"]);
    assert!(lines[3].contains("[...]") && lines[4] == "Info: 1000000");
    let text = "import http from 'k6/http';
        export default function () {
          const doc = http.get('http://h.test/').html();
          console.log(doc.find('div').size(), doc.text(), doc.find('div').last().html(), doc.html().length > 1000);
          console.log(doc.find('div div').last().parents().size() > 100, doc.find('div').last().closest('body').size());
        }";
    let mut rig = Rig::new(text).server(deep_page);
    let result = rig.iterate();
    assert_eq!(result.outcome, Outcome::Completed);
    assert_eq!(rig.lines().len(), 3);
}
