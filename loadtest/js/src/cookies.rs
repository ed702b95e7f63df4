//! A cookie jar by RFC 6265, without a list of public suffixes, as k6's.
//!
//! Shared between a VU and the engine: the engine sends [`CookieJar::merged`] with each hop and feeds back what
//! `Set-Cookie` says. It reads no clock: times are seconds since 1970, given by the caller.

use std::cell::RefCell;
use std::rc::Rc;

use crate::address::Address;
use crate::api::http::RequestCookie;

mod parse;
pub(crate) use parse::{parse_http_date, parse_set_cookie};

/// A handle on a jar; clones share it. Starts empty.
#[derive(Debug, Clone, Default)]
pub struct CookieJar {
    entries: Rc<RefCell<Vec<Entry>>>,
}

/// A cookie as a response set it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetCookie {
    /// The name.
    pub name: String,
    /// The value, without quotes.
    pub value: String,
    /// The `Domain` attribute, or empty.
    pub domain: String,
    /// The `Path` attribute, or empty.
    pub path: String,
    /// The `Expires` attribute, seconds since 1970.
    pub expires: Option<i64>,
    /// The `Max-Age` attribute in seconds; 0 or less: delete.
    pub max_age: Option<i64>,
    /// The `Secure` attribute.
    pub secure: bool,
    /// The `HttpOnly` attribute.
    pub http_only: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    value: String,
    domain: String,
    host_only: bool,
    path: String,
    secure: bool,
    expires: Option<i64>,
}

impl CookieJar {
    /// The cookies of a request to `url`: its own, then the jar's that none of them replaces.
    #[must_use]
    pub fn merged(
        &self,
        url: &str,
        own: &[RequestCookie],
        now_unix_s: impl FnOnce() -> i64,
    ) -> Vec<RequestCookie> {
        if own.is_empty() && self.entries.borrow().is_empty() {
            return Vec::new();
        }
        let mut all = own.to_vec();
        for (name, value) in self.cookies(url, now_unix_s()) {
            if !own.iter().any(|c| c.replace && c.name == name) {
                all.push(RequestCookie { name, value, replace: false });
            }
        }
        all
    }

    /// The jar's cookies for `url`, longest path first.
    #[must_use]
    pub fn cookies(&self, url: &str, now_unix_s: i64) -> Vec<(String, String)> {
        if self.entries.borrow().is_empty() {
            return Vec::new();
        }
        let Some((host, path, secure)) = target(url) else { return Vec::new() };
        let mut entries = self.entries.borrow_mut();
        entries.retain(|e| e.expires.is_none_or(|at| at > now_unix_s));
        let mut found: Vec<&Entry> = entries
            .iter()
            .filter(|e| domain_matches(&host, e) && path_matches(&path, &e.path) && (secure || !e.secure))
            .collect();
        found.sort_by_key(|e| std::cmp::Reverse(e.path.len()));
        found.into_iter().map(|e| (e.name.clone(), e.value.clone())).collect()
    }

