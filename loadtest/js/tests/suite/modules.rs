//! Where modules and files are looked for: beside the module that asks, and on the net.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use loadtest_js::*;

use super::host::{Rig, load, source};

/// A net of a few modules.
struct Net;

impl Remote for Net {
    fn fetch(&self, url: &url::Url) -> Result<String, String> {
        let text = match url.as_str() {
            "https://a.test/lib/main.js?v=2" => {
                "import { b } from './b.js'; import c from '../c.json'; import _ from 'https://jslib.k6.io/lodash/x/index.js';
                 export const a = () => b + c.d + _.sum([1, 2]);
                 export const at = import.meta.resolve('./data.txt');"
            }
            "https://a.test/lib/b.js" => "\u{feff}exports.b = require('/e.js');",
            "https://a.test/c.json" => "{\"d\": 20}",
            "https://a.test/e.js" => "module.exports = 300;",
            "https://jslib.k6.io/k6chaijs/1/index.js" => "exports.expect = () => 'the original';",
            "https://a.test/bad.js" => "import '/x.js'; import 'file:///etc/passwd'; export const a = 1;",
            _ => return Err("status 404".to_owned()),
        };
        Ok(text.to_owned())
    }
}

fn load_from_net(text: &str) -> Result<Script, ScriptError> {
    Script::load_with(source(text), BTreeMap::new(), Rc::new(Unrecorded::default()), Arc::new(Net))
}

#[test]
fn modules_come_from_the_net_with_all_that_they_import() {
    let script = load_from_net(
        "import { a, at } from 'https://a.test/lib/main.js?v=2';
         export default () => { console.log(a(), at); };",
    );
    let mut rig = Rig::with(script.unwrap_or_else(|e| panic!("{e}")), VuConfig::default());
    rig.iterate();
    assert_eq!(rig.lines(), ["Info: 323 https://a.test/lib/data.txt"]);
}

#[test]
fn what_cannot_be_had_says_why() {
    for (text, part) in [
        (
            "import 'https://a.test/none.js';",
            "cannot download https://a.test/none.js: status 404; save it beside",
        ),
        (
            "import 'https://a.test/bad.js';",
            "\"file:///etc/passwd\": a module from the net may not read files",
        ),
        ("import 'http://a.test/e.js';", "files and https:// addresses only"),
        ("import 'k6/experimental/webcrypto';", "crypto is a global now; remove the import"),
        ("import 'k6/experimental/tracing';", "http-instrumentation-tempo"),
        (
            "import 'k6/x/a'; import 'k6/x/b'; import 'k6/experimental/timers';",
            "\"k6/experimental/timers\": setTimeout and the like are globals now; remove the import; \"k6/x/a\", \
             \"k6/x/b\": this program has no such module",
        ),
    ] {
        let error = load_from_net(&format!("{text} export default () => {{}}")).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let offline =
        load("import 'https://a.test/e.js'; export default () => {}").expect_err("offline").to_string();
    assert!(offline.contains("nothing is downloaded here"), "{offline}");
}

#[test]
fn files_are_looked_for_beside_the_module_at_the_bottom_of_the_stack() {
    let mut rig = Rig::new(
        "import { open as openFile } from 'k6/experimental/fs';
         import { atTop, later } from './lib/opens.js';
         import required from './lib/opens-required.js';
         const shared = [open('plain.txt'), later('plain.txt')];
         let whole;
         (async () => { whole = await openFile(import.meta.resolve('./lib/only-here.txt')); })();
         export default async () => {
             console.log(atTop, shared[0] === shared[1], required, (await whole.stat()).size);
         };",
    );
    rig.iterate();
    assert_eq!(rig.lines(), ["Info: only here true only here 9"]);
}

#[test]
fn files_that_cannot_be_opened_are_named_as_k6_names_them() {
    let mut rig = Rig::new(
        "import { open } from 'k6/experimental/fs';
         const said = [];
         for (const path of [undefined, '', './none.txt', '.']) {
             try { await open(path); } catch (error) { said.push(String(error).replace(/\"\\/.*\\//, '\"…/')); }
         }
         export default () => { for (const line of said) console.log(line); };",
    );
    rig.iterate();
    let lines = rig.lines();
    assert_eq!(
        lines[..3],
        [
            "Info: TypeError: open() failed; reason: path cannot be null or undefined",
            "Info: TypeError: open() failed; reason: path cannot be empty",
            "Info: NotFoundError: no such file or directory \"…/none.txt\"",
        ]
    );
    let refused = "Info: InvalidResourceError: cannot open \"";
    assert!(
        lines[3].starts_with(refused) && lines[3].ends_with("\": opening a directory is not supported"),
        "{lines:?}"
    );
}

#[test]
fn what_init_code_does_not_wait_for_is_finished_before_the_first_iteration() {
    let mut rig = Rig::new(
        "import { SharedArray } from 'k6/data';
         let users;
         (async () => { await null; await null; users = new SharedArray('u', () => [1, 2]); })();
         export default () => { console.log(users.length); };",
    );
    rig.iterate();
    assert_eq!(rig.lines(), ["Info: 2"]);
    let error = load("(async () => { await null; throw new Error('no'); })(); export default () => {}");
    let error = error.expect_err("a rejection that nobody handles").to_string();
    assert!(error.contains("Uncaught (in promise) Error: no"), "{error}");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/lib/only-here.txt").exists());
}

#[test]
fn a_require_that_is_never_reached_need_not_be_there() {
    let mut rig = Rig::new(
        "let why; try { require('fs'); } catch (e) { why = e.name; }
         const never = () => require('k6/x/none') || require('https://a.test/none.js');
         export default () => { console.log(why, typeof never); };",
    );
    rig.iterate();
    assert_eq!(rig.lines(), ["Info: GoError function"]);
    let reached = load("require('k6/x/none'); export default () => {}").expect_err("unknown").to_string();
    assert!(reached.contains("this program has no such module"), "{reached}");
}

#[test]
fn an_original_is_taken_where_it_can_be_had() {
    let text = |version: u8| {
        format!(
            "import {{ expect }} from 'https://jslib.k6.io/k6chaijs/{version}/index.js';
             export default () => {{ console.log(typeof expect(1), global === globalThis); }};"
        )
    };
    for (version, kind) in [(1, "string"), (2, "function")] {
        let script = load_from_net(&text(version)).unwrap_or_else(|e| panic!("{e}"));
        let mut rig = Rig::with(script, VuConfig::default());
        rig.iterate();
        assert_eq!(rig.lines(), [format!("Info: {kind} true")]);
    }
}

#[test]
fn a_name_that_our_modules_do_not_have_is_undefined_and_nothing_more() {
    // As k6 2.2 does: only modules written in JavaScript refuse it.
    let text = "import { Metric, Rate } from 'k6/metrics';
        import http, { patience } from 'k6/http';
        import { check, wait as w } from 'k6';
        import { lucky } from 'https://jslib.k6.io/k6-utils/1.4.0/index.js';
        export default () => {
          console.log(typeof Metric, typeof Rate, typeof http.get, typeof patience, typeof check, typeof w, typeof lucky);
        };";
    let mut rig = Rig::with(load_from_net(text).unwrap_or_else(|e| panic!("{e}")), VuConfig::default());
    rig.iterate();
    assert_eq!(rig.lines(), ["Info: undefined function function undefined function undefined undefined"]);
}
