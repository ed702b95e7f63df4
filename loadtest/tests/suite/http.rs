//! Redirects, cookies, compression, batches, headers: what a script's requests look like to a server.

use std::sync::atomic::Ordering;

use crate::server::{Server, answer, ok};
use crate::tool::{Dir, command, run_script};

#[test]
fn redirects_are_followed_and_each_hop_is_a_request() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/start" => Some(answer("302 Found", &[("Location", "/middle"), ("Set-Cookie", "hop=1")], b"")),
        "/middle" => Some(answer("307 Temporary Redirect", &[("Location", "/end")], b"")),
        _ => {
            let header =
                |name| seen.header(name).unwrap_or("-").rsplit('/').next().unwrap_or_default().to_owned();
            ok(&format!("{} {} {}", seen.method, header("cookie"), header("referer")))
        }
    });
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export default function () {{
           const res = http.post('{0}/start', 'x');
           check(res, {{
             'a GET with the cookie, sent from the hop before': (r) => r.body === 'GET hop=1 middle',
             'url is the last': (r) => r.url.endsWith('/end'),
           }});
           const first = http.get('{0}/start', {{ redirects: 0 }});
           check(first, {{ 'not followed': (r) => r.status === 302 }});
         }}",
        server.url
    );
    let (run, results) = run_script("redirects", &script, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(results["metrics"]["checks"]["fails"], 0, "{}", run.stdout);
    assert_eq!(results["metrics"]["http_reqs"]["count"], 4);
    assert_eq!(server.connections.load(Ordering::SeqCst), 1, "keep-alive holds across hops");
}

#[test]
fn cookies_last_for_one_iteration() {
    let server = Server::start(|seen| {
        let cookie = seen.header("cookie").unwrap_or("none").to_owned();
        Some(answer("200 OK", &[("Set-Cookie", "seen=yes; Path=/")], cookie.as_bytes()))
    });
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export const options = {{ iterations: 2 }};
         export default function () {{
           check(http.get('{0}/'), {{ 'fresh': (r) => r.body === 'none' }});
           check(http.get('{0}/'), {{ 'kept': (r) => r.body === 'seen=yes' }});
         }}",
        server.url
    );
    let (run, results) = run_script("cookies", &script, &[]);
    assert_eq!((run.code, &results["metrics"]["checks"]["fails"]), (0, &0.into()), "{}", run.stdout);
}

#[test]
fn compressed_answers_are_decoded_and_bodies_are_sent_compressed() {
    let server = Server::start(|seen| {
        if seen.method == "POST" {
            let encoding = seen.header("content-encoding").unwrap_or("-");
            return ok(&format!("{encoding} {}", seen.body.starts_with(&[0x1f, 0x8b])));
        }
        let name = seen.path.trim_start_matches('/').to_owned();
        let body = loadtest::net::decode::encode(b"hello from far away".to_vec(), &name).ok()?;
        Some(answer("200 OK", &[("Content-Encoding", &name)], &body))
    });
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export default function () {{
           for (const name of ['gzip', 'deflate', 'br', 'zstd']) {{
             check(http.get('{0}/' + name), {{ [name]: (r) => r.body === 'hello from far away' }});
           }}
           const sent = http.post('{0}/', 'some text', {{ compression: 'gzip' }});
           check(sent, {{ 'sent compressed': (r) => r.body === 'gzip true' }});
         }}",
        server.url
    );
    let (run, results) = run_script("compression", &script, &[]);
    assert_eq!((run.code, &results["metrics"]["checks"]["passes"]), (0, &5.into()), "{}", run.stdout);
}

#[test]
fn batches_keep_order_and_stay_within_their_limits() {
    let server = Server::start(|seen| ok(&seen.path));
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export const options = {{ batchPerHost: 3 }};
         export default function () {{
           const all = http.batch([...Array(20).keys()].map((n) => ['GET', '{0}/' + n]));
           check(all, {{ 'in order': (all) => all.every((r, n) => r.body === '/' + n) }});
         }}",
        server.url
    );
    let (run, results) = run_script("batch", &script, &[]);
    assert_eq!(
        (run.code, &results["metrics"]["checks"]["passes"]),
        (0, &1.into()),
        "{} {}",
        run.stdout,
        run.stderr
    );
    assert_eq!(results["metrics"]["http_reqs"]["count"], 20);
    assert!(server.connections.load(Ordering::SeqCst) <= 3, "one connection for each parallel request");
}

#[test]
fn headers_and_base_url_arrive() {
    let server = Server::start(|seen| {
        let get = |name: &str| seen.header(name).unwrap_or("-").to_owned();
        ok(&format!("{} {} {}", get("host"), get("user-agent"), get("x-a")))
    });
    let host = server.url.trim_start_matches("http://").to_owned();
    let script = "import http from 'k6/http'; import { check } from 'k6';
         export default function () {
           const res = http.get('http://your-loadBalancer-url-here/', { headers: { 'X-A': 'b' } });
           check(res, { 'as sent': (r) => r.body === __ENV.WANTED });
         }";
    let wanted = format!("WANTED={host} me/1 b");
    let args = ["--base-url", &server.url, "--user-agent", "me/1", "-e", &wanted];
    let (run, results) = run_script("headers", script, &args);
    assert_eq!(
        (run.code, &results["metrics"]["checks"]["passes"]),
        (0, &1.into()),
        "{} {}",
        run.stdout,
        run.stderr
    );
}

#[test]
fn proxies_are_told_where_a_request_goes_and_this_machine_is_asked_directly() {
    let proxy = Server::start(|seen| {
        let user = seen.header("proxy-authorization").unwrap_or("nobody");
        ok(&format!("{} {} {user}", seen.path, seen.header("host").unwrap_or_default()))
    });
    let direct = Server::start(|seen| ok(&seen.path));
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export default function () {{
           const through = http.get('http://shop.test/cart?id=1').body;
           check(through, {{ through: (body) => body === 'http://shop.test/cart?id=1 shop.test Basic bWU6cHc=' }});
           check(http.get('{}/here').body, {{ direct: (body) => body === '/here' }});
         }}",
        direct.url
    );
    let dir = Dir::new("proxy");
    let (file, address) = (dir.write("script.js", &script), proxy.url.replace("http://", "http://me:pw@"));
    for isolation in ["auto", "vu"] {
        let mut command = command(&[&file, "--isolation", isolation]);
        let output = command.env("http_proxy", &address).output().expect("starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(out.contains("100.00% 2 out of 2"), "{out} {err}");
        assert!(err.contains("proxy: 127.0.0.1:") && !err.contains("me:pw"), "{err}");
    }
    // Without a script: the proxy must be there, the host's name need not be known here.
    let url = ["http://shop.test/", "-i", "1", "--think-time", "0s", "--check", "body~http://shop.test/ "];
    let output = command(&url).env("HTTP_PROXY", &proxy.url).output().expect("starts");
    assert!(String::from_utf8_lossy(&output.stdout).contains("100.00% 1 out of 1"), "{output:?}");
    let output = command(&url).env("HTTP_PROXY", "socks5://127.0.0.1:1").output().expect("starts");
    assert_eq!(output.status.code(), Some(104), "{output:?}");
}