    /// Keeps what the `Set-Cookie` headers among `headers` say. k6 files the cookies of a redirect under the
    /// URL it leads to, and those of the last response under its own.
    pub fn store(&self, url: &str, headers: &[(String, String)], now_unix_s: impl Fn() -> i64) {
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("set-cookie")
                && let Some(cookie) = parse_set_cookie(value)
            {
                self.set(url, &cookie, now_unix_s());
            }
        }
    }

    /// Keeps one cookie, or deletes it if it has expired; ignores what `url` may not set.
    pub fn set(&self, url: &str, cookie: &SetCookie, now_unix_s: i64) {
        let Some((host, path, _)) = target(url) else { return };
        let Some((domain, host_only)) = cookie_domain(&host, &cookie.domain) else { return };
        let path =
            if cookie.path.starts_with('/') { cookie.path.clone() } else { default_path(&path).to_owned() };
        let expires = match cookie.max_age {
            Some(seconds) => Some(if seconds <= 0 { i64::MIN } else { now_unix_s.saturating_add(seconds) }),
            None => cookie.expires,
        };
        let mut entries = self.entries.borrow_mut();
        let same = |e: &Entry| e.name == cookie.name && e.domain == domain && e.path == path;
        if expires.is_some_and(|at| at <= now_unix_s) {
            entries.retain(|e| !same(e));
            return;
        }
        let entry = Entry {
            name: cookie.name.clone(),
            value: cookie.value.clone(),
            domain: domain.clone(),
            host_only,
            path: path.clone(),
            secure: cookie.secure,
            expires,
        };
        match entries.iter_mut().find(|e| same(e)) {
            Some(old) => *old = entry,
            None => entries.push(entry),
        }
    }

    /// Forgets everything; k6 does so before each iteration unless `noCookiesReset`.
    pub fn clear(&self) {
        let mut entries = self.entries.borrow_mut();
        if entries.capacity() > 0 {
            *entries = Vec::new();
        }
    }
}

/// The value of the `Cookie` header.
#[must_use]
pub fn cookie_header(cookies: &[RequestCookie]) -> String {
    let mut header = String::new();
    for cookie in cookies {
        if !header.is_empty() {
            header.push_str("; ");
        }
        header.push_str(&cookie.name.replace(['\r', '\n'], "-"));
        header.push('=');
        header.push_str(&header_value(&cookie.value));
    }
    header
}

/// The cookies that a header's value holds, as k6 lists them: invalid ones are left out.
#[must_use]
pub fn cookies_of(header: &str) -> Vec<(String, String)> {
    let one = |part: &str| {
        let (name, value) = part.trim().split_once('=').unwrap_or((part.trim(), ""));
        let name = name.trim();
        let value = parse::unquote(value.trim())?;
        parse::is_name(name).then(|| (name.to_owned(), value))
    };
    header.split(';').filter_map(one).collect()
}

/// Host in lower case, path, and whether the scheme is secure.
fn target(url: &str) -> Option<(String, String, bool)> {
    let address = Address::parse(url).ok()?;
    if !matches!(address.scheme.as_str(), "http" | "https") {
        return None;
    }
    let host = address.host_and_port().0.to_ascii_lowercase();
    let path = if address.path().is_empty() { "/".to_owned() } else { address.path().to_owned() };
    // This machine counts as secure, whatever the scheme.
    let is_local = host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    Some((host, path, is_local || address.scheme == "https"))
}

/// The domain a cookie is filed under and whether only that very host gets it. `None`: refused.
fn cookie_domain(host: &str, attribute: &str) -> Option<(String, bool)> {
    if attribute.is_empty() {
        return Some((host.to_owned(), true));
    }
    let domain = attribute.strip_prefix('.').unwrap_or(attribute).to_ascii_lowercase();
    if host.parse::<std::net::IpAddr>().is_ok() {
        return (host == domain).then_some((domain, true));
    }
    if domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') {
        return None;
    }
    (host == domain || host.ends_with(&format!(".{domain}"))).then_some((domain, false))
}

fn domain_matches(host: &str, entry: &Entry) -> bool {
    host == entry.domain
        || !entry.host_only
            && host.strip_suffix(entry.domain.as_str()).is_some_and(|prefix| prefix.ends_with('.'))
}

fn path_matches(path: &str, cookie_path: &str) -> bool {
    path.strip_prefix(cookie_path)
        .is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}

fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(at) => &path[..at],
    }
}

/// Quotes what would otherwise be ambiguous and leaves out what no cookie may hold.
fn header_value(value: &str) -> String {
    let clean: String =
        value.chars().filter(|&c| (' '..='~').contains(&c) && !matches!(c, '"' | ';' | '\\')).collect();
    if clean.contains([' ', ',']) { format!("\"{clean}\"") } else { clean }
}

#[cfg(test)]
mod tests;
