//! The corpus, continued: the modules besides k6 and k6/http, globals, files.

use std::rc::Rc;
use std::sync::Arc;

use crate::host::*;
use loadtest_js::*;

#[test]
fn custom_metrics() {
    let text = "import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
        const c = new Counter('c'), g = new Gauge('g'), r = new Rate('r'), t = new Trend('t', true);
        export default function () {
          console.log(c.name, c.add(1, { a: 'b' }), g.add('2.5'), r.add(true), r.add(false), t.add(1e3));
          console.log(c.add(NaN), c.add('x'), c.add(null), c.add());
        }";
    let mut rig = Rig::new(text);
    let kinds: Vec<_> = rig.script.metrics().iter().map(|m| (m.name.as_str(), m.kind, m.is_time)).collect();
    assert_eq!(
        kinds,
        [
            ("c", MetricKind::Counter, false),
            ("g", MetricKind::Gauge, false),
            ("r", MetricKind::Rate, false),
            ("t", MetricKind::Trend, true),
        ]
    );
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
    assert_eq!(
        rig.lines(),
        [
            "Counter c 1 {a=b}",
            "Gauge g 2.5",
            "Rate r 1",
            "Rate r 0",
            "Trend t 1000",
            "Info: c true true true true true",
            "Warn: 'NaN' is an invalid value for metric 'c', a number or a boolean value is expected",
            "Warn: 'x' is an invalid value for metric 'c', a number or a boolean value is expected",
            "Warn: 'null' is an invalid value for metric 'c', a number or a boolean value is expected",
            "Warn: no value was provided for metric 'c', a number or a boolean value is expected",
            "Info: false false false false",
        ]
    );
    for (bad, why) in [
        ("new Counter('a b')", "Invalid metric name"),
        (
            "new Counter('x'); new Trend('x')",
            "metric 'x' already exists but with type counter, instead of trend",
        ),
        ("new Rate('http_reqs')", "already exists but with type counter"),
        ("new Counter('y').add(1)", "Adding to metrics in the init context is not supported"),
    ] {
        let error = load(&format!(
            "import {{ Counter, Rate, Trend }} from 'k6/metrics'; {bad}; export default () => {{}}"
        ));
        let error = error.expect_err(bad).to_string();
        assert!(error.contains(why), "{bad}: {error}");
    }
}

#[test]
fn execution_information() {
    let text = "import exec from 'k6/execution';
        export default function () {
          console.log(exec.vu.idInTest, exec.vu.idInInstance, exec.vu.iterationInInstance, exec.vu.iterationInScenario);
          console.log(exec.scenario.name, exec.scenario.executor, exec.scenario.iterationInTest, exec.scenario.startTime);
          console.log(exec.instance.vusActive, exec.instance.vusInitialized, exec.test.options.vus);
          exec.vu.tags.mine = 1; exec.vu.metrics.metadata.trace = 'abc';
          console.log(exec.vu.tags.mine, 'mine' in exec.vu.tags, Object.keys(exec.vu.tags).join(), exec.vu.metrics.metadata.trace);
          delete exec.vu.tags.mine;
          console.log(exec.vu.tags.mine, exec.vu.tags.scenario, `${exec.vu.tags}`);
          try { exec.vu.tags.bad = {}; } catch (e) { console.log(e.name); }
          exec.test.fail('because');
          if (__ITER === 1) { try { exec.test.abort('enough'); } catch (e) { console.log('caught'); } finally { console.log('finally'); } }
        }";
    let scenario = Scenario {
        name: "s1".into(),
        executor: "shared-iterations".to_owned(),
        exec: "default".to_owned(),
        start_unix_ms: 5.0,
        ..Scenario::default()
    };
    let mut rig = Rig::new(text).scenario(scenario);
    *rig.log.options.borrow_mut() = Some("{\"vus\": 4}".into());
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
    assert_eq!(
        rig.lines(),
        [
            "Info: 1 1 0 0",
            "Info: s1 shared-iterations 0 5",
            "Info: 2 3 4",
            "Info: 1 true mine,group,scenario abc",
            "Info: undefined s1 [object Object]",
            "Info: TypeError",
            "failed: test marked as failed: because",
        ]
    );
    assert_eq!(rig.iterate().outcome, Outcome::Aborted { reason: "test aborted: enough".to_owned() });
    assert!(!rig.lines().iter().any(|l| l.contains("caught") || l.contains("finally")));
    assert_eq!(rig.iterate().outcome, Outcome::Completed, "a VU survives an abort");
    let error =
        load("import exec from 'k6/execution'; exec.vu.idInTest; export default () => {}").expect_err("init");
    assert!(
        error.to_string().contains("getting VU information in the init context is not supported"),
        "{error}"
    );
}

