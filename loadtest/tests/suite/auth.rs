//! Basic, digest and NTLM authentication.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use md5::Md5;

use crate::server::{Seen, Server, answer, ok};
use crate::tool::run_script;

#[test]
fn basic_and_digest_authentication() {
    let cookies: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen_cookies = Arc::clone(&cookies);
    let server = Server::start(move |seen| match (seen.path.as_str(), seen.header("authorization")) {
        ("/basic", Some("Basic dXNlcjpwYXNz")) => ok("in"),
        ("/digest", Some(header)) if header.contains("username=\"user\"") => {
            let cookie = seen.header("cookie").unwrap_or("none").to_owned();
            seen_cookies.lock().expect("not poisoned").push(cookie);
            Some(answer("200 OK", &[("Set-Cookie", "last=1")], b"in"))
        }
        ("/digest", _) => {
            let challenge = "Digest realm=\"here\", nonce=\"abc\", qop=\"auth\"";
            let headers = [("WWW-Authenticate", challenge), ("Set-Cookie", "challenge=1")];
            Some(answer("401 Unauthorized", &headers, b""))
        }
        _ => Some(answer("401 Unauthorized", &[], b"")),
    });
    let host = server.url.trim_start_matches("http://").to_owned();
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6';
         export default function () {{
           check(http.get('http://user:pass@{host}/basic'), {{ 'basic': (r) => r.body === 'in' }});
           for (const n of [0, 1]) {{
             const digest = http.get('http://user:pass@{host}/digest', {{ auth: 'digest' }});
             check(digest, {{
               'digest': (r) => r.body === 'in' && r.cookies.last && !r.cookies.challenge,
               'address': (r) => r.url === 'http://{host}/digest',
             }});
           }}
           check(http.get('http://user:pass@{host}/none', {{ auth: 'digest' }}), {{ 'refused': (r) => r.status === 401 }});
         }}"
    );
    let (run, results) = run_script("auth", &script, &[]);
    let passes = &results["metrics"]["checks"]["passes"];
    assert_eq!((run.code, passes), (0, &6.into()), "{} {}", run.stdout, run.stderr);
    assert_eq!(results["metrics"]["http_reqs"]["count"], 6);
    // The 401 of a digest round is expected, one that is no challenge is not.
    assert_eq!(results["metrics"]["http_req_failed"]["passes"], 1);
    // The answer to a challenge carries what the first round did, and what the challenge set is forgotten, as in k6.
    assert_eq!(*cookies.lock().expect("not poisoned"), ["none", "last=1"]);
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

const NONCE: [u8; 8] = *b"12345678";

/// A second message: Unicode, these pairs of names, no time.
fn challenge() -> Vec<u8> {
    let name = utf16("HERE");
    let info = [&[2, 0, 8, 0][..], &name, &[0; 4]].concat();
    let flags = 0x0082_0201_u32.to_le_bytes();
    let field = [info.len() as u8, 0, info.len() as u8, 0, 48, 0, 0, 0];
    [b"NTLMSSP\0", &[2, 0, 0, 0][..], &[0; 8], &flags, &NONCE, &[0; 8], &field, &info].concat()
}

