//! URLs as k6 reads and writes them, which is Go's way: nothing is tidied up. `/a/../b` stays, a query stays as it was
//! written, and what cannot be a URL is refused in Go's words.

use std::fmt::Write as _;

/// A URL taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// In lower case; empty for a relative reference.
    pub scheme: String,
    /// What follows the scheme where that is no path, as in `mailto:someone`.
    opaque: String,
    /// User and password, decoded.
    pub user: Option<(String, Option<String>)>,
    /// With the port, and brackets around IPv6, as written.
    pub host: String,
    /// Encoded.
    path: String,
    /// With a question mark even if there is nothing behind it.
    query: Option<String>,
    /// Encoded.
    fragment: String,
}

/// What a part of a URL may hold without being encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    User,
    Host,
    Path,
    Fragment,
}

impl Part {
    fn holds(self, byte: u8) -> bool {
        match byte {
            b'-' | b'_' | b'.' | b'~' => true,
            b'$' | b'&' | b'+' | b'=' => true,
            b',' | b';' => true,
            b'/' => matches!(self, Self::Path | Self::Fragment),
            b':' => matches!(self, Self::Host | Self::Path | Self::Fragment),
            b'@' => matches!(self, Self::Path | Self::Fragment),
            b'?' => self == Self::Fragment,
            b'!' | b'(' | b')' | b'*' => matches!(self, Self::Host | Self::Fragment),
            b'\'' | b'[' | b']' | b'<' | b'>' | b'"' => self == Self::Host,
            _ => byte.is_ascii_alphanumeric(),
        }
    }
}

impl Address {
    /// Reads a URL, or a relative reference.
    ///
    /// # Errors
    /// What is wrong with it, as k6 says it: `parse "TEXT": …`.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).map_err(|why| format!("parse {text:?}: {why}"))
    }

    /// Whether a text surely is a URL with a host and without credentials; most are, and this costs next to nothing.
    pub(crate) fn is_plain(text: &str) -> bool {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let Some(rest) = rest else { return false };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~/?=&+:,;@$!*".contains(&byte))
    }

    fn read(text: &str) -> Result<Self, String> {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let (scheme, rest) = scheme(text)?;
        let mut address = Self { scheme, ..Self::default() };
        let mut rest = match rest.split_once('?') {
            Some((rest, query)) => {
                address.query = Some(query.to_owned());
                rest
            }
            None => rest,
        };
        if !rest.starts_with('/') {
            if !address.scheme.is_empty() {
                rest.clone_into(&mut address.opaque);
                return Ok(address);
            }
            if rest.split('/').next().is_some_and(|first| first.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let has_authority = !address.scheme.is_empty() || !rest.starts_with("///");
        if let Some(tail) = rest.strip_prefix("//").filter(|_| has_authority) {
            let (authority, path) = tail.split_at(tail.find('/').unwrap_or(tail.len()));
            rest = path;
            address.authority(authority)?;
        }
        address.path = encoded(rest, Part::Path)?;
        address.fragment = encoded(fragment, Part::Fragment)?;
        Ok(address)
    }

    fn authority(&mut self, authority: &str) -> Result<(), String> {
        let host = match authority.rsplit_once('@') {
            None => authority,
            Some((user, host)) => {
                let valid = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
                if !user.chars().all(valid) {
                    return Err("net/url: invalid userinfo".to_owned());
                }
                let decoded =
                    |text: &str| decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                self.user = Some(match user.split_once(':') {
                    Some((user, password)) => (decoded(user)?, Some(decoded(password)?)),
                    None => (decoded(user)?, None),
                });
                host
            }
        };
        let port = if host.starts_with('[') {
            let end = host.rfind(']').ok_or_else(|| "missing ']' in host".to_owned())?;
            &host[end + 1..]
        } else {
            host.rfind(':').map_or("", |colon| &host[colon..])
        };
        let digits = port.strip_prefix(':');
        if !port.is_empty() && !digits.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit())) {
            return Err(format!("invalid port {port:?} after host"));
        }
        for (at, byte) in host.bytes().enumerate().filter(|(_, byte)| byte.is_ascii()) {
            if byte == b'%' {
                // Only letters beyond ASCII are written so, and the zone of an IPv6 address.
                let escape = host.get(at..at + 3).unwrap_or(&host[at..]);
                if escape != "%25"
                    && escape.as_bytes().get(1).is_none_or(|digit| digit.is_ascii_digit() && *digit < b'8')
                {
                    return Err(format!("invalid URL escape {escape:?}"));
                }
            } else if !Part::Host.holds(byte) {
                return Err(format!("invalid character {:?} in host name", char::from(byte).to_string()));
            }
        }
        self.host = String::from_utf8_lossy(&decode(host)?).into_owned();
        Ok(())
    }

    /// The host without port and brackets, and the port that is written there.
    #[must_use]
    pub fn host_and_port(&self) -> (&str, Option<&str>) {
        if let Some((host, port)) = self.host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            return (host, port.strip_prefix(':').filter(|port| !port.is_empty()));
        }
        match self.host.rsplit_once(':') {
            Some((host, port)) => (host, Some(port).filter(|port| !port.is_empty())),
            None => (&self.host, None),
        }
    }

    /// The value of the `Host` header: letters beyond ASCII as DNS has them.
    #[must_use]
    pub fn host_header(&self) -> String {
        let (host, port) = self.host_and_port();
        let bracketed = self.host.starts_with('[');
        let host = if host.is_ascii() { host.to_owned() } else { in_ascii(host) };
        let host = if bracketed { format!("[{host}]") } else { host };
        port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    }

    /// The path, encoded; may be empty.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What stands on the request line.
    #[must_use]
    pub fn target(&self) -> String {
        let path = if self.opaque.is_empty() { &self.path } else { &self.opaque };
        let path = if path.is_empty() { "/" } else { path };
        match &self.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }

    /// Replaces scheme and host.
    pub fn set_base(&mut self, scheme: &str, host: &str) {
        scheme.clone_into(&mut self.scheme);
        host.clone_into(&mut self.host);
    }

    /// Replaces the query; `None`: none.
    pub fn set_query(&mut self, query: Option<String>) {
        self.query = query;
    }

    /// The same without user and password.
    #[must_use]
    pub fn without_user(&self) -> Self {
        Self { user: None, ..self.clone() }
    }

    /// The URL with user and password made unreadable, as k6's tags have it.
    #[must_use]
    pub fn masked(&self) -> String {
        if self.user.is_none() {
            return self.to_string();
        }
        self.without_user().to_string().replacen("://", "://****:****@", 1)
    }

    /// What `reference`, found at this address, leads to (RFC 3986, section 5.2).
    ///
    /// # Errors
    /// As [`Address::parse`].
    pub fn join(&self, reference: &str) -> Result<Self, String> {
        let reference = Self::parse(reference)?;
        let mut joined = reference.clone();
        if reference.scheme.is_empty() {
            joined.scheme.clone_from(&self.scheme);
        }
        if !reference.scheme.is_empty() || !reference.host.is_empty() || reference.user.is_some() {
            joined.path = without_dots(&reference.path);
            return Ok(joined);
        }
        if !reference.opaque.is_empty() {
            return Ok(joined);
        }
        if reference.path.is_empty() && reference.query.is_none() {
            joined.query.clone_from(&self.query);
            if reference.fragment.is_empty() {
                joined.fragment.clone_from(&self.fragment);
            }
        }
        joined.host.clone_from(&self.host);
        joined.user.clone_from(&self.user);
        let full = match reference.path.as_str() {
            "" => self.path.clone(),
            path if path.starts_with('/') => path.to_owned(),
            path => format!("{}{path}", &self.path[..self.path.rfind('/').map_or(0, |at| at + 1)]),
        };
        joined.path = without_dots(&full);
        Ok(joined)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            let has_authority = !self.host.is_empty() || self.user.is_some();
            if has_authority || !self.scheme.is_empty() && !self.path.is_empty() {
                f.write_str("//")?;
            }
            if let Some((user, password)) = &self.user {
                f.write_str(&encode(user.as_bytes(), Part::User))?;
                if let Some(password) = password {
                    write!(f, ":{}", encode(password.as_bytes(), Part::User))?;
                }
                f.write_str("@")?;
            }
            f.write_str(&encode(self.host.as_bytes(), Part::Host))?;
            if !self.path.is_empty() && !self.path.starts_with('/') && !self.host.is_empty() {
                f.write_str("/")?;
            }
            f.write_str(&self.path)?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", self.fragment)?;
        }
        Ok(())
    }
}

