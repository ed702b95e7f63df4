//! Private keys in PEM, also those that a password protects: PKCS #8 (RFC 5958), and OpenSSL's older way with the headers
//! of RFC 1421, which is the only one that k6 reads.

use aes::{Aes128, Aes192, Aes256};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::TdesEde3;
use md5::{Digest, Md5};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

const WRONG: &str = "it cannot be decrypted; is the password right?";

/// Reads a key. A password that is not needed is not minded.
///
/// # Errors
/// Why it cannot be read, in words.
pub(super) fn read(pem: &str, password: Option<&str>) -> Result<PrivateKeyDer<'static>, String> {
    let block = Block::first(pem);
    let is_pkcs8 = block.as_ref().is_some_and(|block| block.label == "ENCRYPTED PRIVATE KEY");
    let legacy = block.as_ref().and_then(|block| block.header("DEK-Info"));
    let Some(block) = block.as_ref().filter(|_| is_pkcs8 || legacy.is_some()) else {
        return PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| error.to_string());
    };
    let password = password.ok_or("it is encrypted; give its `password`")?;
    let der = BASE64_STANDARD.decode(&block.base64).map_err(|_| "it is no PEM".to_owned())?;
    let (label, der) = match legacy {
        Some(how) => (block.label.as_str(), decrypt(how, &der, password.as_bytes())?),
        None => ("PRIVATE KEY", decrypt_pkcs8(&der, password)?),
    };
    Ok(match label {
        "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(der.into()),
        "EC PRIVATE KEY" => PrivateKeyDer::Sec1(der.into()),
        "PRIVATE KEY" => PrivateKeyDer::Pkcs8(der.into()),
        other => {
            return Err(format!("keys of the kind `{other}` cannot be used; RSA and elliptic curves can"));
        }
    })
}

fn decrypt_pkcs8(der: &[u8], password: &str) -> Result<Vec<u8>, String> {
    let info = pkcs8::EncryptedPrivateKeyInfoRef::try_from(der).map_err(|error| error.to_string())?;
    let key = info.decrypt(password).map_err(|error| format!("{WRONG} ({error})"))?;
    Ok(key.as_bytes().to_vec())
}

/// `how`: cipher and initialization vector, such as `AES-256-CBC,0123…`.
fn decrypt(how: &str, bytes: &[u8], password: &[u8]) -> Result<Vec<u8>, String> {
    let (cipher, iv) = how.split_once(',').unwrap_or((how, ""));
    let iv = unhex(iv.trim()).ok_or("its header DEK-Info has no initialization vector")?;
    match cipher.trim() {
        "AES-128-CBC" => cbc_decrypt::<cbc::Decryptor<Aes128>>(bytes, password, &iv, 16),
        "AES-192-CBC" => cbc_decrypt::<cbc::Decryptor<Aes192>>(bytes, password, &iv, 24),
        "AES-256-CBC" => cbc_decrypt::<cbc::Decryptor<Aes256>>(bytes, password, &iv, 32),
        "DES-EDE3-CBC" => cbc_decrypt::<cbc::Decryptor<TdesEde3>>(bytes, password, &iv, 24),
        other => Err(format!(
            "it is encrypted with {other}; AES-128-CBC, AES-192-CBC, AES-256-CBC and DES-EDE3-CBC can be read"
        )),
    }
}

fn cbc_decrypt<D: KeyIvInit + BlockModeDecrypt>(
    bytes: &[u8],
    password: &[u8],
    iv: &[u8],
    key_bytes: usize,
) -> Result<Vec<u8>, String> {
    let salt = iv.get(..8).ok_or("its initialization vector is too short")?;
    let key = derive(password, salt, key_bytes);
    let cipher = D::new_from_slices(&key, iv)
        .map_err(|_| "its initialization vector has a wrong length".to_owned())?;
    cipher.decrypt_padded_vec::<Pkcs7>(bytes).map_err(|_| WRONG.to_owned())
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and a single round.
fn derive(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut key = Vec::new();
    let mut last = Vec::new();
    while key.len() < length {
        last = Md5::new().chain_update(&last).chain_update(password).chain_update(salt).finalize().to_vec();
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (!text.is_empty() && text.len().is_multiple_of(2))
        .then(|| (0..text.len()).step_by(2).map(pair).collect())?
}

/// A block of a PEM file.
struct Block {
    label: String,
    headers: Vec<(String, String)>,
    base64: String,
}

impl Block {
    /// The first block that is a key.
    fn first(pem: &str) -> Option<Self> {
        let mut lines = pem.lines().map(str::trim);
        let label = lines.by_ref().find_map(|line| {
            let label = line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
            label.ends_with("PRIVATE KEY").then_some(label)
        })?;
        let mut block = Self { label: label.to_owned(), headers: Vec::new(), base64: String::new() };
        for line in lines.take_while(|line| !line.starts_with("-----END ")) {
            match line.split_once(':') {
                Some((name, value)) => block.headers.push((name.trim().to_owned(), value.trim().to_owned())),
                None => block.base64.push_str(line),
            }
        }
        Some(block)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = include_str!("../../../tests/suite/data/key.pem");

    fn der(pem: &str, password: Option<&str>) -> Result<Vec<u8>, String> {
        read(pem, password).map(|key| key.secret_der().to_vec())
    }

    /// Made by OpenSSL of the key of the tests, each with the password `secret`.
    #[test]
    fn keys_with_a_password_are_those_without() {
        let plain = der(PLAIN, None).expect("is a key");
        assert_eq!(der(PLAIN, Some("unneeded")), Ok(plain.clone()));
        let pkcs8 = include_str!("../../../tests/suite/data/key-pkcs8.pem");
        assert_eq!(der(pkcs8, Some("secret")), Ok(plain));
        let sec1 = der(include_str!("../../../tests/suite/data/key-sec1.pem"), None).expect("is a key");
        for (cipher, pem) in [
            ("AES-128-CBC", include_str!("../../../tests/suite/data/key-aes128.pem")),
            ("AES-256-CBC", include_str!("../../../tests/suite/data/key-aes256.pem")),
            ("DES-EDE3-CBC", include_str!("../../../tests/suite/data/key-des3.pem")),
        ] {
            assert!(pem.contains(cipher), "{pem}");
            assert_eq!(der(pem, Some("secret")).as_ref(), Ok(&sec1), "{cipher}");
        }
        for pem in [pkcs8, include_str!("../../../tests/suite/data/key-aes256.pem")] {
            let error = der(pem, Some("wrong")).expect_err("is not the password");
            assert!(error.starts_with(WRONG), "{error}");
            let error = der(pem, None).expect_err("needs a password");
            assert!(error.contains("give its `password`"), "{error}");
        }
    }

    #[test]
    fn bad_keys_are_told() {
        let bad = |header: &str, why: &str| {
            let pem = format!(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n{header}\n\nAAAA\n-----END RSA PRIVATE KEY-----"
            );
            let error = der(&pem, Some("x")).expect_err("is none");
            assert!(error.contains(why), "{header}: {error}");
        };
        bad("DEK-Info: AES-128-CBC", "no initialization vector");
        bad("DEK-Info: AES-128-CBC,00", "too short");
        bad("DEK-Info: AES-128-CBC,0001020304050607", "wrong length");
        bad("DEK-Info: DES-EDE3-CBC,zz", "no initialization vector");
        bad("DEK-Info: CAMELLIA-128-CBC,0001020304050607", "CAMELLIA-128-CBC");
        bad("DEK-Info: DES-EDE3-CBC,0001020304050607", WRONG);
        der("nothing", None).expect_err("is none");
    }
}
