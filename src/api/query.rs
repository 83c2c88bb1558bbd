//! Query parameters, typed. What an endpoint does not declare is ignored; of a repeated one the last counts.

use super::{ApiResult, Error};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use chrono::{DateTime, NaiveDateTime, Utc};
use std::future::{Ready, ready};

/// The parameters of a request, decoded.
#[derive(Clone, Debug, Default)]
pub struct QueryString(Vec<(String, String)>);

impl QueryString {
    /// Reads the query of a request.
    pub fn of(request: &HttpRequest) -> Self {
        Self::parse(request.query_string())
    }

    fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(text);
        let mut pairs = pairs.map(actix_web::web::Query::into_inner).unwrap_or_default();
        // The database takes no text with a NUL, and holds none: what is looked for so must be found nowhere.
        for (_, value) in pairs.iter_mut().filter(|(_, value)| value.contains('\0')) {
            *value = value.replace('\0', "\u{fffd}");
        }
        Self(pairs)
    }

    /// The same without a parameter.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(key, _)| key != name).cloned().collect())
    }

    /// The text of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The text of a parameter, where empty means not given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    /// A switch.
    pub fn boolean(&self, name: &str) -> ApiResult<Option<bool>> {
        self.get(name)
            .map(|text| match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "y" => Ok(true),
                "false" | "0" | "no" | "n" => Ok(false),
                _ => Err(Error::bad_request(format!("Parameter \"{name}\" is not of type boolean"))),
            })
            .transpose()
    }

    /// A whole number; one beyond 64 bits counts as the largest.
    pub fn integer(&self, name: &str) -> ApiResult<Option<i64>> {
        self.get(name)
            .map(|text| {
                let digits = text.strip_prefix('-').unwrap_or(text);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(Error::bad_request(format!("Parameter \"{name}\" is not of type integer")));
                }
                let limit = if digits.len() < text.len() { i64::MIN } else { i64::MAX };
                Ok(text.parse().unwrap_or(limit))
            })
            .transpose()
    }

    /// A list: its items, as separated by commas.
    pub fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.text(name).map(|text| text.split(',').collect())
    }

    /// A moment.
    pub fn moment(&self, name: &str) -> ApiResult<Option<DateTime<Utc>>> {
        self.text(name).map(moment).transpose()
    }
}

impl FromRequest for QueryString {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// Reads a time stamp as clients send it: UTC, `T` or a blank in the middle, up to six digits of fraction.
pub(super) fn moment(text: &str) -> ApiResult<DateTime<Utc>> {
    let bad = || Error::bad_request("Datetime value does not match expected format.");
    let zone = ["Z", "+00", "+0000", "+00:00"];
    let (stamp, _) = text
        .char_indices()
        .skip(19)
        .find(|(_, character)| matches!(character, 'Z' | '+'))
        .map(|(at, _)| text.split_at(at))
        .filter(|(_, end)| zone.contains(end))
        .ok_or_else(bad)?;
    let fraction = stamp.len().checked_sub(20);
    let shape = stamp.is_ascii()
        && stamp.bytes().take(19).zip("0000-00-00T00:00:00".bytes()).all(|(byte, model)| match model {
            b'0' => byte.is_ascii_digit(),
            b'T' => byte == b'T' || byte == b' ',
            mark => byte == mark,
        })
        && fraction.is_none_or(|digits| {
            (3..=6).contains(&digits)
                && stamp.as_bytes()[19] == b'.'
                && stamp.bytes().skip(20).all(|byte| byte.is_ascii_digit())
        });
    if !shape {
        return Err(bad());
    }
    let plain = stamp.replace(' ', "T");
    NaiveDateTime::parse_from_str(&plain, "%Y-%m-%dT%H:%M:%S%.f").map(|at| at.and_utc()).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words<T>(result: ApiResult<T>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn switches_and_numbers_are_read_as_stackstorm_reads_them() {
        let query = QueryString::parse(
            "a=YES&b=0&c=&d=maybe&n=-12&m=1.5&e=%20&twice=1&twice=2&big=99999999999999999999",
        );
        assert_eq!(query.boolean("a").unwrap(), Some(true));
        assert_eq!(query.boolean("b").unwrap(), Some(false));
        assert_eq!(query.boolean("absent").unwrap(), None);
        assert_eq!(words(query.boolean("c")), "Parameter \"c\" is not of type boolean");
        assert_eq!(words(query.boolean("d")), "Parameter \"d\" is not of type boolean");
        assert_eq!(query.integer("n").unwrap(), Some(-12));
        assert_eq!(query.integer("twice").unwrap(), Some(2));
        assert_eq!(query.integer("big").unwrap(), Some(i64::MAX));
        for name in ["c", "m", "e"] {
            assert_eq!(words(query.integer(name)), format!("Parameter \"{name}\" is not of type integer"));
        }
        assert_eq!(query.text("c"), None);
        assert_eq!(query.get("e"), Some(" "));
    }

    #[test]
    fn only_the_documented_stamps_are_moments() {
        for good in [
            "2026-01-05T03:00:00Z",
            "2026-01-05 03:00:00.123Z",
            "2026-01-05T03:00:00.123456+00",
            "2026-01-05T03:00:00+0000",
            "2026-01-05T03:00:00.1234+00:00",
        ] {
            assert!(moment(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "2026-01-05",
            "2026-01-05T03:00:00",
            "2026-01-05T03:00:00.12Z",
            "2026-01-05T03:00:00.1234567Z",
            "2026-01-05T03:00:00+01:00",
            "2026-13-05T03:00:00Z",
            "2026-01-05x03:00:00Z",
            "ä026-01-05T03:00:00Z",
            "2026-01-05T03:00:00.Z",
            "26-01-05T03:00:00Z",
        ] {
            assert_eq!(words(moment(bad)), "Datetime value does not match expected format.", "{bad}");
        }
    }
}
