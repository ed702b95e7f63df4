//! Names to addresses: the script's `hosts` first, then blocked names, then a cache, then the system's resolver.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::h1::now;
use super::{NetError, Origin};

/// Names kept in the cache; beyond it the cache starts afresh.
const CACHE_MAX: usize = 10_000;

/// How an address is chosen among several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Select {
    First,
    #[default]
    Random,
    RoundRobin,
}

/// Which family of addresses is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    #[default]
    PreferIpv4,
    PreferIpv6,
    OnlyIpv4,
    OnlyIpv6,
    Any,
}

/// The options that decide where a name leads.
#[derive(Debug, Clone)]
pub struct DnsOptions {
    /// How long an answer is kept.
    pub ttl: Duration,
    pub select: Select,
    pub policy: Policy,
    /// `host`, `host:port` or `*.host` to an address, with a port or without.
    pub hosts: Vec<(String, IpAddr, Option<u16>)>,
    /// Names that must not be asked: exact, or `*.suffix`.
    pub block_hostnames: Vec<String>,
    /// Networks that must not be reached: address and prefix length.
    pub blacklist_ips: Vec<(IpAddr, u8)>,
}

impl Default for DnsOptions {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(300),
            select: Select::default(),
            policy: Policy::default(),
            hosts: Vec::new(),
            block_hostnames: Vec::new(),
            blacklist_ips: Vec::new(),
        }
    }
}

/// One resolver for all threads of a test.
#[derive(Debug)]
pub struct Resolver {
    options: DnsOptions,
    cache: Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>,
    turn: AtomicUsize,
}

impl Resolver {
    pub fn new(options: DnsOptions) -> Self {
        Self { options, cache: Mutex::default(), turn: AtomicUsize::new(0) }
    }

    pub async fn resolve(&self, origin: &Origin) -> Result<SocketAddr, NetError> {
        if self.options.block_hostnames.iter().any(|pattern| matches_host(pattern, &origin.host)) {
            return Err(NetError::blocked_host());
        }
        let address = match self.mapped(origin) {
            Some((ip, port)) => SocketAddr::new(ip, port.unwrap_or(origin.port)),
            None => match origin.host.parse::<IpAddr>() {
                Ok(ip) => SocketAddr::new(ip, origin.port),
                Err(_) => SocketAddr::new(self.look_up(&origin.host).await?, origin.port),
            },
        };
        if self.options.blacklist_ips.iter().any(|network| contains(*network, address.ip())) {
            return Err(NetError::blocked_ip());
        }
        Ok(address)
    }

    /// The script's `hosts`: with the port first, exact names before patterns.
    fn mapped(&self, origin: &Origin) -> Option<(IpAddr, Option<u16>)> {
        if self.options.hosts.is_empty() {
            return None;
        }
        let with_port = format!("{}:{}", origin.host, origin.port);
        let by = |wanted: &str| self.options.hosts.iter().find(|(host, ..)| host == wanted);
        let pattern = |host: &&(String, IpAddr, Option<u16>)| {
            host.0.starts_with("*.")
                && (matches_host(&host.0, &origin.host) || matches_host(&host.0, &with_port))
        };
        let found = by(&with_port).or_else(|| by(&origin.host));
        found.or_else(|| self.options.hosts.iter().find(pattern)).map(|(_, ip, port)| (*ip, *port))
    }

    async fn look_up(&self, host: &str) -> Result<IpAddr, NetError> {
        let at = now();
        if let Ok(cache) = self.cache.lock()
            && let Some((until, ips)) = cache.get(host)
            && at < *until
        {
            return self.pick(ips);
        }
        let found = tokio::net::lookup_host((host, 0)).await.map_err(|_| NetError::no_such_host())?;
        let ips: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        let picked = self.pick(&ips);
        if let Ok(mut cache) = self.cache.lock() {
            if cache.len() >= CACHE_MAX {
                cache.clear();
            }
            cache.insert(host.to_owned(), (at + self.options.ttl, ips));
        }
        picked
    }

    fn pick(&self, ips: &[IpAddr]) -> Result<IpAddr, NetError> {
        let of = |v4: bool| ips.iter().copied().filter(|ip| ip.is_ipv4() == v4).collect::<Vec<_>>();
        let prefer = |v4: bool| if of(v4).is_empty() { of(!v4) } else { of(v4) };
        let usable = match self.options.policy {
            Policy::PreferIpv4 => prefer(true),
            Policy::PreferIpv6 => prefer(false),
            Policy::OnlyIpv4 => of(true),
            Policy::OnlyIpv6 => of(false),
            Policy::Any => ips.to_vec(),
        };
        let turn = match self.options.select {
            Select::First => 0,
            // Spread evenly, which is what choosing at random is for.
            Select::Random | Select::RoundRobin => self.turn.fetch_add(1, Ordering::Relaxed),
        };
        usable.get(turn % usable.len().max(1)).copied().ok_or_else(NetError::no_such_host)
    }
}

/// `*.suffix` or an exact name, whatever the case.
fn matches_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => {
            host.len() >= suffix.len() && host[host.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
        }
        None => pattern.eq_ignore_ascii_case(host),
    }
}

pub(super) fn contains((network, prefix): (IpAddr, u8), ip: IpAddr) -> bool {
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            let shift = 32_u32.saturating_sub(u32::from(prefix));
            u64::from(u32::from(network)) >> shift == u64::from(u32::from(ip)) >> shift
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => {
            let shift = 128_u32.saturating_sub(u32::from(prefix));
            u128::from(network).checked_shr(shift) == u128::from(ip).checked_shr(shift)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(host: &str, port: u16) -> Origin {
        Origin { tls: false, host: host.to_owned(), port }
    }

    #[tokio::test]
    async fn hosts_blocks_and_lists() {
        let ip: IpAddr = "127.0.0.9".parse().expect("an address");
        let resolver = Resolver::new(DnsOptions {
            hosts: vec![
                ("shop.test".to_owned(), ip, Some(81)),
                ("shop.test:8443".to_owned(), ip, Some(82)),
                ("*.wild.test".to_owned(), ip, None),
            ],
            block_hostnames: vec!["*.evil.test".to_owned(), "bad.test".to_owned()],
            blacklist_ips: vec![("10.0.0.0".parse().expect("an address"), 8)],
            ..DnsOptions::default()
        });
        let port = async |host: &str, port| resolver.resolve(&origin(host, port)).await.map(|a| a.port());
        assert_eq!(port("shop.test", 80).await, Ok(81));
        assert_eq!(port("shop.test", 8443).await, Ok(82));
        assert_eq!(port("a.wild.test", 5).await, Ok(5));
        assert_eq!(port("x.evil.test", 80).await, Err(NetError::blocked_host()));
        assert_eq!(port("bad.test", 80).await, Err(NetError::blocked_host()));
        assert_eq!(port("10.1.2.3", 80).await, Err(NetError::blocked_ip()));
        assert_eq!(port("127.0.0.1", 80).await, Ok(80));
    }

    #[test]
    fn networks_contain_by_prefix() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert!(contains((ip("192.168.0.0"), 16), ip("192.168.9.9")));
        assert!(!contains((ip("192.168.0.0"), 16), ip("192.169.0.0")));
        assert!(contains((ip("0.0.0.0"), 0), ip("8.8.8.8")));
        assert!(contains((ip("fd00::"), 8), ip("fdff::1")));
    }
}
