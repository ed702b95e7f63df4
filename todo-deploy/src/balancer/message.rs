//! A whole request in one piece: the strict parser, for those who serve a few requests themselves.

use super::http::request;
use super::http::{Framing, host};
use super::settings::Limits;

/// A request with its body.
#[derive(Debug)]
pub(crate) struct Message<'b> {
    pub(crate) method: &'b str,
    pub(crate) path: &'b str,
    pub(crate) body: &'b [u8],
    /// A browser sent it for a page.
    pub(crate) origin: bool,
    /// It names this machine: an address, or `localhost`. Other names may be anybody's.
    pub(crate) local: bool,
}

/// Reads a request of at most `most` bytes. `None`: it has not arrived whole.
///
/// # Errors
/// The status that refuses it.
pub(crate) fn read(bytes: &[u8], most: usize) -> Result<Option<Message<'_>>, u16> {
    let mut fields = Vec::new();
    let limits = Limits { request_head: most, request_line: most, header: most, ..Limits::default() };
    let Some(request) = request::parse(bytes, &limits, &mut fields).map_err(|why| why.status)? else {
        return Ok(None);
    };
    let length = match request.framing {
        Framing::None => 0,
        Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
        Framing::Chunked | Framing::Close => return Err(411),
    };
    if request.length.saturating_add(length) > most {
        return Err(413);
    }
    let Some(body) = bytes.get(request.length..request.length + length) else { return Ok(None) };
    let text =
        |range: &std::ops::Range<usize>| std::str::from_utf8(&bytes[range.clone()]).map_err(|_| 400u16);
    let named = request.host.as_ref().map_or(&b""[..], |range| &bytes[range.clone()]);
    Ok(Some(Message {
        method: text(&request.method)?,
        path: text(&request.path)?,
        body,
        origin: fields.iter().any(|field| field.name(bytes).eq_ignore_ascii_case(b"origin")),
        local: host::is_local(named),
    }))
}
