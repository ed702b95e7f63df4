//! The load balancer: where traffic enters, which target gets it, and how a target leaves.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadBalancer {
    /// `application` balances requests (HTTP), `network` balances connections (TCP).
    pub kind: BalancerKind,
    /// Which target gets the next request.
    pub algorithm: Algorithm,
    /// Keeps a client on its target.
    pub stickiness: Stickiness,
    /// How long a leaving target may finish what it has.
    ///
    /// The practical: 300 s (the provider's default). Ours: 30 s, because the group waits for the whole delay,
    /// so that 300 s and a cooldown of 120 s make one scale-in per 420 s, and no request of this service takes
    /// longer than a second.
    #[serde(with = "duration")]
    pub deregistration_delay: Duration,
    /// A target that became healthy gets a share growing linearly over this time; 0s is off.
    #[serde(with = "duration")]
    pub slow_start: Duration,
    /// Silence after which a connection is closed, and a waiting request answered with 504.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// Where traffic enters. The practical's: port 80, HTTP.
    #[serde(rename = "listener")]
    pub listeners: Vec<Listener>,
}

impl LoadBalancer {
    /// The nearest thing that AWS has, where it does not have this algorithm.
    pub fn nearest_on_aws(&self) -> Option<&'static str> {
        match (&self.algorithm, self.kind) {
            (Algorithm::RoundRobin, _) => None,
            (_, BalancerKind::Network) => Some("a network balancer always hashes flows"),
            (Algorithm::LeastConnections | Algorithm::WeightedRandom, BalancerKind::Application) => None,
            (Algorithm::ConsistentHash(_), BalancerKind::Application) => {
                Some("the nearest an application balancer has is stickiness = \"balancer-cookie for 1d\"")
            }
            (Algorithm::WeightedLeastConnections, BalancerKind::Application) => {
                Some("the nearest an application balancer has is least-connections, without weights")
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BalancerKind {
    Application,
    Network,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    pub port: u16,
    pub protocol: Protocol,
    /// Answers with a redirect to this HTTPS port instead of forwarding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_to: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    Http,
    Https,
    Tcp,
}

/// Written as one word, or `consistent-hash by header NAME | cookie NAME | path | client-address`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Algorithm {
    RoundRobin,
    /// Fewest requests in flight (AWS: `least_outstanding_requests`).
    LeastConnections,
    /// Fewest requests in flight per weight.
    WeightedLeastConnections,
    /// At random, in proportion to the weights.
    WeightedRandom,
    ConsistentHash(HashKey),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashKey {
    Header(String),
    Cookie(String),
    Path,
    ClientAddress,
}

const ALGORITHMS: &str = "round-robin, least-connections, weighted-least-connections, weighted-random, \
     consistent-hash by header NAME, by cookie NAME, by path or by client-address";

impl TryFrom<String> for Algorithm {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["round-robin"] => Ok(Self::RoundRobin),
            ["least-connections"] => Ok(Self::LeastConnections),
            ["weighted-least-connections"] => Ok(Self::WeightedLeastConnections),
            ["weighted-random"] => Ok(Self::WeightedRandom),
            ["consistent-hash", "by", key @ ..] => match key {
                ["header", name] => Ok(Self::ConsistentHash(HashKey::Header((*name).to_owned()))),
                ["cookie", name] => Ok(Self::ConsistentHash(HashKey::Cookie((*name).to_owned()))),
                ["path"] => Ok(Self::ConsistentHash(HashKey::Path)),
                ["client-address"] => Ok(Self::ConsistentHash(HashKey::ClientAddress)),
                _ => Err(format!("`{text}` hashes nothing we know; one of {ALGORITHMS}")),
            },
            _ => Err(format!("`{text}` is no routing algorithm; one of {ALGORITHMS}")),
        }
    }
}

impl From<Algorithm> for String {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::RoundRobin => "round-robin".to_owned(),
            Algorithm::LeastConnections => "least-connections".to_owned(),
            Algorithm::WeightedLeastConnections => "weighted-least-connections".to_owned(),
            Algorithm::WeightedRandom => "weighted-random".to_owned(),
            Algorithm::ConsistentHash(HashKey::Header(name)) => format!("consistent-hash by header {name}"),
            Algorithm::ConsistentHash(HashKey::Cookie(name)) => format!("consistent-hash by cookie {name}"),
            Algorithm::ConsistentHash(HashKey::Path) => "consistent-hash by path".to_owned(),
            Algorithm::ConsistentHash(HashKey::ClientAddress) => {
                "consistent-hash by client-address".to_owned()
            }
        }
    }
}

/// Written `off`, `balancer-cookie for 1d` or `application-cookie NAME for 1d`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Stickiness {
    Off,
    /// The balancer sets its own cookie.
    BalancerCookie {
        lasts: Duration,
    },
    /// The service sets a cookie; the balancer follows it.
    ApplicationCookie {
        name: String,
        lasts: Duration,
    },
}

impl TryFrom<String> for Stickiness {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["off"] => Ok(Self::Off),
            ["balancer-cookie", "for", lasts] => Ok(Self::BalancerCookie { lasts: cookie_life(lasts)? }),
            ["application-cookie", name, "for", lasts] => {
                Ok(Self::ApplicationCookie { name: (*name).to_owned(), lasts: cookie_life(lasts)? })
            }
            _ => Err(format!(
                "`{text}` is no stickiness; one of off, balancer-cookie for 1d, application-cookie NAME for 1d"
            )),
        }
    }
}

fn cookie_life(text: &str) -> Result<Duration, String> {
    let lasts = duration::parse(text)?;
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(7 * 86_400));
    if lasts < least || lasts > most {
        return Err(format!("a sticky cookie lasts from 1s to 7d, not {text}"));
    }
    Ok(lasts)
}

impl From<Stickiness> for String {
    fn from(stickiness: Stickiness) -> Self {
        match stickiness {
            Stickiness::Off => "off".to_owned(),
            Stickiness::BalancerCookie { lasts } => format!("balancer-cookie for {}", duration::text(lasts)),
            Stickiness::ApplicationCookie { name, lasts } => {
                format!("application-cookie {name} for {}", duration::text(lasts))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_and_stickiness_read_back() {
        for text in [
            "round-robin",
            "least-connections",
            "weighted-least-connections",
            "weighted-random",
            "consistent-hash by header X-User",
            "consistent-hash by cookie session",
            "consistent-hash by path",
            "consistent-hash by client-address",
        ] {
            assert_eq!(String::from(Algorithm::try_from(text.to_owned()).expect(text)), text);
        }
        for text in ["off", "balancer-cookie for 1d", "application-cookie session for 1h"] {
            assert_eq!(String::from(Stickiness::try_from(text.to_owned()).expect(text)), text);
        }
        assert!(Algorithm::try_from("fastest".to_owned()).expect_err("unknown").contains("round-robin"));
        assert!(Stickiness::try_from("balancer-cookie for 8d".to_owned()).is_err());
    }
}
