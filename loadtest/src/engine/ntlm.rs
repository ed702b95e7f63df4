//! NTLM's three messages (MS-NLMP), version 2 with Unicode, as k6 sends them: without key exchange, signing or MIC.

use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};

const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

const UNICODE: u32 = 1;
const LM_KEY: u32 = 1 << 7;
const NTLM: u32 = 1 << 9;
const ALWAYS_SIGN: u32 = 1 << 15;
const EXTENDED_SESSION_SECURITY: u32 = 1 << 19;
const TARGET_INFO: u32 = 1 << 23;
const VERSION: u32 = 1 << 25;
const KEY_128: u32 = 1 << 29;
const KEY_EXCHANGE: u32 = 1 << 30;
const KEY_56: u32 = 1 << 31;

/// What the client can do.
const OFFERED: u32 =
    UNICODE | NTLM | ALWAYS_SIGN | EXTENDED_SESSION_SECURITY | TARGET_INFO | KEY_128 | KEY_56;

/// Bytes before the payload of the first message: signature, type, flags, two empty fields, a version.
const NEGOTIATE_BYTES: u32 = 40;
/// Before that of the third: signature, type, six fields, flags.
const AUTHENTICATE_BYTES: usize = 64;

/// Windows 7, which is what the second version of the protocol began to be usual with.
const WINDOWS_VERSION: [u8; 8] = [6, 1, 0xb1, 0x1d, 0, 0, 0, 15];

/// `MsvAvEOL` and `MsvAvTimestamp` of section 2.2.2.1.
const END: u16 = 0;
const TIMESTAMP: u16 = 7;

/// From 1601 to 1970, in units of 100 ns.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// Who logs in.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// `USER`, `USER@DOMAIN` or `DOMAIN\USER`.
    pub user: &'a str,
    pub password: &'a str,
}

/// The first message, which says what the client can do.
pub fn negotiate() -> Vec<u8> {
    let mut message = header(1);
    message.extend(OFFERED.to_le_bytes());
    for _ in ["domain", "workstation"] {
        message.extend([0; 4]);
        message.extend(NEGOTIATE_BYTES.to_le_bytes());
    }
    message.extend(WINDOWS_VERSION);
    message
}

/// The third message, which answers the second. `nonce`: must not be guessed; `unix_100ns`: the time since 1970 in units
/// of 100 ns, for servers that tell no time.
///
/// # Errors
/// When `challenge` is no second message, or asks for what is not here.
pub fn authenticate(
    challenge: &[u8],
    login: Login<'_>,
    nonce: [u8; 8],
    unix_100ns: u64,
) -> Result<Vec<u8>, &'static str> {
    let challenge = Challenge::read(challenge).ok_or("the server's challenge is no message of NTLM")?;
    if challenge.flags & UNICODE == 0 || challenge.flags & (LM_KEY | KEY_EXCHANGE) != 0 {
        return Err("the server asks for an old version of NTLM, or for an exchange of keys");
    }
    let (domain, user) = login.user.split_once('\\').unwrap_or(("", login.user));
    let key = owner_key(user, domain, login.password);
    let time = match challenge.info.and_then(|info| pair(info, TIMESTAMP).flatten()) {
        Some(time) => time.try_into().map_err(|_| "the server's time is none")?,
        None => (unix_100ns + UNIX_EPOCH).to_le_bytes(),
    };
    let info = challenge.info.unwrap_or_default();
    let response = response(&key, challenge.nonce, nonce, time, info);
    let lm = match challenge.info {
        Some(_) => Vec::new(),
        None => lm_response(&key, challenge.nonce, nonce),
    };
    let payloads = [lm, response, utf16(domain), utf16(user), Vec::new()];
    let mut message = header(3);
    let mut offset = AUTHENTICATE_BYTES;
    for payload in &payloads {
        let too_long = "a name is too long for NTLM";
        let length = u16::try_from(payload.len()).map_err(|_| too_long)?.to_le_bytes();
        message.extend([length, length].concat());
        message.extend(u32::try_from(offset).map_err(|_| too_long)?.to_le_bytes());
        offset += payload.len();
    }
    // No session key.
    message.extend([0; 8]);
    message.extend((challenge.flags & !VERSION).to_le_bytes());
    payloads.iter().for_each(|payload| message.extend(payload));
    Ok(message)
}

fn header(kind: u32) -> Vec<u8> {
    [&SIGNATURE[..], &kind.to_le_bytes()].concat()
}

/// The second message, as far as it matters.
struct Challenge<'a> {
    flags: u32,
    nonce: [u8; 8],
    /// Pairs of attributes and values; none: it has none.
    info: Option<&'a [u8]>,
}

impl<'a> Challenge<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        if !message.starts_with(&header(2)) {
            return None;
        }
        let flags = u32::from_le_bytes(message.get(20..24)?.try_into().ok()?);
        let nonce = message.get(24..32)?.try_into().ok()?;
        let length = usize::from(u16::from_le_bytes(message.get(40..42)?.try_into().ok()?));
        let offset = usize::try_from(u32::from_le_bytes(message.get(44..48)?.try_into().ok()?)).ok()?;
        let info = if length == 0 { None } else { Some(message.get(offset..offset.checked_add(length)?)?) };
        // Its list has to have an end.
        pair(info.unwrap_or(&[0; 4]), END)?;
        Some(Self { flags, nonce, info })
    }
}

