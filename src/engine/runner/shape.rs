//! What a process left behind, shaped into status and result.
//!
//! The shapes are part of the contract: workflows read them by path, and rely on output that is JSON being decoded.

use super::Outcome;
use crate::{model::ExecutionStatus, pytext};
use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

/// What separates the result of a Python action from what it printed.
pub const DELIMITER: &str = "%%%%%~=~=~=************=~=~=~%%%%";

/// The exit code with which the wrapper of Python actions reports a status that is none.
const INVALID_STATUS: i64 = 220;

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// Its exit code; negative for the signal that killed it. Windows counts up to 2^32.
    pub code: i64,
    /// Everything it wrote.
    pub stdout: &'a str,
    /// Everything it wrote to the other.
    pub stderr: &'a str,
    /// It was ended because it took longer than this many seconds.
    pub timed_out_after: Option<u64>,
}

/// The outcome of a local command or script.
///
/// `sudo_password` tells that one was given: then a complaint of `sudo` about it is recognised.
pub fn local(ended: &Ended<'_>, sudo_password: bool) -> Outcome {
    let mut code = ended.code;
    let mut error = ended.timed_out_after.map(too_slow);
    if error.is_some() {
        code = -9;
    }
    if sudo_password && let Some(user) = refused_by_sudo(ended.stderr) {
        code = -1;
        error =
            Some(format!("Invalid sudo password provided or sudo is not configured for this user ({user})"));
    }
    let status = match code {
        0 => ExecutionStatus::Succeeded,
        -9 => ExecutionStatus::Timeout,
        -15 => ExecutionStatus::Abandoned,
        _ => ExecutionStatus::Failed,
    };
    let mut result = streams(code, strip(ended.stdout), strip(ended.stderr));
    if let Some(error) = error {
        result["error"] = json!(error);
    }
    Outcome { status, result: result.into() }
}

/// The outcome of a command on a Windows host. Its output keeps its line ends.
pub fn winrm(ended: &Ended<'_>) -> Outcome {
    let timed_out = ended.timed_out_after.is_some();
    let code = if timed_out { -1 } else { ended.code };
    let mut result = streams(code, ended.stdout, ended.stderr);
    // As upstream: of a command that timed out, its own code tells whether it failed.
    result["failed"] = json!(ended.code != 0);
    result["succeeded"] = json!(ended.code == 0);
    let status = match (timed_out, ended.code) {
        (true, _) => ExecutionStatus::Timeout,
        (false, 0) => ExecutionStatus::Succeeded,
        _ => ExecutionStatus::Failed,
    };
    Outcome { status, result: result.into() }
}

/// The outcome of a Python action.
///
/// # Errors
/// The action returned an impossible status, or its output was mixed up: the execution fails with this message.
pub fn python(ended: &Ended<'_>) -> Result<Outcome, String> {
    if ended.code == INVALID_STATUS {
        return Err(ended.stderr.to_owned());
    }
    let mut parts = ended.stdout.split(DELIMITER);
    let before = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let (stdout, (result, status)) = match rest[..] {
        [] => (before.to_owned(), (json!("None"), Value::Null)),
        [answer, after] => (format!("{before}{after}"), read_answer(answer.trim())?),
        _ => return Err(format!("The result length should be 3, was {}.", rest.len() + 1)),
    };
    let mut shaped =
        json!({"stdout": stdout, "stderr": ended.stderr, "exit_code": ended.code, "result": result});
    if let Some(seconds) = ended.timed_out_after {
        shaped["error"] = json!(too_slow(seconds));
    }
    Ok(Outcome { status: python_status(ended, &status), result: shaped.into() })
}

/// The outcome of a Python action whose result came apart from its output, as JSON text; `None`: none came.
///
/// `status` is what the action said of itself, if it did.
///
/// # Errors
/// The action returned an impossible status: the execution fails with this message.
pub fn python_apart(
    ended: &Ended<'_>,
    result: Option<&RawValue>,
    status: Option<bool>,
) -> Result<Outcome, String> {
    #[derive(Serialize)]
    struct Shaped<'a> {
        stdout: &'a str,
        stderr: &'a str,
        exit_code: i64,
        result: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    }
    if ended.code == INVALID_STATUS {
        return Err(ended.stderr.to_owned());
    }
    let none = RawValue::from_string("\"None\"".to_owned()).unwrap_or_default();
    let shaped = Shaped {
        stdout: ended.stdout,
        stderr: ended.stderr,
        exit_code: if ended.timed_out_after.is_some() { -9 } else { ended.code },
        result: result.unwrap_or(&none),
        error: ended.timed_out_after.map(too_slow),
    };
    let text = serde_json::value::to_raw_value(&shaped).map_err(|error| error.to_string())?;
    Ok(Outcome { status: python_status(ended, &json!(status)), result: text.into() })
}

