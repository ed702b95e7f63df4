//! Where values begin and end in a text that need not be JSON.

use super::value::{Found, Kind};

/// Where the string ends whose opening quote stands at `at`: after its closing one.
pub(super) fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut i = at + 1;
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'"' => return i + 1,
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// Where the brackets end of which one, whichever, stands at `at`.
pub(super) fn bracket_end(bytes: &[u8], at: usize) -> usize {
    let (mut i, mut depth) = (at + 1, 1);
    while let Some(byte) = bytes.get(i) {
        match byte {
            b'"' => {
                i = string_end(bytes, i);
                continue;
            }
            b'[' | b'{' | b'(' => depth += 1,
            b']' | b'}' | b')' => {
                depth -= 1;
                if depth == 0 {
                    return i + 1;
                }
            }
            _ => {}
        }
        i += 1;
    }
    bytes.len()
}

/// The kind of value that begins with the byte at `at`, if one does.
pub(super) fn kind_at(bytes: &[u8], at: usize) -> Option<Kind> {
    Some(match bytes.get(at)? {
        b'"' => Kind::Text,
        b'{' | b'[' => Kind::Json,
        b'n' if bytes.get(at + 1).is_none_or(|&b| b == b'u') => Kind::Null,
        b't' => Kind::True,
        b'f' => Kind::False,
        b'n' | b'+' | b'-' | b'0'..=b'9' | b'i' | b'I' | b'N' => Kind::Number,
        _ => return None,
    })
}

/// Where the value of that kind ends that begins at `at`.
pub(super) fn end_of(bytes: &[u8], at: usize, kind: Kind) -> usize {
    let until = |ends: fn(u8) -> bool| {
        bytes[at + 1..].iter().position(|&b| ends(b)).map_or(bytes.len(), |n| at + 1 + n)
    };
    match kind {
        Kind::Text => string_end(bytes, at),
        Kind::Json => bracket_end(bytes, at),
        Kind::Number => until(|b| b <= b' ' || matches!(b, b',' | b']' | b'}')),
        Kind::Null | Kind::True | Kind::False => until(|b| !b.is_ascii_lowercase()),
    }
}

/// The values in an array or, keys and values by turns, in an object.
pub(super) struct Values<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Values<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let at = text.find(['[', '{']).map_or(text.len(), |at| at + 1);
        Self { text, at }
    }
}

impl<'t> Iterator for Values<'t> {
    type Item = Found<'t>;

    fn next(&mut self) -> Option<Found<'t>> {
        let bytes = self.text.as_bytes();
        while !matches!(bytes.get(self.at)?, b']' | b'}') {
            let Some(kind) = kind_at(bytes, self.at) else {
                self.at += 1;
                continue;
            };
            let start = self.at;
            self.at = end_of(bytes, start, kind);
            return Some(Found { kind, raw: self.text[start..self.at].into() });
        }
        None
    }
}
