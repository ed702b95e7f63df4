//! The module `k6/crypto/x509`: what stands in a certificate. Nothing is verified.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rquickjs::function::Opt;
use rquickjs::{Array, Ctx, IntoJs, Object, Result, Value};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, FromDer};
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use super::digest::Algorithm;
use crate::address::Address;
use crate::modules::{NativeModule, add, bytes_of, text_of};
use crate::vm::error::{throw, throw_type};
use crate::vm::state::VuState;

pub(crate) struct X509;

impl NativeModule for X509 {
    const NAMES: &'static [&'static str] = &["getAltNames", "getIssuer", "getSubject", "parse"];

    fn build<'js>(ctx: &Ctx<'js>, _: &Rc<VuState>) -> Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        add(&object, "parse", |ctx: Ctx<'js>, input: Opt<Value<'js>>| read(&ctx, input, whole))?;
        add(&object, "getAltNames", |ctx: Ctx<'js>, input: Opt<Value<'js>>| {
            read(&ctx, input, |ctx, certificate| alt_names(ctx, certificate)?.into_js(ctx))
        })?;
        add(&object, "getIssuer", |ctx: Ctx<'js>, input: Opt<Value<'js>>| {
            read(&ctx, input, |ctx, certificate| name(ctx, certificate.issuer(), ISSUER)?.into_js(ctx))
        })?;
        add(&object, "getSubject", |ctx: Ctx<'js>, input: Opt<Value<'js>>| {
            read(&ctx, input, |ctx, certificate| name(ctx, certificate.subject(), SUBJECT)?.into_js(ctx))
        })?;
        Ok(object)
    }
}

/// What `make` makes of the first certificate in a PEM text.
fn read<'js, T>(
    ctx: &Ctx<'js>,
    input: Opt<Value<'js>>,
    make: impl FnOnce(&Ctx<'js>, &X509Certificate<'_>) -> Result<T>,
) -> Result<T> {
    let text = input.0.map(|input| bytes_from(ctx, &input)).transpose()?.unwrap_or_default();
    let der = decode_pem(&String::from_utf8_lossy(&text))
        .ok_or_else(|| throw(ctx, "failed to decode certificate PEM file"))?;
    let fail = |why: &str| throw(ctx, &format!("failed to parse certificate: x509: {why}"));
    match X509Certificate::from_der(&der) {
        Ok(([], certificate)) => {
            check_curve(certificate.public_key()).map_err(fail)?;
            make(ctx, &certificate)
        }
        Ok(_) => Err(fail("trailing data")),
        Err(_) => Err(fail("malformed certificate")),
    }
}

fn bytes_from<'js>(ctx: &Ctx<'js>, input: &Value<'js>) -> Result<Vec<u8>> {
    if let Some(text) = text_of(input) {
        return Ok(text.into_bytes());
    }
    if let Some(bytes) = bytes_of(input) {
        return Ok(bytes);
    }
    if input.is_undefined() || input.is_null() {
        return Ok(Vec::new());
    }
    if let Some(array) = input.as_array() {
        return array.iter::<u8>().collect();
    }
    let shown = input.get::<crate::modules::text::Text>()?.0;
    let why = if input.is_object() {
        format!("cannot convert {shown} to []uint8: not an array or iterable")
    } else {
        format!("could not convert {shown} to []uint8")
    };
    Err(throw_type(ctx, &format!("could not convert function call parameter 0: {why}")))
}

