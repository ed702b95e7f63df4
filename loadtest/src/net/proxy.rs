//! Which requests go through a proxy: `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` with the rules of Go, and so of k6.

use std::net::IpAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::error::During;
use super::io::Counted;
use super::{NetError, Origin};

/// A proxy's answer to `CONNECT` has at most so many bytes.
const ANSWER_MAX: usize = 16 * 1024;

/// The proxies of a test.
#[derive(Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    exceptions: Vec<Exception>,
}

/// One proxy that speaks HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    pub origin: Origin,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<String>,
}

/// An entry of `NO_PROXY`, with its port if it has one.
#[derive(Debug)]
enum Exception {
    All,
    Network(IpAddr, u8),
    Address(IpAddr, Option<u16>),
    /// A suffix with its leading dot; the flag: the name without the dot too.
    Domain(String, bool, Option<u16>),
}

impl Proxies {
    /// Reads the variables; each also in lower case, as most programs have it.
    ///
    /// # Errors
    /// A proxy that is no URL or that speaks something else than HTTP.
    pub fn from_environment(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let text = |name: &str| {
            let found = |name: &str| lookup(name).filter(|text| !text.is_empty());
            found(name).or_else(|| found(&name.to_ascii_lowercase()))
        };
        let proxy = |name: &str| text(name).map(|text| Proxy::parse(name, &text)).transpose();
        let exceptions = text("NO_PROXY").unwrap_or_default();
        Ok(Self {
            http: proxy("HTTP_PROXY")?,
            https: proxy("HTTPS_PROXY")?,
            exceptions: exceptions.split(',').filter_map(Exception::parse).collect(),
        })
    }

    /// The proxy for requests to `origin`. This machine is never asked through one.
    pub fn of(&self, origin: &Origin) -> Option<&Proxy> {
        let proxy = if origin.tls { self.https.as_ref() } else { self.http.as_ref() }?;
        let host = origin.host.trim_end_matches('.').to_ascii_lowercase();
        let ip = host.parse::<IpAddr>().ok();
        let direct = host == "localhost"
            || ip.is_some_and(|ip| ip.is_loopback())
            || self.exceptions.iter().any(|exception| exception.fits(&host, ip, origin.port));
        (!direct).then_some(proxy)
    }

    /// For the banner, without passwords.
    pub fn describe(&self) -> Option<String> {
        let one = |scheme: &str, proxy: &Option<Proxy>| {
            proxy.as_ref().map(|proxy| format!("{} for {scheme}", proxy.origin.authority()))
        };
        let all: Vec<String> =
            [one("http", &self.http), one("https", &self.https)].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

impl Proxy {
    fn parse(variable: &str, text: &str) -> Result<Self, String> {
        let whole = Url::parse(text).ok().filter(|url| url.has_host());
        let url = match whole {
            Some(url) => url,
            None => Url::parse(&format!("http://{text}"))
                .map_err(|error| format!("{variable}={text}: it is no URL: {error}"))?,
        };
        if url.scheme() != "http" {
            return Err(format!(
                "{variable}: proxies of the kind {}:// are not supported; name an http:// proxy, or unset {variable}",
                url.scheme()
            ));
        }
        let origin = Origin::of(&url).ok_or_else(|| format!("{variable}={text}: it names no host"))?;
        let user = (unescaped(url.username()), unescaped(url.password().unwrap_or_default()));
        let authorization = (!user.0.is_empty() || url.password().is_some()).then(|| basic(&user.0, &user.1));
        Ok(Self { origin, authorization })
    }

    /// Has the proxy make a tunnel to `origin`.
    ///
    /// # Errors
    /// What the proxy says where it refuses.
    pub async fn tunnel(&self, stream: &mut Counted, origin: &Origin) -> Result<(), NetError> {
        let host = if origin.host.contains(':') { format!("[{}]", origin.host) } else { origin.host.clone() };
        let place = format!("{host}:{}", origin.port);
        let mut head = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n");
        if let Some(authorization) = &self.authorization {
            head.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.map_err(|error| NetError::io(&error, During::Write))?;
        // Byte by byte: what follows the empty line belongs to the tunnel.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= ANSWER_MAX {
                return Err(NetError::generic("the proxy's answer is too long"));
            }
            answer.push(stream.read_u8().await.map_err(|error| NetError::io(&error, During::Read))?);
        }
        let text = String::from_utf8_lossy(&answer);
        let status = text.lines().next().unwrap_or_default().split_once(' ').map_or("", |(_, status)| status);
        match status.starts_with("200") {
            true => Ok(()),
            false => Err(NetError::generic(format!("the proxy refused a tunnel to {place}: {status}"))),
        }
    }
}

impl Exception {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Self::All);
        }
        if let Some((ip, prefix)) = text.split_once('/')
            && let (Ok(ip), Ok(prefix)) = (ip.parse(), prefix.parse())
        {
            return Some(Self::Network(ip, prefix));
        }
        if let Ok(address) = text.parse::<std::net::SocketAddr>() {
            return Some(Self::Address(address.ip(), Some(address.port())));
        }
        if let Ok(ip) = text.trim_matches(['[', ']']).parse() {
            return Some(Self::Address(ip, None));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (text.as_str(), None),
        };
        let name = name.strip_prefix("*.").map_or_else(|| name.to_owned(), |rest| format!(".{rest}"));
        Some(match name.strip_prefix('.') {
            Some(_) => Self::Domain(name, false, port),
            None => Self::Domain(format!(".{name}"), true, port),
        })
    }

    fn fits(&self, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network(network, prefix) => {
                ip.is_some_and(|ip| super::dns::contains((*network, *prefix), ip))
            }
            Self::Address(address, own) => ip == Some(*address) && own.is_none_or(|own| own == port),
            Self::Domain(suffix, whole, own) => {
                (host.ends_with(suffix) || (*whole && host == &suffix[1..]))
                    && own.is_none_or(|own| own == port)
            }
        }
    }
}

