//! Signatures of webhooks, as GitHub, GitLab, Slack and others make them: what a rule says about them is read, and
//! requests are checked. Pure.
//!
//! In two steps: the headers tell whether a request may be signed at all ([`Settings::claim`]), so that the bodies of
//! those that are not need not be read; then the body is held against what they claim.
//!
//! Left out: the secret, of which settings hold only the name.

use crate::pytext;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// How far the clock of a sender that signs its time may be from ours, in seconds. Slack's advice.
const SLACK_TOLERANCE: i64 = 300;

/// What a rule says about the signatures of its webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who makes them.
    pub scheme: Scheme,
    /// The key of the datastore that holds the secret.
    pub secret_key: String,
    /// A token or an API key is needed as well.
    pub needs_token: bool,
}

/// How a signature is made and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `X-Hub-Signature-256: sha256=<hex>` over the body.
    GitHub,
    /// `X-Gitlab-Token` is the secret itself.
    GitLab,
    /// `X-Slack-Signature: v0=<hex>` over time and body.
    Slack,
    /// HMAC-SHA256 over the body, in a header of anybody's choice.
    Hmac {
        /// The header.
        header: String,
        /// What stands before the signature.
        prefix: String,
        /// Base64 instead of hex.
        is_base64: bool,
        /// The header that names a delivery.
        delivery_header: Option<String>,
    },
}

/// Why a request is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not signed.
    #[error("there is no header {0}")]
    Missing(String),
    /// The header holds something else.
    #[error("the header {0} holds no signature of this kind")]
    Malformed(String),
    /// It was signed long ago, or will be.
    #[error("it was signed {0} seconds away from now, more than 300: a replay, or a clock that is wrong")]
    Stale(i64),
    /// It was signed with another secret, or changed on its way.
    #[error("the signature is another one than the secret makes")]
    Wrong,
}

/// What the headers of a request say of who sent it.
#[derive(Clone, Debug)]
pub enum Claim {
    /// They prove it, whatever the body is.
    Proven,
    /// They hold a signature, which the body must bear out.
    Signed {
        /// Has taken in what is signed before the body.
        mac: Hmac<Sha256>,
        /// The signature.
        signature: Vec<u8>,
    },
}

impl Settings {
    /// Reads settings.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn read(given: &Value) -> Result<Self, String> {
        let Value::Object(fields) = given else {
            return Err(format!("`signature` must be an object, got {}", pytext::repr(given)));
        };
        let kind = text(fields, "type")?.unwrap_or_default();
        let scheme = match kind.as_str() {
            "github" => Scheme::GitHub,
            "gitlab" => Scheme::GitLab,
            "slack" => Scheme::Slack,
            "hmac-sha256" => Scheme::Hmac {
                header: text(fields, "header")?.ok_or("`signature` of type hmac-sha256 needs a `header`")?,
                prefix: text(fields, "prefix")?.unwrap_or_default(),
                is_base64: match text(fields, "encoding")?.as_deref() {
                    None | Some("hex") => false,
                    Some("base64") => true,
                    Some(other) => {
                        return Err(format!("`signature.encoding` is hex or base64, not {other:?}"));
                    }
                },
                delivery_header: text(fields, "delivery_header")?,
            },
            other => {
                return Err(format!(
                    "`signature.type` must be one of github, gitlab, slack, hmac-sha256, not {other:?}"
                ));
            }
        };
        let own: &[&str] = match scheme {
            Scheme::Hmac { .. } => &["header", "prefix", "encoding", "delivery_header"],
            _ => &[],
        };
        let known = |key: &&String| {
            ["type", "secret_key", "token"].contains(&key.as_str()) || own.contains(&key.as_str())
        };
        if let Some(unknown) = fields.keys().find(|key| !known(key)) {
            return Err(format!("`signature` of type {kind} knows no {unknown:?}"));
        }
        let secret_key = text(fields, "secret_key")?
            .ok_or("`signature` needs a `secret_key`: the key of the datastore that holds the secret")?;
        let needs_token = match fields.get("token") {
            None | Some(Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(other) => {
                return Err(format!("`signature.token` is true or false, not {}", pytext::repr(other)));
            }
        };
        Ok(Self { scheme, secret_key, needs_token })
    }