/// The bytes of the first block in a text, whatever it is called (RFC 7468; headers as in RFC 1421).
fn decode_pem(text: &str) -> Option<Vec<u8>> {
    let mut rest = text;
    loop {
        let start = if rest.starts_with("-----BEGIN ") { 0 } else { rest.find("\n-----BEGIN ")? + 1 };
        rest = &rest[start..];
        let (first, body) = rest.split_once('\n')?;
        rest = body;
        let Some(label) = first.trim_end().strip_prefix("-----BEGIN ").and_then(|l| l.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let Some(at) = body.find(&format!("\n{end}")) else { continue };
        let mut lines = body[..at].lines().skip_while(|line| line.contains(':') || line.trim().is_empty());
        let base64: String = lines.by_ref().collect();
        let base64: String = base64.split([' ', '\t', '\r']).collect();
        if let Ok(der) = BASE64_STANDARD.decode(base64) {
            return Some(der);
        }
    }
}

fn whole<'js>(ctx: &Ctx<'js>, certificate: &X509Certificate<'_>) -> Result<Value<'js>> {
    let key = public_key(ctx, certificate.public_key())?;
    let object = Object::new(ctx.clone())?;
    object.set("subject", name(ctx, certificate.subject(), SUBJECT)?)?;
    object.set("issuer", name(ctx, certificate.issuer(), ISSUER)?)?;
    object.set("notBefore", date(certificate.validity().not_before))?;
    object.set("notAfter", date(certificate.validity().not_after))?;
    object.set("altNames", alt_names(ctx, certificate)?)?;
    object.set("signatureAlgorithm", signature_algorithm(certificate))?;
    let sha1 = Algorithm::named("sha1").map(|sha1| sha1.hash(certificate.as_raw())).unwrap_or_default();
    let fingerprint = Array::new(ctx.clone())?;
    for (index, byte) in sha1.into_iter().enumerate() {
        fingerprint.set(index, byte)?;
    }
    object.set("fingerPrint", fingerprint)?;
    object.set("publicKey", key)?;
    object.into_js(ctx)
}

/// A date in RFC 3339, in UTC, to the second.
fn date(time: ASN1Time) -> String {
    let time = time.to_datetime();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second())
}

/// The fields of a name: what scripts call them, and the attribute's type.
type Fields = &'static [(&'static str, &'static str)];

const SUBJECT: Fields = &[
    ("commonName", "2.5.4.3"),
    ("country", "2.5.4.6"),
    ("postalCode", "2.5.4.17"),
    ("stateOrProvinceName", "2.5.4.8"),
    ("localityName", "2.5.4.7"),
    ("streetAddress", "2.5.4.9"),
    ("organizationName", "2.5.4.10"),
    (UNIT, "2.5.4.11"),
];

const ISSUER: Fields = &[
    ("commonName", "2.5.4.3"),
    ("country", "2.5.4.6"),
    ("stateOrProvinceName", "2.5.4.8"),
    ("localityName", "2.5.4.7"),
    ("organizationName", "2.5.4.10"),
];

/// The one field that is a list.
const UNIT: &str = "organizationalUnitName";

fn name<'js>(ctx: &Ctx<'js>, name: &X509Name<'_>, fields: Fields) -> Result<Object<'js>> {
    let all: Vec<(String, String)> = name
        .iter_attributes()
        .map(|attribute| {
            // Other kinds of text than these are BMP (UTF-16) and T.61, which is read as Latin-1.
            let bytes = attribute.as_slice();
            let value = attribute.as_str().map(str::to_owned).unwrap_or_else(|_| {
                if attribute.attr_value().tag() == x509_parser::der_parser::asn1_rs::Tag::BmpString {
                    let units: Vec<u16> =
                        bytes.chunks(2).map(|c| c.iter().fold(0, |n, &b| n << 8 | u16::from(b))).collect();
                    String::from_utf16_lossy(&units)
                } else {
                    bytes.iter().copied().map(char::from).collect()
                }
            });
            (attribute.attr_type().to_id_string(), value)
        })
        .collect();
    let object = Object::new(ctx.clone())?;
    for &(field, oid) in fields {
        let mut values = all.iter().filter(|(own, _)| own == oid).map(|(_, value)| value.as_str());
        match field {
            UNIT => object.set(field, values.collect::<Vec<_>>())?,
            // Of several common names the last counts.
            "commonName" => object.set(field, values.next_back().unwrap_or_default())?,
            _ => object.set(field, values.next().unwrap_or_default())?,
        }
    }
    let names = Array::new(ctx.clone())?;
    for (index, (oid, value)) in all.into_iter().enumerate() {
        let one = Object::new(ctx.clone())?;
        one.set("type", oid)?;
        one.set("value", value)?;
        names.set(index, one)?;
    }
    object.set("names", names)?;
    Ok(object)
}

/// Names of hosts first, then of mail, addresses and URIs.
fn alt_names<'js>(ctx: &Ctx<'js>, certificate: &X509Certificate<'_>) -> Result<Vec<String>> {
    let fail = |why: &str| throw(ctx, &format!("failed to parse certificate: x509: {why}"));
    let extension = certificate.subject_alternative_name();
    let Some(extension) = extension.map_err(|_| fail("invalid subject alternative names"))? else {
        return Ok(Vec::new());
    };
    let mut names: [Vec<String>; 4] = Default::default();
    for name in &extension.value.general_names {
        match name {
            GeneralName::DNSName(host) => names[0].push((*host).to_owned()),
            GeneralName::RFC822Name(mail) => names[1].push((*mail).to_owned()),
            GeneralName::IPAddress(bytes) => names[2].push(ip(bytes).ok_or_else(|| {
                let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
                fail(&format!("cannot parse IP address of length {}: {digits}", bytes.len()))
            })?),
            GeneralName::URI(uri) => names[3].push(match Address::parse(uri) {
                Ok(address) => address.to_string(),
                Err(why) => return Err(fail(&format!("cannot parse URI {uri:?}: {why}"))),
            }),
            _ => {}
        }
    }
    Ok(names.concat())
}

