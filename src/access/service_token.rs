//! Tokens of actions and sensors: signed, not stored, so that a run costs no row.
//!
//! The text is the hex of `version (1) | expiry, seconds (4) | execution id or zeros (12) | random (8) | user name |
//! HMAC-SHA256 (32)`. It is longer than the 32 characters of an ordinary token, which tells the two apart. The key is
//! a secret of the installation, so any node accepts what another one issued. A token made for an execution ends
//! with it, as in StackStorm, because its check looks whether the execution still runs.

use crate::model::{ExecutionId, ObjectId};
use chrono::{DateTime, TimeZone, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const VERSION: u8 = 1;
const TAG: usize = 32;
const HEAD: usize = 1 + 4 + 12 + 8;

/// Makes and reads service tokens.
pub(super) struct Signer {
    keyed: Hmac<Sha256>,
}

/// What a service token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) user: String,
    pub(super) expiry: DateTime<Utc>,
    pub(super) execution: Option<ExecutionId>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self { keyed: Hmac::new_from_slice(secret).expect("HMAC takes keys of any length") }
    }

    /// A token of `user` until `expiry`, or until `execution` ends.
    pub(super) fn sign(&self, user: &str, execution: Option<ExecutionId>, expiry: DateTime<Utc>) -> String {
        let mut bytes = Vec::with_capacity(HEAD + user.len() + TAG);
        bytes.push(VERSION);
        bytes.extend(u32::try_from(expiry.timestamp()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(execution.map_or([0; 12], |id| id.0.0));
        let mut nonce = [0; 8];
        // The nonce only makes tokens differ; the signature protects them even without it.
        let _ = getrandom::fill(&mut nonce);
        bytes.extend(nonce);
        bytes.extend(user.as_bytes());
        let tag = self.keyed.clone().chain_update(&bytes).finalize().into_bytes();
        bytes.extend(tag.as_slice());
        hex::encode(bytes)
    }

    /// Reads a token if this installation signed it.
    pub(super) fn read(&self, token: &str) -> Option<Claims> {
        let bytes = hex::decode(token).ok()?;
        let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        self.keyed.clone().chain_update(body).verify_slice(tag).ok()?;
        let (head, user) = body.split_at_checked(HEAD)?;
        if head[0] != VERSION {
            return None;
        }
        let seconds = u32::from_be_bytes(head[1..5].try_into().ok()?);
        let execution: [u8; 12] = head[5..17].try_into().ok()?;
        Some(Claims {
            user: String::from_utf8(user.to_vec()).ok()?,
            expiry: Utc.timestamp_opt(i64::from(seconds), 0).single()?,
            execution: (execution != [0; 12]).then_some(ExecutionId(ObjectId(execution))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_what_was_signed_and_nothing_else_is_believed() {
        let signer = Signer::new(b"secret of the installation");
        let expiry = Utc.timestamp_opt(1_900_000_000, 0).unwrap();
        let execution = ExecutionId::generate();
        let token = signer.sign("ann ä", Some(execution), expiry);
        assert!(token.len() > 32);
        assert_eq!(
            signer.read(&token),
            Some(Claims { user: "ann ä".to_owned(), expiry, execution: Some(execution) })
        );
        assert_eq!(Signer::new(b"another secret").read(&token), None);
        for place in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(signer.read(std::str::from_utf8(&forged).unwrap()), None, "character {place}");
        }
        assert_eq!(signer.read(""), None);
        assert_eq!(signer.read(&token[..64]), None);
    }
}
