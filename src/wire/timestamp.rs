//! Time stamps: UTC, six digits of fraction, always `Z`. Made by hand, since every event holds half a dozen.

use chrono::{DateTime, Datelike, Timelike, Utc};

/// `2026-01-05T03:00:00.120345Z`.
pub fn micros(at: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(27);
    push(&mut text, at, at.nanosecond() / 1000);
    text
}

/// The same with the last three digits zero: StackStorm keeps a few stamps in milliseconds.
pub fn millis(at: DateTime<Utc>) -> String {
    let mut text = String::with_capacity(27);
    push(&mut text, at, at.nanosecond() / 1_000_000 * 1000);
    text
}

/// `2026-01-05T03:00:00Z`: the one stamp StackStorm shows without a fraction is a token's end in `/user`.
pub fn seconds(at: DateTime<Utc>) -> String {
    let mut text = micros(at);
    text.truncate(19);
    text.push('Z');
    text
}

/// `Mon, 05 Jan 2026 03:00:00 GMT`, for HTTP headers.
pub fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Appends a quoted stamp to JSON.
pub(super) fn write_micros(out: &mut Vec<u8>, at: DateTime<Utc>) {
    write(out, &micros(at));
}

/// Appends a quoted stamp in milliseconds to JSON.
pub(super) fn write_millis(out: &mut Vec<u8>, at: DateTime<Utc>) {
    write(out, &millis(at));
}

fn write(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn push(text: &mut String, at: DateTime<Utc>, micros: u32) {
    // A year beyond four digits cannot come from a clock; it is cut rather than breaking the shape.
    digits(text, at.year().clamp(0, 9999) as u32, 4, '-');
    digits(text, at.month(), 2, '-');
    digits(text, at.day(), 2, 'T');
    digits(text, at.hour(), 2, ':');
    digits(text, at.minute(), 2, ':');
    digits(text, at.second(), 2, '.');
    // A leap second is kept as a fraction past one second; the wire has no room for it.
    digits(text, micros.min(999_999), 6, 'Z');
}

fn digits(text: &mut String, value: u32, width: u32, end: char) {
    for place in (0..width).rev() {
        text.push(char::from(b'0' + (value / 10_u32.pow(place) % 10) as u8));
    }
    text.push(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_have_six_digits_and_a_z() {
        let at = DateTime::from_timestamp(1_767_582_000, 120_345_678).unwrap();
        assert_eq!(micros(at), "2026-01-05T03:00:00.120345Z");
        assert_eq!(millis(at), "2026-01-05T03:00:00.120000Z");
    }

    #[test]
    fn they_read_as_chrono_writes_them() {
        for seconds in [0, 1, 951_782_399, 4_102_444_799] {
            let at = DateTime::from_timestamp(seconds, 7000).unwrap();
            assert_eq!(micros(at), at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
        }
    }
}
