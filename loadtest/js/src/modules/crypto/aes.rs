//! AES in the modes of Web Crypto.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::consts::{U12, U13, U14, U15, U16};
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{AesGcm, Nonce};

const BAD_KEY: &str = "invalid key length";

macro_rules! by_key_length {
    ($key:expr, $cipher:ident => $body:expr) => {
        match $key.len() {
            16 => {
                type $cipher = Aes128;
                $body
            }
            24 => {
                type $cipher = Aes192;
                $body
            }
            32 => {
                type $cipher = Aes256;
                $body
            }
            _ => Err(BAD_KEY.to_owned()),
        }
    };
}

/// Cipher block chaining with PKCS #7 padding.
pub(super) fn cbc(encrypt: bool, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    let bad_iv = |_| "iv must be 16 bytes long".to_owned();
    by_key_length!(key, Cipher => if encrypt {
        let cipher = cbc::Encryptor::<Cipher>::new_from_slices(key, iv).map_err(bad_iv)?;
        Ok(cipher.encrypt_padded_vec::<Pkcs7>(data))
    } else {
        let cipher = cbc::Decryptor::<Cipher>::new_from_slices(key, iv).map_err(bad_iv)?;
        cipher.decrypt_padded_vec::<Pkcs7>(data).map_err(|_| "invalid padding".to_owned())
    })
}

/// Counter mode, the same in both directions; like k6 it counts over the whole block.
pub(super) fn ctr(key: &[u8], counter: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    by_key_length!(key, Cipher => {
        let mut cipher = ctr::Ctr128BE::<Cipher>::new_from_slices(key, counter)
            .map_err(|_| "counter must be 16 bytes long".to_owned())?;
        let mut out = data.to_vec();
        cipher.apply_keystream(&mut out);
        Ok(out)
    })
}

/// Galois counter mode. `tag_bits` is 96 to 128 in steps of 8.
pub(super) fn gcm(
    encrypt: bool,
    key: &[u8],
    iv: &[u8],
    data: &[u8],
    extra: &[u8],
    tag_bits: u32,
) -> Result<Vec<u8>, String> {
    let payload = Payload { msg: data, aad: extra };
    macro_rules! run {
        ($tag:ty) => {
            by_key_length!(key, Cipher => {
                let nonce = <&Nonce<U12>>::try_from(iv)
                    .map_err(|_| "iv must be 12 bytes long".to_owned())?;
                let cipher = AesGcm::<Cipher, U12, $tag>::new_from_slice(key).map_err(|_| BAD_KEY.to_owned())?;
                let done = if encrypt { cipher.encrypt(nonce, payload) } else { cipher.decrypt(nonce, payload) };
                done.map_err(|_| format!("could not {}", if encrypt { "encrypt plaintext" } else { "decrypt ciphertext" }))
            })
        };
    }
    match tag_bits {
        96 => run!(U12),
        104 => run!(U13),
        112 => run!(U14),
        120 => run!(U15),
        128 => run!(U16),
        _ => Err("tagLength must be 96, 104, 112, 120 or 128".to_owned()),
    }
}