/// The value of an attribute. The outer option: the list is well-formed up to there or to its end.
fn pair(mut info: &[u8], wanted: u16) -> Option<Option<&[u8]>> {
    loop {
        let attribute = u16::from_le_bytes(info.get(..2)?.try_into().ok()?);
        if attribute == END {
            return Some(None);
        }
        let length = usize::from(u16::from_le_bytes(info.get(2..4)?.try_into().ok()?));
        let value = info.get(4..4 + length)?;
        if attribute == wanted {
            return Some(Some(value));
        }
        info = &info[4 + length..];
    }
}

/// `NTOWFv2` of section 3.3.2.
fn owner_key(user: &str, domain: &str, password: &str) -> [u8; 16] {
    let name = [utf16(&upper(user)), utf16(domain)].concat();
    mac(&Md4::digest(utf16(password)), &[&name])
}

/// `NTChallengeResponse` of section 3.3.2.
fn response(key: &[u8; 16], server: [u8; 8], nonce: [u8; 8], time: [u8; 8], info: &[u8]) -> Vec<u8> {
    let rest = [&[1, 1, 0, 0, 0, 0, 0, 0], &time[..], &nonce, &[0; 4], info, &[0; 4]].concat();
    [&mac(key, &[&server, &rest])[..], &rest].concat()
}

fn lm_response(key: &[u8; 16], server: [u8; 8], nonce: [u8; 8]) -> Vec<u8> {
    [&mac(key, &[&server, &nonce])[..], &nonce].concat()
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<Md5>::new_from_slice(key).expect("keys may have any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Upper case as Windows has it, a letter for a letter.
fn upper(text: &str) -> String {
    let one = |letter: char| {
        let mut upper = letter.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(only), None) => only,
            _ => letter,
        }
    };
    text.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    const SERVER: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    const NONCE: [u8; 8] = [0xaa; 8];

    /// The pairs of MS-NLMP 4.2.4: the names `Domain` and `Server`.
    fn info() -> Vec<u8> {
        let pair = |attribute: u8, text: &str| {
            let value = utf16(text);
            [&[attribute, 0, u8::try_from(value.len()).expect("is short"), 0], &value[..]].concat()
        };
        [pair(2, "Domain"), pair(1, "Server"), vec![0; 4]].concat()
    }

    #[test]
    fn the_examples_of_ms_nlmp_4_2_4() {
        let key = owner_key("User", "Domain", "Password");
        assert_eq!(hex(&key), "0c868a403bfd7a93a3001ef22ef02e3f");
        let lm = lm_response(&key, SERVER, NONCE);
        assert_eq!(hex(&lm), "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa");
        let response = response(&key, SERVER, NONCE, [0; 8], &info());
        assert_eq!(hex(&response[..16]), "68cd0ab851e51c96aabc927bebef6a1c");
        assert_eq!(response.len(), 84);
    }

    /// A second message with these pairs.
    fn challenge(flags: u32, info: &[u8]) -> Vec<u8> {
        let length = u8::try_from(info.len()).expect("is short");
        let field = [length, 0, length, 0, 48, 0, 0, 0];
        [&header(2)[..], &[0; 8], &flags.to_le_bytes(), &SERVER, &[0; 8], &field, info].concat()
    }

    #[test]
    fn the_third_message_answers_the_second() {
        assert_eq!(hex(&negotiate()).len(), 80);
        let login = Login { user: "Domain\\User", password: "Password" };
        let flags = OFFERED | VERSION;
        // The server's time comes before ours.
        let timed = [&[7, 0, 8, 0][..], &[0; 8], &info()].concat();
        let message = authenticate(&challenge(flags, &timed), login, NONCE, 5).expect("is one");
        let key = owner_key("User", "Domain", "Password");
        let expected = response(&key, SERVER, NONCE, [0; 8], &timed);
        assert_eq!(message[..12], *header(3));
        assert_eq!(message[60..64], OFFERED.to_le_bytes());
        assert_eq!(message[64..], [&expected[..], &utf16("Domain"), &utf16("User")].concat());
        let message = authenticate(&challenge(flags, &[]), login, NONCE, 5).expect("is one");
        assert_eq!(message[64..88], lm_response(&key, SERVER, NONCE));
        assert_eq!(message[88 + 16 + 8..][..8], (UNIX_EPOCH + 5).to_le_bytes());
    }

    #[test]
    fn what_is_no_challenge_is_refused() {
        let login = Login { user: "user@domain", password: "" };
        let whole = challenge(OFFERED, &info());
        for length in 0..whole.len() {
            let cut = authenticate(&whole[..length], login, NONCE, 0);
            assert!(cut.is_err(), "{length} bytes");
        }
        for flags in [0, OFFERED | KEY_EXCHANGE, OFFERED | LM_KEY] {
            authenticate(&challenge(flags, &info()), login, NONCE, 0).expect_err("asks for something else");
        }
        authenticate(&challenge(OFFERED, &[7, 0, 2, 0, 1, 1, 0, 0]), login, NONCE, 0).expect_err("no time");
        assert_eq!(upper("straße é"), "STRAßE É");
    }
}
