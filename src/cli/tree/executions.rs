//! Running actions, and what became of it.

use super::shared::{
    ATTR, AUTH, BETWEEN, DETACHED, DISPLAY, DISPLAY_GROUPS, IDS, INHERIT, LAST, OUTPUT, OWN_HELP, PARAMETERS,
    WIDTH, on, own,
};
use crate::cli::args::{Arg, Command, Nargs, Run, flag, opt, positional, positionals};
use crate::cli::commands::{executions, inquiries, objects, run, tail, why};
use crate::cli::resource::{Key, Order, Resource};

const START: &[Arg] = &[
    positionals("ref_or_id", "ref-or-id", Nargs::Optional, "the action: its reference (pack.name) or id"),
    PARAMETERS,
    OWN_HELP,
];

const START_OPTIONS: &[Arg] = &[
    opt(&["--trace-tag", "--trace_tag"], "trace_tag", "a tag to find it by later (st2 trace list -c)"),
    opt(&["--trace-id"], "trace_id", "the id of a trace that it belongs to"),
    DETACHED,
    INHERIT,
    opt(&["-u", "--user"], "user", "the user to run as, for administrators"),
];

pub(super) const RUN: Command = Command {
    name: "run",
    about: "Invoke an action manually.",
    args: &[AUTH, OUTPUT, START, DISPLAY, START_OPTIONS],
    exclusive: DISPLAY_GROUPS,
    run: Run::Own(run::run),
    own_help: true,
    examples: "\
st2 run core.local date                          words without = are the command
st2 run core.local cmd='df -h' --tail            show the output while it runs
st2 run core.http url=http://example.com -k body only one value of the result
st2 run core.remote hosts=a,b cmd=uptime -a      do not wait
st2 run core.http -h                             what this action takes",
    ..Command::EMPTY
};

pub(super) const EXECUTE: Command = Command {
    name: "execute",
    about: "Run an action without waiting for its end.",
    run: Run::Own(run::execute),
    examples: "st2 action execute core.local cmd=date",
    ..RUN
};

static EXECUTIONS: Resource = Resource {
    path: "executions",
    name: "Action Execution",
    key: Key::Id,
    dest: "id",
    columns: &["id", "action.ref", "context.user", "status", "start_timestamp", "end_timestamp"],
    filters: &[
        ("action", "action"),
        ("status", "status"),
        ("user", "user"),
        ("trigger_instance", "trigger_instance"),
        ("timestamp_gt", "timestamp_gt"),
        ("timestamp_lt", "timestamp_lt"),
    ],
    paged: Some("action executions"),
    order: Order::Reversed,
    times: &["start_timestamp", "end_timestamp"],
    ..Resource::BASE
};

const MANY_IDS: &[Arg] = &[positionals("ids", "", Nargs::Many, "ids of executions")];

const ONE_OR_LAST: Arg =
    positionals("id", "id", Nargs::Optional, "its id; \"last\", or nothing, is the newest");

const OUTPUT_TYPE: Arg =
    opt(&["--type"], "output_type", "only output of this type, for example stdout or stderr");

