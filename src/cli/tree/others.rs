//! Logging in, keys, roles, and what else there is.

use super::shared::{ATTR, AUTH, IDS, LAST, OUTPUT, WIDTH, on, own};
use crate::cli::args::{Arg, Command, Nargs, Run, flag, opt, positional, positionals};
use crate::cli::commands::{apikeys, auth, keys, objects, services, workflows};
use crate::cli::completion;
use crate::cli::resource::{Key, Order, Resource};

const WHO: &[Arg] = &[
    positional("username", "", "name of the user"),
    opt(&["-p", "--password"], "password", "the password; asked for if not given"),
    opt(&["-l", "--ttl"], "ttl", "how many seconds the token lives, as far as the server allows").int(),
];

pub(super) const AUTH_COMMAND: Command = Command {
    name: "auth",
    about: "Authenticate user and acquire access token.",
    args: &[OUTPUT, WHO, &[flag(&["-t", "--only-token"], "only_token", "print the token and nothing else")]],
    run: Run::Own(auth::auth),
    examples: "export ST2_AUTH_TOKEN=$(st2 auth st2admin -t)",
    ..Command::EMPTY
};

pub(super) const LOGIN: Command = Command {
    name: "login",
    about: "Authenticate user, acquire access token, and update CLI config directory",
    args: &[
        OUTPUT,
        WHO,
        &[flag(&["-w", "--write-password"], "write_password", "keep the password too, in plain text")],
    ],
    run: Run::Own(auth::login),
    ..Command::EMPTY
};

pub(super) const WHOAMI: Command = Command {
    name: "whoami",
    about: "Display the currently authenticated user",
    args: &[OUTPUT],
    run: Run::Own(auth::whoami),
    ..Command::EMPTY
};

static API_KEYS: Resource = Resource {
    path: "apikeys",
    name: "API Key",
    key: Key::Id,
    dest: "key_or_id",
    columns: &["id", "user", "metadata"],
    first: &["id", "user", "metadata"],
    sparse: false,
    filters: &[("user", "user")],
    ..Resource::BASE
};

const ONE_KEY: &[Arg] = &[positional("key_or_id", "key-or-id", "the key itself or its id")];

pub(super) const APIKEY: Command = Command {
    name: "apikey",
    about: "API Keys.",
    commands: &[
        on!(
            "list",
            "List API keys.",
            API_KEYS,
            apikeys::list,
            ATTR,
            WIDTH,
            &[
                opt(&["-u", "--user"], "user", "only those of this user"),
                flag(&["-d", "--detail"], "detail", "show all attributes"),
                flag(&["--show-secrets"], "show_secrets", "do not mask the hashes of keys"),
            ]
        ),
        on!(
            "get",
            "Show API keys.",
            API_KEYS,
            objects::get,
            &[positionals("key_or_id", "key-or-id", Nargs::Many, "keys themselves or their ids")],
            ATTR
        ),
        own!(
            "create",
            "Create an API key. Only now the key itself is shown.",
            apikeys::create,
            &[
                opt(&["-u", "--user"], "user", "the user it stands for"),
                opt(&["-m", "--metadata"], "metadata", "a JSON document to remember with it").json(),
                flag(&["-k", "--only-key"], "only_key", "print the key and nothing else"),
            ]
        ),
        on!("delete", "Delete an API key.", API_KEYS, objects::delete, ONE_KEY),
        on!("clone", "Not available for API keys.", API_KEYS, objects::clone, &[]),
        on!("enable", "Let an API key be used.", API_KEYS, objects::enable, ONE_KEY),
        on!("disable", "Keep an API key from being used.", API_KEYS, objects::disable, ONE_KEY),
        own!(
            "load",
            "Create or replace API keys from a file.",
            apikeys::load,
            &[positional("file", "", "a JSON or YAML file with user and key_hash of each")],
            WIDTH
        ),
    ],
    examples: "export ST2_API_KEY=$(st2 apikey create -k -m '{\"used_by\": \"ci\"}')",
    ..Command::EMPTY
};

