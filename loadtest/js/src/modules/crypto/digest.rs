//! The hash algorithms by name.

use hmac::{KeyInit, Mac, SimpleHmac};
use md4::Md4;
use md5::Md5;
use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

/// One algorithm.
#[derive(Clone, Copy)]
pub(crate) struct Algorithm {
    hash: fn(&[u8]) -> Vec<u8>,
    hmac: fn(&[u8], &[u8]) -> Vec<u8>,
}

impl Algorithm {
    /// By k6's name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        macro_rules! algorithm {
            ($type:ty) => {
                Self {
                    hash: |data| <$type>::digest(data).to_vec(),
                    hmac: |key, data| {
                        let mac = <SimpleHmac<$type> as KeyInit>::new_from_slice(key);
                        mac.expect("HMAC takes keys of any length")
                            .chain_update(data)
                            .finalize()
                            .into_bytes()
                            .to_vec()
                    },
                }
            };
        }
        Some(match name {
            "md4" => algorithm!(Md4),
            "md5" => algorithm!(Md5),
            "ripemd160" => algorithm!(Ripemd160),
            "sha1" => algorithm!(Sha1),
            "sha256" => algorithm!(Sha256),
            "sha384" => algorithm!(Sha384),
            "sha512" => algorithm!(Sha512),
            "sha512_224" => algorithm!(Sha512_224),
            "sha512_256" => algorithm!(Sha512_256),
            _ => return None,
        })
    }

    pub(crate) fn hash(self, data: &[u8]) -> Vec<u8> {
        (self.hash)(data)
    }

    pub(crate) fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        (self.hmac)(key, data)
    }
}
