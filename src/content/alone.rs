//! What can be told of files of packs without a database: everything about one file, and nothing about others it names.

use super::{
    builtin, config,
    disk::{self, PackDir},
    document::Document,
    external_runners,
    load::{self, Surroundings},
    metadata_file, pack,
    problem::{Fault, Kind, Problem},
    runner_types,
};
use crate::config::Config;
use std::path::{Path, PathBuf};

/// What is wrong with the files of the pack in this directory, which may have any name (`stackstorm-email`), and the
/// name that the pack gives itself.
///
/// # Errors
/// There is no such directory, or our own descriptions cannot be read.
pub fn check_pack(settings: &Config, directory: &Path) -> anyhow::Result<(String, Vec<Problem>)> {
    let mut directory = PackDir::at(directory)?;
    if let Some(reference) = own_name(&directory) {
        directory.name = reference;
    }
    let (external, problems) = external_runners::all(&external_runners::base_dirs(settings));
    for problem in problems {
        tracing::warn!("Left out: {problem}");
    }
    let runners = runner_types::all()?.into_iter().chain(external.into_iter().map(|found| found.runner));
    let around = Surroundings {
        runners: runners.map(|runner| (runner.name.clone(), runner)).collect(),
        policy_types: builtin::policy_types()?,
        configs_dir: settings.configs_dir(),
        overrides_dir: settings.overrides_dir(),
        kinds: Kind::CONTENT.into_iter().collect(),
    };
    // What cannot be listed is empty, and reading it will say why.
    let inventory = directory.inventory().unwrap_or_default();
    let loaded = load::load(&directory, inventory, &around);
    Ok((directory.name, loaded.problems))
}

fn own_name(directory: &PackDir) -> Option<String> {
    let document = metadata_file::document(directory, "pack.yaml").ok()?;
    pack::reference(document.value.as_object()?, None).ok()
}

/// Checks a configuration against a schema, each in a file that may be anywhere.
///
/// # Errors
/// What is wrong with one of them, and where.
pub fn check_config(schema_path: &Path, config_path: &Path) -> Result<(), Problem> {
    // As StackStorm names a pack that it was not told of.
    const PACK: &str = "unknown";
    let nowhere = PackDir { name: PACK.to_owned(), path: PathBuf::new() };
    let read = |path: &Path| Document::yaml(disk::read_text(path)?).map_err(Fault::from);
    let in_schema = |fault: Fault| fault.into_problem(&nowhere, Kind::ConfigSchema, schema_path);
    let in_config = |fault: Fault| fault.into_problem(&nowhere, Kind::Config, config_path);

    let schema = read(schema_path).map_err(in_schema)?;
    config::check_schema_file(&schema.value).map_err(|error| in_schema(Fault::of(&schema, error)))?;
    let values = read(config_path).map_err(in_config)?;
    let (Some(attributes), false) = (schema.value.as_object(), values.value.is_null()) else {
        // An empty file configures nothing, whatever the schema says.
        return Ok(());
    };
    if !values.value.is_object() {
        let message = metadata_file::not_an_object(&values.value);
        return Err(in_config(Fault::at(&values, &[], message)));
    }
    let path = config_path.to_string_lossy();
    config::check_values(attributes, &values.value, &path, PACK)
        .map_err(|error| in_config(Fault::of(&values, error)))
}
