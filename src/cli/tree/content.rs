//! What packs bring: actions, aliases, rules, sensors, policies, runners, and packs themselves.

use super::shared::{
    ATTR, BY_PACK, DETACHED, DISPLAY, DISPLAY_GROUPS, FILE, LAST, NAME, NAMES, REF, REFS, WIDTH, on, own,
};
use crate::cli::args::{Command, Nargs, flag, many, opt, positional, positionals};
use crate::cli::commands::{actions, aliases, objects, pack_dev, packs, rule_tests, run};
use crate::cli::resource::{Key, Resource};

static ACTIONS: Resource = Resource {
    path: "actions",
    name: "Action",
    columns: &["ref", "pack", "description"],
    first: &[
        "id",
        "uid",
        "ref",
        "pack",
        "name",
        "description",
        "enabled",
        "entry_point",
        "runner_type",
        "parameters",
    ],
    filters: &[("pack", "pack")],
    ..Resource::BASE
};

pub(super) const ACTION: Command = Command {
    name: "action",
    about: "An activity that happens as a response to the external event.",
    commands: &[
        on!("list", "List actions.", ACTIONS, objects::list, ATTR, WIDTH, BY_PACK),
        on!("get", "Show actions.", ACTIONS, objects::get, &[REFS], ATTR),
        on!("create", "Create an action from a file.", ACTIONS, objects::create, &[FILE]),
        on!("update", "Replace an action by a file's.", ACTIONS, objects::update, &[REF, FILE]),
        on!(
            "delete",
            "Delete an action.",
            ACTIONS,
            actions::delete,
            &[REF, flag(&["-r", "--remove-files"], "remove_files", "also delete its files in the pack")]
        ),
        on!(
            "clone",
            "Copy an action, within its pack or into another.",
            ACTIONS,
            run::clone_action,
            &[
                positional("source_ref_or_id", "source-ref-or-id", "the action to copy"),
                positional("dest_pack_name", "dest-pack-name", "the pack to copy it to"),
                positional("dest_action_name", "dest-action-name", "the name of the copy"),
                flag(&["-f", "--force"], "force", "replace an action of that name without asking"),
            ]
        ),
        on!("enable", "Allow an action to run.", ACTIONS, objects::enable, &[REF]),
        on!("disable", "Keep an action from running.", ACTIONS, objects::disable, &[REF]),
        super::executions::EXECUTE,
    ],
    examples: "\
st2 action list -p core -a ref description
st2 action get core.local -j
st2 action disable mypack.dangerous",
    ..Command::EMPTY
};

static ALIASES: Resource = Resource {
    path: "actionalias",
    name: "Action Alias",
    columns: &["ref", "pack", "description", "enabled"],
    first: &["id", "ref", "pack", "name", "description", "enabled", "action_ref", "formats"],
    filters: &[("pack", "pack")],
    ..Resource::BASE
};

/// The same aliases, where the Python client looks for a name before it looks for an id.
static NAMED_ALIASES: Resource = Resource {
    path: "actionalias",
    name: "Action Alias",
    key: Key::NameOrId,
    dest: "name_or_id",
    ..Resource::BASE
};

pub(super) const ACTION_ALIAS: Command = Command {
    name: "action-alias",
    about: "Action aliases.",
    commands: &[
        on!("list", "List action aliases.", ALIASES, objects::list, ATTR, WIDTH, BY_PACK),
        on!("get", "Show action aliases.", ALIASES, objects::get, &[REFS], ATTR),
        on!("create", "Create an action alias from a file.", ALIASES, objects::create, &[FILE]),
        on!("update", "Replace an action alias by a file's.", NAMED_ALIASES, objects::update, &[NAME, FILE]),
        on!("delete", "Delete an action alias.", NAMED_ALIASES, objects::delete, &[NAME]),
        on!("clone", "Not available for action aliases.", ALIASES, objects::clone, &[]),
        on!(
            "match",
            "Show the alias that fits a text.",
            ALIASES,
            aliases::find,
            &[positional("match_text", "command", "what somebody would type in a chat")],
            ATTR,
            WIDTH
        ),
        own!(
            "execute",
            "Run the action of the alias that fits a text.",
            aliases::execute,
            &[
                positional("command_text", "command", "what somebody would type in a chat"),
                opt(&["-u", "--user"], "user", "the user to run as, for administrators"),
            ]
        ),
        Command {
            exclusive: DISPLAY_GROUPS,
            ..own!(
                "test",
                "Run the action of the alias that fits a text, and show the message a chat would get.",
                aliases::test,
                &[
                    positional("command_text", "command", "what somebody would type in a chat"),
                    opt(&["-u", "--user"], "user", "the user to run as, for administrators"),
                ],
                DISPLAY,
                &[DETACHED]
            )
        },
    ],
    examples: "st2 action-alias match 'run date on localhost'",
    ..Command::EMPTY
};