pub(super) const EXECUTION: Command = Command {
    name: "execution",
    about: "An invocation of an action.",
    commands: &[
        on!(
            "list",
            "List the newest executions, the newest of them last.",
            EXECUTIONS,
            executions::list,
            LAST,
            &[
                opt(&["-s", "--sort"], "sort_order", "asc: from the oldest on; desc: from the newest on"),
                opt(&["--action"], "action", "only those of this action"),
                opt(&["--status"], "status", "only those with this status, for example running or failed"),
                opt(&["--user"], "user", "only those of this user"),
                opt(
                    &["--trigger_instance"],
                    "trigger_instance",
                    "only those set off by this trigger instance"
                ),
            ],
            BETWEEN,
            &[flag(&["-l", "--showall"], "showall", "also those that belong to a workflow")],
            ATTR,
            WIDTH
        ),
        Command {
            exclusive: DISPLAY_GROUPS,
            ..on!(
                "get",
                "Show executions and, for workflows, their tasks.",
                EXECUTIONS,
                executions::get,
                &[
                    positionals("id", "", Nargs::Many, "ids of executions; \"last\" is the newest"),
                    flag(&["-x", "--exclude-result"], "exclude_result", "leave out the result"),
                ],
                DISPLAY
            )
        },
        Command {
            own_help: true,
            exclusive: DISPLAY_GROUPS,
            examples: "\
st2 execution re-run ID                    the same again
st2 execution re-run ID cmd=uptime         with another parameter
st2 execution re-run ID --tasks t2 t3      only these tasks of a workflow",
            ..own!(
                "re-run",
                "Run the action of an execution again, with the same parameters where no others are given.",
                run::rerun,
                &[
                    positionals("id", "id", Nargs::Optional, "the execution to repeat"),
                    PARAMETERS,
                    Arg {
                        nargs: Nargs::Any,
                        ..opt(&["--tasks"], "tasks", "only these tasks of the workflow")
                    },
                    Arg {
                        nargs: Nargs::Any,
                        ..opt(&["--no-reset"], "no_reset", "of these tasks only the items that failed")
                    },
                    DETACHED,
                    INHERIT,
                    OWN_HELP,
                ],
                DISPLAY
            )
        },
        own!("cancel", "Cancel executions.", executions::cancel, MANY_IDS),
        Command {
            exclusive: DISPLAY_GROUPS,
            ..own!("pause", "Pause workflows.", executions::pause, MANY_IDS, DISPLAY)
        },
        Command {
            exclusive: DISPLAY_GROUPS,
            ..own!("resume", "Let paused workflows go on.", executions::resume, MANY_IDS, DISPLAY)
        },
        own!(
            "tail",
            "Follow the output of an execution, and of those below it.",
            tail::tail,
            &[
                ONE_OR_LAST,
                OUTPUT_TYPE,
                flag(&["--include-metadata"], "include_metadata", "put time and type before each piece"),
            ]
        ),
        Command {
            extra: true,
            ..own!(
                "output",
                "Print what an execution has written so far, and nothing else.",
                tail::print_output,
                &[ONE_OR_LAST, OUTPUT_TYPE]
            )
        },
        Command {
            extra: true,
            ..own!(
                "why",
                "Tell what led to where an execution stands, what it waits for, and what to ask next.",
                why::why,
                &[ONE_OR_LAST]
            )
        },
    ],
    examples: "\
st2 execution list -n 10 --status failed
st2 execution get last -k stdout
st2 execution tail last
st2 execution output last --type stdout > out.txt",
    ..Command::EMPTY
};

static INQUIRIES: Resource = Resource {
    path: "inquiries",
    name: "Inquiry",
    key: Key::Id,
    dest: "id",
    columns: &["id", "roles", "users", "route", "ttl"],
    shown: &["id", "roles", "users", "route", "ttl", "schema"],
    sparse: false,
    paged: Some("inquiries"),
    order: Order::Reversed,
    ..Resource::BASE
};

pub(super) const INQUIRY: Command = Command {
    name: "inquiry",
    about: "Inquiries provide an opportunity to ask a question and wait for a response in a workflow.",
    commands: &[
        on!("list", "List open inquiries.", INQUIRIES, objects::list, LAST, ATTR, WIDTH),
        on!("get", "Show inquiries.", INQUIRIES, objects::get, &[IDS], ATTR),
        on!(
            "respond",
            "Answer an inquiry, with a document or question by question.",
            INQUIRIES,
            inquiries::respond,
            &[
                positional("id", "id", "its id"),
                opt(&["-r", "--response"], "response", "the whole response as JSON, instead of questions"),
            ]
        ),
    ],
    examples: "st2 inquiry respond ID -r '{\"approved\": true}'",
    ..Command::EMPTY
};
