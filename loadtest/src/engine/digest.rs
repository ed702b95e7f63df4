//! HTTP digest authentication (RFC 7616, with MD5 and SHA-256, `qop=auth` or none).

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::net::Reply;

/// What a challenge says behind its scheme.
pub fn challenge(reply: &Reply) -> Option<&str> {
    let all = reply.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("www-authenticate"));
    all.map(|(_, value)| value.trim()).find_map(|value| {
        let (scheme, rest) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("digest").then_some(rest)
    })
}

/// Whether it asks for digest authentication.
pub fn is_challenge(reply: &Reply) -> bool {
    challenge(reply).is_some()
}

/// The `Authorization` header that answers a [`challenge`]. `None` when the challenge asks
/// for something unknown.
pub fn authorization(
    challenge: &str,
    who: (&str, &str),
    method: &str,
    uri: &str,
    nonce: &str,
) -> Option<String> {
    let fields = parse(challenge);
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (realm, server_nonce) = (get("realm").unwrap_or(""), get("nonce")?);
    let named = get("algorithm");
    let algorithm = named.unwrap_or("MD5");
    let hash: fn(&str) -> String = match algorithm.to_ascii_uppercase().trim_end_matches("-SESS") {
        "MD5" => |text| hex(&Md5::digest(text.as_bytes())),
        "SHA-256" => |text| hex(&Sha256::digest(text.as_bytes())),
        // As k6, which asks with MD5 then.
        _ => |text| hex(&Md5::digest(text.as_bytes())),
    };
    let (user, password) = who;
    let mut secret = hash(&format!("{user}:{realm}:{password}"));
    if algorithm.to_ascii_lowercase().ends_with("-sess") {
        secret = hash(&format!("{secret}:{server_nonce}:{nonce}"));
    }
    let request = hash(&format!("{method}:{uri}"));
    let auth = get("qop").map(|qop| qop.split(',').any(|part| part.trim() == "auth"));
    let response = match auth {
        Some(true) => hash(&format!("{secret}:{server_nonce}:00000001:{nonce}:auth:{request}")),
        None => hash(&format!("{secret}:{server_nonce}:{request}")),
        Some(false) => return None,
    };
    let mut header = format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{server_nonce}\", uri=\"{uri}\", \
         response=\"{response}\""
    );
    if named.is_some() {
        header.push_str(&format!(", algorithm={algorithm}"));
    }
    if auth == Some(true) {
        header.push_str(&format!(", qop=auth, nc=00000001, cnonce=\"{nonce}\""));
    }
    if let Some(opaque) = get("opaque") {
        header.push_str(&format!(", opaque=\"{opaque}\""));
    }
    Some(header)
}

/// `name="value"` pairs, separated by commas outside quotes.
fn parse(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some((name, tail)) = rest.split_once('=') {
        let tail = tail.trim_start();
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => tail.split_once(',').unwrap_or((tail, "")),
        };
        pairs.push((name.trim_matches([' ', ',']).to_ascii_lowercase(), value.trim().to_owned()));
        rest = tail;
    }
    pairs
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7616() {
        let challenge = "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
            nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
            opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let who = ("Mufasa", "Circle of Life");
        let header = authorization(challenge, who, "GET", "/dir/index.html", nonce).expect("known");
        assert!(header.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{header}");
        let sha = challenge.replace("MD5", "SHA-256");
        let header = authorization(&sha, who, "GET", "/dir/index.html", nonce).expect("known");
        let response = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
        assert!(header.contains(response), "{header}");
    }
}