    /// Reads what the headers of a request claim.
    ///
    /// # Errors
    /// [`Fault`]: whatever the body is, it is not believed.
    pub fn claim<'a>(
        &self,
        secret: &[u8],
        header: impl Fn(&str) -> Option<&'a [u8]>,
        now: DateTime<Utc>,
    ) -> Result<Claim, Fault> {
        let given = |name: &str| header(name).ok_or_else(|| Fault::Missing(name.to_owned()));
        match &self.scheme {
            Scheme::GitHub => {
                let name = "X-Hub-Signature-256";
                Claim::signed(secret, &[], decoded(given(name)?, "sha256=", false, name)?)
            }
            Scheme::GitLab => {
                let token = given("X-Gitlab-Token")?;
                // Hashes are of one length, whatever the secret's.
                let (given, wanted) = (Sha256::digest(token), Sha256::digest(secret));
                let is_equal = given[..].ct_eq(&wanted[..]);
                if bool::from(is_equal) { Ok(Claim::Proven) } else { Err(Fault::Wrong) }
            }
            Scheme::Slack => {
                let (name, time) = ("X-Slack-Signature", "X-Slack-Request-Timestamp");
                let signature = decoded(given(name)?, "v0=", false, name)?;
                let text = given(time)?;
                let at = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
                let at = at.ok_or_else(|| Fault::Malformed(time.to_owned()))?;
                let away = now.timestamp().saturating_sub(at).saturating_abs();
                if away > SLACK_TOLERANCE {
                    return Err(Fault::Stale(away));
                }
                Claim::signed(secret, &[b"v0:", text, b":"], signature)
            }
            Scheme::Hmac { header: name, prefix, is_base64, .. } => {
                Claim::signed(secret, &[], decoded(given(name)?, prefix, *is_base64, name)?)
            }
        }
    }

    /// What the sender names this delivery by, if it does: the same when it is sent again.
    pub fn delivery<'a>(&self, header: impl Fn(&str) -> Option<&'a [u8]>) -> Option<String> {
        let name = match &self.scheme {
            Scheme::GitHub => "X-GitHub-Delivery",
            Scheme::GitLab => "Idempotency-Key",
            // Time is part of it, so that no two are the same.
            Scheme::Slack => "X-Slack-Signature",
            Scheme::Hmac { delivery_header, .. } => delivery_header.as_deref()?,
        };
        let id = std::str::from_utf8(header(name)?).ok()?;
        // It becomes part of a key, which has bounds.
        (!id.is_empty() && id.len() <= 200).then(|| id.to_owned())
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(other) => Err(format!("`signature.{name}` must be a text, got {}", pytext::repr(other))),
    }
}

fn decoded(given: &[u8], prefix: &str, is_base64: bool, name: &str) -> Result<Vec<u8>, Fault> {
    let malformed = || Fault::Malformed(name.to_owned());
    let text = given.strip_prefix(prefix.as_bytes()).ok_or_else(malformed)?;
    if is_base64 {
        BASE64.decode(text).map_err(|_| malformed())
    } else {
        hex::decode(text).map_err(|_| malformed())
    }
}

