//! `st2d register`: reads the files of packs, as `st2-register-content` does, beside a daemon that runs or without
//! one. Daemons on the same database are told by a notification.

use super::{InUse, data_dir::DataDir, database::Database, postgres};
use crate::{
    bus::Bus,
    config::Config,
    content::{self, Kind, Prune, Report, Scope, python::virtualenv},
    packs::{Manifest, Settings},
    service::Stop,
    store::{self, Store},
};
use anyhow::Context;
use std::{
    io::{BufRead, IsTerminal, Write},
    path::Path,
};

/// What tells every daemon that content changed; see `engine::neighbours`.
const WORD: &str = r#"{"content":true}"#;

/// What to register, and how.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Which packs and kinds, and whether faults count.
    pub scope: Scope,
    /// Find what is gone from disk, show it, and remove it if that is wanted.
    pub prune: bool,
    /// Do not ask before removing.
    pub yes: bool,
    /// Make or update the virtualenvs of the packs.
    pub virtualenvs: bool,
}

/// Does it, and tells on standard output; `false` if something could not be registered and that matters.
pub async fn register(config: Config, order: Order) -> anyhow::Result<bool> {
    let stop = Stop::new();
    match DataDir::open(&config.data_dir) {
        // The private server of the daemon that runs.
        Err(error) if error.is::<InUse>() && config.database.url.is_empty() => {
            let (pool, cluster) = postgres::reach(&config.data_dir, &config.database.bin_dir).await?;
            let result = carry_out(&Store::new(pool.clone(), Bus::default()), &config, &order).await;
            pool.close().await;
            drop(cluster);
            result
        }
        Err(error) if !error.is::<InUse>() => Err(error),
        _held => {
            let database = Database::open(&config.database, &config.data_dir, &stop).await?;
            let database = database.context("stopped before the database was ready")?;
            let result =
                carry_out(&Store::new(database.pool().clone(), Bus::default()), &config, &order).await;
            database.close().await;
            result
        }
    }
}

async fn carry_out(store: &Store, config: &Config, order: &Order) -> anyhow::Result<bool> {
    let mut scope = order.scope.clone();
    let mut good = true;
    if order.prune {
        scope.prune = Prune::Rehearse;
        let rehearsal = content::register(store, config, &scope).await?;
        for gone in &rehearsal.gone {
            println!("{gone}");
        }
        let count = rehearsal.gone.len();
        let remove = count > 0 && (order.yes || ask(&format!("Remove these {count}? [y/N] ")));
        if count > 0 && !remove {
            println!("Nothing is removed. Add --yes to remove without being asked.");
            good = order.yes || std::io::stdin().is_terminal();
        }
        scope.prune = if remove { Prune::Remove } else { Prune::Keep };
    }
    let report = content::register(store, config, &scope).await?;
    tell(&report, &scope);
    if let Err(error) = store::nodes::notify(store.pool(), &[WORD.to_owned()]).await {
        println!("A running st2d could not be told ({error}): restart it, or run `st2 pack register`.");
    }
    if order.virtualenvs && !report.stopped {
        good &= virtualenvs(store, config, &report).await?;
    }
    Ok(good && !report.stopped)
}

fn ask(question: &str) -> bool {
    if !std::io::stdin().is_terminal() {
        return false;
    }
    print!("{question}");
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("y")
}

fn tell(report: &Report, scope: &Scope) {
    for problem in &report.problems {
        eprintln!("{problem}");
    }
    for directory in &report.shadowed {
        eprintln!("{}: left out: a pack of this name comes first", directory.display());
    }
    if report.stopped {
        if let Some(first) = report.problems.first() {
            eprintln!("{}", first.failure());
        }
        eprintln!("Nothing was registered. --register-no-fail-on-failure registers what has no fault.");
        return;
    }
    let wanted = |kind: &Kind| scope.kinds.as_ref().is_none_or(|kinds| kinds.contains(kind));
    for kind in Kind::CONTENT.into_iter().filter(wanted) {
        println!("Registered {} {}.", report.count(kind), kind.plural());
        let overridden = report.overridden(kind);
        if overridden > 0 {
            println!("{overridden} {} had their metadata overridden.", kind.plural());
        }
    }
    if !report.gone.is_empty() {
        println!("Removed {}.", report.gone.len());
    }
}

async fn virtualenvs(store: &Store, config: &Config, report: &Report) -> anyhow::Result<bool> {
    let mut good = true;
    let values = store::configs::find(store.pool(), "packs").await?.map(|config| config.values);
    let env = Settings::of(config).with_pack_config(&values.unwrap_or_default()).proxies.env();
    for pack in &report.packs {
        let Some(row) = store::packs::find(store.pool(), &pack.reference).await? else { continue };
        let versions = row.manifest.get("python_versions").and_then(serde_json::Value::as_array);
        let versions: Vec<String> =
            versions.into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect();
        let asked = match (Manifest { fields: row.manifest.clone() }).requires_python() {
            Ok(asked) => asked,
            Err(error) => {
                eprintln!("{}: {error}", pack.reference);
                good = false;
                continue;
            }
        };
        let wanted = virtualenv::Wanted {
            pack: &pack.reference,
            directory: Path::new(&row.path),
            python_versions: &versions,
            requires_python: asked.as_ref(),
            env: &env,
        };
        if content::pack::SYSTEM_PACKS.contains(&pack.reference.as_str()) {
            continue;
        }
        println!("Setting up the virtualenv of {}", pack.reference);
        if let Err(error) = virtualenv::make(config, wanted, &|line| println!("{line}")).await {
            eprintln!("{}: {error}", pack.reference);
            good = false;
        }
    }
    Ok(good)
}
