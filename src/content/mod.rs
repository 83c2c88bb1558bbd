//! Content: packs on disk become rows.
//!
//! At start-up [`register_all`] writes the packs that come with the program to the directory of packs, and registers
//! what changed on disk since it was registered last. Rows are added and replaced and keep their ids; they are
//! removed only when somebody asks for it ([`Prune`]). A file with a fault is told of by file, line and column, and
//! stops nothing else.
//!
//! Reading goes in steps: one file against its form (`action`, `rule`…), all files of a pack (`load`), all packs
//! against each other and the database (`resolve`), rows (`write`).
//!
//! Left out: running anything, and which requests may register.

pub mod action;
pub mod alias;
mod alone;
pub mod builtin;
pub mod config;
mod disk;
mod document;
mod edit;
mod form;
pub mod external_runners;
mod load;
mod metadata_file;
mod overrides;
pub mod pack;
pub mod policy;
mod problem;
mod prune;
pub mod python;
mod register;
mod resolve;
pub mod rule;
pub mod runner_types;
pub mod sensor;
mod shipped;
pub mod trigger;
mod write;

pub use alone::{check_config, check_pack};
pub use disk::{PackDir, ReadError, base_dirs};
pub use document::Position;
pub use form::Error as FormError;
pub use problem::{Kind, Problem};
pub use prune::Gone;
pub use register::{Error, PackReport, Prune, Report, Scope, check, register};

use crate::{config::Config as Settings, service, store::Store};

/// What start-up does: the packs of the program are written out, and what changed on disk is registered.
///
/// Problems of files are logged here, once.
pub async fn register_all(store: &Store, config: &Settings) -> Result<Report, Error> {
    let first = base_dirs(config).into_iter().next().unwrap_or_default();
    let optional = config.content.optional_packs.clone();
    let unpacked = tokio::task::spawn_blocking(move || shipped::unpack(&first, &optional)).await;
    if let Ok(Err(error)) = unpacked {
        // What was written before still serves.
        tracing::error!("Cannot write the packs of st2d: {error}");
    }
    let unpacked = tokio::task::spawn_blocking({
        let config = config.clone();
        move || {
            python::unpack(&python::library_dir(&config))?;
            python::site::promise(&python::site_dir(&config))?;
            python::virtualenv::tidy(&config)
        }
    });
    if let Ok(Err(error)) = unpacked.await {
        tracing::error!("Cannot write the Python library of st2d; Python actions may fail: {error}");
    }
    let compiling = config.clone();
    service::spawn("python-compile", async move {
        if let Err(error) = python::compile(&compiling).await {
            tracing::debug!("The Python library of st2d is not compiled beforehand: {error}");
        }
    });
    let report = register(store, config, &Scope { only_changed: true, ..Scope::everything() }).await?;
    for problem in &report.problems {
        tracing::warn!("Not registered: {problem}");
    }
    for directory in &report.shadowed {
        tracing::warn!("Not registered: {}: a pack of this name comes first", directory.display());
    }
    Ok(report)
}
