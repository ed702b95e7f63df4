//! One small script per behaviour that k6's documentation promises: what it does, line by line.

use crate::host::{check, lines};

const K6: &str = "import { check, fail, group, randomSeed, sleep } from 'k6';";
const HTTP: &str = "import http from 'k6/http'; import { check, group, sleep } from 'k6';";

#[test]
fn checks() {
    check(
        K6,
        "console.log(check(1, { yes: (v) => v === 1, no: () => 0, plain: true, text: '' }));",
        &["✓ yes", "✗ no", "✓ plain", "✗ text", "Info: false"],
    );
    check(
        K6,
        "console.log(check(null, { a: (v) => v === null }, { kind: 'x', n: 1, b: true }))",
        &["✓ a {b=true,kind=x,n=1}", "Info: true"],
    );
    check(
        K6,
        "check(1, { bad() { throw new Error('boom'); }, later: true });",
        &["✗ bad", "threw Error: boom"],
    );
    check(K6, "check(1, { 'a::b': true });", &["threw GoError: group and check names may not contain '::'"]);
    check(
        K6,
        "check(1, { a: async () => true });",
        &[
            "threw GoError: the built-in check() does not support async functions as arguments. Use the JavaScript \
         utils library as a replacement. Refer to \
         https://grafana.com/docs/k6/latest/javascript-api/jslib/utils/check/ for more info",
        ],
    );
    check(K6, "check(1);", &["threw GoError: no checks provided to `check`"]);
    check(
        K6,
        "check(1, { a: true }, { bad: {} });",
        &[
            "threw GoError: invalid value for metric tag 'bad': only String, Boolean and Number types are accepted as a \
         metric tag values",
        ],
    );
    check(
        K6,
        "try { check(1, { a() { throw 'x'; } }); } catch (e) { console.log('caught', e); }",
        &["✗ a", "Info: caught x"],
    );
}

#[test]
fn groups() {
    check(
        K6,
        "const got = group('outer', () => { sleep(1); group('inner', () => check(1, { c: true })); return 7; });
         console.log(got); check(1, { outside: true });",
        &[
            "sleep 1s",
            "✓ c {group=::outer::inner}",
            "group 0ms {group=::outer::inner}",
            "group 1000ms {group=::outer}",
            "Info: 7",
            "✓ outside",
        ],
    );
    check(
        K6,
        "try { group('g', () => { throw new Error('x'); }); } catch (e) { check(1, { after: true }); }",
        &["group 0ms {group=::g}", "✓ after"],
    );
    // What the script itself ends by aborting the test is measured; see the suite's `interrupted.js` for what others cut.
    let text = lines(&format!(
        "{K6} import exec from 'k6/execution'; export default function () {{
           group('g', () => check(1, {{ stops: () => exec.test.abort(), never: true }}));
           check(1, {{ never: true }}); }}"
    ));
    assert_eq!(text[..2], ["✗ stops {group=::g}", "group 0ms {group=::g}"], "{text:?}");
    assert_eq!(text.len(), 3, "the abort and no more: {text:?}");
    check(K6, "group('a::b', () => {});", &["threw GoError: group and check names may not contain '::'"]);
    check(K6, "group('a');", &["threw GoError: group() requires a callback as a second argument"]);
    let text = lines(&format!("{K6} export default function () {{ group('a', async () => {{}}); }}"));
    assert!(text[0].starts_with("threw GoError: group() does not support async functions"), "{text:?}");
}

#[test]
fn sleeping_failing_and_seeding() {
    check(
        K6,
        "sleep(0.25); sleep('2'); sleep(0); sleep(-1); sleep(); sleep(NaN);",
        &["sleep 250ms", "sleep 2s"],
    );
    check(K6, "fail('no luck');", &["threw GoError: no luck"]);
    check(
        K6,
        "try { fail('no luck'); } catch (e) { console.log(e.message, String(e)); }",
        &["Info: no luck GoError: no luck"],
    );
    check(
        K6,
        "randomSeed(42); const a = Math.random(); randomSeed(42); console.log(a === Math.random(), a >= 0 && a < 1);",
        &["Info: true true"],
    );
}