impl Claim {
    fn signed(secret: &[u8], before: &[&[u8]], signature: Vec<u8>) -> Result<Self, Fault> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| Fault::Wrong)?;
        for part in before {
            mac.update(part);
        }
        Ok(Self::Signed { mac, signature })
    }

    /// Holds the body against it. Takes the same time whatever the signature is.
    ///
    /// # Errors
    /// [`Fault::Wrong`].
    pub fn check(self, body: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Proven => Ok(()),
            Self::Signed { mac, signature } => {
                mac.chain_update(body).verify_slice(&signature).map_err(|_| Fault::Wrong)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(
        settings: &Value,
        secret: &str,
        headers: &[(&str, &str)],
        body: &str,
        now: i64,
    ) -> Result<(), Fault> {
        let settings = Settings::read(settings).unwrap();
        let header = |name: &str| {
            let found = headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_bytes())
        };
        let now = DateTime::from_timestamp(now, 0).unwrap();
        settings.claim(secret.as_bytes(), header, now)?.check(body.as_bytes())
    }

    /// The examples of their documentations.
    #[test]
    fn signatures_are_those_of_their_makers() {
        let github = json!({"type": "github", "secret_key": "k"});
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let secret = "It's a Secret to Everybody";
        let with =
            |value: &str| check(&github, secret, &[("x-hub-signature-256", value)], "Hello, World!", 0);
        assert_eq!(with(good), Ok(()));
        assert_eq!(with(&good.replace("757", "758")), Err(Fault::Wrong));
        assert_eq!(with("sha256=75"), Err(Fault::Wrong));
        for malformed in ["", "757107", "sha1=757107", "sha256=x"] {
            assert_eq!(with(malformed), Err(Fault::Malformed("X-Hub-Signature-256".into())), "{malformed}");
        }
        let slack = json!({"type": "slack", "secret_key": "k"});
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
            channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=\
            https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
            trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let headers = [
            ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
            ("X-Slack-Request-Timestamp", "1531420618"),
        ];
        let secret = "8f742231b10e8888abcd99yyyzzz85a5";
        assert_eq!(check(&slack, secret, &headers, body, 1_531_420_700), Ok(()));
        assert_eq!(check(&slack, secret, &headers, body, 1_531_421_000), Err(Fault::Stale(382)));
        assert_eq!(check(&slack, secret, &headers, &body[1..], 1_531_420_700), Err(Fault::Wrong));
        assert_eq!(check(&slack, secret, &headers[..1], body, 0), Err(Fault::Missing(headers[1].0.into())));
        let gitlab = json!({"type": "gitlab", "secret_key": "k"});
        assert_eq!(check(&gitlab, "s", &[("X-Gitlab-Token", "s")], "", 0), Ok(()));
        assert_eq!(check(&gitlab, "s", &[("X-Gitlab-Token", "ss")], "", 0), Err(Fault::Wrong));
        // RFC 4231, case 2.
        let any = json!({"type": "hmac-sha256", "secret_key": "k", "header": "Sig", "encoding": "base64"});
        let headers = [("sig", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=")];
        assert_eq!(check(&any, "Jefe", &headers, "what do ya want for nothing?", 0), Ok(()));
        assert_eq!(check(&any, "Jefe", &headers, "what do ya want for nothing", 0), Err(Fault::Wrong));
    }

    #[test]
    fn settings_say_what_is_wrong_with_them() {
        for (given, said) in [
            (json!("github"), "`signature` must be an object, got 'github'"),
            (json!({}), "`signature.type` must be one of github, gitlab, slack, hmac-sha256, not \"\""),
            (json!({"type": "github"}), "`signature` needs a `secret_key`"),
            (
                json!({"type": "github", "secret_key": "k", "header": "X"}),
                "of type github knows no \"header\"",
            ),
            (json!({"type": "hmac-sha256", "secret_key": "k"}), "needs a `header`"),
            (
                json!({"type": "slack", "secret_key": "k", "token": 1}),
                "`signature.token` is true or false, not 1",
            ),
            (
                json!({"type": "hmac-sha256", "secret_key": "k", "header": "X", "encoding": "b"}),
                "is hex or base64",
            ),
            (json!({"type": "slack", "secret_key": 1}), "`signature.secret_key` must be a text, got 1"),
        ] {
            let error = Settings::read(&given).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
