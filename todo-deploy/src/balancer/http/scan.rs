//! Lines and fields, byte by byte: what a request's and a response's head have in common.

use std::ops::Range;

use memchr::memchr;

use super::request::{Known, known};
use super::{Reject, reject};

/// Which bytes may stand where.
const TOKEN: u8 = 1;
const VALUE: u8 = 2;
const TARGET: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() {
            table[byte] |= TOKEN;
        }
        if b == b'\t' || (b >= 0x20 && b != 0x7f) {
            table[byte] |= VALUE;
        }
        if b > 0x20 && b != 0x7f {
            table[byte] |= TARGET;
        }
        byte += 1;
    }
    let others = b"!#$%&'*+-.^_`|~";
    let mut i = 0;
    while i < others.len() {
        table[others[i] as usize] |= TOKEN;
        i += 1;
    }
    table
};

fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().all(|&byte| CLASSES[usize::from(byte)] & class != 0)
}

pub(in super::super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TOKEN)
}

/// No control bytes but the tab.
pub(in super::super) fn is_value(bytes: &[u8]) -> bool {
    all(bytes, VALUE)
}

/// No blanks, no control bytes.
pub(in super::super) fn is_target(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TARGET)
}

/// One header field: places in the head.
#[derive(Debug, Clone)]
pub(in super::super) struct Field {
    /// With its line end.
    pub(in super::super) line: Range<usize>,
    /// The line begins with it.
    pub(in super::super) name_length: usize,
    /// Without the blanks around it.
    pub(in super::super) value: Range<usize>,
    pub(in super::super) known: Known,
}

impl Field {
    pub(in super::super) fn name<'h>(&self, head: &'h [u8]) -> &'h [u8] {
        &head[self.line.start..self.line.start + self.name_length]
    }

    pub(in super::super) fn value<'h>(&self, head: &'h [u8]) -> &'h [u8] {
        &head[self.value.clone()]
    }
}

/// The line that begins at `from`, without its CRLF. `None`: it has not ended yet. A line feed alone is refused.
pub(in super::super) fn line(bytes: &[u8], from: usize) -> Result<Option<Range<usize>>, Reject> {
    let Some(length) = memchr(b'\n', &bytes[from..]) else { return Ok(None) };
    if length == 0 || bytes[from + length - 1] != b'\r' {
        return Err(reject(400, "BareLineFeed"));
    }
    Ok(Some(from..from + length - 1))
}

/// Reads fields from `from` up to the empty line. The length of the whole head, or `None` when it is not whole.
pub(in super::super) fn fields(
    bytes: &[u8],
    mut from: usize,
    line_max: usize,
    fields: &mut Vec<Field>,
) -> Result<Option<usize>, Reject> {
    fields.clear();
    loop {
        let Some(line) = line(bytes, from)? else {
            let unfinished = bytes.len() - from;
            return if unfinished > line_max { Err(reject(400, "HeaderTooLong")) } else { Ok(None) };
        };
        let next = line.end + 2;
        if line.is_empty() {
            return Ok(Some(next));
        }
        if line.len() > line_max {
            return Err(reject(400, "HeaderTooLong"));
        }
        fields.push(field(bytes, line, next)?);
        from = next;
    }
}

fn field(bytes: &[u8], line: Range<usize>, next: usize) -> Result<Field, Reject> {
    let text = &bytes[line.clone()];
    // A line that begins with a blank goes on with the one before: no two parsers agree on those. A blank
    // is no token either, so neither that nor a blank before the colon passes here.
    let colon = memchr(b':', text).ok_or(reject(400, "HeaderWithoutColon"))?;
    if !is_token(&text[..colon]) {
        return Err(reject(400, "BadHeaderName"));
    }
    let value = &text[colon + 1..];
    if !is_value(value) {
        return Err(reject(400, "BadHeaderValue"));
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let before = value.iter().take_while(|byte| blank(byte)).count();
    let after = value[before..].iter().rev().take_while(|byte| blank(byte)).count();
    let start = line.start + colon + 1 + before;
    Ok(Field {
        name_length: colon,
        value: start..line.end - after,
        known: known(&text[..colon]),
        line: line.start..next,
    })
}

/// The members of a comma-separated list, without the blanks around them and without empty ones.
pub(in super::super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}
