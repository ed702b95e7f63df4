//! Cipher suites by the names that k6 has for them (`tlsCipherSuites`), which are Go's.

use rustls::crypto::ring::ALL_CIPHER_SUITES;
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

/// Suites that k6 knows and rustls does not have: without forward secrecy, or with ciphers that are broken.
const ABSENT: [&str; 16] = [
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

/// A suite's name.
pub fn name(suite: CipherSuite) -> String {
    let name = suite.as_str().unwrap_or_default().replace("TLS13_", "TLS_");
    // Go names the hash of these only in TLS 1.3.
    match name.strip_suffix("_SHA256") {
        Some(short) if short.contains("_WITH_CHACHA20_") => short.to_owned(),
        _ => name,
    }
}

/// What is wrong with the suites that a script wants, where it can be done all the same: those that are left out.
///
/// # Errors
/// When one of them does not exist.
pub fn check(wanted: &[String]) -> Result<Option<String>, String> {
    let is_here = |text: &String| ALL_CIPHER_SUITES.iter().any(|suite| name(suite.suite()) == *text);
    let missing: Vec<&str> = wanted.iter().filter(|text| !is_here(text)).map(String::as_str).collect();
    if let Some(unknown) = missing.iter().find(|text| !ABSENT.contains(text)) {
        return Err(format!(
            "tlsCipherSuites: there is no cipher suite `{unknown}`; there are {}",
            available()
        ));
    }
    if missing.is_empty() {
        return Ok(None);
    }
    let rest = if of_tls12(Some(wanted)).is_empty() { ", so that TLS 1.2 is not offered" } else { "" };
    Ok(Some(format!(
        "tlsCipherSuites: {} cannot be used here and is left out{rest}; there are {}",
        missing.join(", "),
        available()
    )))
}

/// The suites of TLS 1.2 among those that are wanted (none: all). Those of TLS 1.3 cannot be chosen, as in k6.
pub(super) fn of_tls12(wanted: Option<&[String]>) -> Vec<SupportedCipherSuite> {
    let is_wanted =
        |suite: &SupportedCipherSuite| wanted.is_none_or(|wanted| wanted.contains(&name(suite.suite())));
    of(&rustls::version::TLS12).into_iter().filter(is_wanted).collect()
}

pub(super) fn of_tls13() -> Vec<SupportedCipherSuite> {
    of(&rustls::version::TLS13)
}

fn of(version: &SupportedProtocolVersion) -> Vec<SupportedCipherSuite> {
    ALL_CIPHER_SUITES.iter().filter(|suite| suite.version() == version).copied().collect()
}

/// Those of TLS 1.2, for people.
pub(super) fn available() -> String {
    of_tls12(None).iter().map(|suite| name(suite.suite())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn suites_are_known_by_gos_names() {
        let all: Vec<_> = ALL_CIPHER_SUITES.iter().map(|suite| name(suite.suite())).collect();
        let wanted = names(
            "TLS_AES_256_GCM_SHA384 TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256
             TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
             TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
             TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        );
        assert_eq!(all, wanted);
        assert_eq!(check(&all), Ok(None));
        assert_eq!(of_tls12(Some(&all)).len(), 6);
        assert_eq!(of_tls13().len(), 3);
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let some = names("TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305");
        let warning = check(&some).expect("exist").expect("one is absent");
        assert!(warning.starts_with("tlsCipherSuites: TLS_RSA_WITH_AES_128_GCM_SHA256 cannot"), "{warning}");
        assert!(!warning.contains("not offered"), "{warning}");
        assert_eq!(of_tls12(Some(&some)).len(), 1);
        let warning = check(&some[..1]).expect("exists").expect("is absent");
        assert!(warning.contains("TLS 1.2 is not offered; there are TLS_ECDHE_ECDSA"), "{warning}");
        let error = check(&names("TLS_RSA_WITH_AES_128_GCM_SHA256 TLS_NO")).expect_err("does not exist");
        assert!(error.contains("`TLS_NO`; there are TLS_ECDHE_ECDSA"), "{error}");
    }
}
