//! `st2d pack`: packs on disk, without a database and beside a running daemon or without one, as StackStorm's
//! `st2-pack-download`, `st2-pack-install`, `st2-pack-setup-virtualenv`, `st2-validate-pack` and
//! `st2-validate-pack-config`. Nothing is registered by it.

use crate::{
    config::Config,
    content::{
        self, PackDir,
        python::{self, virtualenv},
    },
    packs::{Progress, Settings, download, index, read_manifest},
};
use anyhow::{Context, bail};
use std::path::Path;
use tokio::runtime::Runtime;

/// Which packs to fetch, and how.
#[derive(Clone, Debug, Default)]
pub struct Fetch {
    /// As `st2 pack install` takes them.
    pub packs: Vec<String>,
    /// Also packs that say they are not for this system.
    pub force: bool,
    /// Whether certificates of servers are looked at.
    pub verify_ssl: bool,
    /// Whether virtualenvs are made, too.
    pub virtualenvs: bool,
}

/// Downloads packs, and makes their virtualenvs if that is wanted. Stops at the first that cannot be had.
pub fn fetch_packs(config: &Config, order: &Fetch, runtime: &Runtime) -> anyhow::Result<()> {
    let options = download::Options {
        force: order.force,
        verify_ssl: order.verify_ssl,
        // Whoever may write to the directory of packs may read others.
        local_allowed: true,
        installation: None,
    };
    // What comes over HTTP is awaited deep down in git.
    let _inside = runtime.enter();
    let settings = Settings::of(config);
    let mut lookup = index::Lookup::new(|| runtime.block_on(index::fetch_some(&settings)));
    let progress = Progress { say: &|line| println!("{line}"), stopped: &|| false };
    for pack in &order.packs {
        println!("Installing pack \"{pack}\"");
        let done = download::download(&settings, pack, options, &mut lookup, &progress);
        done.result.with_context(|| format!("Failed to install pack \"{pack}\""))?;
        println!("Successfully installed pack \"{}\"", done.pack);
        if order.virtualenvs {
            runtime.block_on(make_virtualenv(config, &done.pack))?;
        }
    }
    println!("What was installed is registered by `st2d register`, or by `st2 pack register`.");
    Ok(())
}

/// Makes the virtualenvs of installed packs anew. Stops at the first that cannot be made.
pub async fn make_virtualenvs(config: &Config, packs: &[String]) -> anyhow::Result<()> {
    for pack in packs {
        make_virtualenv(config, pack).await?;
    }
    Ok(())
}

async fn make_virtualenv(config: &Config, pack: &str) -> anyhow::Result<()> {
    if content::pack::SYSTEM_PACKS.contains(&pack) {
        println!("The pack \"{pack}\" comes with st2d, and runs without a virtualenv");
        return Ok(());
    }
    println!("Setting up virtualenv for pack \"{pack}\"");
    let settings = Settings::of(config);
    let Some(directory) = PackDir::find(&settings.base_dirs, pack) else {
        let looked: Vec<_> = settings.base_dirs.iter().map(|base| base.display().to_string()).collect();
        bail!("Pack \"{pack}\" is not installed. Looked in: {}", looked.join(":"));
    };
    let manifest = read_manifest(&directory.path)?;
    let requires_python = manifest.requires_python()?;
    // There may have been no daemon yet.
    python::unpack(&python::library_dir(config))?;
    python::site::promise(&python::site_dir(config))?;
    let wanted = virtualenv::Wanted {
        pack,
        directory: &directory.path,
        python_versions: &[],
        requires_python: requires_python.as_ref(),
        env: &settings.proxies.env(),
    };
    virtualenv::make(config, wanted, &|line| println!("{line}")).await?;
    println!("Successfully set up virtualenv for pack \"{pack}\"");
    Ok(())
}

/// Prints what is wrong with the files of a pack, as `file:line:column: message`; answers whether nothing is.
pub fn check_pack(config: &Config, directory: &Path) -> anyhow::Result<bool> {
    if !directory.is_dir() {
        println!("ERROR: The path \"{}\" does not exist.", directory.display());
        return Ok(false);
    }
    let (name, problems) = content::check_pack(config, directory)?;
    for problem in &problems {
        println!("{problem}");
    }
    let faults = if problems.len() == 1 { "fault" } else { "faults" };
    println!("{name}: {} {faults}", problems.len());
    Ok(problems.is_empty())
}

/// Checks a configuration against a schema, and tells; answers whether it fits.
pub fn check_config(schema: &Path, config: &Path) -> anyhow::Result<bool> {
    let (schema, config) = (std::path::absolute(schema)?, std::path::absolute(config)?);
    let (shown_schema, shown) = (schema.display(), config.display());
    println!("Validating config \"{shown}\" against schema in \"{shown_schema}\"");
    match content::check_config(&schema, &config) {
        Ok(()) => println!("Config \"{shown}\" successfully validated against schema in {shown_schema}."),
        Err(problem) => {
            println!("Failed to validate pack config.\n{problem}");
            return Ok(false);
        }
    }
    Ok(true)
}