/// The value of a header that names a user.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let shown = digit <= chunk.len();
            out.push(if shown { char::from(DIGITS[(group >> (18 - 6 * digit)) as usize & 63]) } else { '=' });
        }
    }
    out
}

/// `%41` as `A`; what is no such escape stays.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, String> {
        let lookup =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, text)| (*text).to_owned());
        Proxies::from_environment(lookup)
    }

    #[test]
    fn base64_pads() {
        for (plain, encoded) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("user:pass", "dXNlcjpwYXNz")]
        {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn gos_rules_say_who_is_asked_directly() {
        let no_proxy = "10.0.0.0/8, 192.168.1.1, .only-below.test,shop.test, api.test:8080,[::5]:80";
        let variables =
            [("HTTP_PROXY", "proxy:3128"), ("https_proxy", "http://secure:1"), ("NO_PROXY", no_proxy)];
        let all = proxies(&variables).expect("are valid");
        let through = |url: &str| {
            let origin = Origin::of(&Url::parse(url).expect("a URL")).expect("has a host");
            all.of(&origin).map(|proxy| proxy.origin.authority())
        };
        let (http, https) = (Some("proxy:3128".to_owned()), Some("secure:1".to_owned()));
        for (url, expected) in [
            ("http://example.test/", &http),
            ("https://example.test/", &https),
            ("http://localhost:80/", &None),
            ("http://127.0.0.9/", &None),
            ("http://[::1]/", &None),
            ("http://10.2.3.4/", &None),
            ("http://11.2.3.4/", &http),
            ("http://192.168.1.1:99/", &None),
            ("http://shop.test/", &None),
            ("http://a.SHOP.test/", &None),
            ("http://myshop.test/", &http),
            ("http://only-below.test/", &http),
            ("http://a.only-below.test/", &None),
            ("http://api.test:8080/", &None),
            ("http://api.test/", &http),
            ("http://[::5]/", &None),
            ("http://[::5]:81/", &http),
        ] {
            assert_eq!(through(url), *expected, "{url}");
        }
        assert_eq!(all.describe().as_deref(), Some("proxy:3128 for http, secure:1 for https"));
        let none = proxies(&[("HTTP_PROXY", "proxy:1"), ("NO_PROXY", "*")]).expect("are valid");
        let origin = Origin { tls: false, host: "x.test".to_owned(), port: 80 };
        assert_eq!((none.of(&origin), Proxies::default().of(&origin)), (None, None));
    }

    #[test]
    fn users_are_told_and_strange_proxies_refused() {
        let all = proxies(&[("HTTP_PROXY", "http://me:p%40ss@proxy:3128")]).expect("are valid");
        let origin = Origin { tls: false, host: "x.test".to_owned(), port: 80 };
        let authorization = all.of(&origin).and_then(|proxy| proxy.authorization.clone());
        assert_eq!(authorization, Some(basic("me", "p@ss")));
        assert!(!all.describe().expect("is there").contains("ss"), "no password is shown");
        let refused = proxies(&[("HTTPS_PROXY", "socks5://proxy:1080")]).expect_err("is refused");
        assert!(refused.contains("socks5:// are not supported"), "{refused}");
    }
}
