//! HTTP/1.1 as bytes: strict parsing of heads and chunks, and writing of the heads that go on. No sockets.
//!
//! Rules: RFC 9110 and 9112, stricter where leniency lets two parsers read one message differently. What a
//! request may be lies in three classes, as in AWS's "defensive" mode: what is refused ([`Reject`]), what is
//! forwarded but ends both connections ([`request::Request::ambiguous`]), and the rest.

pub(super) mod answer;
pub(super) mod chunked;
pub(super) mod host;
pub(super) mod request;
pub(super) mod response;
pub(super) mod rewrite;
pub(super) mod scan;

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    /// Until the connection ends: responses only.
    Close,
}

/// Why a message is not accepted: the status that answers it and a word for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reject {
    pub(super) status: u16,
    pub(super) reason: &'static str,
}

pub(super) const fn reject(status: u16, reason: &'static str) -> Reject {
    Reject { status, reason }
}

/// Digits only, no sign, at most 19 of them after leading zeros: anything else is read differently somewhere.
fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 64 {
        return None;
    }
    let digits = value.iter().map(|byte| byte.is_ascii_digit().then(|| u64::from(byte - b'0')));
    digits.into_iter().try_fold(0u64, |sum, digit| sum.checked_mul(10)?.checked_add(digit?))
}

#[cfg(test)]
mod tests;