#[test]
fn requests_of_every_method() {
    check(
        HTTP,
        "http.get('http://h.test/a'); http.head('http://h.test/b'); http.post('http://h.test/c', 'text');
         http.put('http://h.test/d', 'x'); http.patch('http://h.test/e', 'y'); http.del('http://h.test/f');
         http.options('http://h.test/g'); http.request('PURGE', 'http://h.test/h', 'z');",
        &[
            "GET http://h.test/a",
            "HEAD http://h.test/b",
            "POST http://h.test/c <text>",
            "PUT http://h.test/d <x>",
            "PATCH http://h.test/e <y>",
            "DELETE http://h.test/f",
            "OPTIONS http://h.test/g",
            "PURGE http://h.test/h <z>",
        ],
    );
}

#[test]
fn parameters_of_requests() {
    check(
        HTTP,
        "http.get('http://h.test/', { headers: { 'X-A': 1, 'x-a': 'two', B: 'b' }, tags: { t: 'v', name: 'n' },
           cookies: { c: 'd', e: { value: 'f', replace: true } } });",
        &["GET http://h.test/ [x-a: two] [B: b] [Cookie: c=d; e=f] {name=n,t=v}"],
    );
    check(
        HTTP,
        "http.post('http://h.test/', { b: [1, 'x y'], a: 'ä&', n: null, t: true });",
        &[
            "POST http://h.test/ [Content-Type: application/x-www-form-urlencoded] <a=%C3%A4%26&b=1&b=x+y&n=&t=true>",
        ],
    );
    check(
        HTTP,
        "http.post('http://h.test/', { a: 1 }, { headers: { 'content-type': 'mine' } });",
        &["POST http://h.test/ [content-type: mine] <a=1>"],
    );
    check(
        HTTP,
        "http.post('http://h.test/', new Uint8Array([104, 105]).buffer);",
        &["POST http://h.test/ <hi>"],
    );
    check(
        HTTP,
        "http.get('http://h.test/', null); http.get('http://h.test/', undefined); http.post('http://h.test/', null, {});",
        &["GET http://h.test/", "GET http://h.test/", "POST http://h.test/"],
    );
    check(
        HTTP,
        "const r = http.post('http://h.test/', 5); console.log(r.status, r.error, r.body);",
        &[
            "Warn: Request Failed error=unknown request body type int64",
            "Info: 0 unknown request body type int64 []",
        ],
    );
    check(
        HTTP,
        "const r = http.get('http://h .test/'); console.log(r.status, r.error_code, r.error);",
        &[
            "Warn: Request Failed error=invalid URL: parse \"http://h .test/\": invalid character \" \" in host name",
            "Info: 0 1020 invalid URL: parse \"http://h .test/\": invalid character \" \" in host name",
        ],
    );
    check(HTTP, "http.get(http.url`http://h.test/${1}/x/${'a'}`);", &["GET http://h.test/1/x/a"]);
    check(
        HTTP,
        "http.get('http://h.test/', { timeout: 'soon' });",
        &["Warn: Request Failed error=invalid timeout value: time: invalid duration \"soon\""],
    );
}

