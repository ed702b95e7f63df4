//! Who may be asked for: the guard against DNS rebinding.
//!
//! A page of another site cannot read our answers unless its own name is made to point here; the browser then sends
//! that name as `Host`. So a name is refused unless it is `localhost`. An address cannot be rebound, so that tunnels
//! (`ssh -L 8081:127.0.0.1:8081`) and forwarded ports work.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a `Host` header names this machine or a plain address.
pub(super) fn is_ours(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => ("localhost", port),
            _ => return false,
        },
        None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    is_port && (name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::is_ours;

    #[test]
    fn only_localhost_and_addresses() {
        for ours in ["localhost", "LocalHost:8081", "127.0.0.1:8081", "10.1.2.3", "[::1]:8081", "[fe80::1]"] {
            assert!(is_ours(ours), "{ours}");
        }
        let strangers = [
            "",
            "evil.example",
            "evil.example:8081",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1:8081:1",
            "127.0.0.1:x",
            "[evil]",
            "[::1]evil.example",
            "localhost@evil.example",
            "2130706433",
        ];
        for stranger in strangers {
            assert!(!is_ours(stranger), "{stranger}");
        }
    }
}
