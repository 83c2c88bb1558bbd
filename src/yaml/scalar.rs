//! Scalars to values, as PyYAML's safe constructor makes them.

use chrono::NaiveDate;
use num_bigint::BigInt;

use super::{Yaml, resolve::Tag, time::Stamp};
use crate::pytext;

/// The longest integer that is read, as in Python; longer ones would cost the square of their length.
const MAX_DIGITS: usize = 4300;

/// The value of a scalar with one of the scalar tags; `None` for any other tag.
pub(super) fn construct(tag: &Tag, text: &str) -> Option<Result<Yaml, String>> {
    Some(match tag {
        Tag::Null => Ok(Yaml::Null),
        Tag::Bool => bool(text),
        Tag::Int => int(text),
        Tag::Float => float(text),
        Tag::Str => Ok(Yaml::Str(text.to_owned())),
        Tag::Binary => binary(text),
        Tag::Timestamp => timestamp(text),
        _ => return None,
    })
}

fn bool(text: &str) -> Result<Yaml, String> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" => Ok(Yaml::Bool(true)),
        "no" | "false" | "off" => Ok(Yaml::Bool(false)),
        other => Err(pytext::repr_str(other)),
    }
}

/// Takes off a sign; `true` for a minus.
fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn int(text: &str) -> Result<Yaml, String> {
    let digits = text.replace('_', "");
    let (negative, digits) = sign(&digits);
    if digits.is_empty() {
        return Err("string index out of range".to_owned());
    }
    let value = if digits == "0" {
        BigInt::ZERO
    } else if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)?
    } else if let Some(hex) = digits.strip_prefix("0x") {
        radix(hex, 16)?
    } else if digits.starts_with('0') {
        radix(digits, 8)?
    } else if digits.contains(':') {
        if digits.len() > MAX_DIGITS {
            return Err(format!("the integer has more than {MAX_DIGITS} digits"));
        }
        let places = digits.split(':').map(decimal).collect::<Result<Vec<_>, _>>()?;
        places.into_iter().fold(BigInt::ZERO, |sum, place| sum * 60 + place)
    } else {
        decimal(digits)?
    };
    let value = if negative { -value } else { value };
    Ok(Yaml::Int(pytext::from_big(&value)))
}

fn decimal(text: &str) -> Result<BigInt, String> {
    let number = pytext::int(text)?;
    Ok(pytext::big(&number).unwrap_or_default())
}

/// `int(text, base)`, which also takes Python's own prefix of the base.
fn radix(text: &str, base: u32) -> Result<BigInt, String> {
    if text.len() > MAX_DIGITS {
        return Err(format!("the integer has more than {MAX_DIGITS} digits"));
    }
    let (negative, digits) = sign(text.trim());
    let prefix = match base {
        2 => ["0b", "0B"],
        8 => ["0o", "0O"],
        _ => ["0x", "0X"],
    };
    let digits = prefix.iter().find_map(|prefix| digits.strip_prefix(prefix)).unwrap_or(digits);
    let value =
        digits.starts_with(|c: char| c.is_digit(base)).then(|| BigInt::parse_bytes(digits.as_bytes(), base));
    let invalid = || format!("invalid literal for int() with base {base}: {}", pytext::repr_str(text));
    let value = value.flatten().ok_or_else(invalid)?;
    Ok(if negative { -value } else { value })
}

fn float(text: &str) -> Result<Yaml, String> {
    let digits = text.replace('_', "").to_lowercase();
    let (negative, digits) = sign(&digits);
    let value = match digits {
        "" => return Err("string index out of range".to_owned()),
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ if digits.contains(':') => {
            let places = digits.split(':').map(pytext::float).collect::<Result<Vec<_>, _>>()?;
            // From the last place on, as PyYAML sums them: the order decides the last bit.
            let mut base = 1.0;
            let mut sum = 0.0;
            for place in places.iter().rev() {
                sum += place * base;
                base *= 60.0;
            }
            sum
        }
        _ => pytext::float(digits)?,
    };
    Ok(Yaml::Float(if negative { -value } else { value }))
}

/// Base64 as Python's `decodebytes` takes it: characters outside the alphabet do not count, and padding
/// ends the data where it completes a group of four.
fn binary(text: &str) -> Result<Yaml, String> {
    if !text.is_ascii() {
        return Err("failed to convert base64 data into ascii".to_owned());
    }
    let mut bytes = Vec::new();
    // The group at hand: how many of its characters were met, and the bits that made no byte yet.
    let mut place = 0;
    let mut left = 0_u8;
    let mut padding = 0;
    for c in text.bytes() {
        if c == b'=' {
            if place >= 2 {
                padding += 1;
                if place + padding >= 4 {
                    return Ok(Yaml::Bytes(bytes));
                }
            }
            continue;
        }
        let Some(bits) = sextet(c) else { continue };
        padding = 0;
        match place {
            0 => {}
            1 => bytes.push(left << 2 | bits >> 4),
            2 => bytes.push(left << 4 | bits >> 2),
            _ => bytes.push(left << 6 | bits),
        }
        left = bits;
        place = (place + 1) % 4;
    }
    match place {
        0 => Ok(Yaml::Bytes(bytes)),
        1 => {
            let count = bytes.len() / 3 * 4 + 1;
            Err(format!(
                "failed to decode base64 data: Invalid base64-encoded string: number of data characters ({count}) \
                 cannot be 1 more than a multiple of 4"
            ))
        }
        _ => Err("failed to decode base64 data: Incorrect padding".to_owned()),
    }
}

/// The six bits a character of base64 stands for.
fn sextet(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

fn timestamp(text: &str) -> Result<Yaml, String> {
    let Some(stamp) = Stamp::parse(text) else { return Err("not a timestamp".to_owned()) };
    if stamp.year == 0 {
        return Err("year 0 is out of range".to_owned());
    }
    if !(1..=12).contains(&stamp.month) {
        return Err("month must be in 1..12".to_owned());
    }
    let date = NaiveDate::from_ymd_opt(stamp.year, stamp.month, stamp.day);
    let date = date.ok_or("day is out of range for month")?;
    let Some(time) = stamp.time else { return Ok(Yaml::Date(date)) };
    for (value, limit, name) in
        [(time.hour, 23, "hour"), (time.minute, 59, "minute"), (time.second, 59, "second")]
    {
        if value > limit {
            return Err(format!("{name} must be in 0..{limit}"));
        }
    }
    if time.offset.is_some_and(|minutes| minutes.abs() >= 24 * 60) {
        return Err("offset must be a timedelta strictly between -24 and 24 hours".to_owned());
    }
    let moment = date.and_hms_micro_opt(time.hour, time.minute, time.second, time.micros);
    let moment = moment.ok_or("the time does not exist")?;
    Ok(Yaml::DateTime(moment, time.offset))
}