static RULES: Resource = Resource {
    path: "rules",
    name: "Rule",
    columns: &["ref", "pack", "description", "enabled"],
    first: &["id", "uid", "ref", "pack", "name", "description", "enabled"],
    filters: &[("pack", "pack"), ("action", "action"), ("trigger", "trigger"), ("enabled", "enabled")],
    paged: Some("rules"),
    ..Resource::BASE
};

pub(super) const RULE: Command = Command {
    name: "rule",
    about: "A specification to invoke an \"action\" on a \"trigger\" selectively based on some criteria.",
    commands: &[
        Command {
            exclusive: &[&["enabled", "disabled"]],
            ..on!(
                "list",
                "List rules.",
                RULES,
                objects::list_rules,
                ATTR,
                WIDTH,
                LAST,
                &[flag(&["--iftt"], "iftt", "show the trigger and the action of each")],
                BY_PACK,
                &[
                    opt(&["-c", "--action"], "action", "only those that run this action"),
                    opt(&["-g", "--trigger"], "trigger", "only those of this trigger type"),
                    flag(&["--enabled"], "enabled", "only those that are enabled"),
                    flag(&["--disabled"], "disabled", "only those that are disabled"),
                ]
            )
        },
        on!("get", "Show rules.", RULES, objects::get, &[REFS], ATTR),
        on!("create", "Create a rule from a file.", RULES, objects::create, &[FILE]),
        on!("update", "Replace a rule by a file's.", RULES, objects::update, &[REF, FILE]),
        on!("delete", "Delete a rule.", RULES, objects::delete, &[REF]),
        on!("clone", "Not available for rules.", RULES, objects::clone, &[]),
        on!("enable", "Let a rule match.", RULES, objects::enable, &[REF]),
        on!("disable", "Keep a rule from matching.", RULES, objects::disable, &[REF]),
        Command {
            extra: true,
            ..own!(
                "why",
                "Tell why a rule took up an event, or did not.",
                rule_tests::why,
                &[
                    positional("rule", "rule", "reference or id of the rule"),
                    positional("event", "trigger-instance", "id of the trigger instance"),
                ]
            )
        },
        Command {
            extra: true,
            ..own!(
                "test",
                "Try a rule on an event. Nothing is stored; the exit code is 1 if the rule does not match.",
                rule_tests::test,
                &[
                    opt(&["--rule"], "rule", "a file with the rule"),
                    opt(&["--rule-ref"], "rule_ref", "a rule that is there: pack.name"),
                    opt(&["--trigger-instance"], "trigger_instance", "a file with trigger and payload"),
                    opt(&["--trigger-instance-id"], "trigger_instance_id", "an event that happened"),
                ]
            )
        },
    ],
    examples: "\
st2 rule list --iftt
st2 rule create my_rule.yaml
st2 rule test --rule my_rule.yaml --trigger-instance event.yaml   without running anything
st2 rule-enforcement list --rule mypack.my_rule   what it did",
    ..Command::EMPTY
};

static SENSORS: Resource = Resource {
    path: "sensortypes",
    name: "Sensor",
    columns: &["ref", "pack", "description", "enabled"],
    first: &["id", "uid", "ref", "pack", "name", "enabled", "entry_point", "artifact_uri", "trigger_types"],
    filters: &[("pack", "pack")],
    ..Resource::BASE
};

pub(super) const SENSOR: Command = Command {
    name: "sensor",
    about: "An adapter which allows you to integrate StackStorm with external system.",
    commands: &[
        on!("list", "List sensors.", SENSORS, objects::list, ATTR, WIDTH, BY_PACK),
        on!("get", "Show sensors.", SENSORS, objects::get, &[REFS], ATTR),
        on!("enable", "Start a sensor.", SENSORS, objects::enable, &[REF]),
        on!("disable", "Stop a sensor.", SENSORS, objects::disable, &[REF]),
    ],
    ..Command::EMPTY
};

static RUNNERS: Resource = Resource {
    path: "runnertypes",
    name: "Runner",
    key: Key::NameOrId,
    dest: "name_or_id",
    ..Resource::BASE
};

pub(super) const RUNNER: Command = Command {
    name: "runner",
    about: "Runner is a type of handler for a specific class of actions.",
    commands: &[
        on!("list", "List runners.", RUNNERS, objects::list, ATTR, WIDTH),
        on!("get", "Show runners.", RUNNERS, objects::get, &[NAMES], ATTR),
        on!("enable", "Let actions of a runner run.", RUNNERS, objects::enable, &[NAME]),
        on!("disable", "Keep all actions of a runner from running.", RUNNERS, objects::disable, &[NAME]),
    ],
    ..Command::EMPTY
};

