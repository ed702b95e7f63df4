//! The module `k6/encoding`: base64 in four dialects.

use std::rc::Rc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rquickjs::function::Opt;
use rquickjs::{ArrayBuffer, Ctx, IntoJs, Object, Result, Value};

use super::{NativeModule, add, bytes_of, text_of};
use crate::vm::error::throw;
use crate::vm::state::VuState;

pub(crate) struct Encoding;

impl NativeModule for Encoding {
    const NAMES: &'static [&'static str] = &["b64decode", "b64encode"];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        add(&object, "b64encode", |ctx: Ctx<'js>, input: Value<'js>, dialect: Opt<Value<'js>>| {
            let bytes = input_bytes(&ctx, &input)?;
            Ok::<_, rquickjs::Error>(engine(dialect.0.and_then(|d| text_of(&d)).as_deref()).encode(bytes))
        })?;
        add(
            &object,
            "b64decode",
            |ctx: Ctx<'js>,
             input: String,
             dialect: Opt<Value<'js>>,
             format: Opt<String>|
             -> Result<Value<'js>> {
                let dialect = dialect.0.and_then(|d| text_of(&d));
                let clean: String = input.chars().filter(|c| *c != '\n' && *c != '\r').collect();
                let bytes = engine(dialect.as_deref())
                    .decode(clean)
                    .map_err(|e| throw(&ctx, &format!("failed to decode base64: {e}")))?;
                if format.0.as_deref() == Some("s") {
                    return String::from_utf8_lossy(&bytes).as_ref().into_js(&ctx);
                }
                Ok(ArrayBuffer::new(ctx, bytes)?.into_value())
            },
        )?;
        Ok(object)
    }
}

fn engine(dialect: Option<&str>) -> GeneralPurpose {
    let (alphabet, padded) = match dialect {
        Some("rawstd") => (&alphabet::STANDARD, false),
        Some("url") => (&alphabet::URL_SAFE, true),
        Some("rawurl") => (&alphabet::URL_SAFE, false),
        _ => (&alphabet::STANDARD, true),
    };
    let padding = if padded { DecodePaddingMode::RequireCanonical } else { DecodePaddingMode::RequireNone };
    let config = GeneralPurposeConfig::new().with_encode_padding(padded).with_decode_padding_mode(padding);
    GeneralPurpose::new(alphabet, config)
}

/// The bytes of a string or a buffer; other values are refused.
pub(crate) fn input_bytes<'js>(ctx: &Ctx<'js>, input: &Value<'js>) -> Result<Vec<u8>> {
    if let Some(text) = text_of(input) {
        return Ok(text.into_bytes());
    }
    if let Some(bytes) = bytes_of(input) {
        return Ok(bytes);
    }
    // A plain array of numbers counts as bytes.
    if input.is_array()
        && let Ok(bytes) = input.get::<Vec<u8>>()
    {
        return Ok(bytes);
    }
    Err(throw(ctx, &format!("invalid type {}, expected string, []byte or ArrayBuffer", input.type_name())))
}
