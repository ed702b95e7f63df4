//! The module `k6/crypto`, and what the global `crypto` is made of.

#![expect(clippy::needless_pass_by_value, reason = "the functions of a script get their arguments by value")]

use std::rc::Rc;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
use rquickjs::class::Trace;
use rquickjs::function::Opt;
use rquickjs::{ArrayBuffer, Class, Ctx, IntoJs, JsLifetime, Object, Result, Value};

use super::encoding::input_bytes;
use super::text::Text;
use super::{NativeModule, add};
use crate::vm::error::throw;
use crate::vm::state::VuState;

mod aes;
mod digest;
mod ec;
mod rsa_keys;
pub(crate) mod subtle;
pub(crate) mod x509;
use digest::Algorithm;

pub(crate) struct Crypto;

/// The functions that hash with the algorithm of their name.
const HASHES: &[&str] =
    &["md4", "md5", "ripemd160", "sha1", "sha256", "sha384", "sha512", "sha512_224", "sha512_256"];

impl NativeModule for Crypto {
    const NAMES: &'static [&'static str] = &[
        "createHMAC",
        "createHash",
        "hexEncode",
        "hmac",
        "md4",
        "md5",
        "randomBytes",
        "ripemd160",
        "sha1",
        "sha256",
        "sha384",
        "sha512",
        "sha512_224",
        "sha512_256",
    ];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        for name in HASHES {
            add(&object, name, move |ctx: Ctx<'js>, input: Value<'js>, encoding: Opt<Text>| {
                let sum = algorithm(&ctx, name)?.hash(&input_bytes(&ctx, &input)?);
                encode(&ctx, sum, encoding.0.as_ref().map(|e| e.0.as_str()))
            })?;
        }
        add(
            &object,
            "hmac",
            |ctx: Ctx<'js>, name: String, key: Value<'js>, input: Value<'js>, encoding: Opt<Text>| {
                let (key, input) = (input_bytes(&ctx, &key)?, input_bytes(&ctx, &input)?);
                let sum = algorithm(&ctx, &name)?.hmac(&key, &input);
                encode(&ctx, sum, encoding.0.as_ref().map(|e| e.0.as_str()))
            },
        )?;
        add(&object, "createHash", |ctx: Ctx<'js>, name: String| {
            let algorithm = algorithm(&ctx, &name)?;
            Class::instance(ctx, Hasher { algorithm, key: None, data: Vec::new() })
        })?;
        add(&object, "createHMAC", |ctx: Ctx<'js>, name: String, key: Value<'js>| {
            let (algorithm, key) = (algorithm(&ctx, &name)?, input_bytes(&ctx, &key)?);
            Class::instance(ctx, Hasher { algorithm, key: Some(key), data: Vec::new() })
        })?;
        add(&object, "hexEncode", |ctx: Ctx<'js>, input: Value<'js>| {
            Ok::<_, rquickjs::Error>(hex(&input_bytes(&ctx, &input)?))
        })?;
        add(&object, "randomBytes", |ctx: Ctx<'js>, size: f64| random_bytes(&ctx, size))?;
        Ok(object)
    }
}

/// Bytes that a script may ask for at once.
const RANDOM_MAX: f64 = 64.0 * 1024.0 * 1024.0;

fn random_bytes<'js>(ctx: &Ctx<'js>, size: f64) -> Result<ArrayBuffer<'js>> {
    if !(1.0..=RANDOM_MAX).contains(&size) {
        return Err(throw(ctx, "invalid size"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    let mut bytes = vec![0; size as usize];
    getrandom::fill(&mut bytes).map_err(|e| throw(ctx, &e.to_string()))?;
    ArrayBuffer::new(ctx.clone(), bytes)
}

fn algorithm(ctx: &Ctx<'_>, name: &str) -> Result<Algorithm> {
    Algorithm::named(name).ok_or_else(|| throw(ctx, &format!("invalid algorithm: {name}")))
}

/// Takes data in pieces.
#[derive(Trace, JsLifetime)]
#[rquickjs::class]
pub(crate) struct Hasher {
    #[qjs(skip_trace)]
    algorithm: Algorithm,
    key: Option<Vec<u8>>,
    data: Vec<u8>,
}

#[rquickjs::methods]
impl Hasher {
    fn update<'js>(&mut self, ctx: Ctx<'js>, input: Value<'js>) -> Result<()> {
        self.data.extend(input_bytes(&ctx, &input)?);
        Ok(())
    }

    fn digest<'js>(&self, ctx: Ctx<'js>, encoding: Opt<Text>) -> Result<Value<'js>> {
        let sum = match &self.key {
            Some(key) => self.algorithm.hmac(key, &self.data),
            None => self.algorithm.hash(&self.data),
        };
        encode(&ctx, sum, encoding.0.as_ref().map(|e| e.0.as_str()))
    }
}

fn encode<'js>(ctx: &Ctx<'js>, sum: Vec<u8>, encoding: Option<&str>) -> Result<Value<'js>> {
    let encoding = encoding.unwrap_or_default();
    let text = match encoding {
        "hex" => hex(&sum),
        "base64" => BASE64_STANDARD.encode(sum),
        "base64url" => BASE64_URL_SAFE.encode(sum),
        "base64rawurl" => BASE64_URL_SAFE_NO_PAD.encode(sum),
        "binary" => return Ok(ArrayBuffer::new(ctx.clone(), sum)?.into_value()),
        _ => return Err(throw(ctx, &format!("invalid output encoding: {encoding}"))),
    };
    text.into_js(ctx)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
