//! What the balancer answers by itself.

/// The reason phrase of a status that the balancer itself sends.
pub(in super::super) const fn phrase(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        400 => "Bad Request",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        414 => "URI Too Long",
        460 => "Client Closed Request",
        463 => "Too Many Forwarded Addresses",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

/// A whole answer that ends with its body: a line of plain text. `keep` leaves the connection open.
pub(in super::super) fn write(out: &mut Vec<u8>, status: u16, no_body: bool, keep: bool, extra: &[u8]) {
    use std::io::Write as _;
    let phrase = phrase(status);
    let connection = if keep { "keep-alive" } else { "close" };
    let length = phrase.len() + 5;
    let _ = write!(
        out,
        "HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: {connection}\r\n"
    );
    out.extend_from_slice(extra);
    out.extend_from_slice(b"\r\n");
    if !no_body {
        let _ = writeln!(out, "{status} {phrase}");
    }
}