#[test]
fn shared_arrays() {
    let text = "import { SharedArray } from 'k6/data';
        const users = new SharedArray('users', () => { console.log('built'); return JSON.parse(open('data.json')).users; });
        export default function () {
          console.log(users.length, users[0].name, users[5], Array.isArray(users), users.map((u) => u.name).join());
          for (const u of users) console.log(u.name);
          console.log(users.find((u) => u.name === 'bob').name, users[0] === users[0], [...users].length, JSON.stringify(users));
          try { users[0] = 1; } catch (e) { console.log(e.name, e.message); }
          'use strict';
          const u = users[1]; try { u.name = 'x'; } catch (e) { console.log(e.name); }
          console.log(users[1].name);
        }";
    let mut rig = Rig::new(text);
    assert_eq!(rig.lines(), [] as [&str; 0], "only the first run of the init code builds it");
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
    assert_eq!(
        rig.lines(),
        [
            "Info: 2 ada undefined true ada,bob",
            "Info: ada",
            "Info: bob",
            "Info: bob false 2 [{\"name\":\"ada\"},{\"name\":\"bob\"}]",
            "Info: TypeError SharedArray is immutable",
            "Info: TypeError",
            "Info: bob",
        ]
    );
    for (bad, why) in [
        ("new SharedArray('', () => [])", "empty name provided to SharedArray's constructor"),
        (
            "new SharedArray('x', 1)",
            "a function is expected as the second argument of SharedArray's constructor",
        ),
        ("new SharedArray('x', async () => [])", "SharedArray constructor does not support async functions"),
        ("new SharedArray('x', () => 1)", "only arrays can be made into SharedArray"),
    ] {
        let error =
            load(&format!("import {{ SharedArray }} from 'k6/data'; {bad}; export default () => {{}}"));
        assert!(error.expect_err(bad).to_string().contains(why), "{bad}");
    }
}

#[test]
fn encodings() {
    let text = "import encoding, { b64encode } from 'k6/encoding';
        export default function () {
          console.log(b64encode('hello?>'), b64encode('hello?>', 'rawstd'), b64encode('hello?>', 'url'), b64encode('hello?>', 'rawurl'));
          console.log(encoding.b64decode('aGVsbG8/Pg==', 'std', 's'), encoding.b64decode('aGVsbG8_Pg', 'rawurl', 's'));
          console.log(encoding.b64decode('aGk=').byteLength, b64encode(new Uint8Array([0, 255]).buffer));
          encoding.b64decode('%%%');
        }";
    let got = lines(text);
    assert_eq!(
        got[..3],
        ["Info: aGVsbG8/Pg== aGVsbG8/Pg aGVsbG8_Pg== aGVsbG8_Pg", "Info: hello?> hello?>", "Info: 2 AP8="]
    );
    assert!(got[3].starts_with("threw GoError: illegal base64 data at input byte 0"), "{got:?}");
}

