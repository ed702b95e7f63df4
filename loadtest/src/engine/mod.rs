//! Runs a test: threads, executors, the one VU loop, and what a VU asks for.
//!
//! Thread per core: each worker thread has its own event loop, its own VUs and its own recorder; threads share
//! nothing but a few counters. Executors differ only in when an iteration starts ([`closed`], [`open`]); the
//! iteration itself is always [`vu::VirtualUser::iterate`].

pub mod closed;
pub mod digest;
pub mod http;
pub mod js;
pub mod kill;
pub mod native;
pub mod open;
pub mod pool;
pub mod run;
pub mod shared;
pub mod vu;
pub mod worker;

/// Standard base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let shown = digit <= chunk.len();
            out.push(if shown { char::from(DIGITS[(group >> (18 - 6 * digit)) as usize & 63]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_pads() {
        for (plain, encoded) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("user:pass", "dXNlcjpwYXNz")]
        {
            assert_eq!(super::base64(plain.as_bytes()), encoded);
        }
    }
}
