//! What is registered and no longer on disk: found, told of, and removed only when somebody asks for it.
//!
//! Only what came from a file of a pack; what was made through the API stays. A file with a fault still stands for
//! what was registered of it.

use super::{
    Scope,
    problem::{Kind, Problem},
    write::Ready,
};
use crate::store::{self, Store};
use std::{
    collections::{HashMap, HashSet},
    fmt,
};

/// Something registered that no file describes any more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gone {
    /// What it is.
    pub kind: Kind,
    /// Its reference; of a pack, its own.
    pub reference: String,
    /// The file it came from, relative to its pack.
    pub file: String,
}

/// As a line of a diff.
impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "- {} {} ({})", self.kind.noun(), self.reference, self.file)
    }
}

/// Finds what is gone among the packs that were read, and the packs that are gone altogether if all were looked for.
pub(super) async fn find(
    store: &Store,
    read: &[Ready],
    problems: &[Problem],
    scope: &Scope,
) -> store::Result<Vec<Gone>> {
    let packs: HashMap<&str, &Ready> = read.iter().map(|pack| (pack.directory.name.as_str(), pack)).collect();
    let broken: HashSet<_> = problems.iter().map(|problem| problem.file.clone()).collect();
    let all_packs = scope.packs.is_none() && scope.directories.is_empty();
    let wanted = |kind| scope.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind));
    let mut there: HashSet<(Kind, String)> = HashSet::new();
    for pack in read {
        let loaded = &pack.loaded;
        there.extend(loaded.trigger_types.iter().map(|it| (Kind::Trigger, it.reference())));
        there.extend(loaded.sensors.iter().map(|it| (Kind::Sensor, it.reference())));
        there.extend(loaded.actions.iter().map(|it| (Kind::Action, it.reference())));
        there.extend(loaded.rules.iter().map(|it| (Kind::Rule, it.item.rule.reference())));
        there.extend(loaded.aliases.iter().map(|it| (Kind::Alias, it.reference())));
        there.extend(loaded.policies.iter().map(|it| (Kind::Policy, it.item.reference())));
    }
    let mut gone = Vec::new();
    for row in store::packs::registered(store.pool()).await? {
        let Some(kind) = Kind::CONTENT.into_iter().find(|kind| kind.noun() == row.kind) else { continue };
        let is_gone = match packs.get(row.pack.as_str()) {
            // Its manifest is broken, so nothing of it was read.
            Some(pack) if pack.loaded.pack.is_none() => false,
            Some(pack) => {
                wanted(kind)
                    && !there.contains(&(kind, row.reference.clone()))
                    && !broken.contains(&pack.directory.path.join(&row.file))
            }
            None => all_packs && wanted(kind) && is_missing(row.path.as_deref()),
        };
        if is_gone {
            gone.push(Gone { kind, reference: row.reference, file: row.file });
        }
    }
    if all_packs && scope.kinds.is_none() {
        for (reference, path) in store::packs::paths(store.pool()).await? {
            if !packs.contains_key(reference.as_str()) && is_missing(Some(&path)) {
                gone.push(Gone { kind: Kind::Pack, reference, file: "pack.yaml".to_owned() });
            }
        }
    }
    gone.sort();
    Ok(gone)
}

/// Whether the directory of a pack is not there any more. Of a pack that is not registered nothing is known.
fn is_missing(path: Option<&str>) -> bool {
    path.is_some_and(|path| !std::path::Path::new(path).join("pack.yaml").exists())
}

/// Removes what is gone, in one transaction.
pub(super) async fn remove(store: &Store, gone: &[Gone]) -> store::Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let of = |kind: Kind| -> Vec<String> {
        gone.iter().filter(|gone| gone.kind == kind).map(|gone| gone.reference.clone()).collect()
    };
    let mut tx = store.begin().await?;
    store::packs::lock_registration(&mut tx).await?;
    for kind in Kind::CONTENT {
        store::packs::remove_content(&mut tx, kind.noun(), &of(kind)).await?;
    }
    for reference in of(Kind::Pack) {
        if let Some(pack) = store::packs::find(tx.conn(), &reference).await? {
            store::packs::delete(&mut tx, pack.id).await?;
        }
        store::configs::delete_of_pack(&mut tx, &reference).await?;
    }
    tx.commit().await
}
