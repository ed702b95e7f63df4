//! The option `localIPs`: the addresses of this machine from which VUs call.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses in the order in which VUs get them, as ranges: there may be very many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalIps(Vec<Range>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u128,
    /// Never zero.
    count: u128,
    v6: bool,
}

impl LocalIps {
    /// Reads addresses, ranges (`10.0.0.1-10.0.0.9`) and networks (`10.0.0.0/24`, of which the first and the last
    /// address are left out), separated by commas.
    ///
    /// # Errors
    /// When a part is none of these.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| Range::parse(part.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// That of the VU with this id, from 1; they go round.
    pub fn of(&self, id: u64) -> IpAddr {
        let all: u128 = self.0.iter().fold(0, |sum, range| sum.saturating_add(range.count));
        let mut nth = u128::from(id.saturating_sub(1)) % all.max(1);
        for range in &self.0 {
            if nth < range.count {
                return address(range.first + nth, range.v6);
            }
            nth -= range.count;
        }
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    }
}

impl Range {
    fn parse(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "localIPs: `{text}` is no address, range or network; write for example 10.0.0.1-10.0.0.9 or 10.0.0.0/24"
            )
        };
        let read = |text: &str| text.trim().parse::<IpAddr>().map_err(|_| bad());
        if let Some((first, last)) = text.split_once('-') {
            let (first, last) = (read(first)?, read(last)?);
            let (from, to) = (number(first), number(last));
            if first.is_ipv6() != last.is_ipv6() || to < from {
                return Err(bad());
            }
            return Ok(Self { first: from, count: (to - from).saturating_add(1), v6: first.is_ipv6() });
        }
        let Some((ip, prefix)) = text.split_once('/') else {
            let ip = read(text)?;
            return Ok(Self { first: number(ip), count: 1, v6: ip.is_ipv6() });
        };
        let (ip, prefix) = (read(ip)?, prefix.trim().parse::<u32>().map_err(|_| bad())?);
        let width: u32 = if ip.is_ipv6() { 128 } else { 32 };
        let host = width.checked_sub(prefix).ok_or_else(bad)?;
        let count = 1_u128.checked_shl(host).unwrap_or(u128::MAX);
        let first = if host == 128 { 0 } else { number(ip) >> host << host };
        // Not the network's own address and not everybody's.
        let skipped = u128::from(ip.is_ipv4() && count > 2);
        Ok(Self { first: first + skipped, count: count - 2 * skipped, v6: ip.is_ipv6() })
    }
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

fn address(number: u128, v6: bool) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if !v6 => Ipv4Addr::from(number).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vus_get_addresses_in_turn() {
        for (text, wanted) in [
            ("127.0.0.1", ["127.0.0.1"; 4]),
            ("127.0.0.1-127.0.0.3", ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1"]),
            ("10.0.0.0/30,::1", ["10.0.0.1", "10.0.0.2", "::1", "10.0.0.1"]),
            ("10.0.0.7/31", ["10.0.0.6", "10.0.0.7", "10.0.0.6", "10.0.0.7"]),
            ("fd:1::0/120", ["fd:1::", "fd:1::1", "fd:1::2", "fd:1::3"]),
        ] {
            let ips = LocalIps::parse(text).expect(text);
            let got: Vec<String> = (1..=4).map(|id| ips.of(id).to_string()).collect();
            assert_eq!(got, wanted, "{text}");
        }
        for bad in ["", "x", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "10.0.0.0/33", "::/0,"] {
            assert!(LocalIps::parse(bad).is_err(), "{bad}");
        }
    }
}
