//! Users of an htpasswd file: the flat-file backend. Read again on every login, so that edits count at once.
//!
//! Understands what Apache's `htpasswd` writes (`$apr1$`, `$2y$`, `{SHA}`) and the hashes of Linux's crypt(3) that are
//! still in use (`$1$`, `$5$`, `$6$`). Passwords in clear and DES hashes keep their users out.

mod md5_crypt;

use base64::{Engine, prelude::BASE64_STANDARD};
use sha_crypt::{PasswordVerifier, ShaCrypt};
use sha1::{Digest, Sha1};
use std::path::Path;
use subtle::ConstantTimeEq;

/// What the file says of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry(String);

/// Looks a user up; the last of several entries counts. `None`: he is not in the file.
pub(super) async fn find(path: &Path, user: &str) -> Option<Entry> {
    match tokio::fs::read_to_string(path).await {
        Ok(text) => parse(&text, user),
        Err(error) => {
            tracing::error!("Cannot read the password file {}: {error}", path.display());
            None
        }
    }
}

fn parse(text: &str, user: &str) -> Option<Entry> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.trim_end().split_once(':'))
        .filter(|(name, _)| *name == user)
        .map(|(_, hash)| Entry(hash.to_owned()))
        .next_back()
}

impl Entry {
    /// Whether it is his password. May take a while: the better hashes are slow on purpose.
    pub(super) fn accepts(&self, password: &str) -> bool {
        let hash = self.0.as_str();
        let same = |computed: &[u8], kept: &[u8]| bool::from(computed.ct_eq(kept));
        if let Some(encoded) = hash.strip_prefix("{SHA}") {
            let kept = BASE64_STANDARD.decode(encoded).unwrap_or_default();
            return same(Sha1::digest(password).as_slice(), &kept);
        }
        if ["$2y$", "$2b$", "$2a$"].iter().any(|magic| hash.starts_with(magic)) {
            return bcrypt::verify(password, hash).unwrap_or(false);
        }
        if ["$5$", "$6$"].iter().any(|magic| hash.starts_with(magic)) {
            return ShaCrypt::default().verify_password(password.as_bytes(), hash).is_ok();
        }
        let mut md5 =
            ["$apr1$", "$1$"].into_iter().filter_map(|magic| Some((magic, hash.strip_prefix(magic)?)));
        if let Some((magic, rest)) = md5.next() {
            let salt = rest.split('$').next().unwrap_or_default();
            return same(md5_crypt::hash(password.as_bytes(), magic, salt).as_bytes(), hash.as_bytes());
        }
        tracing::warn!(
            "A password file holds a hash of a kind that is not understood; its user cannot log in"
        );
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_of_a_user_counts() {
        let text = "# ann:{SHA}AAAA\nno colon here\nann:{SHA}AAAA\nbob:$x$y\nann:{SHA}oJD9V3fotHH1GDMevi3L+r2lPJ4=\n";
        let ann = parse(text, "ann").unwrap();
        assert!(ann.accepts("annpw") && !ann.accepts("annpw ") && !ann.accepts(""));
        assert_eq!(parse(text, "# ann"), None);
        assert_eq!(parse(text, "carl"), None);
    }

    #[test]
    fn hashes_of_openssl_and_htpasswd_are_understood() {
        let long = "a much longer password than sixteen bytes, ä";
        let table = [
            ("a", "$apr1$9G.b2x/Y$ZLnhqudpTat36keTMEZWo0"),
            ("annpw", "$apr1$9G.b2x/Y$OeIbaIKqRPz0EIV6eT3h60"),
            (long, "$apr1$9G.b2x/Y$A7NFAntKyTaBFnQC7JXNA0"),
            ("", "$apr1$9G.b2x/Y$U2GvPnUDBNuROSXFu.hsq0"),
            ("annpw", "$1$abc$K6ddJkniUnQtkTzVaiZXh0"),
            (long, "$1$abc$wFcrUJzLA6ajKa75VtiwR1"),
            ("annpw", "$5$saltsalt$iSAbGXjXYTkt5D6mq7reol7yUbom1CrKiQJM2bcmMW5"),
            (
                "annpw",
                "$6$saltsalt$B6yDG7cqnDc23eV2Je42GzBt164oeLv4PirC.yZyHnlrTdf9j.Dpb0A/44DBhUhgy97XBSpsqh1.fJ8PDLv8X.",
            ),
        ];
        for (password, hash) in table {
            let entry = Entry(hash.to_owned());
            assert!(entry.accepts(password), "{hash}");
            assert!(!entry.accepts(&format!("{password}x")), "{hash}");
        }
        let bcrypt =
            Entry(bcrypt::hash_with_result("annpw", 4).unwrap().format_for_version(bcrypt::Version::TwoY));
        assert!(bcrypt.accepts("annpw") && !bcrypt.accepts("annp"));
    }

    #[test]
    fn what_is_no_hash_accepts_nothing() {
        for hash in [
            "",
            "annpw",
            "$",
            "$apr1$",
            "$1$$",
            "$2y$",
            "$6$",
            "$6$x",
            "{SHA}",
            "{SHA}!",
            "$9$a$b",
            "ab01FAX.bQRSU",
        ] {
            let entry = Entry(hash.to_owned());
            assert!(!entry.accepts("") && !entry.accepts("annpw") && !entry.accepts(hash), "{hash}");
        }
    }
}