static POLICIES: Resource = Resource {
    path: "policies",
    name: "Policy",
    columns: &["ref", "resource_ref", "policy_type", "enabled"],
    first: &[
        "id",
        "ref",
        "pack",
        "name",
        "description",
        "enabled",
        "resource_ref",
        "policy_type",
        "parameters",
    ],
    filters: &[("pack", "pack"), ("resource_ref", "resource_ref"), ("policy_type", "policy_type")],
    ..Resource::BASE
};

pub(super) const POLICY: Command = Command {
    name: "policy",
    about: "Policy that is enforced on a resource.",
    commands: &[
        on!(
            "list",
            "List policies.",
            POLICIES,
            objects::list,
            ATTR,
            WIDTH,
            BY_PACK,
            &[
                opt(&["-r", "--resource-ref"], "resource_ref", "only those laid on this action"),
                opt(&["-pt", "--policy-type"], "policy_type", "only those of this type"),
            ]
        ),
        on!("get", "Show policies.", POLICIES, objects::get, &[REFS], ATTR),
        on!("create", "Create a policy from a file.", POLICIES, objects::create, &[FILE]),
        on!("update", "Replace a policy by a file's.", POLICIES, objects::update, &[REF, FILE]),
        on!("delete", "Delete a policy.", POLICIES, objects::delete, &[REF]),
        on!("clone", "Not available for policies.", POLICIES, objects::clone, &[]),
    ],
    ..Command::EMPTY
};

static POLICY_TYPES: Resource = Resource {
    path: "policytypes",
    name: "Policy type",
    columns: &["id", "resource_type", "name", "description"],
    filters: &[("resource_type", "resource_type")],
    sparse: false,
    ..Resource::BASE
};

pub(super) const POLICY_TYPE: Command = Command {
    name: "policy-type",
    about: "Type of policy that can be applied to resources.",
    commands: &[
        on!(
            "list",
            "List policy types.",
            POLICY_TYPES,
            objects::list,
            ATTR,
            WIDTH,
            &[opt(&["-r", "--resource-type"], "resource_type", "only those for this kind of object")]
        ),
        on!("get", "Show policy types.", POLICY_TYPES, objects::get, &[REFS], ATTR),
    ],
    ..Command::EMPTY
};

static PACKS: Resource = Resource {
    path: "packs",
    name: "Pack",
    dest: "ref",
    columns: &["ref", "name", "description", "version", "author"],
    shown: &["name", "version", "author", "email", "keywords", "description"],
    first: &["name", "version", "author", "email", "keywords", "description"],
    ..Resource::BASE
};

const PROGRESS: &[crate::cli::args::Arg] = &[
    many(&["--attr"], "attr", "attributes of the packs to show"),
    flag(&["-d", "--detail"], "detail", "show the execution as a table of properties if it fails"),
];

pub(super) const PACK: Command = Command {
    name: "pack",
    about: "A group of related integration resources: actions, rules, and sensors.",
    commands: &[
        on!("list", "List the packs that are installed.", PACKS, objects::list, ATTR, WIDTH),
        on!(
            "get",
            "Show packs that are installed.",
            PACKS,
            objects::get,
            &[positionals("ref", "ref", Nargs::Many, "names of packs")],
            ATTR
        ),
        own!("show", "Show a pack of the index.", packs::show, &[positional("pack", "", "name of the pack")]),
        on!(
            "search",
            "Search the index of packs.",
            PACKS,
            packs::search,
            ATTR,
            WIDTH,
            &[positional("query", "", "what any attribute of the pack should contain")]
        ),
        Command {
            exclusive: &[&["attr", "detail"]],
            ..own!(
                "install",
                "Install packs.",
                packs::install,
                WIDTH,
                PROGRESS,
                &[
                    positionals(
                        "packs",
                        "pack",
                        Nargs::Many,
                        "names in the index, or URLs of git repositories"
                    ),
                    flag(&["--force"], "force", "install it although it is installed or does not fit"),
                    flag(&["--skip-dependencies"], "skip_dependencies", "leave out packs that it depends on"),
                ]
            )
        },
        Command {
            exclusive: &[&["attr", "detail"]],
            ..own!(
                "remove",
                "Remove packs.",
                packs::remove,
                WIDTH,
                PROGRESS,
                &[positionals("packs", "pack", Nargs::Many, "names of packs")]
            )
        },
        own!(
            "register",
            "Read the files of packs again.",
            packs::register,
            &[
                positionals("packs", "pack", Nargs::Any, "names of packs, all if none is named"),
                many(&["--types"], "types", "only content of these types"),
            ]
        ),
        own!(
            "dev",
            "Watch a pack on this machine, and register it on every save.",
            pack_dev::dev,
            &[positional("directory", "", "directory of the pack")]
        ),
        own!(
            "config",
            "Configure a pack, question by question.",
            packs::config,
            &[positional("name", "", "name of the pack")]
        ),
    ],
    examples: "\
st2 pack search aws
st2 pack install slack=1.0.0
st2 pack register mypack --types actions rules
st2 pack dev ~/src/mypack",
    ..Command::EMPTY
};
