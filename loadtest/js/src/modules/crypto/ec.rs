//! ECDSA and ECDH over the curves of NIST. Private keys travel as PKCS #8, public ones as SPKI.

use p256::elliptic_curve::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use rsa::rand_core::UnwrapErr;
use rsa::signature::hazmat::{PrehashSigner, PrehashVerifier};

type Bytes = Result<Vec<u8>, String>;

/// Runs `body` with `m` the crate of the curve and `size` the bytes of a coordinate.
macro_rules! on {
    ($curve:expr, $m:ident, $size:ident => $body:expr) => {
        match $curve {
            "P-256" => {
                use p256 as $m;
                let $size = 32usize;
                $body
            }
            "P-384" => {
                use p384 as $m;
                let $size = 48usize;
                $body
            }
            "P-521" => {
                use p521 as $m;
                let $size = 66usize;
                $body
            }
            other => Err(format!("elliptic curve {other} is not supported")),
        }
    };
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A new private key.
pub(super) fn generate(curve: &str) -> Bytes {
    on!(curve, m, _size => {
        use m::elliptic_curve::Generate;
        let key = m::SecretKey::generate_from_rng(&mut UnwrapErr(getrandom::SysRng));
        Ok(key.to_pkcs8_der().map_err(text)?.as_bytes().to_vec())
    })
}

/// The public key of a private one.
pub(super) fn public(curve: &str, private: &[u8]) -> Bytes {
    on!(curve, m, _size => {
        let key = m::SecretKey::from_pkcs8_der(private).map_err(text)?;
        Ok(key.public_key().to_public_key_der().map_err(text)?.into_vec())
    })
}

/// Reads a key: `raw` and `spki` are public, `pkcs8` and `scalar` private.
pub(super) fn import(curve: &str, format: &str, data: &[u8]) -> Bytes {
    on!(curve, m, size => match format {
        "raw" => {
            let key = m::PublicKey::from_sec1_bytes(data).map_err(text)?;
            Ok(key.to_public_key_der().map_err(text)?.into_vec())
        }
        "spki" => {
            let key = m::PublicKey::from_public_key_der(data).map_err(text)?;
            Ok(key.to_public_key_der().map_err(text)?.into_vec())
        }
        "scalar" => {
            let mut padded = vec![0; size.saturating_sub(data.len())];
            padded.extend_from_slice(data);
            let key = m::SecretKey::from_slice(&padded).map_err(text)?;
            Ok(key.to_pkcs8_der().map_err(text)?.as_bytes().to_vec())
        }
        _ => {
            let key = m::SecretKey::from_pkcs8_der(data).map_err(text)?;
            Ok(key.to_pkcs8_der().map_err(text)?.as_bytes().to_vec())
        }
    })
}

/// The point of a public key: 4, x, y.
pub(super) fn point(curve: &str, public: &[u8]) -> Bytes {
    on!(curve, m, _size => {
        let key = m::PublicKey::from_public_key_der(public).map_err(text)?;
        let point = m::Sec1Point::from(key);
        Ok(point.as_bytes().to_vec())
    })
}

/// The number of a private key.
pub(super) fn scalar(curve: &str, private: &[u8]) -> Bytes {
    on!(curve, m, _size => {
        let key = m::SecretKey::from_pkcs8_der(private).map_err(text)?;
        Ok(key.to_bytes().to_vec())
    })
}

/// Signs a hash; the signature is r, s.
pub(super) fn sign(curve: &str, private: &[u8], hash: &[u8]) -> Bytes {
    on!(curve, m, size => {
        let key = m::SecretKey::from_pkcs8_der(private).map_err(text)?;
        let key = m::ecdsa::SigningKey::from(key);
        let signature: m::ecdsa::Signature = key.sign_prehash(&at_least(hash, size)).map_err(text)?;
        Ok(signature.to_bytes().to_vec())
    })
}

pub(super) fn verify(curve: &str, public: &[u8], signature: &[u8], hash: &[u8]) -> Result<bool, String> {
    on!(curve, m, size => {
        let key = m::PublicKey::from_public_key_der(public).map_err(text)?;
        let key = m::ecdsa::VerifyingKey::from(key);
        let signature = m::ecdsa::Signature::from_slice(signature);
        Ok(signature.is_ok_and(|signature| key.verify_prehash(&at_least(hash, size), &signature).is_ok()))
    })
}

/// A hash as a number of at least `size` bytes, for curves longer than it.
fn at_least(hash: &[u8], size: usize) -> Vec<u8> {
    let mut padded = vec![0; size.saturating_sub(hash.len())];
    padded.extend_from_slice(hash);
    padded
}

/// The secret that both sides share.
pub(super) fn agree(curve: &str, private: &[u8], public: &[u8]) -> Bytes {
    on!(curve, m, _size => {
        let own = m::SecretKey::from_pkcs8_der(private).map_err(text)?;
        let other = m::PublicKey::from_public_key_der(public).map_err(text)?;
        Ok(own.diffie_hellman(&other).raw_secret_bytes().to_vec())
    })
}
