//! The module `k6/encoding`: base64 in four dialects.

use std::rc::Rc;

use base64::Engine;
use rquickjs::function::Opt;
use rquickjs::{ArrayBuffer, Ctx, IntoJs, Object, Result, Value};

use super::text::Text;
use super::{NativeModule, add, bytes_of, text_of};
use crate::vm::error::throw;
use crate::vm::state::VuState;

pub(crate) struct Encoding;

impl NativeModule for Encoding {
    const NAMES: &'static [&'static str] = &["b64decode", "b64encode"];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        add(&object, "b64encode", |ctx: Ctx<'js>, input: Opt<Value<'js>>, dialect: Opt<Value<'js>>| {
            let input = input.0.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
            let bytes = input_bytes(&ctx, &input)?;
            Ok::<_, rquickjs::Error>(Dialect::of(dialect.0).encode(&bytes))
        })?;
        add(
            &object,
            "b64decode",
            |ctx: Ctx<'js>,
             input: Opt<Text>,
             dialect: Opt<Value<'js>>,
             format: Opt<Text>|
             -> Result<Value<'js>> {
                let bytes = Dialect::of(dialect.0)
                    .decode(input.0.unwrap_or_default().0.as_bytes())
                    .map_err(|at| throw(&ctx, &format!("illegal base64 data at input byte {at}")))?;
                if format.0.is_some_and(|format| format.0 == "s") {
                    return String::from_utf8_lossy(&bytes).as_ref().into_js(&ctx);
                }
                Ok(ArrayBuffer::new(ctx, bytes)?.into_value())
            },
        )?;
        Ok(object)
    }
}

#[derive(Clone, Copy)]
struct Dialect {
    url_safe: bool,
    padded: bool,
}

impl Dialect {
    fn of(name: Option<Value<'_>>) -> Self {
        let name = name.and_then(|d| text_of(&d));
        let name = name.as_deref().unwrap_or("std");
        Self { url_safe: matches!(name, "url" | "rawurl"), padded: !matches!(name, "rawstd" | "rawurl") }
    }

    fn encode(self, bytes: &[u8]) -> String {
        use base64::engine::general_purpose as standard;
        match (self.url_safe, self.padded) {
            (false, true) => standard::STANDARD.encode(bytes),
            (false, false) => standard::STANDARD_NO_PAD.encode(bytes),
            (true, true) => standard::URL_SAFE.encode(bytes),
            (true, false) => standard::URL_SAFE_NO_PAD.encode(bytes),
        }
    }

    fn value(self, byte: u8) -> Option<u8> {
        match byte {
            b'A'..=b'Z' => Some(byte - b'A'),
            b'a'..=b'z' => Some(byte - b'a' + 26),
            b'0'..=b'9' => Some(byte - b'0' + 52),
            b'+' if !self.url_safe => Some(62),
            b'/' if !self.url_safe => Some(63),
            b'-' if self.url_safe => Some(62),
            b'_' if self.url_safe => Some(63),
            _ => None,
        }
    }

    /// As Go decodes: line breaks are skipped, bits left over are ignored. The error is the place of the byte at
    /// fault.
    fn decode(self, input: &[u8]) -> std::result::Result<Vec<u8>, usize> {
        let is_break = |byte: u8| byte == b'\n' || byte == b'\r';
        let mut out = Vec::with_capacity(input.len() / 4 * 3 + 3);
        let (mut at, mut bits, mut digits) = (0, 0u32, 0);
        while at < input.len() {
            let byte = input[at];
            at += 1;
            if is_break(byte) {
                continue;
            }
            if let Some(value) = self.value(byte) {
                bits = bits << 6 | u32::from(value);
                digits += 1;
                if digits == 4 {
                    out.extend_from_slice(&bits.to_be_bytes()[1..]);
                    (bits, digits) = (0, 0);
                }
                continue;
            }
            if byte != b'=' || !self.padded || digits < 2 {
                return Err(at - 1);
            }
            let rest = |at: usize| (at..input.len()).find(|&i| !is_break(input[i])).unwrap_or(input.len());
            at = rest(at);
            if digits == 2 {
                match input.get(at) {
                    None => return Err(at),
                    Some(b'=') => at = rest(at + 1),
                    Some(_) => return Err(at - 1),
                }
            }
            if at < input.len() {
                return Err(at);
            }
            return Ok(finish(out, bits, digits));
        }
        match digits {
            0 => Ok(out),
            1 => Err(at - 1),
            _ if self.padded => Err(at - digits),
            _ => Ok(finish(out, bits, digits)),
        }
    }
}

/// Adds the whole bytes of a last group of two or three digits.
fn finish(mut out: Vec<u8>, bits: u32, digits: usize) -> Vec<u8> {
    let left = bits << (6 * (4 - digits));
    out.extend_from_slice(&left.to_be_bytes()[1..digits]);
    out
}

/// The bytes of a string or a buffer; other values are refused.
pub(crate) fn input_bytes<'js>(ctx: &Ctx<'js>, input: &Value<'js>) -> Result<Vec<u8>> {
    if let Some(text) = text_of(input) {
        return Ok(text.into_bytes());
    }
    if let Some(bytes) = bytes_of(input) {
        return Ok(bytes);
    }
    Err(throw(
        ctx,
        &format!("invalid type {}, expected string, []byte or ArrayBuffer", super::text::go_type(input)),
    ))
}