/// The scheme in lower case, and the rest.
fn scheme(text: &str) -> Result<(String, &str), String> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok((text[..at].to_ascii_lowercase(), &text[at + 1..])),
            _ => break,
        }
    }
    Ok((String::new(), text))
}

/// A part as it stands if that is a valid encoding, otherwise encoded anew.
fn encoded(text: &str, part: Part) -> Result<String, String> {
    let bytes = decode(text)?;
    let valid = |byte: u8| part.holds(byte) || b"!$&'()*+,;=:@[]%".contains(&byte);
    Ok(if text.bytes().all(valid) { text.to_owned() } else { encode(&bytes, part) })
}

fn encode(bytes: &[u8], part: Part) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if part.holds(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let hex = tail.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let Some(byte) = byte else {
            let shown = String::from_utf8_lossy(&rest[..rest.len().min(3)]).into_owned();
            return Err(format!("invalid URL escape {shown:?}"));
        };
        bytes.push(byte);
        rest = &tail[2..];
    }
    Ok(bytes)
}

fn in_ascii(host: &str) -> String {
    match url::Host::parse(host) {
        Ok(host) => host.to_string(),
        Err(_) => host.to_owned(),
    }
}

fn without_dots(path: &str) -> String {
    if path.is_empty() {
        return String::new();
    }
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    for segment in &segments {
        match *segment {
            "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let mut clean = format!("/{}", kept.join("/"));
    if matches!(segments.last(), Some(&"." | &"..")) && !clean.ends_with('/') {
        clean.push('/');
    }
    if clean.starts_with("//") { clean[1..].to_owned() } else { clean }
}

#[cfg(test)]
mod tests;
