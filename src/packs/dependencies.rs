//! What downloaded packs build on, and whether it fits what is installed.

use super::{Settings, manifest::read_manifest};
use serde_json::{Value, json};

/// Dependencies of packs that were downloaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// To be downloaded as well, as written.
    pub wanted: Vec<String>,
    /// Asked for in another version than is installed, or in two.
    pub conflicts: Vec<String>,
}

impl Dependencies {
    /// As the action `packs.get_pack_dependencies` answers.
    pub fn value(&self, nested: i64) -> Value {
        json!({"dependency_list": self.wanted, "conflict_list": self.conflicts, "nested": nested})
    }
}

/// What these packs build on. `say` hears of packs that cannot be read.
pub fn dependencies(settings: &Settings, packs: &[String], say: &dyn Fn(String)) -> Dependencies {
    let mut found = Dependencies::default();
    for pack in packs {
        let directory = settings.installed(pack);
        let Some(manifest) = directory.as_deref().and_then(|directory| read_manifest(directory).ok()) else {
            let place = directory.unwrap_or_else(|| settings.packs_dir.join(pack));
            say(format!("Could not open pack.yaml at location {}", place.display()));
            continue;
        };
        for dependency in manifest.dependencies() {
            consider(settings, dependency, &mut found);
        }
    }
    found
}

fn consider(settings: &Settings, dependency: &str, found: &mut Dependencies) {
    let (source, version) = split(dependency);
    let add = |list: &mut Vec<String>| {
        if !list.iter().any(|known| known == dependency) {
            list.push(dependency.to_owned());
        }
    };
    if let Some(installed) = installed_version(settings, source) {
        if version.is_some_and(|version| plain(version) != plain(&installed)) {
            add(&mut found.conflicts);
        }
        return;
    }
    let other = found.wanted.iter().map(|known| split(known)).find(|(known, _)| *known == source);
    match other {
        Some((_, known)) if known.map(plain) != version.map(plain) => add(&mut found.conflicts),
        Some(_) => {}
        None => add(&mut found.wanted),
    }
}

fn split(dependency: &str) -> (&str, Option<&str>) {
    match dependency.rsplit_once('=') {
        Some((source, version)) => (source, Some(version)),
        None => (dependency, None),
    }
}

/// StackStorm takes only `v1.0.0` for the installed 1.0.0; people write it without the letter as well.
fn plain(version: &str) -> &str {
    version.strip_prefix('v').unwrap_or(version)
}

/// The version of the pack that a source names, if it is installed. Repositories are mostly named after their pack.
fn installed_version(settings: &Settings, source: &str) -> Option<String> {
    let name = source.rsplit('/').next().unwrap_or(source);
    let name = name.split(".git").next().unwrap_or(name);
    let short = name.split_once("stackstorm-").map(|(_, short)| short);
    [Some(name), short].into_iter().flatten().find_map(|name| {
        let directory = settings.installed(name)?;
        read_manifest(&directory).ok()?.version()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, packs::Settings};

    #[test]
    fn what_is_installed_is_skipped_or_a_conflict() {
        let base = tempfile::tempdir().unwrap();
        let write = |name: &str, version: &str, dependencies: &str| {
            let directory = base.path().join(name);
            std::fs::create_dir(&directory).unwrap();
            let text = format!("name: {name}\nversion: {version}\ndependencies: [{dependencies}]\n");
            std::fs::write(directory.join("pack.yaml"), text).unwrap();
        };
        write("there", "1.0.0", "");
        write("short", "2.0.0", "");
        write(
            "new",
            "1.0.0",
            "there, there=v1.0.0, there=1.0.0, there=1.1.0, missing=v2, missing=2, missing=v3, \
             https://h/stackstorm-short.git, https://h/stackstorm-other.git=v1",
        );
        let mut config = Config::default();
        config.content.packs_dir = base.path().to_owned();
        let found = dependencies(&Settings::of(&config), &["new".to_owned()], &|_| {});
        assert_eq!(found.wanted, ["missing=v2", "https://h/stackstorm-other.git=v1"]);
        assert_eq!(found.conflicts, ["there=1.1.0", "missing=v3"]);
    }
}
