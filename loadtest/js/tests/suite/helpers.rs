//! Helpers from jslib.k6.io, and the experimental modules for files.

use crate::host::{Rig, lines, load};
use loadtest_js::*;

#[test]
fn sessions_of_httpx() {
    let text = "import http from 'k6/http'; import { Httpx, Get, Post } from 'https://jslib.k6.io/httpx/0.1.0/index.js';
        const session = new Httpx({ baseURL: 'http://h.test/api', headers: { 'X-A': '1', 'X-B': '2' }, timeout: 5000 });
        session.addTag('kind', 'x'); session.addHeader('X-C', '3'); session.clearHeader('X-B');
        export default function () {
          session.get('/one');
          session.post('http://other.test/', 'body', { headers: { 'X-A': 'own' }, tags: { more: 'y' } });
          session.delete('/two', null);
          session.batch([new Get('/three', { tags: { own: 'z' } }).addHeader('X-D', '4'), ['GET', '/four']], { tags: { name: 'both' } });
          console.log(new Post(http.url`/p/${1}`, { body: 'b', timeout: 1 }).params.tags.name, session.lastRequest.responseObject.length);
        }";
    let mut rig = Rig::new(text);
    let task = rig.next();
    let Step::Call(HostCall::Http(request)) = rig.vu.start(task) else { panic!("must ask") };
    assert_eq!((request.url.as_str(), request.timeout.as_secs()), ("http://h.test/api/one", 5));
    assert_eq!(request.headers, [("X-A".to_owned(), "1".to_owned()), ("X-C".to_owned(), "3".to_owned())]);
    assert_eq!(request.tags, [("kind".to_owned(), "x".to_owned())]);
    let got = lines(text);
    let begins = ["GET http://h.test/api/one", "POST http://other.test/", "DELETE http://h.test/api/two"];
    for (line, begin) in got.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    let batch: Vec<_> =
        got[begins.len()..].iter().filter(|line| line.contains("http://h.test/api/")).collect();
    assert_eq!(batch.len(), 2, "{got:?}");
    assert!(batch[0].contains("/three") && batch[0].contains("own=z"), "{got:?}");
    assert!(batch[1].contains("/four") && batch[1].contains("name=both"), "{got:?}");
    assert_eq!(got.last().map(String::as_str), Some("Info: /p/${} 2"));
}

#[test]
fn sentences_of_chai_are_checks() {
    let text = "import http from 'k6/http';
        import { describe, expect } from 'https://jslib.k6.io/k6chaijs/4.3.4.3/index.js';
        export default function () {
          const ok = describe('list', () => {
            const response = http.get('http://h.test/');
            expect(response.status, 'status').to.equal(200);
            expect([1, 2, 3]).to.be.an('array').that.includes(2).and.have.lengthOf.above(2);
            expect({ a: { b: [1] } }).to.have.nested.property('a.b[0]', 1);
            expect({ a: 1 }).to.deep.equal({ a: 1 });
            expect([2, 1]).to.have.members([1, 2]);
            expect(null).to.be.null;
            expect(true, 'it').to.be.true();
            expect(() => { throw new Error('no'); }).to.throw('no');
            expect('x').to.not.equal('x');
            expect(1, 'never seen').to.equal(1);
          });
          const thrown = describe('broken', () => { throw new Error('boom'); });
          expect([ok, thrown], 'both').to.eql([false, false]);
          expect(1, 'outside').to.be.a('string');
        }";
    let got = lines(text);
    let expected = [
        "✓ expected status to equal 200 {group=::list}",
        "✓ expected ${this} to be an array {group=::list}",
        "✓ expected ${this} to include 2 {group=::list}",
        "✓ expected ${this} to have property 'length' {group=::list}",
        "✓ expected ${this} to have a length above 2 got ${actual} {group=::list}",
        "✓ expected ${this} to have nested property 'a.b[0]' {group=::list}",
        "✓ expected ${this} to have nested property 'a.b[0]' of 1, got ${actual} {group=::list}",
        "✓ expected ${this} to deeply equal { a: 1 } {group=::list}",
        "✓ expected ${this} to be an array {group=::list}",
        "✓ expected ${this} to be an array {group=::list}",
        "✓ expected ${this} to have the same members as [ 1, 2 ] {group=::list}",
        "✓ expected ${this} to be null {group=::list}",
        "✓ expected it to be true {group=::list}",
        "✓ expected ${this} to be a function {group=::list}",
        "✓ expected ${this} to throw an error {group=::list}",
        "✗ expected ${this} to not equal 'x' {group=::list}",
        "✗ Exception raised \"Error: boom\" {group=::broken}",
        "✓ expected both to deeply equal [ false, false ]",
        "✗ expected outside to be a string",
    ];
    let checks: Vec<_> = got.iter().filter(|line| line.starts_with(['✓', '✗'])).collect();
    assert_eq!(checks, expected);
    assert_eq!(got.last().map(String::as_str), Some("threw AssertionError: expected 1 to be a string"));
}

/// The codes of RFC 6238's appendix B end in these six digits.
#[test]
fn sentences_make_the_checks_that_the_original_makes() {
    let got = lines(include_str!("../files/chai.js"));
    let checks: Vec<&str> = got.iter().map(String::as_str).filter(|l| l.starts_with(['✓', '✗'])).collect();
    assert_eq!(checks, include_str!("../files/chai.txt").lines().collect::<Vec<_>>());
}