#[test]
fn responses() {
    check(
        HTTP,
        "const r = http.get('http://h.test/status/404');
         console.log(r.status, r.status_text, r.url, r.proto, r.remote_ip, r.remote_port, r.error, r.error_code);
         console.log(r.headers['Content-Type'], r.timings.duration, r.timings.waiting, r.timings.blocked);
         console.log(r.cookies.sid[0].value, r.cookies.sid[0].http_only, r.cookies.sid[0].path);
         console.log(typeof r.body, r.request.method, r.request.url, r instanceof Object);",
        &[
            "GET http://h.test/status/404",
            "Info: 404 404 Other http://h.test/status/404 HTTP/1.1 127.0.0.1 80  0",
            "Info: application/json 8 5 0.001",
            "Info: abc true /",
            "Info: string GET http://h.test/status/404 true",
        ],
    );
    check(
        HTTP,
        "const r = http.get('http://h.test/', { headers: { A: 'b' } });
         console.log(r.json().method, r.json('list.#'), r.json('list.2.name'), r.json('nope'), r.json() === r.json());
         console.log(r.json('headers'), r.json('list.0') + 1, JSON.parse(JSON.stringify(r)).status);",
        &[
            "GET http://h.test/ [A: b]",
            "Info: GET 3 three undefined true",
            "Info: { A: \"b\" } 2 200",
        ],
    );
    check(
        HTTP,
        "const r = http.get('http://h.test/', { responseType: 'none' }); console.log(r.body); r.json();",
        &[
            "GET http://h.test/",
            "Info: null",
            "threw GoError: the body is null so we can't transform it to JSON - this likely was because of a request \
         error getting the response",
        ],
    );
    check(
        HTTP,
        "const r = http.get('http://h.test/', { responseType: 'binary' }); console.log(r.body instanceof ArrayBuffer, r.body.byteLength > 10);",
        &["GET http://h.test/", "Info: true true"],
    );
    check(
        HTTP,
        "console.log(Object.keys(http.get('http://h.test/').headers).join());",
        &["GET http://h.test/", "Info: Content-Type,Set-Cookie"],
    );
}

#[test]
fn batches() {
    check(
        HTTP,
        "const [a, b, c] = http.batch(['http://h.test/1', ['POST', 'http://h.test/2', 'body', { tags: { t: '1' } }],
           { method: 'put', url: 'http://h.test/3', body: { x: 1 }, params: { headers: { H: 'v' } } }]);
         console.log(a.status, b.json('body'), c.request.method);
         const r = http.batch({ first: 'http://h.test/4', second: { url: 'http://h.test/5', method: 'get', body: 'no' } });
         console.log(Object.keys(r).join(), r.second.status);",
        &[
            "batch GET http://h.test/1",
            "batch POST http://h.test/2 <body> {t=1}",
            "batch PUT http://h.test/3 [Content-Type: application/x-www-form-urlencoded] [H: v] <x=1>",
            "Info: 200 body PUT",
            "batch GET http://h.test/4",
            "batch GET http://h.test/5",
            "Info: first,second 200",
        ],
    );
    check(HTTP, "http.batch();", &["threw GoError: no argument was provided to http.batch()"]);
    check(
        HTTP,
        "const r = http.batch([{ method: 'GET' }]); console.log(r[0].error);",
        &[
            "Warn: A batch request failed error=batch request 0 doesn't have a url key",
            "Info: batch request 0 doesn't have a url key",
        ],
    );
    check(HTTP, "console.log(http.batch([]).length);", &["Info: 0"]);
}

#[test]
fn cookies_and_jars() {
    check(
        HTTP,
        "const jar = http.cookieJar();
         jar.set('http://h.test/', 'a', '1', { path: '/x' }); jar.set('http://h.test/', 'b', 2);
         console.log(jar.cookiesForURL('http://h.test/x'));
         http.get('http://h.test/x'); http.get('http://h.test/', { cookies: { b: { value: 'own', replace: true } } });
         jar.delete('http://h.test/', 'b'); http.get('http://h.test/');
         jar.clear('http://h.test/x'); http.get('http://h.test/x');
         const own = new http.CookieJar(); own.set('http://h.test/', 'mine', 'yes');
         http.get('http://h.test/', { jar: own }); http.get('http://h.test/');",
        &[
            "Info: { a: [ \"1\" ], b: [ \"2\" ] }",
            "GET http://h.test/x [Cookie: a=1; b=2]",
            "GET http://h.test/ [Cookie: b=own]",
            "GET http://h.test/",
            "GET http://h.test/x [Cookie: a=1]",
            "GET http://h.test/ [Cookie: mine=yes]",
            "GET http://h.test/",
        ],
    );
}

