//! Triggers and what came of them.

use super::shared::{ATTR, BETWEEN, BY_PACK, FILE, IDS, LAST, NAME, NAMES, REF, REFS, WIDTH, on, own};
use crate::cli::args::{Arg, Command, Nargs, flag, opt, positionals};
use crate::cli::commands::{objects, traces, triggers};
use crate::cli::resource::{Key, Order, Resource};

const OWN_HELP: Arg = flag(&["-h", "--help"], "help", "show this help message and exit");

static WEBHOOKS: Resource = Resource {
    path: "webhooks",
    name: "Webhook",
    dest: "url",
    columns: &["url", "type", "description"],
    first: &["type", "description"],
    filters: &[("pack", "pack")],
    ..Resource::BASE
};

static DELIVERIES: Resource = Resource {
    path: "webhookdeliveries",
    name: "Webhook Delivery",
    columns: &["at", "url", "sender", "verdict", "reason", "trigger_instances"],
    first: &["at", "url", "sender", "verdict", "reason", "trigger_instances"],
    sparse: false,
    filters: &[("url", "url")],
    ..Resource::BASE
};

pub(super) const WEBHOOK: Command = Command {
    name: "webhook",
    about: "Webhooks.",
    commands: &[
        on!("list", "List webhooks.", WEBHOOKS, triggers::webhooks, ATTR, WIDTH, BY_PACK),
        on!(
            "get",
            "Show webhooks.",
            WEBHOOKS,
            objects::get,
            &[positionals("url", "url", Nargs::Many, "their paths below /v1/webhooks")],
            ATTR
        ),
        Command {
            extra: true,
            ..on!(
                "deliveries",
                "List the last deliveries, with what became of them.",
                DELIVERIES,
                objects::list,
                ATTR,
                WIDTH,
                &[positionals("url", "url", Nargs::Optional, "only those to this path below /v1/webhooks")]
            )
        },
    ],
    ..Command::EMPTY
};

static TIMERS: Resource = Resource {
    path: "timers",
    name: "Timer",
    key: Key::NameOrId,
    dest: "name_or_id",
    columns: &["id", "uid", "pack", "name", "type", "parameters"],
    first: &["type", "pack", "name", "description", "parameters"],
    sparse: false,
    filters: &[("timer_type", "timer_type")],
    ..Resource::BASE
};

pub(super) const TIMER: Command = Command {
    name: "timer",
    about: "Timers.",
    commands: &[
        on!(
            "list",
            "List timers.",
            TIMERS,
            objects::list,
            ATTR,
            WIDTH,
            &[opt(
                &["-ty", "--timer-type"],
                "timer_type",
                "only core.st2.IntervalTimer, core.st2.DateTimer or core.st2.CronTimer"
            )]
        ),
        on!("get", "Show timers.", TIMERS, objects::get, &[NAMES], ATTR),
    ],
    ..Command::EMPTY
};

static TRACES: Resource = Resource {
    path: "traces",
    name: "Trace",
    key: Key::Id,
    dest: "id",
    columns: &["id", "uid", "trace_tag", "start_timestamp"],
    first: &["id", "trace_tag", "action_executions", "rules", "trigger_instances", "start_timestamp"],
    sparse: false,
    filters: &[
        ("trace_tag", "trace_tag"),
        ("trigger_instance", "trigger_instance"),
        ("execution", "execution"),
        ("rule", "rule"),
    ],
    paged: Some("traces"),
    times: &["start_timestamp"],
    ..Resource::BASE
};

pub(super) const TRACE: Command = Command {
    name: "trace",
    about: "A group of executions, rules and triggerinstances that are related.",
    commands: &[
        Command {
            exclusive: &[&["trace_tag", "execution", "rule", "trigger_instance"]],
            ..on!(
                "list",
                "List the newest traces; a single one is shown whole.",
                TRACES,
                traces::list,
                LAST,
                &[
                    opt(&["-s", "--sort"], "sort_order", "asc: from the oldest on; desc: from the newest on"),
                    opt(&["-c", "--trace-tag"], "trace_tag", "only those with this tag"),
                    opt(&["-e", "--execution"], "execution", "only those with this execution"),
                    opt(&["-r", "--rule"], "rule", "only those with this rule"),
                    opt(
                        &["-g", "--trigger-instance"],
                        "trigger_instance",
                        "only those with this trigger instance"
                    ),
                ],
                ATTR,
                WIDTH
            )
        },
        Command {
            exclusive: &[&["execution", "rule", "trigger_instance"]],
            ..on!(
                "get",
                "Show traces.",
                TRACES,
                traces::get,
                &[IDS],
                ATTR,
                &[
                    opt(&["-e", "--execution"], "execution", "only what led to this execution"),
                    opt(&["-r", "--rule"], "rule", "only what led to this rule"),
                    opt(
                        &["-g", "--trigger-instance"],
                        "trigger_instance",
                        "only what led to this trigger instance"
                    ),
                    flag(&["--show-executions"], "show_executions", "show executions only"),
                    flag(&["--show-rules"], "show_rules", "show rules only"),
                    flag(
                        &["--show-trigger-instances"],
                        "show_trigger_instances",
                        "show trigger instances only"
                    ),
                    flag(
                        &["-n", "--hide-noop-triggers"],
                        "hide_noop_triggers",
                        "leave out trigger instances that no rule matched"
                    ),
                ]
            )
        },
    ],
    examples: "st2 trace list -e EXECUTION_ID   what an execution belongs to",
    ..Command::EMPTY
};

