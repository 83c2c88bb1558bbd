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
    Ok(BASE64_STANDARD_NO_PAD.encode(hex::encode(Sha256::digest(random))))
}

/// What is kept of a key: SHA-512 of salt and key, in hex.
pub fn hash(key: &str) -> String {
    hex::encode(Sha512::new().chain_update(SALT).chain_update(key).finalize())
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
