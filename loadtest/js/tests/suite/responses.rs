//! What a response has, however a script asks for it: every script gets only what it may use, and must not notice.

use crate::host::{Rig, check, lines};
use loadtest_js::*;

/// What k6's responses have of their own, in its order.
const KEYS: &str = "remote_ip remote_port url status status_text proto headers cookies body timings tls_version \
                    tls_cipher_suite ocsp error error_code request clickLink html json submitForm";

/// Runs `body` with the response `r` of `http://h.test/status/201`, and checks the one line that it logs.
fn logs(body: &str, expected: &str) {
    let imports = "import http from 'k6/http';";
    let request = "const r = http.get('http://h.test/status/201');";
    check(imports, &format!("{request}\n{body}"), &["GET http://h.test/status/201", expected]);
}

#[test]
fn its_properties_are_its_own_and_can_be_listed() {
    logs("console.log(Object.keys(r).join(' '));", &format!("Info: {KEYS}"));
    logs("const a = []; for (const k in r) a.push(k); console.log(a.join(' '));", &format!("Info: {KEYS}"));
    for list in ["Object.entries(r)", "(({ values }) => values)(Object)(r)", "((O) => O)(Object).keys(r)"] {
        logs(&format!("console.log({list}.length);"), "Info: 20");
    }
    for copy in ["{ ...r }", "Object.assign({}, r)", "(({ url, ...rest }) => ({ ...rest, url }))(r)"] {
        let body = format!("const c = {copy}; console.log(c.status, c.url, 'toJSON' in c);");
        logs(&body, "Info: 201 http://h.test/status/201 false");
    }
    logs(
        "const { status, ...rest } = r; console.log(status, rest.proto, rest.status);",
        "Info: 201 HTTP/1.1 undefined",
    );
    for own in ["r.hasOwnProperty(k)", "Object.hasOwn(r, k)", "Object.prototype.hasOwnProperty.call(r, k)"] {
        let body = format!(
            "console.log(['sta' + 'tus', 'js' + 'on', 'to' + 'JSON', 'x'].map((k) => {own}).join());"
        );
        logs(&body, "Info: true,true,false,false");
    }
    logs("console.log(JSON.parse(JSON.stringify({ ...r, more: 1 })).status_text);", "Info: 201 Other");
}

#[test]
fn responses_of_all_requests_are_alike() {
    let text = "import http from 'k6/http';
        export default async function () {
          const two = http.batch(['http://h.test/', 'http://h.test/status/404']);
          const three = await http.asyncRequest('GET', 'http://h.test/status/500');
          const none = http.get('nonsense:');
          for (const r of [...two, three, none]) console.log(Object.keys(r).length, { ...r }.status);
        }";
    let got: Vec<_> = lines(text).into_iter().filter(|line| line.starts_with("Info: ")).collect();
    assert_eq!(got, ["Info: 20 200", "Info: 20 404", "Info: 20 500", "Info: 20 200"]);
}

#[test]
fn the_console_shows_all_of_it() {
    let imports = "import http from 'k6/http';";
    for (body, begin, end) in [
        (
            "console.log(r);",
            "Info: { remote_ip: \"127.0.0.1\", remote_port: 80, url: \"http://h.test/\", status: 200, ",
            "submitForm: [object Function] }",
        ),
        ("console.log([r]);", "Info: [ { remote_ip: \"127.0.0.1\", ", " } ]"),
        ("r.more = 1; console.log(r);", "Info: { remote_ip: ", "submitForm: [object Function], more: 1 }"),
        ("console.log({ ...r });", "Info: { remote_ip: ", "submitForm: [object Function] }"),
    ] {
        let text =
            format!("{imports} export default () => {{ const r = http.get('http://h.test/'); {body} }};");
        let got = lines(&text);
        assert!(got[1].starts_with(begin) && got[1].ends_with(end), "{body}: {got:?}");
    }
}

#[test]
fn names_may_be_computed_in_any_place() {
    logs("const { ['sta' + 'tus']: v } = r; console.log(v);", "Info: 201");
    logs("let v; ({ ['sta' + 'tus']: v } = r); console.log(v);", "Info: 201");
    logs("console.log((({ ['sta' + 'tus']: v }) => v)(r));", "Info: 201");
    logs("console.log('sta' + 'tus' in r, 'no' + 'thing' in r);", "Info: true false");
    let send = "const { ['po' + 'st']: send } = http; send('http://h.test/', 'x');";
    check("import http from 'k6/http';", send, &["POST http://h.test/ <x>"]);
}

