//! Encryption of secret values, byte for byte as StackStorm does it: its key files and its ciphertexts keep working.
//!
//! A key file is JSON in the form of keyczar: an AES key and an HMAC key. A ciphertext is upper-case hex of
//! `header (5 bytes) || IV (16) || AES-CBC(text) || HMAC-SHA1 of all before it (20)`. Nobody reads the header, but the
//! signature covers it.
//!
//! Left out: where keys lie and who may use them.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::{
    BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding, block_padding::Pkcs7,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

/// What StackStorm writes where keyczar had a version and the id of its key.
const HEADER: &[u8] = b"00000";

/// Bytes of an initialisation vector, which is one block.
const BLOCK: usize = 16;

/// Bytes of a signature.
const SIGNATURE: usize = 20;

/// Bits of a key below which it is refused, and bits of those made here.
const MINIMUM_BITS: u64 = 128;
const DEFAULT_BITS: usize = 256;

/// Why a key or a ciphertext is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A key file is no JSON.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// A key file lacks a field, or it is of the wrong kind.
    #[error("'{0}'")]
    Field(&'static str),
    /// Another mode than CBC.
    #[error("Unsupported mode: {0}")]
    Mode(String),
    /// Too short to be safe.
    #[error("Unsafe key size: {0}")]
    Unsafe(u64),
    /// AES has no keys of this length.
    #[error("Invalid key size ({0}) for AES.")]
    KeyLength(usize),
    /// A key is no base64.
    #[error("Base64 decoding errors")]
    Base64,
    /// A ciphertext is no hex.
    #[error("Non-hexadecimal digit found")]
    NotHex,
    /// A ciphertext has an odd number of digits.
    #[error("Odd-length string")]
    OddHex,
    /// A ciphertext is cut.
    #[error("Invalid or malformed ciphertext (too short)")]
    TooShort,
    /// Made with another key, or changed since.
    #[error("Signature did not match digest.")]
    Signature,
    /// What comes out is no text.
    #[error("the decrypted value is not text")]
    NotText,
    /// This machine has no randomness to offer.
    #[error("the system gives no random numbers")]
    NoRandomness,
}

/// A key: what encrypts and what signs.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    aes: Vec<u8>,
    hmac: Vec<u8>,
    /// As the key file has them; clients of the file may look.
    aes_bits: u64,
    hmac_bits: u64,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("bits", &self.aes_bits).finish_non_exhaustive()
    }
}

impl Key {
    /// A new key of 256 bits for each purpose.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub fn generate() -> Result<Self, Error> {
        let random = || {
            let mut bytes = vec![0; DEFAULT_BITS / 8];
            getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
            Ok(bytes)
        };
        let bits = DEFAULT_BITS as u64;
        Ok(Self { aes: random()?, hmac: random()?, aes_bits: bits, hmac_bits: bits })
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let file: Value = serde_json::from_str(text).map_err(|error| Error::NotJson(error.to_string()))?;
        let text = |value: &Value, field| value.as_str().map(str::to_owned).ok_or(Error::Field(field));
        let bits = |value: &Value, field| value.as_u64().ok_or(Error::Field(field));
        // In StackStorm's order: it names the first that is missing.
        let aes = text(&file["aesKeyString"], "aesKeyString")?;
        if !file["hmacKey"].is_object() {
            return Err(Error::Field("hmacKey"));
        }
        let hmac = text(&file["hmacKey"]["hmacKeyString"], "hmacKeyString")?;
        let hmac_bits = bits(&file["hmacKey"]["size"], "size")?;
        let mode = text(&file["mode"], "mode")?.to_uppercase();
        let aes_bits = bits(&file["size"], "size")?;
        if mode != "CBC" {
            return Err(Error::Mode(mode));
        }
        if aes_bits < MINIMUM_BITS {
            return Err(Error::Unsafe(aes_bits));
        }
        Ok(Self { hmac: base64w_decode(&hmac)?, aes: base64w_decode(&aes)?, aes_bits, hmac_bits })
    }

    /// The key file.
    pub fn to_json(&self) -> String {
        json!({
            "hmacKey": {"hmacKeyString": base64w_encode(&self.hmac), "size": self.hmac_bits},
            "aesKeyString": base64w_encode(&self.aes),
            "mode": "CBC",
            "size": self.aes_bits,
        })
        .to_string()
    }

    /// The bytes of the AES key and of the HMAC key.
    pub fn bytes(&self) -> (&[u8], &[u8]) {
        (&self.aes, &self.hmac)
    }

    /// Encrypts a text.
    ///
    /// # Errors
    /// [`Error::KeyLength`], [`Error::NoRandomness`].
    pub fn encrypt(&self, text: &str) -> Result<String, Error> {
        let mut iv = [0; BLOCK];
        getrandom::fill(&mut iv).map_err(|_| Error::NoRandomness)?;
        self.encrypt_with(text, &iv)
    }

    /// Encrypts a text with an initialisation vector of choice. The same one twice tells which texts begin alike:
    /// for comparing with what others made.
    ///
    /// # Errors
    /// [`Error::KeyLength`].
    pub fn encrypt_with(&self, text: &str, iv: &[u8; BLOCK]) -> Result<String, Error> {
        let data = text.as_bytes();
        let encrypted = match self.aes.len() {
            16 => cbc::Encryptor::<Aes128>::new_from_slices(&self.aes, iv)
                .map(|it| it.encrypt_padded_vec::<Pkcs7>(data)),
            24 => cbc::Encryptor::<Aes192>::new_from_slices(&self.aes, iv)
                .map(|it| it.encrypt_padded_vec::<Pkcs7>(data)),
            _ => cbc::Encryptor::<Aes256>::new_from_slices(&self.aes, iv)
                .map(|it| it.encrypt_padded_vec::<Pkcs7>(data)),
        };
        let encrypted = encrypted.map_err(|_| Error::KeyLength(self.aes.len() * 8))?;
        let mut message = [HEADER, iv, &encrypted].concat();
        let signature = self.signer(&message)?.finalize().into_bytes();
        message.extend_from_slice(&signature);
        Ok(hex::encode_upper(message))
    }

    /// Decrypts a ciphertext.
    ///
    /// # Errors
    /// It was not made with this key, or it is damaged.
    pub fn decrypt(&self, ciphertext: &str) -> Result<String, Error> {
        let bytes = hex::decode(ciphertext).map_err(|error| match error {
            hex::FromHexError::OddLength => Error::OddHex,
            _ => Error::NotHex,
        })?;
        if bytes.len() < HEADER.len() + BLOCK + SIGNATURE {
            return Err(Error::TooShort);
        }
        let (message, signature) = bytes.split_at(bytes.len() - SIGNATURE);
        self.signer(message)?.verify_slice(signature).map_err(|_| Error::Signature)?;
        let (iv, data) = message[HEADER.len()..].split_at(BLOCK);
        // Unpadded by hand: what keyczar padded its own way must open as well.
        let plain = match self.aes.len() {
            16 => cbc::Decryptor::<Aes128>::new_from_slices(&self.aes, iv)
                .map(|it| it.decrypt_padded_vec::<NoPadding>(data)),
            24 => cbc::Decryptor::<Aes192>::new_from_slices(&self.aes, iv)
                .map(|it| it.decrypt_padded_vec::<NoPadding>(data)),
            _ => cbc::Decryptor::<Aes256>::new_from_slices(&self.aes, iv)
                .map(|it| it.decrypt_padded_vec::<NoPadding>(data)),
        };
        let plain = plain.map_err(|_| Error::KeyLength(self.aes.len() * 8))?.map_err(|_| Error::TooShort)?;
        unpad(String::from_utf8(plain).map_err(|_| Error::NotText)?)
    }

    fn signer(&self, message: &[u8]) -> Result<Hmac<Sha1>, Error> {
        let signer =
            Hmac::<Sha1>::new_from_slice(&self.hmac).map_err(|_| Error::KeyLength(self.hmac.len() * 8))?;
        Ok(signer.chain_update(message))
    }
}

