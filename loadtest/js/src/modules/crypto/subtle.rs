//! What `crypto.subtle` is made of: algorithms over bytes. What keys may be used for is decided in JavaScript.

use std::rc::Rc;

use rquickjs::{ArrayBuffer, Ctx, Object, Result, Value};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use super::{aes, ec, input_bytes, rsa_keys};
use crate::modules::{NativeModule, add};
use crate::vm::error::throw;
use crate::vm::state::VuState;

pub(crate) struct Subtle;

/// Bytes that may be derived from a password at once.
const DERIVED_MAX: usize = 1 << 20;

fn pbkdf2(
    hash: &str,
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    length: usize,
) -> std::result::Result<Vec<u8>, String> {
    if length > DERIVED_MAX {
        return Err("length is too large".to_owned());
    }
    let mut out = vec![0; length];
    match hash {
        "SHA-1" => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut out),
        "SHA-256" => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut out),
        "SHA-384" => pbkdf2::pbkdf2_hmac::<Sha384>(password, salt, rounds, &mut out),
        "SHA-512" => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut out),
        other => return Err(format!("hash function not supported: {other}")),
    }
    Ok(out)
}

impl NativeModule for Subtle {
    const NAMES: &'static [&'static str] = &["run", "test", "parts", "ofParts"];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        add(
            &object,
            "run",
            |ctx: Ctx<'js>, what: String, texts: Vec<String>, numbers: Vec<f64>, data: Vec<Value<'js>>| {
                let data = data.iter().map(|v| input_bytes(&ctx, v)).collect::<Result<Vec<_>>>()?;
                let done = run(&what, &texts, &numbers, &data).map_err(|why| throw(&ctx, &why))?;
                ArrayBuffer::new(ctx.clone(), done)
            },
        )?;
        add(
            &object,
            "test",
            |ctx: Ctx<'js>, what: String, texts: Vec<String>, numbers: Vec<f64>, data: Vec<Value<'js>>| {
                let data = data.iter().map(|v| input_bytes(&ctx, v)).collect::<Result<Vec<_>>>()?;
                verify(&what, &texts, &numbers, &data).map_err(|why| throw(&ctx, &why))
            },
        )?;
        add(&object, "parts", |ctx: Ctx<'js>, is_private: bool, der: Value<'js>| {
            let der = input_bytes(&ctx, &der)?;
            let parts = rsa_keys::parts(is_private, &der).map_err(|why| throw(&ctx, &why))?;
            parts.into_iter().map(|part| ArrayBuffer::new(ctx.clone(), part)).collect::<Result<Vec<_>>>()
        })?;
        add(&object, "ofParts", |ctx: Ctx<'js>, parts: Vec<Value<'js>>| {
            let parts = parts.iter().map(|v| input_bytes(&ctx, v)).collect::<Result<Vec<_>>>()?;
            let der = rsa_keys::of_parts(&parts).map_err(|why| throw(&ctx, &why))?;
            ArrayBuffer::new(ctx.clone(), der)
        })?;
        Ok(object)
    }
}

/// What an operation is given: names, numbers and bytes, in the order that it wants them.
struct Given<'a> {
    texts: &'a [String],
    numbers: &'a [f64],
    data: &'a [Vec<u8>],
}

impl Given<'_> {
    fn text(&self, i: usize) -> &str {
        self.texts.get(i).map_or("", String::as_str)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
    fn number(&self, i: usize) -> Option<usize> {
        self.numbers.get(i).map(|n| *n as usize)
    }

    fn small(&self, i: usize) -> u32 {
        self.number(i).and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    fn bytes(&self, i: usize) -> &[u8] {
        self.data.get(i).map_or(&[], Vec::as_slice)
    }
}

fn run(
    what: &str,
    texts: &[String],
    numbers: &[f64],
    data: &[Vec<u8>],
) -> std::result::Result<Vec<u8>, String> {
    let g = Given { texts, numbers, data };
    match what {
        "cbcEncrypt" | "cbcDecrypt" => aes::cbc(what == "cbcEncrypt", g.bytes(0), g.bytes(1), g.bytes(2)),
        "ctr" => aes::ctr(g.bytes(0), g.bytes(1), g.bytes(2)),
        "gcmEncrypt" | "gcmDecrypt" => {
            aes::gcm(what == "gcmEncrypt", g.bytes(0), g.bytes(1), g.bytes(2), g.bytes(3), g.small(0))
        }
        "pbkdf2" => pbkdf2(g.text(0), g.bytes(0), g.bytes(1), g.small(0), g.number(1).unwrap_or_default()),
        "ecGenerate" => ec::generate(g.text(0)),
        "ecPublic" => ec::public(g.text(0), g.bytes(0)),
        "ecImport" => ec::import(g.text(0), g.text(1), g.bytes(0)),
        "ecPoint" => ec::point(g.text(0), g.bytes(0)),
        "ecScalar" => ec::scalar(g.text(0), g.bytes(0)),
        "ecSign" => ec::sign(g.text(0), g.bytes(0), g.bytes(1)),
        "ecAgree" => ec::agree(g.text(0), g.bytes(0), g.bytes(1)),
        "rsaGenerate" => rsa_keys::generate(g.number(0).unwrap_or_default(), u64::from(g.small(1))),
        "rsaPublic" => rsa_keys::public(g.bytes(0)),
        "rsaImport" => rsa_keys::import(g.text(0), g.bytes(0)),
        "rsaSign" => rsa_keys::sign(g.bytes(0), g.text(0), g.bytes(1), g.number(0)),
        "oaepEncrypt" | "oaepDecrypt" => {
            rsa_keys::oaep(what == "oaepEncrypt", g.bytes(0), g.text(0), g.bytes(1), g.bytes(2))
        }
        other => Err(format!("there is no operation {other}")),
    }
}

fn verify(
    what: &str,
    texts: &[String],
    numbers: &[f64],
    data: &[Vec<u8>],
) -> std::result::Result<bool, String> {
    let g = Given { texts, numbers, data };
    match what {
        "ec" => ec::verify(g.text(0), g.bytes(0), g.bytes(1), g.bytes(2)),
        "rsa" => rsa_keys::verify(g.bytes(0), g.text(0), g.bytes(1), g.bytes(2), g.number(0)),
        other => Err(format!("there is no operation {other}")),
    }
}