#[test]
fn one_time_passwords() {
    let text = "import { TOTP } from 'https://jslib.k6.io/totp/1.0.0/index.js';
        export default async function () {
          const totp = new TOTP('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
          const at = (second) => totp.gen(30, second - Date.now() / 1000 + 0.5);
          console.log(await at(59), await at(1111111109), await at(20000000000), await totp.verify('nonsense'));
        }";
    assert_eq!(lines(text), ["Info: 287082 081804 353130 false"]);
}

#[test]
fn files_and_tables() {
    let text = "import { open, SeekMode } from 'k6/experimental/fs';
        import csv from 'k6/experimental/csv';
        const file = await open('people.csv');
        const rows = await csv.parse(file, { skipFirstLine: true });
        const people = await csv.parse(await open('people.csv'), { asObjects: true });
        const parser = new csv.Parser(await open('people.csv'), { fromLine: 1, toLine: 1 });
        export default async function () {
          const { name, size } = await file.stat();
          const buffer = new Uint8Array(4);
          await file.seek(0, SeekMode.Start);
          console.log(name, size, await file.read(buffer), String.fromCharCode(...buffer));
          console.log(await file.seek(-2, SeekMode.End), await file.read(buffer), await file.read(buffer));
          console.log(rows.length, rows[0].join('|'), rows[1].join('|'));
          console.log(people[1].name, people[1].age);
          console.log(await parser.next(), (await parser.next()).done);
          try { await file.seek(-1, SeekMode.Start); } catch (e) { console.log(e.message); }
        }";
    let got = lines(text);
    assert_eq!(
        got,
        [
            "Info: people.csv 42 4 name",
            "Info: 40 2 null",
            "Info: 2 John|30 Jane|2\"5, and\na half",
            "Info: Jane 2\"5, and\na half",
            "Info: { done: false, value: [ \"John\", \"30\" ] } true",
            "Info: seek() failed; reason: the offset lies outside the file",
        ]
    );
    let both = "import { open } from 'k6/experimental/fs'; import csv from 'k6/experimental/csv';
        await csv.parse(await open('people.csv'), { asObjects: true, skipFirstLine: true }); export default () => {};";
    let error = load(both).expect_err("contradicts itself").to_string();
    assert!(error.contains("skipFirstLine and asObjects"), "{error}");
}

/// As printed by the original of k6-summary 0.0.2 for the same data.
#[test]
fn a_summary_as_text() {
    let text = "import { textSummary } from 'https://jslib.k6.io/k6-summary/0.0.2/index.js';
        const trend = (v) => ({ type: 'trend', contains: 'time', values: { avg: v, max: 2 * v } });
        const data = {
          options: { summaryTrendStats: ['avg', 'max'] },
          root_group: { name: '', checks: [{ name: 'one', passes: 2, fails: 1 }], groups: [{ name: 'g', checks: [], groups: [] }] },
          metrics: {
            d_time: trend(1234.5), 'd{a:b}': { ...trend(3), thresholds: { 'avg<5': { ok: true } } }, d: trend(0.0123),
            checks: { type: 'rate', contains: 'default', values: { rate: 2 / 3, passes: 2, fails: 1 }, thresholds: { 'rate>0.9': { ok: false } } },
            reqs: { type: 'counter', contains: 'default', values: { count: 3, rate: 508.5 } },
          },
        };
        export default function () {
          console.log(textSummary(data, { indent: '>', enableColors: false }));
          console.log(JSON.stringify(textSummary({ ...data, root_group: { name: '', checks: [], groups: [] }, metrics: { reqs: data.metrics.reqs } })));
        }";
    let plain = [
        "Info: >    ✗ one",
        ">     ↳  66% — ✓ 2 / ✗ 1",
        "",
        ">    █ g",
        "",
        ">  ✗ checks......: 66.66% ✓ 2     ✗ 1",
        ">    d...........: avg=12.3µs max=24.6µs",
        ">    ✓ { a:b }...: avg=3ms    max=6ms   ",
        ">    d_time......: avg=1.23s  max=2.46s ",
        ">    reqs........: 3      508.5/s",
    ];
    let colours =
        "Info: \"     reqs\\u001b[2m...:\\u001b[0m \\u001b[36m3\\u001b[0m \\u001b[36;2m508.5/s\\u001b[0m\"";
    assert_eq!(lines(text), [plain.join("\n"), colours.to_owned()]);
}

/// As the original of formdata 0.0.2 makes it: each part has a type.
#[test]
fn forms_by_hand() {
    let text = "import { FormData } from 'https://jslib.k6.io/formdata/0.0.2/index.js';
        import http from 'k6/http';
        export default function () {
          const form = new FormData();
          form.boundary = 'XX';
          form.append('a', 'b');
          form.append('f', http.file('text', 'n\"1.txt', 'text/x'));
          form.append('n', { data: new Uint8Array([65, 66]).buffer });
          console.log(JSON.stringify(String.fromCharCode(...new Uint8Array(form.body()))));
          try { form.append('alone'); } catch (e) { console.log(e.name); }
        }";
    let head = "--XX\\r\\nContent-Disposition: form-data; name=";
    let body = format!(
        "Info: \"{head}\\\"a\\\"\\r\\nContent-Type: text/plain\\r\\n\\r\\nb\\r\\n\
         {head}\\\"f\\\"; filename=\\\"n%221.txt\\\"\\r\\nContent-Type: text/x\\r\\n\\r\\ntext\\r\\n\
         {head}\\\"n\\\"\\r\\nContent-Type: application/octet-stream\\r\\n\\r\\nAB\\r\\n--XX--\\r\\n\""
    );
    assert_eq!(lines(text), [body.as_str(), "Info: SyntaxError"]);
}
