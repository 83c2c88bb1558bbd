//! The packs that come with the program: embedded, and written into the directory of packs, where actions run them
//! from and people look into them.
//!
//! They are written when this program holds other files than those written last. What a newer one no longer has is
//! removed. The pack `default` belongs to its users: it gets what is missing and nothing else. `linux` and `examples`
//! are written on request ([`crate::config::Content::optional_packs`]).

use super::pack::{DEFAULT_PACK, SYSTEM_PACKS};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

#[derive(RustEmbed)]
#[folder = "packs"]
struct Files;

/// In each pack we wrote: what we wrote, so that the next version knows. First the fingerprint, then the files.
pub(super) const MARKER: &str = ".st2d";

/// Those that are written only if somebody wants them.
const OPTIONAL: [&str; 2] = ["examples", "linux"];

/// Writes the packs into `packs_dir` where they are missing or of another version; of the optional ones those that
/// are `wanted`.
pub(super) fn unpack(packs_dir: &Path, wanted: &[String]) -> io::Result<()> {
    let mut packs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in Files::iter() {
        if let Some((pack, file)) = path.split_once('/') {
            packs.entry(pack.to_owned()).or_default().push(file.to_owned());
        }
    }
    for (pack, files) in packs {
        if OPTIONAL.contains(&pack.as_str()) && !wanted.contains(&pack) {
            continue;
        }
        unpack_one(packs_dir, &pack, &files)?;
    }
    Ok(())
}

fn unpack_one(packs_dir: &Path, pack: &str, files: &[String]) -> io::Result<()> {
    let directory = packs_dir.join(pack);
    let fingerprint = fingerprint(pack, files);
    let marker = fs::read_to_string(directory.join(MARKER)).ok();
    let mut written = marker.as_deref().unwrap_or_default().lines();
    if written.next() == Some(&fingerprint) {
        return Ok(());
    }
    if marker.is_none() && directory.exists() && SYSTEM_PACKS.contains(&pack) {
        set_aside(packs_dir, pack)?;
    }
    let is_theirs = pack == DEFAULT_PACK;
    let before: BTreeSet<&str> = written.collect();
    for file in files {
        let path = directory.join(file);
        if !(is_theirs && path.exists()) {
            write(&path, &contents(pack, file))?;
        }
    }
    let now: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    for gone in before.difference(&now).filter(|_| !is_theirs) {
        // Somebody may have been faster.
        let _ = fs::remove_file(directory.join(gone));
    }
    write(&directory.join(MARKER), format!("{fingerprint}\n{}\n", files.join("\n")).as_bytes())
}

/// Moves away a system pack of somebody else (StackStorm's own, say): ours and theirs cannot be mixed.
fn set_aside(packs_dir: &Path, pack: &str) -> io::Result<()> {
    let names = (0..).map(|number| match number {
        0 => format!(".{pack}.replaced"),
        _ => format!(".{pack}.replaced.{number}"),
    });
    let aside: Option<PathBuf> = names.map(|name| packs_dir.join(name)).find(|path| !path.exists());
    let Some(aside) = aside else { return Ok(()) };
    tracing::warn!("The pack {pack} comes with st2d; the one that was there is now {}", aside.display());
    fs::rename(packs_dir.join(pack), aside)
}

fn contents(pack: &str, file: &str) -> std::borrow::Cow<'static, [u8]> {
    Files::get(&format!("{pack}/{file}")).map(|file| file.data).unwrap_or_default()
}

fn fingerprint(pack: &str, files: &[String]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file);
        hash.update(contents(pack, file));
    }
    hex::encode(hash.finalize())
}

/// Writes a file so that nobody ever sees half of it.
fn write(path: &Path, data: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = directory.join(format!(".{name}.{}", std::process::id()));
    fs::write(&draft, data)?;
    let is_program = data.starts_with(b"#!");
    fs::set_permissions(&draft, fs::Permissions::from_mode(if is_program { 0o755 } else { 0o644 }))?;
    fs::rename(draft, path)
}
