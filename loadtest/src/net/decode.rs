//! Content encodings: gzip, deflate, brotli and zstd, both ways.

use std::io::{Read, Write};

use super::NetError;

/// Largest body after decompression.
const DECODED_MAX: u64 = 1 << 30;

/// Undoes the encodings named in a `Content-Encoding` header, the last applied first. Unknown ones are left alone.
pub fn decode(body: Vec<u8>, encodings: &str) -> Result<Vec<u8>, NetError> {
    let names: Vec<String> = encodings.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    let known = |name: &String| matches!(name.as_str(), "gzip" | "deflate" | "br" | "zstd");
    if body.is_empty() || !names.iter().all(known) {
        return Ok(body);
    }
    names.iter().rev().try_fold(body, |body, name| {
        let decoded = match name.as_str() {
            "gzip" => drain(flate2::read::MultiGzDecoder::new(body.as_slice())),
            "deflate" => drain(flate2::read::ZlibDecoder::new(body.as_slice())),
            "br" => drain(brotli::Decompressor::new(body.as_slice(), 4096)),
            _ => zstd::Decoder::new(body.as_slice()).and_then(drain),
        };
        decoded.map_err(|error| {
            NetError::decompression(format!("error decompressing response body ({name}): {error}"))
        })
    })
}

/// Applies the encodings of a request's `compression` parameter in order. An unknown one is named in the error.
pub fn encode(body: Vec<u8>, encodings: &str) -> Result<Vec<u8>, String> {
    encodings.split(',').map(str::trim).try_fold(body, |body, name| {
        let failed = |error: std::io::Error| format!("cannot compress the request body with {name}: {error}");
        match name {
            "gzip" => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                writer.write_all(&body).and_then(|()| writer.finish()).map_err(failed)
            }
            "deflate" => {
                let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
                writer.write_all(&body).and_then(|()| writer.finish()).map_err(failed)
            }
            "br" => {
                let mut out = Vec::new();
                let params = brotli::enc::BrotliEncoderParams::default();
                brotli::BrotliCompress(&mut body.as_slice(), &mut out, &params).map_err(failed)?;
                Ok(out)
            }
            "zstd" => zstd::encode_all(body.as_slice(), 0).map_err(failed),
            other => Err(format!("unknown compression `{other}`; known are gzip, deflate, br and zstd")),
        }
    })
}

fn drain(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(DECODED_MAX + 1).read_to_end(&mut out)?;
    if out.len() as u64 > DECODED_MAX {
        return Err(std::io::Error::other("larger than 1 GiB when decompressed"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_comes_back() {
        let body = b"a todo list ".repeat(100);
        for encodings in ["gzip", "deflate", "br", "zstd", "gzip, br"] {
            let encoded = encode(body.clone(), encodings).expect(encodings);
            assert!(encoded.len() < body.len());
            assert_eq!(decode(encoded, encodings).expect(encodings), body);
        }
        assert_eq!(decode(body.clone(), "identity").expect("left alone"), body);
        assert_eq!(decode(b"not gzip".to_vec(), "gzip").expect_err("broken").code, 1701);
        assert!(encode(body, "lzma").is_err());
    }
}
