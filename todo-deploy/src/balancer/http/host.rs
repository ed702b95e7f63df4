//! The one place that says what a host is.

/// `reg-name`, IPv4 or bracketed IPv6, with an optional port. Refused: user information, paths, lists, blanks.
/// An empty value is a host that a client may send.
pub(in super::super) fn is_host(value: &[u8]) -> bool {
    let (name, port) = match value {
        [b'[', rest @ ..] => {
            let Some(end) = rest.iter().position(|&byte| byte == b']') else { return false };
            let address = &rest[..end];
            if !address.iter().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte))
                || address.is_empty()
            {
                return false;
            }
            match &rest[end + 1..] {
                [] => return true,
                [b':', port @ ..] => (&b"v6"[..], port),
                _ => return false,
            }
        }
        _ => match value.iter().position(|&byte| byte == b':') {
            Some(colon) => (&value[..colon], &value[colon + 1..]),
            None => (value, &b""[..]),
        },
    };
    let named = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(byte);
    let numbered = port.len() <= 5 && port.iter().all(u8::is_ascii_digit);
    let in_range = std::str::from_utf8(port).is_ok_and(|port| port.is_empty() || port.parse::<u16>().is_ok());
    name.iter().all(named) && numbered && in_range && (!name.is_empty() || port.is_empty())
}

/// An address, or `localhost`; nobody else can make such a name point elsewhere.
pub(in super::super) fn is_local(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let name = match text.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.is_empty() || name.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_what_only_looks_like_one() {
        for host in ["", "a", "a.b", "a:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "xn--a_b", "a:"] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for no in [
            "u@a", "a/b", "a,b", "a b", "a:b", "a:99999", ":80", "[::1", "[::1]x", "[]", "a:80:80", "a?b",
            "a#",
        ] {
            assert!(!is_host(no.as_bytes()), "{no}");
        }
    }
}
