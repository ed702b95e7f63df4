//! The options that decide how requests travel: names, addresses, TLS.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::net::dns::{DnsOptions, Policy, Select};
use crate::net::tls::{ClientAuth, TlsOptions, suites};

/// Reads `dns`, `hosts`, `blockHostnames` and `blacklistIPs`.
pub fn dns(options: &Map<String, Value>) -> Result<DnsOptions, String> {
    let fields = Fields { map: options, place: "options" };
    let mut dns = DnsOptions::default();
    match options.get("dns") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => {
            for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
                let (key, value) = pair
                    .split_once('=')
                    .ok_or_else(|| format!("dns: `{pair}` must be name=value, as in ttl=5m"))?;
                set_dns(&mut dns, key.trim(), value.trim())?;
            }
        }
        Some(Value::Object(map)) => {
            for (key, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                set_dns(&mut dns, key, &text)?;
            }
        }
        Some(other) => return Err(format!("options: `dns` must be an object, not {other}")),
    }
    for (host, address) in fields.strings("hosts")? {
        let bad = || format!("hosts: `{address}` for `{host}` must be an IP address, with a port or without");
        let (ip, port) = match address.parse::<std::net::SocketAddr>() {
            Ok(address) => (address.ip(), Some(address.port())),
            Err(_) => (address.trim_matches(['[', ']']).parse::<IpAddr>().map_err(|_| bad())?, None),
        };
        dns.hosts.push((host.to_ascii_lowercase(), ip, port));
    }
    for pattern in fields.texts("blockHostnames")?.unwrap_or_default() {
        if pattern.get(1..).is_some_and(|rest| rest.contains('*')) {
            return Err(format!("blockHostnames: `{pattern}`: a `*` may stand only at the start"));
        }
        dns.block_hostnames.push(pattern);
    }
    for network in fields.texts("blacklistIPs")?.unwrap_or_default() {
        dns.blacklist_ips.push(parse_network(&network)?);
    }
    Ok(dns)
}

fn set_dns(dns: &mut DnsOptions, key: &str, value: &str) -> Result<(), String> {
    match (key, value) {
        ("ttl", "inf") => dns.ttl = Duration::from_secs(365 * 86_400),
        ("ttl", "") => {}
        ("ttl", value) => {
            dns.ttl = crate::duration::parse(value).map_err(|error| format!("dns: ttl: {error}"))?;
        }
        ("select", "first") => dns.select = Select::First,
        ("select", "random") => dns.select = Select::Random,
        ("select", "roundRobin") => dns.select = Select::RoundRobin,
        ("policy", "preferIPv4") => dns.policy = Policy::PreferIpv4,
        ("policy", "preferIPv6") => dns.policy = Policy::PreferIpv6,
        ("policy", "onlyIPv4") => dns.policy = Policy::OnlyIpv4,
        ("policy", "onlyIPv6") => dns.policy = Policy::OnlyIpv6,
        ("policy", "any") => dns.policy = Policy::Any,
        _ => {
            return Err(format!(
                "dns: `{key}={value}` is unknown; known are ttl (a duration, 0 or inf), select (first, random, \
                 roundRobin) and policy (preferIPv4, preferIPv6, onlyIPv4, onlyIPv6, any)"
            ));
        }
    }
    Ok(())
}

fn parse_network(text: &str) -> Result<(IpAddr, u8), String> {
    let bad = || format!("blacklistIPs: `{text}` is neither an IP address nor a network such as 10.0.0.0/8");
    let (ip, prefix) = text.split_once('/').map_or((text, None), |(ip, prefix)| (ip, Some(prefix)));
    let ip: IpAddr = ip.trim().parse().map_err(|_| bad())?;
    let whole = if ip.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Ok(whole), |prefix| prefix.trim().parse::<u8>().map_err(|_| bad()))?;
    if prefix > whole { Err(bad()) } else { Ok((ip, prefix)) }
}

/// Reads `insecureSkipTLSVerify`, `tlsVersion`, `tlsCipherSuites` and `tlsAuth`.
pub fn tls(options: &Map<String, Value>, warnings: &mut Vec<String>) -> Result<TlsOptions, String> {
    let fields = Fields { map: options, place: "options" };
    let mut tls = TlsOptions {
        insecure_skip_verify: fields.bool("insecureSkipTLSVerify")?.unwrap_or(false),
        ..TlsOptions::default()
    };
    match options.get("tlsVersion") {
        None | Some(Value::Null) => {}
        Some(Value::String(version)) => {
            tls.min_version.clone_from(version);
            tls.max_version.clone_from(version);
        }
        Some(Value::Object(map)) => {
            let version = Fields { map, place: "tlsVersion" };
            tls.min_version = version.text("min")?.unwrap_or_default();
            tls.max_version = version.text("max")?.unwrap_or_default();
        }
        Some(other) => {
            return Err(format!("options: `tlsVersion` must be a text or {{min, max}}, not {other}"));
        }
    }
    // As in k6, none is all.
    tls.cipher_suites = fields.texts("tlsCipherSuites")?.filter(|suites| !suites.is_empty());
    if let Some(suites) = &tls.cipher_suites {
        warnings.extend(suites::check(suites)?);
    }
    for auth in fields.list("tlsAuth")?.into_iter().flatten() {
        let map = auth.as_object().ok_or_else(|| format!("tlsAuth: must be objects, not {auth}"))?;
        let fields = Fields { map, place: "tlsAuth" };
        tls.client_auth.push(ClientAuth {
            domains: fields.texts("domains")?.unwrap_or_default(),
            cert: fields.text("cert")?.ok_or("tlsAuth: `cert` is missing")?,
            key: fields.text("key")?.ok_or("tlsAuth: `key` is missing")?,
            password: fields.text("password")?,
        });
    }
    Ok(tls)
}
