//! A response's head: read strictly, and written as the client gets it.

use std::ops::Range;

use super::request::Known;
use super::scan::{self, Field};
use super::{Framing, Reject, content_length, reject};
use crate::balancer::settings::Limits;

/// What a response's head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Response {
    /// Bytes of the head, the empty line included.
    pub(in super::super) length: usize,
    pub(in super::super) status: u16,
    /// The status line from the status code on.
    pub(in super::super) line: Range<usize>,
    pub(in super::super) framing: Framing,
    /// The target keeps the connection.
    pub(in super::super) keep_alive: bool,
    /// `Connection` names fields that are to be removed.
    pub(in super::super) lists: bool,
    /// Agrees to a WebSocket.
    pub(in super::super) upgrade: bool,
}

/// Reads a head. `None`: it has not arrived whole. `no_body`: the request was HEAD.
pub(in super::super) fn parse(
    bytes: &[u8],
    no_body: bool,
    limits: &Limits,
    fields: &mut Vec<Field>,
) -> Result<Option<Response>, Reject> {
    let too_long = |length: usize| length > limits.response_head;
    let bad = |_| reject(502, "BadResponse");
    let Some(line) = scan::line(bytes, 0).map_err(bad)? else {
        return if too_long(bytes.len()) { Err(reject(502, "ResponseHeadTooLong")) } else { Ok(None) };
    };
    let mut response = status_line(bytes, line.clone())?;
    let found = scan::fields(bytes, line.end + 2, limits.response_head, fields).map_err(bad)?;
    let Some(length) = found else {
        return if too_long(bytes.len()) { Err(reject(502, "ResponseHeadTooLong")) } else { Ok(None) };
    };
    if too_long(length) {
        return Err(reject(502, "ResponseHeadTooLong"));
    }
    response.length = length;
    understand(bytes, fields, no_body, &mut response)?;
    Ok(Some(response))
}

fn status_line(bytes: &[u8], line: Range<usize>) -> Result<Response, Reject> {
    let bad = reject(502, "BadStatusLine");
    let text = &bytes[line.clone()];
    let (version, rest) = text.split_at_checked(9).ok_or(bad)?;
    let old = match version {
        b"HTTP/1.1 " => false,
        b"HTTP/1.0 " => true,
        _ => return Err(bad),
    };
    let (code, phrase) = rest.split_at_checked(3).ok_or(bad)?;
    let well = code.iter().all(u8::is_ascii_digit) && matches!(phrase, [] | [b' ', ..]);
    if !well || !scan::is_value(phrase) {
        return Err(bad);
    }
    let status = code.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    if !(100..600).contains(&status) {
        return Err(bad);
    }
    let line = line.start + 9..line.end;
    Ok(Response {
        length: 0,
        status,
        line,
        framing: Framing::Close,
        keep_alive: !old,
        lists: false,
        upgrade: false,
    })
}

fn understand(head: &[u8], fields: &[Field], no_body: bool, response: &mut Response) -> Result<(), Reject> {
    let (mut lengths, mut codings, mut length) = (0, 0, 0);
    let (mut upgrade, mut asks_upgrade, mut closes) = (false, false, false);
    for field in fields {
        let value = field.value(head);
        match field.known {
            Known::ContentLength => {
                lengths += 1;
                length = content_length(value).ok_or(reject(502, "BadResponseLength"))?;
            }
            Known::TransferEncoding => {
                codings += 1;
                if !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(reject(502, "BadResponseCoding"));
                }
            }
            Known::Connection => {
                for option in scan::list(value) {
                    if option.eq_ignore_ascii_case(b"close") {
                        closes = true;
                    } else if option.eq_ignore_ascii_case(b"keep-alive") {
                        // Only HTTP/1.0 has to say it.
                        response.keep_alive = true;
                    } else if option.eq_ignore_ascii_case(b"upgrade") {
                        asks_upgrade = true;
                    } else {
                        response.lists = true;
                    }
                }
            }
            Known::Upgrade => upgrade |= value.eq_ignore_ascii_case(b"websocket"),
            _ => {}
        }
    }
    if lengths + codings > 1 {
        return Err(reject(502, "ContradictoryResponse"));
    }
    response.keep_alive &= !closes;
    response.upgrade = upgrade && asks_upgrade;
    let bodiless = response.status < 200 || response.status == 204;
    if bodiless && (codings > 0 || length > 0) {
        return Err(reject(502, "BodyWhereNoneMayBe"));
    }
    response.framing = if bodiless || no_body || response.status == 304 {
        Framing::None
    } else if codings > 0 {
        Framing::Chunked
    } else if lengths > 0 {
        Framing::Length(length)
    } else {
        response.keep_alive = false;
        Framing::Close
    };
    Ok(())
}
