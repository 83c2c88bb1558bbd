//! Floats in the forms `e`, `f` and `g`.

/// Digits after the point that are ever written; more are zeros and a way to waste memory.
pub(super) const MAX_PRECISION: usize = 10_000;

/// How to write a float.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// `e`, `f` or `g`.
    pub(super) form: char,
    pub(super) precision: usize,
    /// Keep the point, and the zeros of `g`.
    pub(super) alternate: bool,
    /// Write `g` with a digit after the point at least, as `repr()` does.
    pub(super) keep_point: bool,
}

/// The magnitude of a finite float, without sign.
pub(super) fn magnitude(value: f64, style: Style) -> String {
    let value = value.abs();
    let precision = style.precision.min(MAX_PRECISION);
    match style.form {
        'f' => {
            let mut text = format!("{value:.precision$}");
            if style.alternate && precision == 0 {
                text.push('.');
            }
            text
        }
        'e' => exponent(value, precision, style.alternate),
        _ => general(value, precision.max(1), style),
    }
}

fn exponent(value: f64, precision: usize, alternate: bool) -> String {
    let text = format!("{value:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    let point = if alternate && precision == 0 { "." } else { "" };
    format!("{mantissa}{point}e{sign}{digits:0>2}")
}

fn general(value: f64, precision: usize, style: Style) -> String {
    let scientific = format!("{value:.*e}", precision - 1);
    let power: i64 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let limit = precision as i64 - i64::from(style.keep_point);
    if power < -4 || power >= limit {
        let text = exponent(value, precision - 1, style.alternate);
        return match text.split_once('e') {
            Some((mantissa, power)) if !style.alternate => format!("{}e{power}", without_zeros(mantissa)),
            _ => text,
        };
    }
    let decimals = (precision as i64 - 1 - power).max(0) as usize;
    let mut text = format!("{value:.decimals$}");
    if !style.alternate {
        text = without_zeros(&text).to_owned();
    } else if decimals == 0 {
        text.push('.');
    }
    if style.keep_point && !text.contains('.') {
        text.push_str(".0");
    }
    text
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// `infinity` and `nan` as every form writes them.
pub(super) fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("nan")
    } else if value.is_infinite() {
        Some("inf")
    } else {
        None
    }
}

/// A float with a fixed number of digits after the point.
pub(in super::super) fn fixed(value: f64, precision: usize) -> String {
    format!("{value:.precision$}")
}
