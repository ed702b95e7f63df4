//! What listeners and targets look like when they are written down.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use crate::balancer::settings::{Certificate, Listener, ListenerKind};
use crate::timeline::{Health, HealthReason, ProbeFailure};

/// `127.0.0.1:9001` or `127.0.0.1:9001,weight=2`; a name is resolved once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct TargetSpec {
    pub(super) address: SocketAddr,
    pub(super) weight: u32,
}

impl FromStr for TargetSpec {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (address, rest) = text.split_once(',').unwrap_or((text, ""));
        let address = address.trim().trim_start_matches("http://").trim_end_matches('/');
        let mut target = Self { address: resolve(address)?, weight: 1 };
        for setting in rest.split(',').map(str::trim).filter(|setting| !setting.is_empty()) {
            let weight = setting.strip_prefix("weight=").and_then(|weight| weight.parse().ok());
            target.weight = weight.filter(|weight| (1..=10_000).contains(weight)).ok_or_else(|| {
                format!("`{setting}` says nothing about a target; write weight=N with N from 1 to 10000")
            })?;
        }
        Ok(target)
    }
}

impl TryFrom<String> for TargetSpec {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// `[http://]ADDRESS`, `https://ADDRESS[?cert=FILE&key=FILE]`, `redirect://ADDRESS?port=443`, `tcp://ADDRESS`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct ListenSpec(pub(super) Listener);

impl FromStr for ListenSpec {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let address = resolve(address.trim_end_matches('/'))?;
        let pairs: Vec<(&str, &str)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let get = |name: &str| pairs.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        let refuse = |why: &str| Err(format!("`{text}`: {why}"));
        let kind = match (scheme, pairs.as_slice()) {
            ("http", []) => ListenerKind::Http,
            ("tcp", []) => ListenerKind::Tcp,
            ("https", []) => ListenerKind::Https(Certificate::Generated),
            ("https", [_, _]) => match (get("cert"), get("key")) {
                (Some(chain), Some(key)) => ListenerKind::Https(Certificate::Files {
                    chain: PathBuf::from(chain),
                    key: PathBuf::from(key),
                }),
                _ => return refuse("an https listener takes ?cert=FILE&key=FILE, both PEM"),
            },
            ("https", _) => return refuse("an https listener takes ?cert=FILE&key=FILE, both PEM"),
            ("redirect", [("port", port)]) => match port.parse() {
                Ok(port) => ListenerKind::Redirect(port),
                Err(_) => return refuse("the port to redirect to is a number up to 65535"),
            },
            ("redirect", []) => ListenerKind::Redirect(443),
            ("http" | "tcp" | "redirect", _) => return refuse("that takes no such settings"),
            _ => return refuse("listeners are http://, https://, redirect:// or tcp:// and an address"),
        };
        Ok(Self(Listener { address, kind }))
    }
}

impl TryFrom<String> for ListenSpec {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// `HOST:PORT`, the first address of a name; `:PORT` is every address of this machine.
fn resolve(text: &str) -> Result<SocketAddr, String> {
    let advice = format!("`{text}` is no address; write HOST:PORT, such as 127.0.0.1:8080");
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let text = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    if !text.contains(':') {
        return Err(advice);
    }
    text.to_socket_addrs().ok().and_then(|mut found| found.next()).ok_or(advice)
}

/// `healthy: 1 check passed`
pub(super) fn health(health: Health, reason: HealthReason) -> String {
    let name = match health {
        Health::Initial => "not checked yet",
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
    };
    let checks = |times: u32| if times == 1 { "1 check".to_owned() } else { format!("{times} checks") };
    match reason {
        HealthReason::ChecksPassed(times) => format!("{name}: {} passed", checks(times)),
        HealthReason::ChecksFailed { times, last } => {
            let why = match last {
                ProbeFailure::Refused => "the connection was refused".to_owned(),
                ProbeFailure::TimedOut => "no answer in time".to_owned(),
                ProbeFailure::Status(status) => format!("status {status}"),
                ProbeFailure::Broken => "no HTTP answer".to_owned(),
            };
            format!("{name}: {} failed, the last because {why}", checks(times))
        }
    }
}
