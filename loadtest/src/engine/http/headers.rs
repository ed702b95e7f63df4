//! The headers of a hop: what is sent, in Go's order, and what a script sees of it.

use bytes::Bytes;
use loadtest_js::{HttpRequest, RequestCookie, SentRequest, canonical, cookie_header, cookies_of};

use super::Current;
use super::auth::Authorization;
use super::target::Head;
use crate::engine::shared::Shared;
use crate::net::NetError;
use crate::net::client::Client;
use crate::net::h1::write_head;
use crate::net::proxy::basic;

/// The headers of a hop that belong to the request rather than to the connection.
pub(super) fn own_headers(
    shared: &Shared,
    current: &Current<'_>,
    cookies: &[RequestCookie],
) -> Vec<(String, String)> {
    let mut own: Vec<(String, String)> = Vec::with_capacity(current.headers.len() + 4);
    own.extend(current.headers.iter().cloned());
    if !own.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
        own.push(("User-Agent".to_owned(), shared.options.user_agent.clone()));
    }
    if !cookies.is_empty() {
        let line = cookie_header(cookies);
        match own.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("cookie")) {
            // As Go's `AddCookie`, to what the script itself has put there.
            Some((_, before)) => before.push_str(&format!("; {line}")),
            None => own.push(("Cookie".to_owned(), line)),
        }
    }
    if current.authorization != Authorization::Usual {
        own.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    }
    if let Authorization::Answer(answer) = &current.authorization {
        own.push(("Authorization".to_owned(), answer.clone()));
    }
    own
}

/// The head of a hop, from its own headers.
pub(super) fn head(
    shared: &Shared,
    client: &Client,
    current: &Current<'_>,
    mut own: Vec<(String, String)>,
) -> Head {
    let address = &current.target.address;
    // Also before a round of digest, as k6.
    if current.authorization == Authorization::Usual
        && let Some((user, password)) = &address.user
        && !own.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    {
        own.push(("Authorization".to_owned(), basic(user, password.as_deref().unwrap_or(""))));
    }
    // The script's own Host is for the host it named, unless the base URL replaces that.
    if shared.base_url.is_some() {
        own.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
    }
    let envelope = Envelope {
        method: &current.method,
        host: &address.host_header(),
        user_agent: &shared.options.user_agent,
        body: current.body.as_ref().map(Bytes::len),
        close: client.no_reuse,
    };
    let headers = in_order(&envelope, own);
    let mut text = Vec::with_capacity(256);
    let written = valid(&current.method, &headers)
        .and_then(|()| write_head(&mut text, &current.method, &current.target.path, &headers));
    Head { headers, text: written.map(|()| text) }
}

/// What goes around the headers that a script sets.
#[derive(Debug)]
pub struct Envelope<'a> {
    pub method: &'a str,
    pub host: &'a str,
    pub user_agent: &'a str,
    /// Its length.
    pub body: Option<usize>,
    pub close: bool,
}

/// Headers as Go sends them: `Host`, `User-Agent`, what is said of the body, then the others by name.
pub fn in_order(envelope: &Envelope<'_>, own: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::with_capacity(own.len() + 4);
    let mut others: Vec<(String, String)> = Vec::with_capacity(own.len());
    let (mut host, mut user_agent) = (envelope.host.to_owned(), envelope.user_agent.to_owned());
    for (name, value) in own {
        let name = canonical(&name);
        let trimmed = value.trim_matches([' ', '\t']);
        let value = if trimmed.len() == value.len() { value } else { trimmed.to_owned() };
        match name.as_str() {
            "Host" => host = value,
            "User-Agent" => user_agent = value,
            "Content-Length" | "Transfer-Encoding" | "Trailer" => {}
            _ => others.push((name, value)),
        }
    }
    all.push(("Host".to_owned(), host));
    if !user_agent.is_empty() {
        all.push(("User-Agent".to_owned(), user_agent));
    }
    let lacks_body = matches!(envelope.method, "GET" | "HEAD" | "DELETE" | "OPTIONS" | "PROPFIND" | "SEARCH");
    match envelope.body {
        Some(0) if !lacks_body => all.push(("Transfer-Encoding".to_owned(), "chunked".to_owned())),
        None if matches!(envelope.method, "POST" | "PUT" | "PATCH") => {
            all.push(("Content-Length".to_owned(), "0".to_owned()));
        }
        Some(0) | None => {}
        Some(length) => all.push(("Content-Length".to_owned(), length.to_string())),
    }
    others.sort_by(|(a, _), (b, _)| a.cmp(b));
    let close = envelope.close && !others.iter().any(|(name, _)| name == "Connection");
    all.extend(others);
    if close {
        all.push(("Connection".to_owned(), "close".to_owned()));
    }
    all
}

/// What `response.request` shows: what the script, the options and the jar have put there, but nothing that belongs
/// to the connection. The body is shown as it was before any compression.
pub(super) fn sent_request(
    request: &HttpRequest,
    current: &Current<'_>,
    own: &[(String, String)],
) -> SentRequest {
    let shown = |(name, _): &&(String, String)| !name.eq_ignore_ascii_case("content-length");
    let mut headers: Vec<(String, String)> =
        own.iter().filter(shown).map(|(name, value)| (canonical(name), value.clone())).collect();
    headers.sort();
    let cookies = headers.iter().find(|(name, _)| name == "Cookie").map(|(_, line)| cookies_of(line));
    let cookie = |(name, value)| RequestCookie { name, value, replace: false };
    SentRequest {
        method: current.method.to_string(),
        url: current.url.to_string(),
        cookies: cookies.unwrap_or_default().into_iter().map(cookie).collect(),
        headers,
        body: request.body.clone().unwrap_or_default(),
    }
}

/// What Go's client refuses to send.
fn valid(method: &str, headers: &[(String, String)]) -> Result<(), NetError> {
    let is_token = |text: &str| {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(token)
    };
    if !is_token(method) {
        return Err(NetError::generic(format!("net/http: invalid method {method:?}")));
    }
    for (name, value) in headers {
        if !is_token(name) {
            return Err(NetError::generic(format!("net/http: invalid header field name {name:?}")));
        }
        if value.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
            return Err(NetError::generic(format!("net/http: invalid header field value for {name:?}")));
        }
    }
    Ok(())
}
