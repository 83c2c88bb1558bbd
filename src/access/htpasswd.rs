//! Users of an htpasswd file: the flat-file backend. Read again on every login, so that edits count at once.
//!
//! Understands `{SHA}` entries. Entries with other hashes keep their users out and are named in the log.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha1::{Digest, Sha1};
use std::path::Path;
use subtle::ConstantTimeEq;

/// What the file says of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// SHA-1 of his password.
    Sha(Vec<u8>),
    /// A hash we do not understand.
    Foreign,
}

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
    let hash = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.trim_end().split_once(':'))
        .filter(|(name, _)| *name == user)
        .map(|(_, hash)| hash)
        .next_back()?;
    let sha = hash.strip_prefix("{SHA}").and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
    Some(sha.map_or(Entry::Foreign, Entry::Sha))
}

impl Entry {
    /// Whether it is his password.
    pub(super) fn accepts(&self, password: &str) -> bool {
        match self {
            Self::Sha(hash) => Sha1::digest(password).as_slice().ct_eq(hash).into(),
            Self::Foreign => false,
        }
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
        assert_eq!(parse(text, "bob"), Some(Entry::Foreign));
        assert!(!Entry::Foreign.accepts(""));
        assert_eq!(parse(text, "# ann"), None);
        assert_eq!(parse(text, "carl"), None);
    }
}