#[test]
fn what_eval_is_given_may_use_everything() {
    let send = "eval(['http.po', 'st(\"http://h.test/\", \"x\")'].join(''));";
    check("import http from 'k6/http';", send, &["POST http://h.test/ <x>"]);
    logs("console.log(eval(['r.sta', 'tus + JS', 'ON.stringify([__IT', 'ER])'].join('')));", "Info: 201[0]");
}

#[test]
fn helpers_read_what_they_are_told_to() {
    let lodash =
        "import http from 'k6/http'; import _ from 'https://cdn.jsdelivr.net/npm/lodash@4.17.21/lodash.js';";
    let get = "console.log(_.get(http.get('http://h.test/'), 'sta' + 'tus'));";
    check(lodash, get, &["GET http://h.test/", "Info: 200"]);
    let chai =
        "import http from 'k6/http'; import { expect } from 'https://jslib.k6.io/k6chaijs/4.3.4.3/index.js';";
    let property =
        "expect(http.get('http://h.test/')).to.have.property('sta' + 'tus', 200); console.log('fine');";
    let got = lines(&format!("{chai} export default () => {{ {property} }};"));
    assert_eq!(got.last().map(String::as_str), Some("Info: fine"), "{got:?}");
}

#[test]
fn a_body_is_binary_however_that_is_said() {
    let body = "const b = http.get('http://h.test/', { responseType: 'bin' + 'ary' }).body;
        console.log(typeof b, b.byteLength > 10, b.slice(0, 1).byteLength);";
    check("import http from 'k6/http';", body, &["GET http://h.test/", "Info: object true 1"]);
}

#[test]
fn exports_are_live() {
    for text in [
        "let run = () => { console.log('first'); run = () => console.log('second'); }; export { run as default };",
        "export default function first() { console.log('first'); first = () => console.log('second'); }",
    ] {
        let mut rig = Rig::new(text);
        for _ in 0..3 {
            assert_eq!(rig.iterate().outcome, Outcome::Completed);
        }
        assert_eq!(rig.lines(), ["Info: first", "Info: second", "Info: second"], "{text}");
    }
}

#[test]
fn fields_can_be_assigned_to() {
    logs(
        "r.body = 'x'; r.status += 1; console.log(r.body, r.status, r.url);",
        "Info: x 202 http://h.test/status/201",
    );
    logs("r.body = '{\"a\": 1}'; console.log(r.json().a, r.json('a'));", "Info: 1 1");
    logs("r['err' + 'or'] = 'mine'; console.log(r.error);", "Info: mine");
    logs("[r.status] = [7]; ({ s: r.proto } = { s: 'h9' }); console.log(r.status, r.proto);", "Info: 7 h9");
    logs(
        "Object.assign(r, { status: 7 }); console.log(Object.keys(r).length, { ...r }.status);",
        "Info: 20 7",
    );
    logs("r.body = 'x'; console.log(JSON.parse(JSON.stringify(r)).body);", "Info: x");
}

#[test]
fn objects_in_fields_stay_the_same() {
    logs("r.headers.A = 'b'; console.log(r.headers.A, r.headers === r.headers);", "Info: b true");
    logs("r.headers.A = 'b'; console.log(JSON.parse(JSON.stringify(r)).headers.A);", "Info: b");
    logs(
        "r.timings.duration = -1; console.log(r.timings.duration, r.cookies === r.cookies);",
        "Info: -1 true",
    );
    logs("const { headers } = { ...r }; console.log(headers === r.headers);", "Info: true");
}

#[test]
fn an_object_as_body_leaves_no_exception_behind() {
    let text = "import http from 'k6/http';
        export default function () {
          const page = http.get('http://h.test/page');
          http.batch([['GET', 'http://h.test/a', {}], ['POST', 'http://h.test/b', { a: 1 }]]);
          console.log(page.html().find('p').size());
        }";
    assert_eq!(lines(text).last().map(String::as_str), Some("Info: 0"));
}