/// Drops as many characters from the end as the last one says.
fn unpad(mut text: String) -> Result<String, Error> {
    let padding = text.chars().next_back().ok_or(Error::TooShort)? as usize;
    let kept = if padding == 0 { 0 } else { text.chars().count().saturating_sub(padding) };
    let end = text.char_indices().nth(kept).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    Ok(text)
}

/// Base64 with `-` and `_`, without padding.
pub fn base64w_encode(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`base64w_encode`] wrote, as leniently as Python does: blanks and foreign characters do not count, and
/// `+` and `/` are as good as `-` and `_`.
///
/// # Errors
/// [`Error::Base64`].
pub fn base64w_decode(text: &str) -> Result<Vec<u8>, Error> {
    let text: String = text.split_whitespace().collect();
    if text.chars().count() % 4 == 1 {
        return Err(Error::Base64);
    }
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut have) = (0_u32, 0_u32);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
            bits &= (1 << have) - 1;
        }
    }
    // One character alone holds no byte.
    if have == 6 { Err(Error::Base64) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        let file = r#"{"hmacKey": {"hmacKeyString": "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8", "size": 256},
            "aesKeyString": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "mode": "CBC", "size": 256}"#;
        Key::parse(file).unwrap()
    }

    #[test]
    fn texts_are_encrypted_as_stackstorm_does() {
        let iv: [u8; 16] = std::array::from_fn(|at| 0x40 + at as u8);
        let expected = "3030303030404142434445464748494A4B4C4D4E4F8D830B8594CB08A49D9F3A78491EF3C1EEB94BE0914109B9EFB8\
                        6BAF02CDAE06FF5744EF";
        assert_eq!(key().encrypt_with("hello st2 £", &iv).unwrap(), expected);
        assert_eq!(key().decrypt(&expected.to_lowercase()).unwrap(), "hello st2 £");
    }

    #[test]
    fn what_is_encrypted_comes_back_and_looks_new_each_time() {
        for text in ["", "a", "fifteen letters", "sixteen letters!", "ž\n\0🐎"] {
            let (one, two) = (key().encrypt(text).unwrap(), key().encrypt(text).unwrap());
            assert_ne!(one, two);
            assert_eq!(key().decrypt(&one).unwrap(), text);
        }
    }

    #[test]
    fn a_fresh_key_survives_its_file_and_opens_nothing_of_others() {
        let fresh = Key::generate().unwrap();
        assert_eq!(Key::parse(&fresh.to_json()).unwrap(), fresh);
        assert_eq!(fresh.decrypt(&key().encrypt("x").unwrap()), Err(Error::Signature));
        assert!(!format!("{fresh:?}").contains(&base64w_encode(&fresh.aes)));
    }

    #[test]
    fn damage_is_noticed() {
        let good = key().encrypt("secret").unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone().into_bytes();
            bad[at] = if bad[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(key().decrypt(std::str::from_utf8(&bad).unwrap()), Err(Error::Signature), "{at}");
        }
        assert_eq!(key().decrypt(&good[..10]), Err(Error::TooShort));
        assert_eq!(key().decrypt("zz"), Err(Error::NotHex));
        assert_eq!(key().decrypt("0"), Err(Error::OddHex));
    }
}