static TRIGGERS: Resource = Resource {
    path: "triggertypes",
    name: "Trigger",
    columns: &["ref", "pack", "description"],
    first: &["id", "ref", "pack", "name", "description", "parameters_schema", "payload_schema"],
    filters: &[("pack", "pack")],
    ..Resource::BASE
};

pub(super) const TRIGGER: Command = Command {
    name: "trigger",
    about: "An external event that is mapped to a st2 input. It is the st2 invocation point.",
    commands: &[
        on!("list", "List trigger types.", TRIGGERS, objects::list, ATTR, WIDTH, BY_PACK),
        on!("get", "Show trigger types.", TRIGGERS, objects::get, &[REFS], ATTR),
        on!("create", "Create a trigger type from a file.", TRIGGERS, objects::create, &[FILE]),
        on!("update", "Replace a trigger type by a file's.", TRIGGERS, objects::update, &[REF, FILE]),
        on!("delete", "Delete a trigger type.", TRIGGERS, objects::delete, &[REF]),
        on!("clone", "Not available for triggers.", TRIGGERS, objects::clone, &[]),
        Command {
            own_help: true,
            ..on!(
                "getspecs",
                "List the triggers of a trigger type, with their parameters.",
                TRIGGERS,
                triggers::specs,
                &[positionals("ref", "ref", Nargs::Optional, "the trigger type: pack.name"), OWN_HELP]
            )
        },
    ],
    ..Command::EMPTY
};

static INSTANCES: Resource = Resource {
    path: "triggerinstances",
    name: "Trigger Instance",
    key: Key::Id,
    dest: "id",
    columns: &["id", "trigger", "occurrence_time", "status"],
    first: &["id", "trigger", "occurrence_time", "payload"],
    filters: &[
        ("trigger", "trigger"),
        ("timestamp_gt", "timestamp_gt"),
        ("timestamp_lt", "timestamp_lt"),
        ("status", "status"),
    ],
    paged: Some("triggerinstances"),
    order: Order::Reversed,
    times: &["occurrence_time"],
    ..Resource::BASE
};

pub(super) const TRIGGER_INSTANCE: Command = Command {
    name: "trigger-instance",
    about: "Actual instances of triggers received by st2.",
    commands: &[
        on!(
            "list",
            "List the newest trigger instances, the newest of them last.",
            INSTANCES,
            objects::list,
            LAST,
            &[opt(&["--trigger"], "trigger", "only those of this trigger")],
            BETWEEN,
            &[opt(&["--status"], "status", "pending, processing, processed or processing_failed")],
            ATTR,
            WIDTH
        ),
        on!("get", "Show trigger instances.", INSTANCES, objects::get, &[IDS], ATTR),
        Command {
            own_help: true,
            ..own!(
                "re-emit",
                "Send a trigger instance through the rules again.",
                triggers::reemit,
                &[positionals("id", "id", Nargs::Optional, "its id"), OWN_HELP]
            )
        },
    ],
    ..Command::EMPTY
};

static ENFORCEMENTS: Resource = Resource {
    path: "ruleenforcements",
    name: "Rule Enforcement",
    key: Key::Id,
    dest: "id",
    columns: &["id", "rule.ref", "trigger_instance_id", "execution_id", "enforced_at"],
    shown: &["id", "rule.ref", "trigger_instance_id", "execution_id", "failure_reason", "enforced_at"],
    first: &["id", "rule.ref", "trigger_instance_id", "execution_id", "failure_reason", "enforced_at"],
    sparse: false,
    filters: &[
        ("trigger_instance", "trigger_instance"),
        ("execution", "execution"),
        ("rule", "rule_ref"),
        ("timestamp_gt", "enforced_at_gt"),
        ("timestamp_lt", "enforced_at_lt"),
    ],
    paged: Some("rule enforcements"),
    order: Order::ReversedDocuments,
    ..Resource::BASE
};

/// Writing them is offered by the Python client's command line but by no server.
static NAMED_ENFORCEMENTS: Resource = Resource {
    path: "ruleenforcements",
    name: "Rule Enforcement",
    key: Key::NameOrId,
    dest: "name_or_id",
    ..Resource::BASE
};

pub(super) const RULE_ENFORCEMENT: Command = Command {
    name: "rule-enforcement",
    about: "Models that represent enforcement of rules.",
    commands: &[
        on!(
            "list",
            "List the newest uses of rules.",
            ENFORCEMENTS,
            objects::list,
            LAST,
            &[
                opt(&["--trigger-instance"], "trigger_instance", "only that of this trigger instance"),
                opt(&["--execution"], "execution", "only that of this execution"),
                opt(&["--rule"], "rule", "only those of this rule"),
            ],
            BETWEEN,
            ATTR,
            WIDTH
        ),
        on!("get", "Show uses of rules.", ENFORCEMENTS, objects::get, &[IDS], ATTR),
        on!("create", "Not available on servers.", NAMED_ENFORCEMENTS, objects::create, &[FILE]),
        on!("update", "Not available on servers.", NAMED_ENFORCEMENTS, objects::update, &[NAME, FILE]),
        on!("delete", "Not available on servers.", NAMED_ENFORCEMENTS, objects::delete, &[NAME]),
        on!("clone", "Not available for rule enforcements.", NAMED_ENFORCEMENTS, objects::clone, &[]),
    ],
    ..Command::EMPTY
};
