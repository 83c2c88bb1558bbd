//! Times as people read them.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

/// A time as the API writes it; without a zone it is UTC.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f"].iter().find_map(|format| {
        DateTime::parse_from_str(text, format)
            .map(|time| time.with_timezone(&Utc))
            .or_else(|_| NaiveDateTime::parse_from_str(text, format).map(|time| time.and_utc()))
            .ok()
    })
}

/// `Fri, 12 Jan 2024 10:00:00 UTC`; nothing for no time, and what is no time as it is.
pub(crate) fn readable(value: &Value, zone: chrono_tz::Tz) -> String {
    let Some(text) = value.as_str() else { return String::new() };
    match parse(text) {
        Some(time) => time.with_timezone(&zone).format("%a, %d %b %Y %H:%M:%S %Z").to_string(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;
    use serde_json::json;

    #[test]
    fn times_are_shown_in_the_users_zone() {
        let utc = chrono_tz::UTC;
        assert_eq!(readable(&json!("2024-01-12T10:00:00.123456Z"), utc), "Fri, 12 Jan 2024 10:00:00 UTC");
        assert_eq!(
            readable(&json!("2024-01-12T10:00:00Z"), chrono_tz::Europe::Paris),
            "Fri, 12 Jan 2024 11:00:00 CET"
        );
        assert_eq!(readable(&json!("2024-01-12 10:00:00+00:00"), utc), "Fri, 12 Jan 2024 10:00:00 UTC");
        assert_eq!(readable(&json!(null), utc), "");
        assert_eq!(readable(&json!("Fri, 12 Jan 2024 10:00:00 UTC"), utc), "Fri, 12 Jan 2024 10:00:00 UTC");
    }
}
