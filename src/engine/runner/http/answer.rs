//! An answer as a result: its body unpacked, read as text, and as JSON if it says that it is.

use super::{failure::Failure, transport::Answer};
use crate::{engine::runner::Outcome, model::ExecutionStatus, pytext};
use encoding_rs::Encoding;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use serde_json::{Map, Value, json};
use std::{borrow::Cow, io::Read};

/// Status codes that count as success: those of 2xx that HTTP itself defines. A redirect that was not followed failed.
const SUCCESS: std::ops::RangeInclusive<u16> = 200..=206;

/// The outcome of an action that got this answer. A body may have `limit` bytes when it is unpacked.
pub(super) fn outcome(answer: &Answer, limit: usize) -> Result<Outcome, Failure> {
    let body = unpack(answer, limit)?;
    let content_type = answer.header("content-type").unwrap_or_default();
    let text = decode(&body, content_type);
    let (body, parsed) = read(text, content_type);
    let headers: Map<String, Value> =
        answer.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let result = json!({"status_code": answer.status, "body": body, "parsed": parsed, "headers": headers});
    let succeeded = SUCCESS.contains(&answer.status);
    let status = if succeeded { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed };
    Ok(Outcome { status, result: result.into() })
}

fn read(text: String, content_type: &str) -> (Value, bool) {
    if content_type.split(';').next() == Some("application/json")
        && let Ok(value) = pytext::json_loads(&text)
    {
        return (value, true);
    }
    (Value::String(text), false)
}

fn unpack(answer: &Answer, limit: usize) -> Result<Cow<'_, [u8]>, Failure> {
    let packed = answer.body.as_slice();
    let encoding = answer.header("content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
    if packed.is_empty() {
        return Ok(Cow::Borrowed(packed));
    }
    let unpacked = match encoding.as_str() {
        "gzip" | "x-gzip" => all(MultiGzDecoder::new(packed), limit),
        // Servers disagree on what this name means: try the one that the standard means first.
        "deflate" => match all(ZlibDecoder::new(packed), limit) {
            Err(Unpack::Broken(_)) => all(DeflateDecoder::new(packed), limit),
            other => other,
        },
        _ => return Ok(Cow::Borrowed(packed)),
    };
    match unpacked {
        Ok(bytes) => Ok(Cow::Owned(bytes)),
        Err(Unpack::TooLarge) => Err(Failure::TooLarge(limit)),
        Err(Unpack::Broken(error)) => Err(Failure::Refused(format!(
            "('Received response with content-encoding: {encoding}, but failed to decode it.', error({}))",
            pytext::repr_str(&error.to_string())
        ))),
    }
}

enum Unpack {
    TooLarge,
    Broken(std::io::Error),
}

/// Bounded: a small body may unpack to gigabytes.
fn all(source: impl Read, limit: usize) -> Result<Vec<u8>, Unpack> {
    let mut bytes = Vec::new();
    source.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(Unpack::Broken)?;
    if bytes.len() > limit { Err(Unpack::TooLarge) } else { Ok(bytes) }
}

/// As `requests` reads text: the charset that is named; Latin-1 for other text; UTF-8 where nothing is known.
fn decode(body: &[u8], content_type: &str) -> String {
    let latin1 = || body.iter().map(|byte| char::from(*byte)).collect::<String>();
    let charset = content_type.split(';').skip(1).find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches(['"', '\'']).to_ascii_lowercase())
    });
    match charset.as_deref() {
        // Not what browsers make of these names: Python means what they say.
        Some("iso-8859-1" | "latin-1" | "latin1" | "us-ascii" | "ascii") => latin1(),
        Some(label) if let Some(encoding) = Encoding::for_label(label.as_bytes()) => {
            encoding.decode_without_bom_handling(body).0.into_owned()
        }
        None if content_type.trim_start().starts_with("text/") => latin1(),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn answer(headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status: 200, headers, body: body.to_vec() }
    }

    fn body(content_type: &str, body: &[u8]) -> Value {
        let outcome = outcome(&answer(&[("Content-Type", content_type)], body), 1000).unwrap();
        let result = json!(outcome.result);
        json!([result["body"], result["parsed"]])
    }

    #[test]
    fn only_what_says_it_is_json_is_read_as_json() {
        assert_eq!(body("application/json; charset=utf-8", b"{\"a\": 1}"), json!([{"a": 1}, true]));
        assert_eq!(body("application/json", b"{"), json!(["{", false]));
        assert_eq!(body("application/problem+json", b"1"), json!(["1", false]));
        assert_eq!(body("", b"\xc3\xa9"), json!(["\u{e9}", false]));
        assert_eq!(body("text/plain", b"\xe9"), json!(["\u{e9}", false]));
        assert_eq!(body("text/plain; charset=koi8-r", b"\xc1"), json!(["\u{430}", false]));
    }

    #[test]
    fn packed_bodies_are_unpacked_within_bounds() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&[b'x'; 5000]).unwrap();
        let packed = answer(&[("content-encoding", "gzip")], &gzip.finish().unwrap());
        assert_eq!(json!(outcome(&packed, 5000).unwrap().result)["body"], "x".repeat(5000));
        assert!(matches!(outcome(&packed, 4999), Err(Failure::TooLarge(_))));
        let broken = answer(&[("content-encoding", "gzip")], b"no gzip");
        assert!(outcome(&broken, 100).is_err());
    }
}
