//! All commands, their options and their help: the table that the command line is read by.
//!
//! Names and order are the Python client's, because usage errors show them; what is ours alone is
//! marked `extra`. Commands shared by many kinds of objects are made by the macros below.

mod content;
mod events;
mod executions;
mod others;
mod shared;

use super::args::{Arg, Command, flag, opt};

/// `st2` itself.
pub(crate) static ROOT: Command = Command {
    name: "st2",
    about: "CLI for StackStorm event-driven automation platform. https://stackstorm.com",
    args: &[GLOBALS],
    commands: &[
        executions::RUN,
        content::ACTION,
        content::ACTION_ALIAS,
        others::AUTH_COMMAND,
        others::LOGIN,
        others::WHOAMI,
        others::APIKEY,
        executions::EXECUTION,
        executions::INQUIRY,
        others::KEY,
        content::PACK,
        content::POLICY,
        content::POLICY_TYPE,
        content::RULE,
        events::WEBHOOK,
        events::TIMER,
        content::RUNNER,
        content::SENSOR,
        events::TRACE,
        events::TRIGGER,
        events::TRIGGER_INSTANCE,
        events::RULE_ENFORCEMENT,
        others::WORKFLOW,
        others::SERVICE_REGISTRY,
        others::ROLE,
        others::ROLE_ASSIGNMENT,
        others::COMPLETION,
    ],
    examples: "\
st2 run core.local cmd=date              run an action and wait for its result
st2 run core.local cmd='sleep 5' --tail  the same, showing its output while it runs
st2 run core.http -h                     what an action takes
st2 execution list -n 5                  what ran last
st2 execution get last                   see also: st2 execution output last
st2 action list -p core                  what there is to run
st2 login st2admin                       keep a token for the next commands
st2 completion bash                      completion for your shell",
    ..Command::EMPTY
};

/// Options of `st2` itself, given before the command.
const GLOBALS: &[Arg] = &[
    flag(&["--version"], "version", "show program's version number and exit"),
    opt(
        &["--url"],
        "base_url",
        "Base URL for the API servers. Assumes all servers use the same base URL and default ports are used. Get ST2_BASE_URL from the environment variables by default.",
    ),
    opt(
        &["--auth-url"],
        "auth_url",
        "URL for the authentication service. Get ST2_AUTH_URL from the environment variables by default.",
    ),
    opt(
        &["--api-url"],
        "api_url",
        "URL for the API server. Get ST2_API_URL from the environment variables by default.",
    ),
    opt(
        &["--stream-url"],
        "stream_url",
        "URL for the stream endpoint. Get ST2_STREAM_URLfrom the environment variables by default.",
    ),
    opt(
        &["--api-version"],
        "api_version",
        "API version to use. Get ST2_API_VERSION from the environment variables by default.",
    ),
    opt(
        &["--cacert"],
        "cacert",
        "Path to the CA cert bundle for the SSL endpoints. Get ST2_CACERT from the environment variables by default. If this is not provided, then SSL cert will not be verified.",
    ),
    opt(&["--basic-auth"], "basic_auth", "Optional additional basic auth credentials used to authenticate"),
    opt(&["--config-file"], "config_file", "Path to the CLI config file"),
    flag(&["--print-config"], "print_config", "Parse the config file and print the values"),
    flag(&["--skip-config"], "skip_config", "Don't parse and use the CLI config file"),
    flag(&["--debug"], "debug", "Enable debug mode"),
    flag(&["-V"], "version", "the same as --version").extra(),
];