fn ip(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).to_string());
    }
    let sixteen = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
    Some(sixteen.to_ipv4_mapped().map_or_else(|| sixteen.to_string(), |four| four.to_string()))
}

/// Names as Go writes them.
fn signature_algorithm(certificate: &X509Certificate<'_>) -> &'static str {
    let hash = |oid: &str| match oid {
        "2.16.840.1.101.3.4.2.1" => "SHA256-RSAPSS",
        "2.16.840.1.101.3.4.2.2" => "SHA384-RSAPSS",
        "2.16.840.1.101.3.4.2.3" => "SHA512-RSAPSS",
        _ => UNKNOWN,
    };
    let algorithm = &certificate.signature_algorithm;
    match algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => "MD5-RSA",
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => "SHA1-RSA",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.113549.1.1.10" => match SignatureAlgorithm::try_from(algorithm) {
            Ok(SignatureAlgorithm::RSASSA_PSS(params)) => hash(&params.hash_algorithm_oid().to_id_string()),
            _ => UNKNOWN,
        },
        "1.2.840.10040.4.3" => "DSA-SHA1",
        "2.16.840.1.101.3.4.3.2" => "DSA-SHA256",
        "1.2.840.10045.4.1" => "ECDSA-SHA1",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.3.101.112" => "Ed25519",
        _ => UNKNOWN,
    }
}

const UNKNOWN: &str = "UnknownSignatureAlgorithm";

/// The curves that k6 knows.
fn curve(key: &SubjectPublicKeyInfo<'_>) -> Option<&'static str> {
    match key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string().as_str() {
        "1.3.132.0.33" => Some("P-224"),
        "1.2.840.10045.3.1.7" => Some("P-256"),
        "1.3.132.0.34" => Some("P-384"),
        "1.3.132.0.35" => Some("P-521"),
        _ => None,
    }
}

fn check_curve(key: &SubjectPublicKeyInfo<'_>) -> std::result::Result<(), &'static str> {
    let is_known = key.algorithm.algorithm.to_id_string() != EC || curve(key).is_some();
    if is_known { Ok(()) } else { Err("unsupported elliptic curve") }
}

const EC: &str = "1.2.840.10045.2.1";

/// A key's algorithm and numbers.
fn public_key<'js>(ctx: &Ctx<'js>, info: &SubjectPublicKeyInfo<'_>) -> Result<Object<'js>> {
    let key = Object::new(ctx.clone())?;
    let algorithm = match (info.algorithm.algorithm.to_id_string().as_str(), info.parsed()) {
        ("1.2.840.113549.1.1.1", Ok(PublicKey::RSA(rsa))) => {
            key.set("n", number(ctx, rsa.modulus)?)?;
            key.set("e", rsa.try_exponent().unwrap_or_default())?;
            let bytes = rsa.modulus.iter().skip_while(|&&b| b == 0).count();
            add(&key, "size", move || bytes)?;
            "RSA"
        }
        (EC, Ok(PublicKey::EC(point))) => {
            let (x, y) = match point.data() {
                [4, xy @ ..] => xy.split_at(xy.len() / 2),
                _ => (&[][..], &[][..]),
            };
            let curve_of = Object::new(ctx.clone())?;
            curve_of.set("name", curve(info))?;
            key.set("curve", curve_of)?;
            key.set("x", number(ctx, x)?)?;
            key.set("y", number(ctx, y)?)?;
            "ECDSA"
        }
        ("1.2.840.10040.4.1", Ok(PublicKey::DSA(y))) => {
            key.set("y", number(ctx, y)?)?;
            "DSA"
        }
        _ => return Err(throw(ctx, "unsupported public key algorithm")),
    };
    let object = Object::new(ctx.clone())?;
    object.set("algorithm", algorithm)?;
    object.set("key", key)?;
    Ok(object)
}

/// A `bigint` of a number's bytes, the highest first.
fn number<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<Value<'js>> {
    ctx.eval(format!("0x0{}n", super::hex(bytes)))
}
