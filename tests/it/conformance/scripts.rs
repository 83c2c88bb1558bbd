//! `scripts`: command lines, arguments, and results shaped from what processes leave behind.

use crate::support::corpus::{self, Case, Messages};
use serde_json::{Map, Value, json};
use st2d::{
    engine::runner::{
        Outcome,
        arguments::{self, Arguments},
        command::{self, Remote, RunAs},
        powershell, shape,
    },
    pytext,
};

/// Who runs the daemon in the tables.
const OWN_USER: &str = "stanley";

#[test]
fn command_lines_and_results_are_as_recorded() {
    corpus::run("scripts", |_| true, &[], check);
}

fn check(case: &Case<'_>) -> Result<(), String> {
    let text = |key: &str, default: &'static str| case.input(key).and_then(Value::as_str).unwrap_or(default);
    let got: Result<Value, String> = match case.group {
        "local-cmd" => {
            let run_as = run_as(case);
            let given = case.need("command").as_str();
            let line = run_as.wrap(given.unwrap_or_default());
            // No command and no sudo: Python hands on its None.
            let line = (given.is_some() || !line.is_empty()).then_some(line);
            let logged = line.as_deref().map(|line| run_as.logged(line));
            Ok(json!({"command": line, "logged": logged}))
        }
        "local-script" | "named" | "positional" => {
            let arguments = command::script_arguments(&arguments(case), text("kwarg_op", "--"));
            Ok(json!(run_as(case).wrap_script(text("path", "/packs/p/actions/run.sh"), &arguments)))
        }
        "remote-cmd" => {
            let env = object(case.input("env"));
            // A command that was not given is what Python writes for nothing.
            let line = case.input("command").map(pytext::str).unwrap_or_default();
            remote(case, &env).command(&line).map(Value::from).map_err(|error| error.to_string())
        }
        "remote-script" => {
            let env = object(case.input("env"));
            let path = text("path", "/packs/p/actions/run.sh");
            let name = path.rsplit('/').next().unwrap_or(path);
            let path = command::remote_script_path(text("remote_dir", "/tmp/5e01"), name);
            let arguments = command::script_arguments(&arguments(case), text("kwarg_op", "--"));
            remote(case, &env).script(&path, &arguments).map(Value::from).map_err(|error| error.to_string())
        }
        "arguments" => {
            let arguments = arguments(case);
            Ok(json!({"positional": arguments.positional, "named": arguments.named}))
        }
        "winrm-params" => Ok(json!(powershell::parameters(&arguments(case), text("kwarg_op", "-")))),
        "winrm-value" => Ok(json!(powershell::value(&corpus::plain(case.need("value"))))),
        "winrm-command" => Ok(json!(powershell::command(case.text("script")))),
        "quote-unix" => Ok(json!(command::quote_unix(case.text("value")))),
        "quote-windows" => Ok(json!(command::quote_windows(case.text("value")))),
        "strip" => Ok(json!(shape::strip_remote(case.text("input_str"), case.flag("uses_pty", false)))),
        "local-result" => {
            let has_password = !text("sudo_password", "").is_empty();
            Ok(shaped(shape::local(&ended(case, "timed_out", 60), has_password)))
        }
        "winrm-result" => Ok(shaped(shape::winrm(&ended(case, "timeout", 60)))),
        "python-result" => shape::python(&ended(case, "timed_out", 600)).map(shaped),
        "remote-status" => {
            let hosts = object(case.input("hosts"));
            Ok(json!(shape::remote(&hosts, case.flag("allow_partial_failure", false)).as_str()))
        }
        other => Err(format!("unknown group `{other}`")),
    };
    case.check(got.as_ref().map_err(String::as_str), Messages::Compared)
}

fn run_as<'a>(case: &Case<'a>) -> RunAs<'a> {
    RunAs {
        user: case.input("user").and_then(Value::as_str).unwrap_or(OWN_USER),
        own_user: OWN_USER,
        sudo: case.flag("sudo", false),
        sudo_password: case.input("sudo_password").and_then(Value::as_str),
    }
}

fn remote<'a>(case: &Case<'a>, env: &'a Map<String, Value>) -> Remote<'a> {
    Remote {
        cwd: case.input("cwd").and_then(Value::as_str).unwrap_or("/tmp"),
        env,
        sudo: case.flag("sudo", false),
        sudo_password: case.input("sudo_password").and_then(Value::as_str),
    }
}

fn arguments(case: &Case<'_>) -> Arguments {
    arguments::of(&object(case.input("values")), &object(case.input("parameters")))
}

/// In the tables `flag` says whether the process took too long, and `timeout` how long it was given.
fn ended<'a>(case: &Case<'a>, flag: &str, default: u64) -> shape::Ended<'a> {
    let timeout = case.input("timeout").and_then(Value::as_u64).unwrap_or(default);
    shape::Ended {
        code: case.need("code").as_i64().unwrap_or_default(),
        stdout: case.text("stdout"),
        stderr: case.text("stderr"),
        timed_out_after: case.flag(flag, false).then_some(timeout),
    }
}

fn shaped(outcome: Outcome) -> Value {
    json!({"status": outcome.status.as_str(), "result": outcome.result})
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.map(corpus::plain).and_then(|value| value.as_object().cloned()).unwrap_or_default()
}
