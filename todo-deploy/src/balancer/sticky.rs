//! Cookies that keep a client on its target.
//!
//! Ours names the target by the hash of its address, so it holds across restarts of the balancer and on several
//! balancers over the same targets; it tells the client nothing else. One that names no routable target is as
//! good as none. As the Application Load Balancer does it, every answer sets it anew, so that it ends so long
//! after the last request. Following the service's own cookie needs one of ours beside it, set whenever the
//! service sets its own.

use std::time::Duration;

use super::http::request::Known;
use super::http::rewrite::number;
use super::http::scan::Field;
use crate::deployment::Stickiness;

/// The balancer's own cookie.
const OURS: &[u8] = b"TODOLB";
/// Beside the service's cookie.
const BESIDE: &[u8] = b"TODOLBAPP";

/// The value of a cookie.
pub(super) fn cookie<'v>(header: &'v [u8], name: &[u8]) -> Option<&'v [u8]> {
    header.split(|&byte| byte == b';').find_map(|pair| {
        let (found, value) = pair.split_at_checked(pair.iter().position(|&byte| byte == b'=')?)?;
        (found.trim_ascii() == name).then(|| value[1..].trim_ascii())
    })
}

/// The target's key that the request's cookies name.
pub(super) fn named(stickiness: &Stickiness, head: &[u8], fields: &[Field]) -> Option<u64> {
    let find = |name: &[u8]| {
        let cookies = fields.iter().filter(|field| field.known == Known::Cookie);
        cookies.filter_map(|field| cookie(field.value(head), name)).next()
    };
    let value = match stickiness {
        Stickiness::Off => None,
        Stickiness::BalancerCookie { .. } => find(OURS),
        Stickiness::ApplicationCookie { name, .. } => find(name.as_bytes()).and_then(|_| find(BESIDE)),
    }?;
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() == 16)?;
    u64::from_str_radix(text, 16).ok()
}

/// The line that the answer is to have, if any.
pub(super) fn set(
    out: &mut Vec<u8>,
    stickiness: &Stickiness,
    key: u64,
    head: &[u8],
    fields: &[Field],
    secure: bool,
) {
    let (ours, lasts) = match stickiness {
        Stickiness::Off => return,
        Stickiness::BalancerCookie { lasts } => (OURS, *lasts),
        Stickiness::ApplicationCookie { name, lasts } => {
            let sets = |field: &Field| {
                field.name(head).eq_ignore_ascii_case(b"set-cookie")
                    && cookie(field.value(head), name.as_bytes()).is_some()
            };
            if !fields.iter().any(sets) {
                return;
            }
            (BESIDE, *lasts)
        }
    };
    line(out, ours, key, lasts, secure);
}

fn line(out: &mut Vec<u8>, name: &[u8], key: u64, lasts: Duration, secure: bool) {
    let mut digits = [0; 16];
    super::exchange::hex(&mut digits, key);
    out.extend_from_slice(b"Set-Cookie: ");
    out.extend_from_slice(name);
    out.push(b'=');
    out.extend_from_slice(&digits);
    out.extend_from_slice(b"; Max-Age=");
    number(out, lasts.as_secs());
    out.extend_from_slice(b"; Path=/; HttpOnly");
    out.extend_from_slice(if secure { b"; Secure\r\n" } else { b"\r\n" });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let header = b"XTODOLB=1; TODOLB=00ff ;a=b; TODOLB2=c";
        assert_eq!(cookie(header, b"TODOLB"), Some(&b"00ff"[..]));
        assert_eq!(cookie(header, b"TODO"), None);
        assert_eq!(cookie(b"", b"a"), None);
    }

    #[test]
    fn the_line_it_sets() {
        let mut out = Vec::new();
        let stickiness = Stickiness::BalancerCookie { lasts: Duration::from_secs(86_400) };
        set(&mut out, &stickiness, 0xab, b"", &[], true);
        let text = "Set-Cookie: TODOLB=00000000000000ab; Max-Age=86400; Path=/; HttpOnly; Secure\r\n";
        assert_eq!(String::from_utf8(out).expect("text"), text);
    }
}
