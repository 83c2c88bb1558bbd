//! MD5-crypt: the hash Apache's `htpasswd` makes unless told otherwise (`$apr1$`), and that of old Unix passwords
//! (`$1$`). Good for reading such files only; nothing new is hashed with it.

use md5::{Digest, Md5};

/// Digits of crypt's own base 64.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const ROUNDS: usize = 1000;

/// Salt characters that count.
const SALT: usize = 8;

/// The hash of `password`, written as `<magic><salt>$<hash>`. `magic` is `$apr1$` or `$1$`.
pub(super) fn hash(password: &[u8], magic: &str, salt: &str) -> String {
    let salt = &salt.as_bytes()[..salt.len().min(SALT)];
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(magic).chain_update(salt);
    for left in (1..=password.len()).rev().step_by(16) {
        first.update(&inner[..left.min(16)]);
    }
    let mut bits = password.len();
    while bits > 0 {
        first.update(if bits & 1 == 1 { &[0][..] } else { &password[..1] });
        bits >>= 1;
    }
    let mut hash = first.finalize();
    for round in 0..ROUNDS {
        let (before, after): (&[u8], &[u8]) =
            if round % 2 == 1 { (password, &hash) } else { (&hash, password) };
        let mut next = Md5::new().chain_update(before);
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(after);
        hash = next.finalize();
    }

    let mut text = format!("{magic}{}$", String::from_utf8_lossy(salt));
    let mut write = |bytes: [usize; 3], digits: usize| {
        let mut value =
            bytes.iter().fold(0, |value, at| (value << 8) | hash.get(*at).map_or(0, |it| u32::from(*it)));
        for _ in 0..digits {
            text.push(char::from(DIGITS[(value & 63) as usize]));
            value >>= 6;
        }
    };
    // The order is the algorithm's own.
    for bytes in [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]] {
        write(bytes, 4);
    }
    write([usize::MAX, usize::MAX, 11], 2);
    text
}
