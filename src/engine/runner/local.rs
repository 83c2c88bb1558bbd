//! `local-shell-cmd` and `local-shell-script`: commands and scripts on this machine, through `/bin/sh`.

use super::{
    Error, LiveAction, Outcome, RunIo, Runner, arguments,
    command::{self, RunAs},
    content_version::Worktree,
    process,
    shape::{self, Ended},
};
use crate::pytext;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

/// Seconds a local action may take when nothing else is said.
const TIMEOUT: u64 = 60;

/// Prefix of named arguments when nothing else is said.
const KWARG_OP: &str = "--";

pub(super) struct ShellCommand;
pub(super) struct ShellScript {
    pub(super) node_name: String,
}

impl Runner for ShellCommand {
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            if action.entry_point.is_some() {
                return Err(Error::Metadata(
                    "entry_point is only valid for local-shell-script runner".to_owned(),
                ));
            }
            let line = text(&action.runner_parameters, "cmd").unwrap_or_default();
            shell(action, io, run_as(action).wrap(line).into_owned()).await
        })
    }
}

impl Runner for ShellScript {
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            let Some(script) = &action.entry_point else {
                return Err(Error::Metadata("Missing entry_point action metadata attribute".to_owned()));
            };
            let worktree = Worktree::of(action, &self.node_name).await?;
            let script = worktree.as_ref().map_or(script, |worktree| &worktree.entry_point);
            make_executable(script);
            let parameters = &action.execution.snapshot.action.spec.parameters;
            let arguments = arguments::of(&action.action_parameters, parameters);
            let prefix = text(&action.runner_parameters, "kwarg_op").unwrap_or(KWARG_OP);
            let arguments = command::script_arguments(&arguments, prefix);
            let line = run_as(action).wrap_script(&script.to_string_lossy(), &arguments);
            let ended = shell(action, io, line).await;
            if let Some(worktree) = worktree {
                worktree.remove().await;
            }
            ended
        })
    }
}

async fn shell(action: &LiveAction, io: &RunIo, line: String) -> Result<Outcome, Error> {
    let parameters = &action.runner_parameters;
    let seconds = parameters.get("timeout").and_then(Value::as_u64).unwrap_or(TIMEOUT);
    let password = text(parameters, "sudo_password").filter(|password| !password.is_empty());
    let start = process::Start {
        execution: action.execution.id,
        program: "/bin/sh",
        arguments: vec!["-c".to_owned(), line],
        env: environment(action),
        directory: text(parameters, "cwd").filter(|cwd| !cwd.is_empty()).map(Into::into),
        input: password.map(|password| format!("{password}\n").into_bytes()),
        timeout: Duration::from_secs(seconds),
    };
    let end = process::run(start, io).await?;
    let ended = Ended {
        code: end.code.into(),
        stdout: &end.output.stdout,
        stderr: &end.output.stderr,
        timed_out_after: end.timed_out.then_some(seconds),
    };
    Ok(shape::local(&ended, password.is_some()))
}

fn run_as(action: &LiveAction) -> RunAs<'_> {
    RunAs {
        user: &action.system_user,
        own_user: &action.own_user,
        sudo: action.runner_parameters.get("sudo").and_then(Value::as_bool).unwrap_or(false),
        sudo_password: text(&action.runner_parameters, "sudo_password"),
    }
}

/// What the caller asks for, and above it what every process of an action gets.
fn environment(action: &LiveAction) -> Vec<(String, String)> {
    let asked = action.runner_parameters.get("env").and_then(Value::as_object);
    let asked = asked.into_iter().flatten().map(|(name, value)| (name.clone(), pytext::str(value)));
    // What the operating system cannot hold would make the whole start fail with words nobody understands.
    let fits = |(name, value): &(String, String)| {
        !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0')
    };
    asked.chain(action.env.iter().cloned()).filter(fits).collect()
}

/// Scripts come out of git and archives without the bit often enough. On a read-only file system the shell will say
/// what is wrong.
fn make_executable(script: &Path) {
    if let Ok(metadata) = std::fs::metadata(script)
        && metadata.permissions().mode() & 0o100 == 0
    {
        let mode = metadata.permissions().mode() | 0o111;
        if let Err(error) = std::fs::set_permissions(script, std::fs::Permissions::from_mode(mode)) {
            tracing::debug!("Could not make {} executable: {error}", script.display());
        }
    }
}

fn text<'a>(parameters: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    parameters.get(name).and_then(Value::as_str)
}
