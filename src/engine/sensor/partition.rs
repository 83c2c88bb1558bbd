//! Which sensors this node may run: StackStorm's partition providers.
//!
//! With `default`, every node may run every sensor, and leases see to it that each runs once.

use anyhow::{Context, bail};
use md5::{Digest, Md5};
use num_bigint::BigUint;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::PathBuf,
};

/// Hashes are below this.
const HASHES: u64 = 1 << 32;

/// How it is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// All of them.
    Default,
    /// Those that a key of the datastore lists.
    KeyValue,
    /// Those that a file lists for this node.
    File(PathBuf),
    /// Those whose hash is in one of these ranges.
    Hash(Vec<Range<u64>>),
}

impl Provider {
    /// Reads the setting `sensorcontainer.partition_provider`: `name:hash, hash_ranges:0..1024|2048..MAX`.
    ///
    /// # Errors
    /// It names no provider, or lacks what that needs.
    pub fn parse(setting: &str) -> anyhow::Result<Self> {
        let mut options = BTreeMap::new();
        for part in setting.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) =
                part.split_once(':').with_context(|| format!("{part:?} is no `name:value`"))?;
            options.insert(name.trim(), value.trim());
        }
        let need = |name: &str| options.get(name).copied().with_context(|| format!("`{name}:…` is missing"));
        match options.get("name").copied().unwrap_or("default") {
            "default" => Ok(Self::Default),
            "kvstore" => Ok(Self::KeyValue),
            "file" => Ok(Self::File(PathBuf::from(need("partition_file")?))),
            "hash" => Ok(Self::Hash(ranges(need("hash_ranges")?)?)),
            other => bail!("Partition provider {other} not found."),
        }
    }
}

fn ranges(text: &str) -> anyhow::Result<Vec<Range<u64>>> {
    let bound = |text: &str| match text.trim() {
        min if min.eq_ignore_ascii_case("min") => Ok(0),
        max if max.eq_ignore_ascii_case("max") => Ok(HASHES),
        number => number.parse().with_context(|| format!("{number:?} is neither a number nor MIN or MAX")),
    };
    let range = |text: &str| {
        let (from, to) = text.split_once("..").with_context(|| format!("{text:?} is no range `0..1024`"))?;
        anyhow::Ok(bound(from)?..bound(to)?)
    };
    text.split('|').map(range).collect()
}

/// Which sensors, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// All of them.
    All,
    /// These.
    Listed(BTreeSet<String>),
    /// Those whose hash is in one of these ranges.
    Hashed(Vec<Range<u64>>),
}

impl Share {
    /// The references of a comma-separated list.
    pub fn listed(text: &str) -> Self {
        Self::Listed(text.split(',').map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect())
    }

    /// Whether this sensor is in it.
    pub fn holds(&self, reference: &str) -> bool {
        match self {
            Self::All => true,
            Self::Listed(references) => references.contains(reference),
            Self::Hashed(ranges) => {
                let hash = u64::from(hash(reference));
                ranges.iter().any(|range| range.contains(&hash))
            }
        }
    }
}

/// StackStorm's hash of a sensor's reference, over the decimal digits of its MD5, the last first.
pub fn hash(reference: &str) -> u32 {
    let digits = BigUint::from_bytes_be(&Md5::digest(reference)).to_string();
    digits.bytes().rev().fold(0_u32, |hash, digit| {
        let high = hash & 0xF800_0000;
        (hash << 5) ^ (high >> 27) ^ u32::from(digit - b'0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_faults_named() {
        assert_eq!(Provider::parse("name:default").unwrap(), Provider::Default);
        assert_eq!(Provider::parse("").unwrap(), Provider::Default);
        assert_eq!(Provider::parse("name:kvstore").unwrap(), Provider::KeyValue);
        let file = Provider::parse("name:file, partition_file:/etc/st2/partition.yaml").unwrap();
        assert_eq!(file, Provider::File("/etc/st2/partition.yaml".into()));
        let hash = Provider::parse("name:hash, hash_ranges:MIN..1024|2048..MAX").unwrap();
        assert_eq!(hash, Provider::Hash(vec![0..1024, 2048..HASHES]));
        let fault = |text: &str| Provider::parse(text).unwrap_err().to_string();
        assert_eq!(fault("name:none"), "Partition provider none not found.");
        assert_eq!(fault("name:file"), "`partition_file:…` is missing");
        assert_eq!(fault("name:hash, hash_ranges:1"), "\"1\" is no range `0..1024`");
    }

    #[test]
    fn shares_hold_what_they_say() {
        let listed = Share::listed("a.B, c.D ,");
        assert!(listed.holds("a.B") && listed.holds("c.D") && !listed.holds(""));
        assert!(!Share::listed("").holds("a.B"));
        let all = Range { start: 0, end: HASHES };
        assert!(Share::Hashed(vec![all]).holds("a.B"));
        let own = u64::from(hash("a.B"));
        assert!(!Share::Hashed(vec![0..own, own + 1..HASHES]).holds("a.B"));
    }

    #[test]
    fn hashes_are_stackstorms() {
        // Computed with Python: the digits of int(md5(ref)) from the last to the first.
        for (reference, expected) in HASHED {
            assert_eq!(hash(reference), expected, "{reference}");
        }
    }

    const HASHED: [(&str, u32); 3] = [
        ("examples.SampleSensor", 4_026_535_470),
        ("linux.FileWatchSensor", 1_562_168_054),
        ("a.B", 1_764_003_419),
    ];
}
