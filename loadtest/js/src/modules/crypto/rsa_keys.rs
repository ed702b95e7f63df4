//! RSA: keys, signatures in both paddings, OAEP. Private keys travel as PKCS #8, public ones as SPKI.

use getrandom::SysRng;
use rsa::pkcs1::der::{Decode, Encode};
use rsa::pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey, EncodeRsaPublicKey, UintRef};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use rsa::{BoxedUint, Oaep, Pkcs1v15Sign, PrivateKey, Pss, PublicKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

type Bytes = Result<Vec<u8>, String>;

/// Longer keys take minutes to find.
const BITS_MAX: usize = 8192;

/// The least length of a modulus, in bits, that k6 makes.
const BITS_MIN: usize = 1024;

macro_rules! with_hash {
    ($hash:expr, $type:ident => $body:expr) => {
        match $hash {
            "SHA-1" => {
                type $type = Sha1;
                $body
            }
            "SHA-256" => {
                type $type = Sha256;
                $body
            }
            "SHA-384" => {
                type $type = Sha384;
                $body
            }
            "SHA-512" => {
                type $type = Sha512;
                $body
            }
            other => Err(format!("unsupported hash algorithm: {other}")),
        }
    };
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn private_of(der: &[u8]) -> Result<PrivateKey, String> {
    PrivateKey::from_pkcs8_der(der).map_err(text)
}

fn public_of(der: &[u8]) -> Result<PublicKey, String> {
    PublicKey::from_public_key_der(der).map_err(text)
}

fn out(key: &PrivateKey) -> Bytes {
    Ok(key.to_pkcs8_der().map_err(text)?.as_bytes().to_vec())
}

fn out_public(key: &PublicKey) -> Bytes {
    Ok(key.to_public_key_der().map_err(text)?.into_vec())
}

pub(super) fn generate(bits: usize, exponent: u64) -> Bytes {
    if bits > BITS_MAX {
        return Err(format!("modulusLength may be {BITS_MAX} at most"));
    }
    // With an even exponent the search for primes would never end.
    if bits < BITS_MIN || exponent < 3 || exponent.is_multiple_of(2) {
        return Err("could not generate RSA key pair".to_owned());
    }
    let key = PrivateKey::new_with_exp(&mut SysRng, bits, BoxedUint::from(exponent)).map_err(text)?;
    out(&key)
}

/// The public key of a private one.
pub(super) fn public(private: &[u8]) -> Bytes {
    out_public(&private_of(private)?.to_public_key())
}

/// Reads a key in `pkcs8` or `spki`.
pub(super) fn import(format: &str, der: &[u8]) -> Bytes {
    if format == "spki" { out_public(&public_of(der)?) } else { out(&private_of(der)?) }
}

/// The numbers of a key, big-endian: n, e and, of a private one, d, p, q, dp, dq, qi.
pub(super) fn parts(is_private: bool, der: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if !is_private {
        let der = public_of(der)?.to_pkcs1_der().map_err(text)?;
        let key = rsa::pkcs1::RsaPublicKeyRef::from_der(der.as_bytes()).map_err(text)?;
        return Ok([key.modulus, key.public_exponent].iter().map(|n| n.as_bytes().to_vec()).collect());
    }
    let der = private_of(der)?.to_pkcs1_der().map_err(text)?;
    let key = rsa::pkcs1::RsaPrivateKeyRef::from_der(der.as_bytes()).map_err(text)?;
    let all = [
        key.modulus,
        key.public_exponent,
        key.private_exponent,
        key.prime1,
        key.prime2,
        key.exponent1,
        key.exponent2,
        key.coefficient,
    ];
    Ok(all.iter().map(|n| n.as_bytes().to_vec()).collect())
}

/// The key with these numbers; see [`parts`].
pub(super) fn of_parts(parts: &[Vec<u8>]) -> Bytes {
    let n = |i: usize| UintRef::new(parts.get(i).map_or(&[], Vec::as_slice)).map_err(text);
    if parts.len() == 2 {
        let key = rsa::pkcs1::RsaPublicKeyRef { modulus: n(0)?, public_exponent: n(1)? };
        let der = key.to_der().map_err(text)?;
        return out_public(&PublicKey::from_pkcs1_der(&der).map_err(text)?);
    }
    let key = rsa::pkcs1::RsaPrivateKeyRef {
        modulus: n(0)?,
        public_exponent: n(1)?,
        private_exponent: n(2)?,
        prime1: n(3)?,
        prime2: n(4)?,
        exponent1: n(5)?,
        exponent2: n(6)?,
        coefficient: n(7)?,
        other_prime_infos: None,
    };
    let der = key.to_der().map_err(text)?;
    out(&PrivateKey::from_pkcs1_der(&der).map_err(text)?)
}

/// Signs `digest`, made by `hash`; `salt` is the length of a PSS salt, without one the padding is PKCS #1 v1.5.
pub(super) fn sign(private: &[u8], hash: &str, digest: &[u8], salt: Option<usize>) -> Bytes {
    let key = private_of(private)?;
    with_hash!(hash, Hash => match salt {
        Some(salt) => key.sign_with_rng(&mut SysRng, Pss::<Hash>::new_with_salt(salt), digest),
        None => key.sign(Pkcs1v15Sign::new::<Hash>(), digest),
    }
    .map_err(text))
}

pub(super) fn verify(
    public: &[u8],
    hash: &str,
    digest: &[u8],
    signature: &[u8],
    salt: Option<usize>,
) -> Result<bool, String> {
    let key = public_of(public)?;
    with_hash!(hash, Hash => Ok(match salt {
        Some(salt) => key.verify(Pss::<Hash>::new_with_salt(salt), digest, signature),
        None => key.verify(Pkcs1v15Sign::new::<Hash>(), digest, signature),
    }
    .is_ok()))
}

/// Encrypts with a public key, decrypts with a private one.
pub(super) fn oaep(encrypt: bool, key: &[u8], hash: &str, data: &[u8], label: &[u8]) -> Bytes {
    with_hash!(hash, Hash => {
        let padding = Oaep::<Hash>::new_with_label(label);
        if encrypt {
            public_of(key)?.encrypt(&mut SysRng, padding, data).map_err(text)
        } else {
            private_of(key)?.decrypt(padding, data).map_err(text)
        }
    })
}