/// Who a third message says it is from, if the password is right (MS-NLMP 3.3.2).
fn who(message: &[u8], password: &str) -> Option<String> {
    let field = |at: usize| {
        let length = usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
        let offset = usize::from(u16::from_le_bytes([message[at + 4], message[at + 5]]));
        &message[offset..offset + length]
    };
    let text = |bytes: &[u8]| {
        let units: Vec<u16> = bytes.chunks(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    let (domain, user) = (text(field(28)), text(field(36)));
    let key = mac(&Md4::digest(utf16(password)), &utf16(&format!("{}{domain}", user.to_uppercase())));
    let (proof, rest) = field(20).split_at(16);
    (proof == mac(&key, &[&NONCE[..], rest].concat())).then(|| format!("{domain}/{user}"))
}

/// What a server with NTLM says; connections are not told apart, so that only the messages count.
fn ntlm(scheme: &str, seen: &Seen) -> Option<Vec<u8>> {
    let message = seen.header("authorization").and_then(|header| header.strip_prefix(scheme));
    let message = message.map(|text| BASE64_STANDARD.decode(text.trim()).expect("is base64"));
    let refuse = |how: &str| {
        let headers =
            [("WWW-Authenticate", "Basic realm=\"x\""), ("WWW-Authenticate", how), ("Set-Cookie", "c=1")];
        Some(answer("401 Unauthorized", &headers, b"refused"))
    };
    match message {
        None => refuse(scheme),
        Some(message) if !message.starts_with(b"NTLMSSP\0") => refuse(scheme),
        Some(message) if message[8] == 1 => {
            refuse(&format!("{scheme} {}", BASE64_STANDARD.encode(challenge())))
        }
        Some(message) => match who(&message, "pässword") {
            Some(who) => ok(&format!("{who} {}", String::from_utf8_lossy(&seen.body))),
            None => refuse(scheme),
        },
    }
}

#[test]
fn ntlm_authentication() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/ntlm" => ntlm("NTLM", seen),
        "/negotiate" => ntlm("Negotiate", seen),
        "/elsewhere" => Some(answer("302 Found", &[("Location", "/ntlm")], b"")),
        "/cut" if seen.header("authorization").is_some() => None,
        "/cut" => Some(answer("401 Unauthorized", &[("WWW-Authenticate", "NTLM")], b"first")),
        "/old" => {
            let old = challenge()
                .iter()
                .enumerate()
                .map(|(at, byte)| if at == 20 { 0 } else { *byte })
                .collect::<Vec<_>>();
            let how = match seen.header("authorization") {
                None => "NTLM".to_owned(),
                Some(_) => format!("NTLM {}", BASE64_STANDARD.encode(old)),
            };
            Some(answer("401 Unauthorized", &[("WWW-Authenticate", &how)], how.len().to_string().as_bytes()))
        }
        _ => ok("open"),
    });
    let host = server.url.trim_start_matches("http://").to_owned();
    let script = format!(
        "import http from 'k6/http'; import {{ check }} from 'k6'; import encoding from 'k6/encoding';
         const user = 'http://dom%5Cuser:p%C3%A4ssword@{host}';
         const auth = 'ntlm';
         export default function () {{
           check(http.post(user + '/ntlm', 'body', {{ auth }}), {{
             'in': (r) => r.status === 200 && r.body === 'dom/user body',
             'no cookie of a challenge': (r) => !http.cookieJar().cookiesForURL('http://{host}/').c,
             'the script sees no message': (r) => !r.request.headers.Authorization,
           }});
           check(http.get(user + '/negotiate', {{ auth }}), {{ 'negotiate': (r) => r.body === 'dom/user ' }});
           check(http.get(user + '/elsewhere', {{ auth }}), {{ 'redirected': (r) => r.body === 'dom/user ' }});
           const headers = {{ Authorization: 'Basic ' + encoding.b64encode('user:pässword') }};
           check(http.get('http://{host}/ntlm', {{ auth, headers }}), {{ 'header': (r) => r.body === '/user ' }});
           check(http.get('http://user:wrong@{host}/ntlm', {{ auth }}), {{ 'wrong password': (r) => r.status === 401 }});
           check(http.get('http://{host}/ntlm', {{ auth }}), {{ 'nobody': (r) => r.status === 401 }});
           check(http.get(user + '/open', {{ auth }}), {{ 'open': (r) => r.body === 'open' }});
           // Where the rounds fail there is the first answer.
           check(http.post(user + '/cut', '', {{ auth }}), {{ 'cut': (r) => r.status === 401 && r.body === 'first' }});
           check(http.get(user + '/old', {{ auth }}), {{ 'old': (r) => r.status === 401 && r.body === '4' }});
         }}"
    );
    let (run, results) = run_script("ntlm", &script, &[]);
    let checks = &results["metrics"]["checks"];
    assert_eq!((run.code, &checks["fails"]), (0, &0.into()), "{} {}", run.stdout, run.stderr);
    assert_eq!(checks["passes"], 11);
    // Three each of the post, negotiate, the redirect's end, the header and the wrong password; the redirect; nobody's;
    // the open one; two of each that fails.
    assert_eq!(results["metrics"]["http_reqs"]["count"], 5 * 3 + 3 + 2 * 2);
}
