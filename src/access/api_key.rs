//! The text of API keys and its hash, both as StackStorm makes them.

use super::{Error, Result};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use sha2::{Digest, Sha256, Sha512};

/// Put before a key when it is hashed. Not a secret: StackStorm fixed it, and hashes made there must stay valid.
const SALT: &str = "saltnpepper";

/// A new key: 86 letters and digits.
pub fn generate() -> Result<String> {
    let mut random = [0; 256];
    getrandom::fill(&mut random).map_err(|_| Error::NoRandomness)?;
    Ok(of(&random))
}

/// The key that random bytes make.
pub fn of(random: &[u8; 256]) -> String {
    BASE64_STANDARD_NO_PAD.encode(hex::encode(Sha256::digest(random)))
}

/// What is kept of a key: SHA-512 of salt and key, in hex.
pub fn hash(key: &str) -> String {
    // No key of ours or StackStorm's has other characters; of such a text the hash must only be nobody's.
    salted_hash(SALT, key).unwrap_or_else(|| hex::encode(Sha512::new().chain_update(key).finalize()))
}

/// SHA-512 of salt and text in Latin-1, in hex; `None` for what Latin-1 does not have.
pub fn salted_hash(salt: &str, text: &str) -> Option<String> {
    let bytes = salt.chars().chain(text.chars()).map(|letter| u8::try_from(u32::from(letter)).ok());
    let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
    Some(hex::encode(Sha512::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_shape_clients_expect() {
        let key = generate().unwrap();
        assert_eq!(key.len(), 86);
        assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(key, generate().unwrap());
        assert_eq!(hash(&key).len(), 128);
    }
}
