//! Reads one HTTP/1 response from pieces of bytes, without holding a buffer of its own for the usual case of a
//! response that arrives in one read.

use super::{NetError, Reply, Want};

/// Longest status line and headers that are read.
const HEAD_MAX: usize = 256 * 1024;
/// Most headers in one response.
const HEADERS_MAX: usize = 128;
/// Largest body that is kept. Larger ones can be read with `responseType: "none"`.
const BODY_MAX: usize = 1 << 30;
/// Longest line of a chunk's size, with its extensions.
const CHUNK_LINE_MAX: usize = 4096;

/// The state of reading one response.
#[derive(Debug)]
pub(super) struct Reader {
    want: Want,
    /// The request was HEAD: no body follows, whatever the headers say.
    no_body: bool,
    /// Start of a head that has not arrived whole.
    pending: Vec<u8>,
    state: State,
    pub(super) reply: Reply,
    pub(super) http10: bool,
    pub(super) keep_alive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Fixed(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailer,
    Done,
}

impl Reader {
    pub(super) fn new(want: Want, no_body: bool) -> Self {
        Self {
            want,
            no_body,
            pending: Vec::new(),
            state: State::Head,
            reply: Reply::default(),
            http10: false,
            keep_alive: true,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes the next bytes. Bytes after the end of the response make the connection unusable.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), NetError> {
        while !bytes.is_empty() {
            let used = match self.state {
                State::Head => self.head(bytes)?,
                State::Fixed(left) => {
                    let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.keep(&bytes[..take])?;
                    let left = left - take as u64;
                    self.state = if left == 0 { State::Done } else { State::Fixed(left) };
                    take
                }
                State::UntilClose => {
                    self.keep(bytes)?;
                    bytes.len()
                }
                State::ChunkData(left) => {
                    let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.keep(&bytes[..take])?;
                    let left = left - take as u64;
                    self.state = if left == 0 { State::ChunkEnd } else { State::ChunkData(left) };
                    take
                }
                State::ChunkSize | State::ChunkEnd | State::Trailer => self.line(bytes)?,
                State::Done => {
                    self.keep_alive = false;
                    bytes.len()
                }
            };
            bytes = &bytes[used..];
        }
        Ok(())
    }

    /// The connection was closed by the server.
    pub(super) fn end_of_stream(&mut self) -> Result<(), NetError> {
        self.keep_alive = false;
        match self.state {
            State::UntilClose => {
                self.state = State::Done;
                Ok(())
            }
            State::Head if self.pending.is_empty() => Err(NetError::eof()),
            State::Done => Ok(()),
            _ => Err(NetError::generic("unexpected EOF")),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), NetError> {
        if self.want.body {
            if self.reply.body.len() + bytes.len() > BODY_MAX {
                return Err(NetError::generic("response body larger than 1 GiB; use responseType \"none\""));
            }
            self.reply.body.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn head(&mut self, bytes: &[u8]) -> Result<usize, NetError> {
        if self.pending.is_empty() {
            if let Some(length) = self.parse_head(bytes)? {
                return Ok(length);
            }
            self.pending.extend_from_slice(bytes);
        } else {
            let before = self.pending.len();
            self.pending.extend_from_slice(bytes);
            let pending = std::mem::take(&mut self.pending);
            if let Some(length) = self.parse_head(&pending)? {
                return Ok(length - before);
            }
            self.pending = pending;
        }
        if self.pending.len() > HEAD_MAX {
            return Err(NetError::generic("response headers larger than 256 KiB"));
        }
        Ok(bytes.len())
    }

    /// Parses a head that may be incomplete; gives its length when it is whole.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, NetError> {
        let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut slots);
        let parsed = httparse::ParserConfig::default()
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .parse_response(&mut response, bytes)
            .map_err(|error| NetError::generic(format!("malformed HTTP response: {error}")))?;
        let httparse::Status::Complete(length) = parsed else { return Ok(None) };
        let status = response.code.unwrap_or(0);
        if (100..200).contains(&status) && status != 101 {
            // Informational: the real response follows.
            return Ok(Some(length));
        }
        self.http10 = response.version == Some(0);
        self.keep_alive = !self.http10;
        let (mut length_header, mut chunked) = (None, false);
        for header in response.headers.iter() {
            let name = header.name;
            if name.eq_ignore_ascii_case("content-length") {
                let number =
                    std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse::<u64>().ok());
                length_header =
                    Some(number.ok_or_else(|| NetError::generic("bad Content-Length in response"))?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = contains_token(header.value, "chunked");
            } else if name.eq_ignore_ascii_case("connection") {
                if contains_token(header.value, "close") {
                    self.keep_alive = false;
                } else if contains_token(header.value, "keep-alive") {
                    self.keep_alive = true;
                }
            }
            if self.want.encoded_body && name.eq_ignore_ascii_case("content-encoding") {
                self.want.body = true;
            }
            if self.want.headers || is_special(name) {
                let value = String::from_utf8_lossy(header.value).into_owned();
                self.reply.headers.push((name.to_owned(), value));
            }
        }
        self.reply.status = status;
        if self.want.headers {
            self.reply.reason = response.reason.unwrap_or("").to_owned();
        }
        self.state = if self.no_body || matches!(status, 101 | 204 | 304) {
            State::Done
        } else if chunked {
            State::ChunkSize
        } else {
            match length_header {
                Some(0) => State::Done,
                Some(length) => {
                    if self.want.body {
                        self.reply.body.reserve_exact(usize::try_from(length).unwrap_or(0).min(1 << 20));
                    }
                    State::Fixed(length)
                }
                None => State::UntilClose,
            }
        };
        if self.state == State::UntilClose {
            self.keep_alive = false;
        }
        Ok(Some(length))
    }

    /// Lines between chunks: sizes, the empty line after data, trailers.
    fn line(&mut self, bytes: &[u8]) -> Result<usize, NetError> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(bytes.len(), |end| end + 1);
        self.pending.extend_from_slice(&bytes[..used]);
        if self.pending.len() > CHUNK_LINE_MAX {
            return Err(NetError::generic("malformed chunked encoding"));
        }
        if end.is_none() {
            return Ok(used);
        }
        let line = std::mem::take(&mut self.pending);
        let line = line.trim_ascii();
        self.state = match self.state {
            State::ChunkSize => {
                let digits = line.split(|byte| *byte == b';').next().unwrap_or(line).trim_ascii();
                let size =
                    std::str::from_utf8(digits).ok().and_then(|text| u64::from_str_radix(text, 16).ok());
                match size.ok_or_else(|| NetError::generic("malformed chunked encoding"))? {
                    0 => State::Trailer,
                    size => State::ChunkData(size),
                }
            }
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::ChunkEnd => return Err(NetError::generic("malformed chunked encoding")),
            _ if line.is_empty() => State::Done,
            _ => State::Trailer,
        };
        Ok(used)
    }
}

/// Headers that the client itself acts on; kept even when the caller wants none.
fn is_special(name: &str) -> bool {
    match name.len() {
        8 => name.eq_ignore_ascii_case("location"),
        10 => name.eq_ignore_ascii_case("set-cookie"),
        16 => name.eq_ignore_ascii_case("content-encoding") || name.eq_ignore_ascii_case("www-authenticate"),
        _ => false,
    }
}

fn contains_token(value: &[u8], token: &str) -> bool {
    value.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Want = Want { headers: true, body: true, encoded_body: true };

    fn read(pieces: &[&str], no_body: bool) -> Result<Reader, NetError> {
        let mut reader = Reader::new(ALL, no_body);
        pieces.iter().try_for_each(|piece| reader.feed(piece.as_bytes()))?;
        if !reader.is_done() {
            reader.end_of_stream()?;
        }
        Ok(reader)
    }

    #[test]
    fn every_split_reads_the_same() {
        let texts = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: z\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\n\r\nhello",
        ];
        for text in texts {
            for cut in 0..text.len() {
                let reader = read(&[&text[..cut], &text[cut..]], false).expect(text);
                assert_eq!(reader.reply.status, 200);
                assert_eq!(reader.reply.body, b"hello", "{text} cut at {cut}");
                assert_eq!(reader.reply.header("x-a"), Some("b"));
                assert!(reader.is_done());
            }
        }
    }

    #[test]
    fn keep_alive_follows_version_and_header() {
        for (text, alive) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nextra", false),
        ] {
            assert_eq!(read(&[text], false).expect(text).keep_alive, alive, "{text}");
        }
    }

    #[test]
    fn head_and_no_content_have_no_body() {
        assert!(read(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"], true).expect("reads").is_done());
        assert!(read(&["HTTP/1.1 204 No Content\r\n\r\n"], false).expect("reads").is_done());
    }

    #[test]
    fn broken_responses_are_errors() {
        for text in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "garbage\r\n\r\n",
        ] {
            assert!(read(&[text], false).is_err(), "{text}");
        }
    }
}
