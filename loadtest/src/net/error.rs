//! Why a request failed: k6's error codes and messages.

use std::borrow::Cow;
use std::io;

/// A failure without a usable response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetError {
    pub code: u16,
    pub message: Cow<'static, str>,
}

/// What was being done when the failure came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum During {
    Dial,
    Read,
    Write,
}

impl NetError {
    pub fn new(code: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into() }
    }

    /// Anything that has no code of its own.
    pub fn generic(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(1000, message)
    }

    pub fn timeout() -> Self {
        Self::new(1050, "request timeout")
    }

    pub fn dial_timeout() -> Self {
        Self::new(1211, "dial: i/o timeout")
    }

    pub fn no_such_host() -> Self {
        Self::new(1101, "lookup: no such host")
    }

    pub fn blocked_ip() -> Self {
        Self::new(1110, "ip is blacklisted")
    }

    pub fn blocked_host() -> Self {
        Self::new(1111, "hostname is blocked")
    }

    /// The server closed the connection where a response was due.
    pub fn eof() -> Self {
        Self::new(1000, "EOF")
    }

    pub fn decompression(message: String) -> Self {
        Self::new(1701, message)
    }

    /// What a user can do about a failure that is known by its message.
    pub fn remedy(message: &str) -> Option<&'static str> {
        Some(match message {
            "lookup: no such host" => {
                "the host's name leads nowhere: check it, or send every request elsewhere with --base-url http://HOST:PORT"
            }
            "dial: connection refused" => {
                "nothing accepts connections there: start the service, or check host and port"
            }
            "dial: i/o timeout" => {
                "no answer to connection attempts: is the host up, and do firewall and security groups let this machine in?"
            }
            "x509: unknown authority" => {
                "the server's certificate is signed by nobody known: -k (insecureSkipTLSVerify) accepts it"
            }
            "x509: certificate doesn't match hostname" => {
                "the server's certificate is for another name: call it by that, or accept any with -k"
            }
            "tls: first record does not look like a TLS handshake" => {
                "the server does not speak TLS at that port: write http:// instead of https://"
            }
            _ => return None,
        })
    }

    pub fn io(error: &io::Error, during: During) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::tls(tls);
        }
        let operation = match during {
            During::Dial => "dial",
            During::Read => "read",
            During::Write => "write",
        };
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::new(1212, "dial: connection refused"),
            io::ErrorKind::TimedOut if during == During::Dial => Self::dial_timeout(),
            io::ErrorKind::ConnectionReset => {
                Self::new(1220, format!("{operation}: connection reset by peer"))
            }
            io::ErrorKind::BrokenPipe => Self::new(1201, format!("{operation}: broken pipe")),
            io::ErrorKind::UnexpectedEof => Self::generic("unexpected EOF"),
            _ => match (error.raw_os_error(), during) {
                (Some(errno), During::Dial) => {
                    Self::new(1213, format!("dial: unknown errno {errno} error with msg `{error}`"))
                }
                (Some(errno), _) => {
                    Self::new(1202, format!("{operation}: unknown errno `{errno}` ({error})"))
                }
                (None, During::Dial) => Self::new(1210, format!("dial: {error}")),
                (None, _) => Self::new(1200, format!("{operation}: {error}")),
            },
        }
    }

    pub fn tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Bad;
        match error {
            rustls::Error::InvalidCertificate(Bad::UnknownIssuer) => {
                Self::new(1310, "x509: unknown authority")
            }
            rustls::Error::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
                Self::new(1311, "x509: certificate doesn't match hostname")
            }
            // A server's own certificate that is marked as an authority: signed by nobody else.
            rustls::Error::InvalidCertificate(Bad::Other(other))
                if format!("{other:?}").contains("CaUsedAsEndEntity") =>
            {
                Self::new(1310, "x509: unknown authority")
            }
            rustls::Error::InvalidMessage(_) => {
                Self::new(1301, "tls: first record does not look like a TLS handshake")
            }
            // k6 has no code of its own for what the server says in an alert.
            rustls::Error::AlertReceived(alert) => {
                Self::new(1010, format!("remote error: tls: {}", words_of(*alert)))
            }
            other => Self::new(1300, format!("tls: {other}")),
        }
    }

    /// Failures of HTTP/2: 1610.. goaway, 1630.. stream, 1650.. connection, each plus one plus the reason.
    pub fn h2(error: &h2::Error) -> Self {
        if let Some(io) = error.get_io() {
            return Self::io(io, During::Read);
        }
        let Some(reason) = error.reason() else {
            return Self::new(1600, format!("http2: {error}"));
        };
        let number = u32::from(reason);
        let offset = u16::try_from(number).ok().filter(|code| *code <= 13).map_or(0, |code| code + 1);
        let (base, what) = if error.is_go_away() {
            (1610, "received GoAway")
        } else if error.is_reset() {
            (1630, "stream error")
        } else {
            (1650, "connection error")
        };
        Self::new(base + offset, format!("http2: {what} with http2 ErrCode {reason:?}"))
    }
}

/// An alert in the words that users of Go's programs know.
fn words_of(alert: rustls::AlertDescription) -> String {
    use rustls::AlertDescription as Alert;
    let known = match alert {
        Alert::BadRecordMac => "bad record MAC",
        Alert::CertificateExpired => "expired certificate",
        Alert::CertificateRevoked => "revoked certificate",
        Alert::CertificateUnknown => "unknown certificate",
        Alert::DecodeError => "error decoding message",
        Alert::DecryptError => "error decrypting message",
        Alert::InsufficientSecurity => "insufficient security level",
        Alert::ProtocolVersion => "protocol version not supported",
        Alert::UnknownCA => "unknown certificate authority",
        Alert::UnrecognisedName => "unrecognized name",
        // The others are called what they are, such as `HandshakeFailure`.
        other => {
            let mut words = String::new();
            for letter in format!("{other:?}").chars() {
                if letter.is_ascii_uppercase() && !words.is_empty() {
                    words.push(' ');
                }
                words.push(letter.to_ascii_lowercase());
            }
            return words;
        }
    };
    known.to_owned()
}

impl std::fmt::Display for NetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for NetError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_tls_has_k6s_code_and_words() {
        use rustls::AlertDescription as Alert;
        for (alert, words) in [
            (Alert::HandshakeFailure, "handshake failure"),
            (Alert::CertificateRequired, "certificate required"),
            (Alert::UnknownCA, "unknown certificate authority"),
            (Alert::ProtocolVersion, "protocol version not supported"),
        ] {
            let error = NetError::tls(&rustls::Error::AlertReceived(alert));
            assert_eq!(error, NetError::new(1010, format!("remote error: tls: {words}")));
        }
    }
}
