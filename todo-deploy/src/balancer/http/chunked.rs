//! The chunked transfer coding, checked byte by byte while it passes.
//!
//! Strict: sizes are 1 to 16 hexadecimal digits, lines end with CR LF, extensions are short and have no control
//! bytes, and no trailer may speak of framing or routing. So what passes unchanged is read alike by all.

use super::{Reject, reject};

/// Longest line of a size with its extensions, and of a trailer.
const LINE_MAX: u32 = 4096;
/// Most bytes of all trailers.
const TRAILERS_MAX: u32 = 16 << 10;

/// Where in the coding the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In the digits of a size; how many so far.
    Size(u8),
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// In the name of a trailer, or in the empty line.
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    End,
}

/// How far a body has been read.
#[derive(Debug, Clone)]
pub(in super::super) struct Decoder {
    at: At,
    /// Bytes left of the chunk, or its size while that is being read.
    left: u64,
    line: u32,
    trailers: u32,
    /// The trailer's name so far, lower case; longer names are none of those that matter.
    name: [u8; 20],
    name_length: u8,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { at: At::Size(0), left: 0, line: 0, trailers: 0, name: [0; 20], name_length: 0 }
    }
}

/// What a [`Decoder::step`] found.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Step<'b> {
    /// Bytes that were looked at.
    pub(in super::super) used: usize,
    /// Content among them.
    pub(in super::super) data: &'b [u8],
}

impl Decoder {
    pub(in super::super) fn is_done(&self) -> bool {
        self.at == At::End
    }

    /// Reads all of `bytes` that belongs to the body; gives how many those are.
    pub(in super::super) fn pass(&mut self, bytes: &[u8]) -> Result<usize, Reject> {
        let mut used = 0;
        while used < bytes.len() && !self.is_done() {
            used += self.step(&bytes[used..])?.used;
        }
        Ok(used)
    }

    /// Reads up to the end of a piece of content, or of `bytes`, or of the body.
    pub(in super::super) fn step<'b>(&mut self, bytes: &'b [u8]) -> Result<Step<'b>, Reject> {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.at == At::Data {
                let rest = &bytes[index..];
                let take = rest.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= take as u64;
                if self.left == 0 {
                    self.at = At::DataCr;
                }
                return Ok(Step { used: index + take, data: &rest[..take] });
            }
            self.byte(byte)?;
            if self.is_done() {
                return Ok(Step { used: index + 1, data: &[] });
            }
        }
        Ok(Step { used: bytes.len(), data: &[] })
    }

    fn byte(&mut self, byte: u8) -> Result<(), Reject> {
        self.line += 1;
        if self.line > LINE_MAX {
            return Err(reject(400, "ChunkLineTooLong"));
        }
        self.at = match (self.at, byte) {
            (At::Size(digits), byte) if byte.is_ascii_hexdigit() && digits < 16 => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                self.left = self.left << 4 | u64::from(digit);
                At::Size(digits + 1)
            }
            (At::Size(1..), b'\r') => At::SizeLf,
            (At::Size(1..), b';') => At::Extension,
            (At::Extension, b'\r') => At::SizeLf,
            (At::Extension, b'\t' | b' '..=b'~' | 0x80..) => At::Extension,
            (At::SizeLf, b'\n') => {
                self.line = 0;
                if self.left == 0 { At::TrailerName } else { At::Data }
            }
            (At::DataCr, b'\r') => At::DataLf,
            (At::DataLf, b'\n') => {
                self.line = 0;
                At::Size(0)
            }
            (At::TrailerName | At::TrailerValue | At::TrailerLf | At::LastLf, byte) => self.trailer(byte)?,
            (At::Size(16), byte) if byte.is_ascii_hexdigit() => return Err(reject(400, "ChunkTooLarge")),
            _ => return Err(reject(400, "BadChunk")),
        };
        Ok(())
    }

    fn trailer(&mut self, byte: u8) -> Result<At, Reject> {
        self.trailers += 1;
        if self.trailers > TRAILERS_MAX {
            return Err(reject(400, "TrailersTooLong"));
        }
        match (self.at, byte) {
            (At::TrailerName, b'\r') if self.name_length == 0 => Ok(At::LastLf),
            (At::LastLf, b'\n') => Ok(At::End),
            (At::TrailerName, b':') if self.name_length > 0 => {
                let known = usize::from(self.name_length).min(self.name.len());
                let forbidden: [&[u8]; 6] =
                    [b"content-length", b"transfer-encoding", b"host", b"connection", b"upgrade", b"trailer"];
                if forbidden.contains(&&self.name[..known]) {
                    return Err(reject(400, "BadTrailer"));
                }
                Ok(At::TrailerValue)
            }
            (At::TrailerName, byte) if super::scan::is_token(&[byte]) => {
                if let Some(place) = self.name.get_mut(usize::from(self.name_length)) {
                    *place = byte.to_ascii_lowercase();
                }
                self.name_length = self.name_length.saturating_add(1);
                Ok(At::TrailerName)
            }
            (At::TrailerValue, b'\r') => Ok(At::TrailerLf),
            (At::TrailerValue, byte) if super::scan::is_value(&[byte]) => Ok(At::TrailerValue),
            (At::TrailerLf, b'\n') => {
                self.line = 0;
                self.name_length = 0;
                Ok(At::TrailerName)
            }
            _ => Err(reject(400, "BadTrailer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Content, bytes used and whether the body ended; fed `piece` bytes at a time.
    fn decode(body: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), Reject> {
        let (mut decoder, mut content, mut used) = (Decoder::default(), Vec::new(), 0);
        while used < body.len() && !decoder.is_done() {
            let end = (used + piece).min(body.len());
            let step = decoder.step(&body[used..end])?;
            content.extend_from_slice(step.data);
            used += step.used;
        }
        Ok((content, used, decoder.is_done()))
    }

    #[test]
    fn pieces_of_any_size_give_the_same() {
        let body = b"5\r\nhello\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nGET /next";
        for piece in 1..body.len() {
            let (content, used, done) = decode(body, piece).expect("valid");
            assert_eq!((content.as_slice(), done), (&b"hello0123456789"[..], true), "{piece}");
            assert_eq!(&body[used..], b"GET /next");
        }
    }

    #[test]
    fn what_parsers_disagree_about_is_refused() {
        let wrong: [&[u8]; 16] = [
            b"0x3\r\nabc\r\n",
            b"+3\r\nabc\r\n",
            b"-3\r\nabc\r\n",
            b"3 \r\nabc\r\n",
            b" 3\r\nabc\r\n",
            b"3\nabc\r\n",
            b"3\r\nabc\n",
            b"3\r\nabcd\r\n",
            b"\r\n",
            b"g\r\n",
            b"3;a\nb\r\nabc\r\n",
            b"3;a\rb\r\nabc\r\n",
            b"00000000000000003\r\nabc\r\n",
            b"0\r\nContent-Length: 3\r\n\r\n",
            b"0\r\nbad name: 3\r\n\r\n",
            b"0\r\na: \0\r\n\r\n",
        ];
        for body in wrong {
            assert!(decode(body, body.len()).is_err(), "{}", body.escape_ascii());
        }
        let mut long = b"1;".to_vec();
        long.resize(5000, b'x');
        assert!(decode(&long, 100).is_err());
    }
}