static KEYS: Resource = Resource {
    path: "keys",
    name: "Key Value Pair",
    key: Key::Id,
    dest: "name",
    columns: &["name", "value", "secret", "encrypted", "scope", "user", "expire_timestamp"],
    shown: &["name", "value", "secret", "encrypted", "scope", "expire_timestamp"],
    sparse: false,
    filters: &[("prefix", "prefix"), ("user", "user")],
    paged: Some("key value pairs"),
    order: Order::ReversedDocuments,
    times: &["expire_timestamp"],
    ..Resource::BASE
};

const KEY_SCOPE: &[Arg] = &[
    opt(&["-s", "--scope"], "scope", "system or user; system if not said"),
    opt(&["-u", "--user"], "user", "the user whose it is, for administrators"),
];

pub(super) const KEY: Command = Command {
    name: "key",
    about: "Key value pair is used to store commonly used configuration for reuse in sensors, actions, and rules.",
    commands: &[
        on!(
            "list",
            "List keys of the datastore.",
            KEYS,
            keys::list,
            ATTR,
            WIDTH,
            &[
                opt(&["--prefix"], "prefix", "only those whose names start so"),
                flag(&["-d", "--decrypt"], "decrypt", "show secrets in plain text"),
                opt(&["-s", "--scope"], "scope", "all, system or user; all if not said"),
                opt(&["-u", "--user"], "user", "only those of this user, for administrators"),
            ],
            LAST
        ),
        on!(
            "get",
            "Show keys of the datastore.",
            KEYS,
            keys::get,
            &[positionals("name", "name", Nargs::Many, "names of keys")],
            ATTR,
            &[
                flag(&["-d", "--decrypt"], "decrypt", "show a secret in plain text"),
                opt(&["-s", "--scope"], "scope", "system or user; system if not said"),
            ]
        ),
        on!(
            "delete",
            "Delete a key.",
            KEYS,
            keys::delete,
            &[positional("name", "name", "name of the key")],
            KEY_SCOPE
        ),
        on!("clone", "Not available for keys.", KEYS, objects::clone, &[]),
        Command {
            exclusive: &[&["secret", "encrypted"]],
            examples: "\
st2 key set host example.com
st2 key set token s3cr3t --encrypt",
            ..own!(
                "set",
                "Set a key to a value.",
                keys::set,
                &[
                    flag(&["-e", "--encrypt"], "secret", "store it encrypted"),
                    flag(&["--encrypted"], "encrypted", "the value is encrypted already"),
                    positional("name", "name", "name of the key"),
                    positionals("value", "", Nargs::Optional, "its value; asked for if not given"),
                    opt(&["-l", "--ttl"], "ttl", "how many seconds it lives").int(),
                ],
                KEY_SCOPE
            )
        },
        own!(
            "load",
            "Set keys from a file.",
            keys::load,
            &[
                flag(&["-c", "--convert"], "convert", "store what is no text as JSON"),
                positional("file", "", "a JSON or YAML file with name and value of each"),
            ]
        ),
        own!(
            "delete_by_prefix",
            "Delete all keys whose names start so.",
            keys::delete_by_prefix,
            &[opt(&["-p", "--prefix"], "prefix", "how the names start").required()]
        ),
    ],
    ..Command::EMPTY
};

pub(super) const WORKFLOW: Command = Command {
    name: "workflow",
    about: "Commands for workflow authoring related operations. Only orquesta workflows are supported.",
    commands: &[
        Command {
            name: "inspect",
            about: "List the faults of a workflow definition.",
            args: &[&[
                opt(&["--file"], "file", "a file with the definition"),
                opt(&["--action"], "action", "an action whose definition is on this machine"),
            ]],
            exclusive: &[&["file", "action"]],
            run: Run::Own(workflows::inspect),
            examples: "st2 workflow inspect --file my_workflow.yaml",
            ..Command::EMPTY
        },
        Command {
            name: "graph",
            about: "Draw the tasks of a workflow.",
            args: &[&[
                positional("workflow", "", "a file with the definition, or the reference of a workflow"),
                flag(&["--svg"], "svg", "as SVG instead of text"),
                opt(&["-o", "--output"], "output", "write it to this file"),
            ]],
            run: Run::Own(workflows::graph),
            examples: "st2 workflow graph my_workflow.yaml\nst2 workflow graph examples.orquesta-join --svg -o join.svg",
            ..Command::EMPTY
        },
    ],
    ..Command::EMPTY
};

