//! Any bytes at all, and what must hold for them.

use proptest::prelude::*;

use super::request::{self, Request};
use super::response;
use super::rewrite::{self, After, Body, Hop};
use crate::balancer::settings::{ForwardedFor, Limits};

/// Bytes that look like a head often enough to get far.
fn headlike() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "GET ", "POST ", "/", "/a?b", "http://t/", "*", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 204 No\r\n", "Host: t\r\n", "Content-Length: 3\r\n", "Content-Length: ", "Transfer-Encoding: chunked\r\n",
            "Connection: close, X\r\n", "Connection: keep-alive\r\n", "X: y\r\n", "Upgrade: websocket\r\n",
            "X-Forwarded-For: 1.2.3.4\r\n", "Content_Length: 1\r\n", "Cookie: a=b; c\r\n", "\r\n", "\r\n\r\n", "\n", "\r", ":", " ",
            "X-Amzn-Trace-Id: Root=1\r\n", "0\r\n\r\n", "3\r\nabc\r\n",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn parse(bytes: &[u8]) -> (Result<Option<Request>, super::Reject>, Vec<super::scan::Field>) {
    let mut fields = Vec::new();
    (request::parse(bytes, &Limits::default(), &mut fields), fields)
}

fn rewritten(bytes: &[u8], head: &Request, fields: &[super::scan::Field]) -> Vec<u8> {
    let hop = Hop {
        client: "9.9.9.9",
        protocol: "http",
        port: 80,
        local: "127.0.0.1:80",
        forwarded_for: ForwardedFor::Append,
        forwarded_max: 30,
        trace: "1-0-0",
    };
    let mut out = Vec::new();
    rewrite::request(&mut out, bytes, head, fields, &hop).expect("few addresses");
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A request's head is whole, unfinished or wrong; what is whole goes on as one that is read the same way,
    /// and no prefix of it is taken for whole.
    #[test]
    fn requests(bytes in headlike()) {
        let (parsed, fields) = parse(&bytes);
        let Ok(Some(head)) = parsed else { return Ok(()) };
        prop_assert!(head.length <= bytes.len());
        prop_assert_eq!(&bytes[head.length - 2..head.length], b"\r\n");
        for end in 0..head.length {
            prop_assert!(!matches!(parse(&bytes[..end]).0, Ok(Some(_))), "its first {} bytes pass", end);
        }
        let out = rewritten(&bytes, &head, &fields);
        let (again, fields) = parse(&out);
        let again = again.expect("what we write is valid").expect("and whole");
        prop_assert_eq!(again.length, out.len(), "nothing after the head");
        prop_assert_eq!(again.framing, head.framing);
        prop_assert_eq!(&out[again.method.clone()], &bytes[head.method.clone()]);
        let path = &out[again.path.clone()];
        let before = &bytes[head.path.clone()];
        prop_assert!(path == before || (head.needs_slash && path.ends_with(before)));
        prop_assert!(!fields.iter().any(|field| field.value(&out).contains(&b'\n')));
    }

    /// The same for responses.
    #[test]
    fn responses(bytes in headlike(), no_body: bool) {
        let mut fields = Vec::new();
        let parsed = response::parse(&bytes, no_body, &Limits::default(), &mut fields);
        let Ok(Some(head)) = parsed else { return Ok(()) };
        prop_assert!(head.length <= bytes.len());
        let (mut out, after) = (Vec::new(), After::Keep { say: false });
        rewrite::response(&mut out, &bytes, &head, &fields, Body::AsItComes, after, b"");
        let again = response::parse(&out, no_body, &Limits::default(), &mut fields);
        let again = again.expect("what we write is valid").expect("and whole");
        prop_assert_eq!((again.length, again.status, again.framing), (out.len(), head.status, head.framing));
    }

    /// A chunked body is used up the same way whatever pieces it comes in, and never panics.
    #[test]
    fn chunks(bytes in headlike(), cut in 1usize..9) {
        let mut whole = super::chunked::Decoder::default();
        let all = whole.pass(&bytes);
        let (mut pieces, mut used, mut failed) = (super::chunked::Decoder::default(), 0, false);
        for piece in bytes.chunks(cut) {
            match pieces.pass(piece) {
                Ok(count) => used += count,
                Err(_) => failed = true,
            }
            if failed || pieces.is_done() {
                break;
            }
        }
        prop_assert_eq!(all.is_err(), failed);
        if let Ok(all) = all {
            prop_assert_eq!((all, whole.is_done()), (used, pieces.is_done()));
        }
    }
}
