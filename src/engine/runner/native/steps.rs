//! The single steps of pack management, as actions.

use super::{Job, Raised, bring_back};
use crate::{
    access,
    content::python::virtualenv,
    model::python_warning,
    packs::{self, download, index, read_manifest, remove, status},
};
use serde_json::{Map, Value, json};

/// What a pack's status says when all went well.
const SUCCESS: &str = "Success.";

/// Whether a status of `packs.download` tells of success.
fn is_success(status: &str) -> bool {
    !status.starts_with("Failure") && status.to_lowercase().contains("success")
}

/// `packs.download`.
pub(super) async fn download(job: &Job<'_>) -> Result<Value, Raised> {
    let dependencies = job.texts("dependency_list");
    let wanted = if dependencies.is_empty() { job.texts("packs") } else { dependencies };
    if wanted.is_empty() {
        return Err(Raised::value("No packs specified."));
    }
    let settings = job.settings().await?;
    let options = download::Options {
        force: job.flag("force", false),
        verify_ssl: job.flag("verifyssl", true),
        // Also for those who ask by an execution. What has no user is the system's own.
        local_allowed: job.action.execution.user().is_none_or(access::is_admin),
        installation: bring_back::installation_of(job).await?,
    };
    let runtime = tokio::runtime::Handle::current();
    let done = job
        .beside(move |progress| {
            let mut lookup = index::Lookup::new(|| runtime.block_on(index::fetch_some(&settings)));
            let fetch = |pack: &String| download::download(&settings, pack, options, &mut lookup, progress);
            wanted.iter().map(fetch).collect::<Vec<_>>()
        })
        .await?;
    let mut result = Map::new();
    for one in &done {
        let text = match &one.result {
            Ok(()) => SUCCESS.to_owned(),
            Err(error) => format!("Failure : {error}"),
        };
        result.insert(one.pack.clone(), json!(text));
    }
    if done.iter().all(|one| one.result.is_err()) {
        let from: Vec<&str> = done.iter().map(|one| one.url.as_deref().unwrap_or(&one.pack)).collect();
        let mut lines = vec![format!("The pack has not been downloaded from \"{}\".\n", from.join("\", \""))];
        lines.push("Errors:".to_owned());
        for one in &done {
            if let Err(error) = &one.result {
                lines.push(format!(" - {}: {error}", one.pack));
            }
        }
        return Err(Raised::other(lines.join("\n")));
    }
    Ok(Value::Object(result))
}

/// `packs.virtualenv_prerun`: the packs that were downloaded, after those of before.
pub(super) async fn virtualenv_prerun(job: &Job<'_>) -> Result<Value, Raised> {
    let mut list = job.texts("packs_list");
    for pack in downloaded(&job.map("packs_status")) {
        if !list.contains(&pack) {
            list.push(pack);
        }
    }
    Ok(json!(list))
}

fn downloaded(status: &Map<String, Value>) -> Vec<String> {
    let fine = status.iter().filter(|(_, how)| how.as_str().is_some_and(is_success));
    fine.map(|(pack, _)| pack.clone()).collect()
}

/// `packs.get_pack_dependencies`.
pub(super) async fn get_pack_dependencies(job: &Job<'_>) -> Result<Value, Raised> {
    let nested = job.parameter("nested").as_i64().unwrap_or(3);
    let packs = downloaded(&job.map("packs_status"));
    if job.map("packs_status").is_empty() || nested <= 0 {
        return Ok(json!({}));
    }
    let settings = job.settings().await?;
    let found = job
        .beside(move |progress| packs::dependencies(&settings, &packs, &|line| (progress.say)(line)))
        .await?;
    Ok(found.value(nested - 1))
}

/// `packs.get_pack_warnings`.
pub(super) async fn get_pack_warnings(job: &Job<'_>) -> Result<Value, Raised> {
    let settings = job.settings().await?;
    let packs = downloaded(&job.map("packs_status"));
    let warnings = job
        .beside(move |_| {
            let manifests =
                packs.iter().filter_map(|pack| read_manifest(&settings.packs_dir.join(pack)).ok());
            manifests
                .filter(packs::Manifest::is_for_python_2)
                .filter_map(|manifest| python_warning(manifest.name(), &["2"]))
                .collect::<Vec<_>>()
        })
        .await?;
    let missed = job.map("packs_status").into_iter().filter_map(|(pack, how)| {
        let how = how.as_str().filter(|how| !is_success(how))?;
        Some(format!("{pack}: {how}"))
    });
    let warnings: Vec<String> = warnings.into_iter().chain(missed).collect();
    Ok(json!({"warning_list": warnings}))
}

/// `packs.delete`.
pub(super) async fn delete(job: &Job<'_>) -> Result<Value, Raised> {
    let packs = job.texts("packs");
    let blocked = remove::system_packs(&packs);
    if !blocked.is_empty() {
        let names = blocked.join(", ");
        return Err(Raised::value(format!("Uninstall includes an uninstallable pack - {names}.")));
    }
    let settings = job.settings().await?;
    let with_environment = job.flag("delete_env", true);
    let packs_dir = settings.packs_dir.clone();
    let config = job.engine.shared.config.clone();
    let missing = job.beside(move |progress| {
        let mut missing = None;
        for pack in packs {
            let was_there = remove::remove(&settings, &pack, progress)?;
            if with_environment {
                virtualenv::remove_of(&config, &pack).map_err(|error| {
                    packs::Error(format!("The virtualenv of {pack} cannot be removed: {error}"))
                })?;
            }
            if !was_there {
                missing = missing.or(Some(pack));
            }
        }
        Ok::<_, packs::Error>(missing)
    });
    match missing.await?? {
        // Whatever else was asked for is gone by now.
        Some(pack) => Err(Raised::not_found(&packs_dir.join(pack))),
        None => Ok(Value::Null),
    }
}

/// `packs.get`.
pub(super) async fn get(job: &Job<'_>) -> Result<Value, Raised> {
    let settings = job.settings().await?;
    let text = |name: &str, default: &str| job.parameter(name).as_str().unwrap_or(default).to_owned();
    let (pack, branch) = (text("pack", ""), text("branch", "master"));
    Ok(job.beside(move |_| status::installed(&settings, &pack, &branch)).await??)
}

/// `packs.show`.
pub(super) async fn show(job: &Job<'_>) -> Result<Value, Raised> {
    let index = index::fetch_some(&job.settings().await?).await?;
    let pack = job.parameter("pack").as_str().unwrap_or_default();
    Ok(json!({"pack": index.packs.get(pack)}))
}

/// `packs.search`.
pub(super) async fn search(job: &Job<'_>) -> Result<Value, Raised> {
    let query = job.parameter("query").as_str().unwrap_or_default();
    if query.is_empty() {
        return Err(Raised::value("Query must be specified."));
    }
    let index = index::fetch_some(&job.settings().await?).await?;
    Ok(json!(index.search(query, true)))
}

/// `packs.get_config`.
pub(super) async fn get_config(job: &Job<'_>) -> Result<Value, Raised> {
    let settings = job.settings().await?;
    Ok(json!({"pack_group": settings.pack_group, "pack_path": settings.packs_dir}))
}