#[test]
fn hashes() {
    let text = "import crypto from 'k6/crypto';
        export default function () {
          console.log(crypto.md4('abc', 'hex'), crypto.md5('abc', 'hex'), crypto.sha1('abc', 'hex'));
          console.log(crypto.sha256('abc', 'hex'), crypto.ripemd160('abc', 'hex'));
          console.log(crypto.sha512_224('abc', 'hex'), crypto.sha1('abc', 'base64'), crypto.sha1('abc', 'base64rawurl'));
          const h = crypto.createHash('sha1'); h.update('a'); h.update(new Uint8Array([98, 99]).buffer);
          console.log(h.digest('hex'), crypto.sha1('abc', 'binary').byteLength);
          console.log(crypto.hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog', 'hex'));
          const m = crypto.createHMAC('sha256', 'key'); m.update('The quick brown fox jumps over the lazy dog');
          console.log(m.digest('hex') === crypto.hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog', 'hex'));
          console.log(crypto.hexEncode(new Uint8Array([1, 171]).buffer), crypto.randomBytes(5).byteLength);
          try { crypto.md5('x', 'nope'); } catch (e) { console.log(e.message); }
          crypto.randomBytes(0);
        }";
    assert_eq!(
        lines(text),
        [
            "Info: a448017aaf21d8525fc10ae87aa6729d 900150983cd24fb0d6963f7d28e17f72 a9993e364706816aba3e25717850c26c9cd0d89d",
            "Info: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 8eb208f7e05d987a9b044a8e98c6b087f15a0bfc",
            "Info: 4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa qZk+NkcGgWq6PiVxeFDCbJzQ2J0= qZk-NkcGgWq6PiVxeFDCbJzQ2J0",
            "Info: a9993e364706816aba3e25717850c26c9cd0d89d 20",
            "Info: f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
            "Info: true",
            "Info: 01ab 5",
            "Info: invalid output encoding: nope",
            "threw GoError: invalid size",
        ]
    );
}

const PAGE: &str = "<html><head><title>T</title></head><body><div id=main class='a b'><p>one</p><p class=x>two</p>\
    <a href='/next?x=1'>go</a><form method=post action='/submit'><input name=user value=ada><input type=checkbox name=on checked>\
    <input type=checkbox name=off><select name=s><option value=1>a<option value=2 selected>b</select><textarea name=t>txt</textarea>\
    <input type=submit name=go value=Send></form><span data-n='5' data-json='{\"a\":1}' data-some-text=hi></span></div></body></html>";

fn page(request: &HttpRequest) -> HttpResponse {
    respond(request, 200, "text/html", PAGE)
}

#[test]
fn pages() {
    let text = "import http from 'k6/http'; import { parseHTML } from 'k6/html';
        export default function () {
          const r = http.get('http://h.test/dir/page');
          const doc = r.html();
          console.log(doc.find('title').text(), doc.find('p').size(), doc.find('p').first().text(), doc.find('p').eq(1).text(), doc.find('p').last().text());
          console.log(doc.find('#main').attr('class'), doc.find('p.x').html(), doc.find('nope').size(), doc.find('nope').attr('a'), doc.find('a').attr('zz', 'dflt'));
          doc.find('p').each((i, e) => console.log(i, e.nodeName(), e.textContent()));
          console.log(doc.find('p').map((i, s) => s.text()).join(), doc.find('p').toArray().length, doc.find('p').get(1).innerHTML());
          console.log(doc.find('#main').children().size(), doc.find('#main').children('p').size(), doc.find('p').filter('.x').text(), doc.find('p').not('.x').text());
          console.log(doc.find('p').next().size(), doc.find('a').prev().text(), doc.find('p').parent().attr('id'), doc.find('p.x').closest('div').attr('id'));
          console.log(doc.find('p').is('.x'), doc.find('div').has('a').size(), doc.find('a').index(), doc.find('p').siblings().size());
          console.log(doc.find('span').data('n') + 1, doc.find('span').data('json').a, doc.find('span').data('someText'), doc.find('span').data());
          console.log(doc.find('select').val(), doc.find('textarea').val(), doc.find('input[name=user]').val(), doc.find('form').serialize());
          console.log(doc.find('form').serializeObject(), r.html('title').text(), parseHTML('<b>x</b>').find('b').text());
          const link = parseHTML(`<a href='https://u:p@h.test:8080/p?q#f' rel='a b'>x</a>`).find('a').get(0);
          console.log(link.host(), link.protocol(), link.username(), link.search(), link.relList(), link.text(), doc.find('select').get(0).selectedIndex());
          r.submitForm({ fields: { user: 'bob' } }); r.submitForm({ submitSelector: 'none' }); r.clickLink(); r.clickLink({ selector: '#no' });
        }";
    let mut rig = Rig::new(text).server(page);
    let result = rig.iterate();
    let expected = [
        "GET http://h.test/dir/page",
        "Info: T 2 one two two",
        "Info: a b two 0 undefined dflt",
        "Info: 0 p one",
        "Info: 1 p two",
        "Info: one,two 2 two",
        "Info: 5 2 two one",
        "Info: 2 two main main",
        "Info: true 1 2 5",
        "Info: 6 1 hi { n: 5, json: { a: 1 }, someText: \"hi\" }",
        "Info: 2 txt ada s=2&t=txt&user=ada",
        "Info: { user: \"ada\", s: \"2\", t: \"txt\" } T x",
        "Info: h.test:8080 https: u ?q [ \"a\", \"b\" ] x 1",
        "POST http://h.test/submit [Content-Type: application/x-www-form-urlencoded] [Cookie: sid=abc] <go=Send&s=2&t=txt&user=bob>",
    ];
    let lines: Vec<String> = rig.lines().iter().map(|l| l.replace("[Cookie: sid=abc] ", "")).collect();
    let expected = expected.map(|l| l.replace("[Cookie: sid=abc] ", ""));
    assert_eq!(lines[..14], expected, "{:?}", result.outcome);
    assert!(lines[14].starts_with("POST http://h.test/submit"), "{lines:?}");
    assert_eq!(lines[15], "GET http://h.test/next?x=1");
    let Outcome::Threw(e) = result.outcome else { panic!("{result:?}") };
    assert_eq!(
        e.message,
        "GoError: no element found for selector '#no' in response 'http://h.test/dir/page'"
    );
}

#[test]
fn modules_of_every_kind() {
    let text = "import Thing, { GREETING, nap } from './lib/helper.js';
        import * as helper from './lib/helper.js';
        import old, { count } from './lib/old.js';
        import * as whole from './lib/old.js';
        import double from './lib/single.js';
        import data from './data.json';
        const again = require('./lib/old.js');
        const k6 = require('k6');
        const circle = require('./lib/circle-a.js');
        const text = open('./plain.txt');
        export default function () {
          console.log(GREETING, new Thing().name(), helper.GREETING, count, old.count, again === old, double(4), data.users[1].name);
          console.log(whole.count, circle.other, typeof k6.sleep, text.trim());
          nap(); old.nap(); k6.sleep(3);
        }";
    assert_eq!(
        lines(text),
        [
            "Info: hello thing hello 2 2 true 8 bob",
            "Info: 2 ba function plain text",
            "sleep 500ms",
            "sleep 2s",
            "sleep 3s",
        ]
    );
    let text = "const { sleep } = require('k6'); module.exports.options = { vus: 7 };
        exports.setup = () => 1; exports.default = function () { sleep(1); };";
    let mut rig = Rig::new(text);
    assert_eq!(rig.script.options()["vus"], 7);
    assert!(rig.script.has_function("setup"));
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
}

#[test]
fn typescript() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/typed.ts");
    let script =
        Script::load(Source::File(path), Default::default(), Rc::new(Unrecorded::default())).expect("loads");
    assert_eq!(script.options()["vus"], 2);
    let mut rig = Rig::with(script, VuConfig::default());
    assert_eq!(rig.iterate().outcome, Outcome::Completed);
    assert_eq!(rig.lines(), ["GET http://h.test/ts", "✓ ok", "Info: hi ada 2", "sleep 500ms"]);
}

#[test]
fn what_cannot_be_loaded_says_why() {
    for (text, why) in [
        (
            "import x from 'k6/browser'; import y from 'k6/x/sql'; export default () => {}",
            "unknown modules \"k6/browser\", \"k6/x/sql\"",
        ),
        ("import x from 'https://example.com/x.js'; export default () => {}", "nothing is downloaded here"),
        ("import x from './not-there.js'; export default () => {}", "not-there.js"),
        ("export default function () {\n  let x = ;\n}", "script.js:2:11: SyntaxError"),
        (
            "import http from 'k6/http'; http.get('http://h.test/'); export default () => {}",
            "Making http requests in the init context is not supported",
        ),
        (
            "import { check } from 'k6'; check(1, {}); export default () => {}",
            "Using check() in the init context",
        ),
        (
            "import { group } from 'k6'; group('g', () => {}); export default () => {}",
            "Using group() in the init context is not supported",
        ),
        ("setTimeout(() => {}, 1); export default () => {}", "this program cannot wait in the init context"),
        ("throw new Error('at the top'); export default () => {}", "Error: at the top"),
        ("open('no-such-file'); export default () => {}", "no such file or directory"),
        ("import http from '#metrics'; export default () => {}", "#metrics"),
    ] {
        let error = load(text).expect_err(text).to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    let pause = "import { sleep } from 'k6'; sleep(1e6); export default () => { sleep(1); }";
    assert_eq!(lines(pause), ["sleep 1s"], "init code does not pause");
    assert_eq!(
        lines("export default () => { open('plain.txt'); }")[0].split(" is only").next(),
        Some("threw GoError: the \"open\" function")
    );
}

#[test]
fn helpers_from_the_net() {
    let text = "import { uuidv4, randomIntBetween, randomItem, randomString, findBetween, normalDistributionStages, parseDuration, check } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
        import _ from 'https://cdn.jsdelivr.net/npm/lodash@4.17.21/+esm';
        import papaparse from 'https://jslib.k6.io/papaparse/5.1.1/index.js';
        import { URL, URLSearchParams } from 'https://jslib.k6.io/url/1.0.0/index.js';
        import { FormData } from 'https://jslib.k6.io/formdata/0.0.2/index.js';
        import { textSummary } from 'https://jslib.k6.io/k6-summary/0.1.0/index.js';
        export default async function () {
          console.log(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuidv4()), uuidv4(true).length);
          const n = randomIntBetween(3, 5); console.log(n >= 3 && n <= 5, [1, 2].includes(randomItem([1, 2])), randomString(8).length);
          console.log(findBetween('<a>1</a><a>2</a>', '<a>', '</a>'), findBetween('<a>1</a><a>2</a>', '<a>', '</a>', true), parseDuration('1m30s'));
          console.log(normalDistributionStages(10, 60, 3));
          console.log(await check(1, { async: async (v) => v === 1, sync: () => true }, { t: 'x' }));
          console.log(_.chunk([1, 2, 3], 2), _.get({ a: [{ b: 1 }] }, 'a[0].b'), _.sortBy([{ n: 2 }, { n: 1 }], 'n')[0].n, _.camelCase('foo-bar baz'), _.isEqual({ a: [1] }, { a: [1] }));
          console.log(papaparse.parse('a,b\\n1,\"x, y\"\\n', { header: true, skipEmptyLines: true }).data);
          const url = new URL('https://u:p@h.test:8080/p?q=1#f'); url.searchParams.append('z', 'ä b'); console.log(url.toString(), url.hostname, url.port, new URLSearchParams({ a: 1 }).toString());
          const fd = new FormData(); fd.append('k', 'v'); console.log(fd.body().byteLength > 50, textSummary({ metrics: { c: { type: 'counter', contains: 'default', values: { count: 3, rate: 1.5 } } }, root_group: { name: '', checks: [], groups: [] } }, { enableColors: false }).trim());
          _.debounce();
        }";
    assert_eq!(
        lines(text),
        [
            "Info: true 36",
            "Info: true true 8",
            "Info: 1 [ \"1\", \"2\" ] 90000",
            "Info: [ { duration: \"10s\", target: 2 }, { duration: \"14s\", target: 10 }, { duration: \"14s\", target: 10 }, { duration: \"14s\", target: 2 }, { duration: \"10s\", target: 0 } ]",
            "✓ sync {t=x}",
            "✓ async {t=x}",
            "Info: true",
            "Info: [ [ 1, 2 ], [ 3 ] ] 1 1 fooBarBaz true",
            "Info: [ { a: \"1\", b: \"x, y\" } ]",
            "Info: https://u:p@h.test:8080/p?q=1&z=%C3%A4+b#f h.test 8080 a=1",
            "Info: true c...: 3 1.5/s",
            "threw Uncaught (in promise) Error: lodash's debounce is not among the functions that this program has",
        ]
    );
}

#[test]
fn globals_of_browsers() {
    let text = "export default async function () {
          console.log(new TextEncoder().encode('ä'), new TextDecoder().decode(new Uint8Array([0xc3, 0xa4])));
          console.log(crypto.getRandomValues(new Uint8Array(4)).length, crypto.randomUUID().length);
          const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'));
          console.log(new Uint8Array(sum).slice(0, 3));
          const key = await crypto.subtle.importKey('raw', new TextEncoder().encode('key'), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']);
          const mac = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode('x'));
          console.log(mac.byteLength, await crypto.subtle.verify('HMAC', key, mac, new TextEncoder().encode('x')));
          try { await crypto.subtle.encrypt(); } catch (e) { console.log(e.name, e.message); }
          console.log(__VU, __ITER, __ENV.HOST, typeof __ENV.NOPE);
        }";
    assert_eq!(
        lines(text),
        [
            "Info: Uint8Array(2) [ 195, 164 ] ä",
            "Info: 4 36",
            "Info: Uint8Array(3) [ 186, 120, 22 ]",
            "Info: 32 true",
            "Info: SyntaxError algorithm cannot be interpreted as a string or an object",
            "Info: 1 0 http://e.test undefined",
        ]
    );
}