#[test]
fn files_in_forms() {
    let text = lines(
        "import http from 'k6/http';
         const bytes = open('bytes.bin', 'b');
         export default function () {
           http.post('http://h.test/', { field: 'v', upload: http.file(bytes, 'a\"b.bin', 'x/y') });
         }",
    );
    let line = &text[0];
    let boundary = line.split("boundary=").nth(1).expect("multipart").split(']').next().expect("an end");
    assert!(
        line.contains(&format!(
            "<--{boundary}\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nv\r\n"
        ))
    );
    assert!(line.contains(
        "name=\"upload\"; filename=\"a\\\"b.bin\"\r\nContent-Type: x/y\r\n\r\nbinary\u{1}file\r\n"
    ));
    assert!(line.ends_with(&format!("--{boundary}--\r\n>")), "{line}");
}

#[test]
fn expected_statuses() {
    check(
        HTTP,
        "http.setResponseCallback(http.expectedStatuses(404, { min: 200, max: 204 })); http.expectedStatuses('x');",
        &[
            "threw GoError: argument number 1 to expectedStatuses was neither an integer nor an object like {min:100, \
         max:329}",
        ],
    );
    check(
        HTTP,
        "http.setResponseCallback(5);",
        &["threw GoError: unsupported argument, expected http.expectedStatuses"],
    );
    check(
        HTTP,
        "http.expectedStatuses({ min: 1.5, max: 3 });",
        &["threw GoError: both min and max need to be integers for argument number 1"],
    );
}

#[test]
fn asynchronous_requests_and_timers() {
    let text = "import http from 'k6/http';
        export default async function () {
          const both = await Promise.all([http.asyncRequest('GET', 'http://h.test/1'), http.asyncRequest('POST', 'http://h.test/2', 'b')]);
          console.log(both.map((r) => r.status).join());
          setTimeout((a, b) => console.log('late', a, b), 50, 1, 2);
          const id = setInterval(() => { console.log('tick'); if (++n === 2) clearInterval(id); }, 10);
          let n = 0;
          const never = setTimeout(() => console.log('never'), 5);
          clearTimeout(never);
          console.log('first');
        }";
    assert_eq!(
        lines(text),
        [
            "async GET http://h.test/1",
            "async POST http://h.test/2 <b>",
            "Info: 200,200",
            "Info: first",
            "Info: tick",
            "Info: tick",
            "Info: late 1 2",
        ]
    );
    check("", "setTimeout(5);", &["threw TypeError: setTimeout's callback isn't a callable function"]);
    check("", "setTimeout(() => { throw new Error('in a timer'); }, 1);", &["threw Error: in a timer"]);
    check(
        "",
        "Promise.reject(new Error('nobody cares'));",
        &["threw Uncaught (in promise) Error: nobody cares"],
    );
    check("", "Promise.reject(new Error('x')).catch(() => console.log('handled'));", &["Info: handled"]);
    let text = lines("export default async function () { await null; throw new Error('late'); }");
    assert_eq!(text.len(), 1);
    assert!(text[0].contains("Error: late"), "{text:?}");
}

#[test]
fn console_shows_values() {
    check(
        "",
        "console.log('a', 1, 1.5, true, null, undefined, [1, 'x', [], { a: { b: null } }], {}, () => 1, new Error('e'));
         console.debug('d'); console.warn('w'); console.error('e'); console.info('i');
         const o = { self: null }; o.self = o; console.log(o, new Date(0), new Uint8Array([1, 2]));",
        &[
            "Info: a 1 1.5 true null undefined [ 1, \"x\", [], { a: { b: null } } ] {} [object Function] Error: e",
            "Debug: d",
            "Warn: w",
            "Error: e",
            "Info: i",
            "Info: { self: [Circular] } \"1970-01-01T00:00:00.000Z\" Uint8Array(2) [ 1, 2 ]",
        ],
    );
}
