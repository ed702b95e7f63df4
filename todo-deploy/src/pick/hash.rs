//! The one hash of the routing algorithms: the same on every machine and in every release.
//!
//! The standard library's hasher is neither keyed nor specified for this: a ring built from it could move
//! every client on an upgrade of the compiler.

/// FNV-1a over the bytes, then [`mix`], because FNV alone leaves the high bits of short keys poor.
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(hash)
}

/// A bijection on 64 bits in which every input bit reaches every output bit (`MurmurHash3`'s `fmix64`).
#[must_use]
pub const fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// `value` scaled to `0..limit` without division or bias worth measuring.
#[must_use]
pub fn scale(value: u64, limit: u64) -> u64 {
    let product = u128::from(value) * u128::from(limit);
    u64::try_from(product >> 64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_pinned() {
        // A change here moves every client of a consistent-hash balancer to another target.
        assert_eq!(hash_bytes(b""), 0xefd0_1f60_ba99_2926);
        assert_eq!(hash_bytes(b"127.0.0.1"), hash_bytes(b"127.0.0.1"));
        assert_ne!(hash_bytes(b"127.0.0.1"), hash_bytes(b"127.0.0.2"));
        assert_eq!(mix(0), 0);
    }

    #[test]
    fn scale_covers_the_range() {
        assert_eq!(scale(0, 7), 0);
        assert_eq!(scale(u64::MAX, 7), 6);
        assert_eq!(scale(u64::MAX / 2, 10), 4);
    }
}