#[test]
fn setup_teardown_and_summary() {
    let text = "export function setup() { return { list: [1], gone: undefined }; }
        export default function (data) { data.list.push(2); console.log(data); }
        export function teardown(data) { console.log('bye', data); }
        export function handleSummary(data) { return { 'out.json': JSON.stringify(data), stdout: 'x', 'b.bin': new Uint8Array([1]).buffer }; }";
    let mut rig = Rig::new(text);
    let TaskValue::Json(data) = rig.run(Task::Setup).value else { panic!("setup returns data") };
    // What is undefined becomes null on its way, as in k6.
    assert_eq!(&*data, "{\"list\":[1],\"gone\":null}");
    rig.setup_data = Some(Arc::clone(&data));
    rig.iterate();
    rig.iterate();
    rig.run(Task::Teardown { setup_data: Some(data) });
    let summary = rig.run(Task::HandleSummary { data: "{\"a\":1}".into() });
    assert_eq!(
        rig.lines(),
        [
            "Info: { list: [ 1, 2 ], gone: null }",
            "Info: { list: [ 1, 2, 2 ], gone: null }",
            "Info: bye { list: [ 1, 2, 2 ], gone: null }",
        ]
    );
    let files = TaskValue::Files(vec![
        ("out.json".to_owned(), b"{\"a\":1}".to_vec()),
        ("stdout".to_owned(), b"x".to_vec()),
        ("b.bin".to_owned(), vec![1]),
    ]);
    assert_eq!(summary.value, files);
}
