//! Options and commands that many nouns have in common.

use crate::cli::args::{Arg, Nargs, flag, many, opt, positional, positionals};

/// Who calls.
pub(super) const AUTH: &[Arg] = &[
    opt(&["-t", "--token"], "token", "authenticate with this token (ST2_AUTH_TOKEN)"),
    opt(&["--api-key"], "api_key", "authenticate with this API key (ST2_API_KEY)"),
];

/// The form of the output.
pub(super) const OUTPUT: &[Arg] =
    &[flag(&["-j", "--json"], "json", "print JSON"), flag(&["-y", "--yaml"], "yaml", "print YAML")];

/// The attributes shown, short and long.
pub(super) const ATTR: &[Arg] = &[many(
    &["-a", "--attr"],
    "attr",
    "attributes to show, dotted for nested ones; \"all\" shows everything",
)];

/// The widths of columns.
pub(super) const WIDTH: &[Arg] =
    &[many(&["-w", "--width"], "width", "width of each column, or one width for all").int()];

/// Only what belongs to a pack.
pub(super) const BY_PACK: &[Arg] = &[opt(&["-p", "--pack"], "pack", "only those of this pack")];

/// How many of the newest.
pub(super) const LAST: &[Arg] =
    &[opt(&["-n", "--last"], "last", "how many of the newest to show, 50 if not said, -1 for all").int()];

/// Only within a time.
pub(super) const BETWEEN: &[Arg] = &[
    opt(
        &["-tg", "--timestamp-gt"],
        "timestamp_gt",
        "only those after this time, as 2000-01-01T12:00:00.000Z",
    ),
    opt(
        &["-tl", "--timestamp-lt"],
        "timestamp_lt",
        "only those before this time, as 2000-01-01T12:00:00.000Z",
    ),
];

/// How an execution is shown. `st2 run` and its like take the same.
pub(super) const DISPLAY: &[Arg] = &[
    flag(&["--with-schema"], "with_schema", "add the output schema that would fit the result"),
    flag(&["--raw"], "raw", "leave out the tasks of a workflow"),
    flag(&["--show-tasks"], "show_tasks", "show the tasks, which only workflows have"),
    opt(&["--depth"], "depth", "how deep to show tasks of tasks, everything if not said").int(),
    many(&["-w", "--width"], "width", "width of each column, or one width for all").int(),
    many(&["--attr"], "attr", "attributes to show, dotted for nested ones"),
    flag(&["-d", "--detail"], "detail", "show a table of properties"),
    opt(&["-k", "--key"], "key", "show only this value of the result, dotted for nested ones"),
    opt(&["--delay"], "delay", "wait this many milliseconds before it is scheduled").int(),
    flag(&["--tail"], "tail", "show the output while it is written, then the result"),
    flag(&["--auto-dict"], "auto_dict", "turn k:v items of arrays into one object"),
];

/// Of [`DISPLAY`], what excludes each other; the groups overlap as in the Python client.
pub(super) const DISPLAY_GROUPS: &[&[&str]] = &[
    &["attr", "detail", "key", "delay", "tail", "auto_dict"],
    &["attr", "detail", "key", "delay", "tail", "auto_dict"],
    &["key", "delay"],
];

/// Do not wait, and what environment to bring.
pub(super) const DETACHED: Arg = flag(&["-a", "--async"], "action_async", "do not wait for the end");

/// Bring the environment.
pub(super) const INHERIT: Arg = flag(
    &["-e", "--inherit-env"],
    "inherit_env",
    "give the environment of this shell to the action, as its parameter env",
);

/// `-h` of commands that answer it themselves.
pub(super) const OWN_HELP: Arg = flag(&["-h", "--help"], "help", "show what the action takes, and exit");

/// Words for an action.
pub(super) const PARAMETERS: Arg = positionals(
    "parameters",
    "",
    Nargs::Any,
    "k=v for each parameter; @k=file takes the value from a file; words without = become cmd",
);

/// A file with an object.
pub(super) const FILE: Arg = positional("file", "", "a JSON or YAML file that describes it");

/// The key of objects that have references.
pub(super) const REF: Arg = positional("ref_or_id", "ref-or-id", "its reference (pack.name) or id");
pub(super) const REFS: Arg =
    positionals("ref_or_id", "ref-or-id", Nargs::Many, "references (pack.name) or ids");

/// The key of objects that have names.
pub(super) const NAME: Arg = positional("name_or_id", "name-or-id", "its name or id");
pub(super) const NAMES: Arg = positionals("name_or_id", "name-or-id", Nargs::Many, "names or ids");

/// The key of objects that only have ids.
pub(super) const IDS: Arg = positionals("id", "id", Nargs::Many, "ids");

/// A command on a kind of object: its name, what it is for, the resource, what it does, its arguments.
macro_rules! on {
    ($name:literal, $about:expr, $resource:expr, $run:path, $($args:expr),+ $(,)?) => {
        $crate::cli::args::Command {
            name: $name,
            about: $about,
            args: &[$crate::cli::tree::shared::AUTH, $crate::cli::tree::shared::OUTPUT, $($args),+],
            run: $crate::cli::args::Run::On(&$resource, $run),
            ..$crate::cli::args::Command::EMPTY
        }
    };
}

/// A command of its own, with the options that all have.
macro_rules! own {
    ($name:literal, $about:expr, $run:path, $($args:expr),+ $(,)?) => {
        $crate::cli::args::Command {
            name: $name,
            about: $about,
            args: &[$crate::cli::tree::shared::AUTH, $crate::cli::tree::shared::OUTPUT, $($args),+],
            run: $crate::cli::args::Run::Own($run),
            ..$crate::cli::args::Command::EMPTY
        }
    };
}

pub(super) use {on, own};