/// Only a status of true, or none at all, lets an exit code of 0 count.
fn python_status(ended: &Ended<'_>, status: &Value) -> ExecutionStatus {
    if ended.timed_out_after.is_some() {
        ExecutionStatus::Timeout
    } else if ended.code == 0 && matches!(status, Value::Null | Value::Bool(true)) {
        ExecutionStatus::Succeeded
    } else {
        ExecutionStatus::Failed
    }
}

/// The status of a command on several hosts, from the result of each.
///
/// Over all hosts, where upstream stops at the first failure: there, whether a timeout shows depended on the order.
pub fn remote(hosts: &Map<String, Value>, allow_partial_failure: bool) -> ExecutionStatus {
    let is = |host: &Value, key: &str| host.get(key).is_some_and(|flag| *flag == Value::Bool(true));
    let mut successes = hosts.values().map(|host| is(host, "succeeded"));
    let succeeded = if allow_partial_failure {
        successes.any(|success| success)
    } else {
        successes.all(|success| success)
    };
    if succeeded {
        ExecutionStatus::Succeeded
    } else if hosts.values().all(|host| is(host, "timeout")) {
        ExecutionStatus::Timeout
    } else {
        ExecutionStatus::Failed
    }
}

/// Output without its last line end: one newline, then one carriage return.
pub fn strip(output: &str) -> &str {
    let output = output.strip_suffix('\n').unwrap_or(output);
    output.strip_suffix('\r').unwrap_or(output)
}

/// The same for output from another host, where a terminal turns every newline into two characters.
pub fn strip_remote(output: &str, from_terminal: bool) -> String {
    let output = strip(output);
    if from_terminal { output.replace("\r\n", "\n") } else { output.to_owned() }
}

/// The common part of results: output that is JSON as a whole is decoded.
fn streams(code: i64, stdout: &str, stderr: &str) -> Value {
    json!({
        "failed": code != 0,
        "succeeded": code == 0,
        "return_code": code,
        "stdout": pytext::try_loads(stdout),
        "stderr": pytext::try_loads(stderr),
    })
}

fn too_slow(seconds: u64) -> String {
    format!("Action failed to complete in {seconds} seconds")
}

/// The user whose password `sudo` refused.
fn refused_by_sudo(stderr: &str) -> Option<&str> {
    let refused = stderr.match_indices("sudo: ").any(|(at, text)| {
        let count = &stderr[at + text.len()..];
        let rest = count.trim_start_matches(|c: char| c.is_numeric());
        rest.len() < count.len() && rest.starts_with(" incorrect password attempts")
    });
    if !refused {
        return None;
    }
    let asked = stderr.split_once("[sudo] password for ").and_then(|(_, rest)| rest.lines().next());
    let user =
        asked.and_then(|line| line.split_once(':')).map(|(user, _)| user).filter(|user| !user.is_empty());
    Some(user.unwrap_or("unknown"))
}

/// Result and status from what the wrapper printed.
fn read_answer(answer: &str) -> Result<(Value, Value), String> {
    const RESULT: &str = "'result': ";
    match pytext::try_loads(answer) {
        Value::Object(mut map) if !map.is_empty() => {
            let mut take = |key| map.swap_remove(key).unwrap_or_default();
            Ok((take("result"), take("status")))
        }
        Value::String(text) if !text.is_empty() => {
            // Not JSON but Python's own writing of it: the result cannot be read, so it stays text.
            let rests = text.match_indices(RESULT).map(|(at, _)| &text[at + RESULT.len()..]);
            let result = rests.into_iter().find(|rest| !rest.contains('\n')).unwrap_or(&text);
            Ok((json!(result), Value::Null))
        }
        Value::Array(items) if !items.is_empty() => Err(not_text("list")),
        Value::Number(number) if number.as_f64() != Some(0.0) => {
            Err(not_text(pytext::type_name(&Value::Number(number))))
        }
        Value::Bool(true) => Err(not_text("bool")),
        _ => Ok((json!("None"), Value::Null)),
    }
}

fn not_text(kind: &str) -> String {
    format!("expected string or bytes-like object, got '{kind}'")
}
