//! What was read becomes rows. One transaction for all packs, in few statements; where the database refuses that,
//! one for each pack, so that one does not stop the others.

use super::{
    disk::PackDir,
    load::LoadedPack,
    problem::{Fault, Kind, Problem},
};
use crate::{
    model::{Rule, TriggerType},
    store::{self, Store, Tx, actions::Upserts},
};
use std::collections::HashSet;

/// A pack ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) directory: PackDir,
    pub(super) loaded: LoadedPack,
    /// What to remember of it, once it is written. `None`: it was not read whole, or has problems, and will be read
    /// again at the next start.
    pub(super) fingerprint: Option<Vec<u8>>,
    /// What is remembered now stays: only some kinds were read.
    pub(super) keep_fingerprint: bool,
}

/// Writes packs; says what was new or differed, and which packs the database refused.
pub(super) async fn write(store: &Store, packs: &[Ready]) -> store::Result<(Upserts, Vec<Problem>)> {
    match write_together(store, packs).await {
        Err(error) if packs.len() > 1 && !error.is_unavailable() => {
            tracing::warn!("Packs cannot be registered together ({error:?}), trying one by one");
        }
        result => return Ok((result?, Vec::new())),
    }
    let (mut upserts, mut problems) = (Upserts::default(), Vec::new());
    for pack in packs {
        match write_together(store, std::slice::from_ref(pack)).await {
            Ok(written) => upserts += written,
            Err(error) if error.is_unavailable() => return Err(error),
            Err(error) => {
                tracing::error!("Pack {} cannot be registered: {error:?}", pack.directory.name);
                let fault = Fault::of_file(format!("the database refuses the pack: {error}"));
                problems.push(fault.into_problem(&pack.directory, Kind::Pack, "pack.yaml"));
            }
        }
    }
    Ok((upserts, problems))
}

async fn write_together(store: &Store, packs: &[Ready]) -> store::Result<Upserts> {
    if packs.is_empty() {
        return Ok(Upserts::default());
    }
    let mut tx = store.begin().await?;
    store::packs::lock_registration(&mut tx).await?;
    let mut upserts = Upserts::default();
    for pack in packs {
        if let Some(pack) = &pack.loaded.pack {
            store::packs::upsert(&mut tx, pack).await?;
        }
    }
    let schemas: Vec<_> = packs.iter().filter_map(|pack| pack.loaded.schema.clone()).collect();
    upserts += store::configs::upsert_schema(&mut tx, &schemas).await?;
    let types: Vec<TriggerType> =
        packs.iter().flat_map(|pack| pack.loaded.trigger_types.iter().cloned()).collect();
    upserts += store::triggers::upsert_type(&mut tx, &types).await?;
    store::triggers::make_shadows(&mut tx, &types).await?;
    let sensors: Vec<_> = packs.iter().flat_map(|pack| pack.loaded.sensors.iter().cloned()).collect();
    upserts += store::sensors::upsert(&mut tx, &sensors).await?;
    let actions: Vec<_> = packs.iter().flat_map(|pack| pack.loaded.actions.iter().cloned()).collect();
    upserts += store::actions::upsert(&mut tx, &actions).await?;
    upserts += write_rules(&mut tx, packs).await?;
    let aliases: Vec<_> = packs.iter().flat_map(|pack| pack.loaded.aliases.iter().cloned()).collect();
    upserts += store::aliases::upsert(&mut tx, &aliases).await?;
    let policies = packs.iter().flat_map(|pack| &pack.loaded.policies);
    let policies: Vec<_> = policies.map(|policy| policy.item.clone()).collect();
    upserts += store::policies::upsert(&mut tx, &policies).await?;
    let configs: Vec<_> = packs.iter().filter_map(|pack| pack.loaded.config.clone()).collect();
    upserts += store::configs::upsert(&mut tx, &configs).await?;
    for pack in packs {
        let subject = super::register::subject(&pack.directory.name);
        match &pack.fingerprint {
            Some(fingerprint) => store::packs::set_fingerprint(&mut tx, &subject, fingerprint).await?,
            None if pack.keep_fingerprint => {}
            None => store::packs::forget_fingerprint(&mut tx, &subject).await?,
        }
    }
    tx.commit().await?;
    Ok(upserts)
}

async fn write_rules(tx: &mut Tx, packs: &[Ready]) -> store::Result<Upserts> {
    let drafts: Vec<_> =
        packs.iter().flat_map(|pack| &pack.loaded.rules).map(|pending| &pending.item).collect();
    if drafts.is_empty() {
        return Ok(Upserts::default());
    }
    let references: Vec<String> = drafts.iter().map(|draft| draft.rule.reference()).collect();
    let before = store::rules::triggers_of(tx.conn(), &references).await?;
    let wanted: Vec<_> =
        drafts.iter().map(|draft| (draft.trigger_type.clone(), draft.trigger_parameters.clone())).collect();
    let triggers = store::triggers::for_rules(tx, &wanted).await?;
    let kept: HashSet<&String> = triggers.iter().collect();
    let left: Vec<String> = before.into_iter().filter(|trigger| !kept.contains(trigger)).collect();
    let rules: Vec<Rule> = drafts
        .iter()
        .zip(&triggers)
        .map(|(draft, trigger)| Rule { trigger: trigger.clone(), ..draft.rule.clone() })
        .collect();
    let upserts = store::rules::upsert(tx, &rules).await?;
    store::triggers::drop_unused(tx, &left).await?;
    Ok(upserts)
}
