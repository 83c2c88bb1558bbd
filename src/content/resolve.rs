//! What one file alone cannot tell: whether the trigger a rule waits for exists, and whether a policy is the only one
//! of its type for its action. Asked of the database and of all packs read together, so that their order does not
//! matter.

use super::{
    disk::PackDir,
    form::Error,
    load::{LoadedPack, Pending},
    problem::{Fault, Kind},
    rule, trigger,
};
use crate::model::Policy;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// What is registered already.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// References of trigger types, with the schemas of their parameters.
    pub(super) trigger_types: HashMap<String, Map<String, Value>>,
    /// References of the program's own trigger types.
    pub(super) builtin: HashSet<String>,
    /// Check what rules say to trigger types that are not the program's.
    pub(super) check_parameters: bool,
    /// Names of the rule types.
    pub(super) rule_types: HashSet<String>,
    /// Policy type and action, with the reference of the policy.
    pub(super) policies: HashMap<(String, String), String>,
}

/// Takes out what cannot be registered, and says why.
pub(super) fn resolve(packs: &mut [(PackDir, LoadedPack)], known: &mut Known) {
    for (_, loaded) in packs.iter() {
        for kind in &loaded.trigger_types {
            known.trigger_types.insert(kind.reference(), kind.parameters_schema.clone());
        }
    }
    // Policies may change places.
    let given: HashSet<String> =
        packs.iter().flat_map(|(_, loaded)| &loaded.policies).map(|policy| policy.item.reference()).collect();
    known.policies.retain(|_, reference| !given.contains(reference));
    for (directory, loaded) in packs {
        let LoadedPack { rules, policies, problems, .. } = loaded;
        let mut refuse = |kind, file: &str, fault: Fault| {
            problems.push(fault.into_problem(directory, kind, file));
        };
        rules.retain(|Pending { item, file, document }| match check_rule(item, known) {
            Ok(()) => true,
            Err(error) => {
                refuse(Kind::Rule, file, Fault::of(document, error));
                false
            }
        });
        policies.retain(|Pending { item, file, document }| match check_policy(item, known) {
            Ok(()) => true,
            Err(error) => {
                refuse(Kind::Policy, file, Fault::of(document, error));
                false
            }
        });
    }
}

fn check_rule(draft: &rule::Draft, known: &Known) -> Result<(), Error> {
    if !known.rule_types.contains(&draft.rule.rule_type) {
        let message = format!("Rule type \"{}\" does not exist", draft.rule.rule_type);
        return Err(Error::new(message, ["type", "ref"]));
    }
    let (reference, parameters) = (&draft.trigger_type, &draft.trigger_parameters);
    match known.trigger_types.get(reference) {
        Some(schema) => {
            if known.builtin.contains(reference) || known.check_parameters {
                trigger::check_parameters(reference, schema, parameters)
                    .map_err(|error| error.under("parameters").under("trigger"))?;
            }
            if parameters.is_empty() && !schema.is_empty() {
                return Err(rule::unknown_trigger(reference));
            }
            Ok(())
        }
        // With parameters it can wait for a type that is still to come, as in StackStorm.
        None if parameters.is_empty() => Err(rule::unknown_trigger(reference)),
        None => Ok(()),
    }
}

fn check_policy(policy: &Policy, known: &mut Known) -> Result<(), Error> {
    let (kind, action, reference) = (&policy.policy_type, &policy.resource_ref, policy.reference());
    let place = known.policies.entry((kind.clone(), action.clone())).or_insert_with(|| reference.clone());
    if *place == reference {
        return Ok(());
    }
    let message = format!(
        "An action has one policy of a type: \"{place}\" is \"{action}\"'s policy of the type \"{kind}\"; change or \
         delete that one"
    );
    Err(Error::new(message, ["resource_ref"]))
}