static GROUPS: Resource = Resource { name: "Group", columns: &["group_id"], ..Resource::BASE };

static MEMBERS: Resource =
    Resource { name: "Group Member", columns: &["group_id", "member_id", "capabilities"], ..Resource::BASE };

pub(super) const SERVICE_REGISTRY: Command = Command {
    name: "service-registry",
    about: "Service registry group and membership related commands.",
    commands: &[
        Command {
            name: "group",
            about: "Kinds of services.",
            commands: &[on!("list", "List kinds of services.", GROUPS, services::groups, ATTR, WIDTH)],
            ..Command::EMPTY
        },
        Command {
            name: "member",
            about: "Services that are alive.",
            commands: &[on!(
                "list",
                "List services that are alive.",
                MEMBERS,
                services::members,
                ATTR,
                WIDTH,
                &[opt(&["--group-id"], "group_id", "only those of this kind")]
            )],
            ..Command::EMPTY
        },
    ],
    ..Command::EMPTY
};

static ROLES: Resource = Resource {
    path: "rbac/roles",
    name: "Role",
    key: Key::Id,
    dest: "id",
    columns: &["id", "name", "system", "description"],
    first: &["id", "name", "system", "permission_grants"],
    sparse: false,
    filters: &[("system", "system")],
    ..Resource::BASE
};

pub(super) const ROLE: Command = Command {
    name: "role",
    about: "RBAC roles.",
    commands: &[
        Command {
            exclusive: &[&["system"]],
            ..on!(
                "list",
                "List roles.",
                ROLES,
                objects::list,
                &[flag(&["-s", "--system"], "system", "only those that the system brings")],
                ATTR,
                WIDTH
            )
        },
        on!("get", "Show roles.", ROLES, objects::get, &[IDS], ATTR),
    ],
    ..Command::EMPTY
};

static ROLE_ASSIGNMENTS: Resource = Resource {
    path: "rbac/role_assignments",
    name: "Role Assignment",
    key: Key::Id,
    dest: "id",
    columns: &["id", "role", "user", "is_remote", "source", "description"],
    first: &["id", "role", "user", "is_remote", "description"],
    sparse: false,
    filters: &[("role", "role"), ("user", "user"), ("source", "source"), ("remote", "remote")],
    ..Resource::BASE
};

pub(super) const ROLE_ASSIGNMENT: Command = Command {
    name: "role-assignment",
    about: "RBAC role assignments.",
    commands: &[
        on!(
            "list",
            "List who has which role.",
            ROLE_ASSIGNMENTS,
            objects::list,
            &[
                opt(&["-r", "--role"], "role", "only those of this role"),
                opt(&["-u", "--user"], "user", "only those of this user"),
                opt(&["-s", "--source"], "source", "only those from this source"),
                flag(&["--remote"], "remote", "only those that a directory service gave"),
            ],
            ATTR,
            WIDTH
        ),
        on!("get", "Show role assignments.", ROLE_ASSIGNMENTS, objects::get, &[IDS], ATTR),
    ],
    ..Command::EMPTY
};

pub(super) const COMPLETION: Command = Command {
    name: "completion",
    about: "Print the completion script for a shell.",
    args: &[AUTH, &[positional("shell", "bash|zsh|fish", "the shell")]],
    run: Run::Own(completion::print),
    extra: true,
    examples: "\
st2 completion bash > /etc/bash_completion.d/st2
st2 completion zsh > \"${fpath[1]}/_st2\"
st2 completion fish > ~/.config/fish/completions/st2.fish",
    ..Command::EMPTY
};
