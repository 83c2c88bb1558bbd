//! `remote-shell-cmd` and `remote-shell-script`: commands and scripts on other hosts, by SSH.
//!
//! All hosts are connected to first; when none can be reached the action could not be run. Then each runs the same
//! line, and its result stands under its name. `login` finds out who logs in with what, `session` connects, `exec`
//! runs, `copy` brings scripts.
//!
//! Left out: agents, and host certificates.

mod copy;
mod exec;
mod failure;
mod hosts;
mod login;
mod session;
mod ssh_config;

use super::{
    Error, LiveAction, Outcome, RunIo, Runner, arguments, command,
    host::{EXECUTION_VARIABLE, NODE_VARIABLE},
    output::Sink,
    shape,
};
use crate::{
    config::{Config, SshRunner},
    pytext,
    service::Stop,
};
use copy::Load;
use exec::{Limits, Ran};
use futures_util::{StreamExt, future::BoxFuture, stream};
use hosts::Host;
use login::Wish;
use serde_json::{Map, Value, json};
use session::{Session, Trust};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Seconds a command may take when nothing else is said.
const TIMEOUT: u64 = 60;

/// Prefix of named arguments when nothing else is said.
const KWARG_OP: &str = "--";

/// Directory to run in when nothing else is said.
const CWD: &str = "/tmp";

/// How long cleaning up a host may take.
const CLEANING: Duration = Duration::from_secs(30);

/// Commands on other hosts.
pub(super) struct RemoteCommand(Arc<Remote>);

/// Scripts on other hosts.
pub(super) struct RemoteScript(Arc<Remote>);

/// What both need.
pub(super) struct Remote {
    settings: SshRunner,
    key_file: String,
    known_hosts: PathBuf,
}

/// Both runners.
pub(super) fn runners(config: &Config) -> (RemoteCommand, RemoteScript) {
    let settings = config.ssh_runner.clone();
    let known_hosts = if settings.known_hosts_file.as_os_str().is_empty() {
        config.data_dir.join("ssh_known_hosts")
    } else {
        settings.known_hosts_file.clone()
    };
    let key_file = config.system_user.ssh_key_file.clone();
    let remote = Arc::new(Remote { settings, key_file, known_hosts });
    (RemoteCommand(remote.clone()), RemoteScript(remote))
}

impl Runner for RemoteCommand {
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            let name = &action.execution.snapshot.action.spec.name;
            if action.entry_point.is_some() {
                return Err(Error::Metadata(format!(
                    "Action \"{name}\" specified \"entry_point\" attribute. Perhaps wanted to use \
                     \"remote-shell-script\" runner?"
                )));
            }
            let env = environment(action);
            let line = shell(action, &env).command(text(action, "cmd").unwrap_or_default());
            let line = line.map_err(|error| Error::Parameter(error.to_string()))?;
            Box::pin(self.0.run(action, io, &Work { line, script: None })).await
        })
    }
}

impl Runner for RemoteScript {
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            let spec = &action.execution.snapshot.action.spec;
            let Some(local) = &action.entry_point else {
                return Err(Error::Metadata(format!(
                    "Action \"{}\" is missing \"entry_point\" attribute. Perhaps wanted to use \
                     \"remote-shell-script\" runner?",
                    spec.name
                )));
            };
            let directory = text(action, "dir").unwrap_or(&self.0.settings.remote_dir).trim_end_matches('/');
            let directory = format!("{directory}/{}", action.execution.liveaction_id);
            let file = local.file_name().unwrap_or_default().to_string_lossy();
            let path = command::remote_script_path(&directory, &file);
            let arguments = arguments::of(&action.action_parameters, &spec.parameters);
            let prefix = text(action, "kwarg_op").unwrap_or(KWARG_OP);
            let arguments = command::script_arguments(&arguments, prefix);
            let env = environment(action);
            let line = shell(action, &env).script(&path, &arguments);
            let line = line.map_err(|error| Error::Parameter(error.to_string()))?;
            let script = Some(Script { local: local.clone(), directory, path });
            Box::pin(self.0.run(action, io, &Work { line, script })).await
        })
    }
}

/// What is done on every host.
struct Work {
    line: String,
    script: Option<Script>,
}

/// One run of it, and where its output goes.
struct Task<'a> {
    action: &'a LiveAction,
    io: &'a RunIo,
    work: &'a Work,
    sink: &'a Sink,
}

struct Script {
    local: PathBuf,
    directory: String,
    path: String,
}

impl Remote {
    async fn run(&self, action: &LiveAction, io: &RunIo, work: &Work) -> Result<Outcome, Error> {
        let hosts = hosts::parse(text(action, "hosts").unwrap_or_default()).map_err(Error::Parameter)?;
        if hosts.is_empty() {
            let id = action.execution.liveaction_id;
            return Err(Error::Parameter(format!("No hosts specified to run action for action {id}.")));
        }
        let at_once = self.at_once(action, hosts.len());
        let sessions = tokio::select! {
            sessions = self.connect(action, &hosts, at_once) => sessions?,
            () = io.stop.requested() => return Err(Error::System("The action was stopped while it connected.".to_owned())),
        };
        if sessions.iter().all(|(_, session)| session.is_err()) {
            let errors: Map<String, Value> = sessions
                .into_iter()
                .filter_map(|(host, session)| session.err().map(|entry| (host.key.clone(), entry)))
                .collect();
            let names: Vec<Value> = hosts.iter().map(|host| json!(host.key)).collect();
            return Err(Error::System(format!(
                "Unable to connect to any one of the hosts: {}.\n\n connect_errors={}",
                pytext::repr(&Value::Array(names)),
                serde_json::to_string_pretty(&errors).unwrap_or_default()
            )));
        }
        // With several hosts nobody could tell whose lines they are.
        let sink = if hosts.len() == 1 { io.output.clone() } else { Sink::silent(share(io, hosts.len())) };
        let task = &Task { action, io, work, sink: &sink };
        let mut works = Vec::with_capacity(sessions.len());
        for (host, session) in sessions {
            works.push(async move {
                let entry = match session {
                    Ok(session) => {
                        let entry = self.work(task, &session, host).await;
                        session.close().await;
                        entry
                    }
                    Err(entry) => entry,
                };
                (host.key.clone(), entry)
            });
        }
        let results: Vec<(String, Value)> = Box::pin(stream::iter(works).buffered(at_once).collect()).await;
        let results: Map<String, Value> = results.into_iter().collect();
        let status = shape::remote(&results, self.settings.allow_partial_failure);
        Ok(Outcome { status, result: Value::Object(results).into() })
    }

    /// How many hosts are worked on at the same time.
    fn at_once(&self, action: &LiveAction, hosts: usize) -> usize {
        let parallel = action.runner_parameters.get("parallel").and_then(Value::as_bool).unwrap_or(false);
        let wanted = if parallel { hosts / 3 + 1 } else { 1 };
        wanted.min(self.settings.max_parallel_actions).max(1)
    }

    /// Every host with its session, or with what its entry in the result will say.
    async fn connect<'a>(
        &self,
        action: &LiveAction,
        hosts: &'a [Host],
        at_once: usize,
    ) -> Result<Vec<(&'a Host, Result<Session, Value>)>, Error> {
        let trust = Trust::new(&self.settings, self.known_hosts.clone()).map_err(Error::System)?;
        let wish = Wish::new(action, &self.settings, &self.key_file);
        let connect = |host: &'a Host| {
            let (wish, trust) = (&wish, &trust);
            async move {
                let timeout = Duration::from_secs(wish.settings().ssh_connect_timeout);
                let opened = match wish.destination(host) {
                    Ok(to) => Session::open(&to, wish.bastion(&to).as_ref(), trust, timeout).await,
                    Err(failure) => Err(failure),
                };
                (host, opened.map_err(|failure| failure.of_connection(&host.name)))
            }
        };
        let calls: Vec<_> = hosts.iter().map(connect).collect();
        Ok(Box::pin(stream::iter(calls).buffered(at_once).collect()).await)
    }

    /// Does the work on one host and cleans up; answers the host's entry in the result.
    async fn work(&self, task: &Task<'_>, session: &Session, host: &Host) -> Value {
        let Some(script) = &task.work.script else {
            return self.command(task, session, host).await;
        };
        let io = task.io;
        let load = Load { script: &script.local, directory: &script.directory, remote_script: &script.path };
        let entry = match copy::send(session, &host.name, &load).await {
            Ok(()) => self.command(task, session, host).await,
            Err((message, failure)) => failure.entry(&message),
        };
        let line = format!("rm -rf {}", command::quote_unix(&script.directory));
        let limits = Limits { timeout: CLEANING, grace: io.kill_grace, stop: &Stop::new(), mark: None };
        if let Err(failure) = exec::run(session, &line, &limits, &Sink::silent(io.output.limits())).await {
            tracing::warn!("{} stays behind on {}: {}", script.directory, host.name, failure.text);
        }
        entry
    }

    async fn command(&self, task: &Task<'_>, session: &Session, host: &Host) -> Value {
        let Task { action, io, work, sink } = *task;
        let seconds = action.runner_parameters.get("timeout").and_then(Value::as_u64).unwrap_or(TIMEOUT);
        let mark = format!("{EXECUTION_VARIABLE}={}", action.execution.id);
        let limits = Limits {
            timeout: Duration::from_secs(seconds),
            grace: io.kill_grace,
            stop: &io.stop,
            mark: Some(&mark),
        };
        let ran = exec::run(session, &work.line, &limits, sink).await;
        let message = || {
            let line = failure::without_secrets(&work.line, text(action, "sudo_password"));
            format!("Failed executing command \"{line}\" on host \"{}\"", host.name)
        };
        match ran {
            Ok(ran) if ran.timed_out => {
                let mut entry = failure::Failure::other(&format!(
                    "Command didn't finish in {seconds} seconds or the SSH connection did not succeed in {} seconds",
                    self.settings.ssh_connect_timeout
                ))
                .entry(&message());
                entry["timeout"] = json!(true);
                entry["return_code"] = json!(-9);
                entry["stdout"] = json!(stripped(&ran, &ran.output.stdout));
                entry["stderr"] = json!(stripped(&ran, &ran.output.stderr));
                entry
            }
            Ok(ran) => json!({
                "stdout": pytext::try_loads(&stripped(&ran, &ran.output.stdout)),
                "stderr": pytext::try_loads(&stripped(&ran, &ran.output.stderr)),
                "return_code": ran.code,
                "succeeded": ran.code == 0,
                "failed": ran.code != 0,
            }),
            Err(failure) => failure.entry(&message()),
        }
    }
}

fn stripped(ran: &Ran, output: &str) -> String {
    shape::strip_remote(output, ran.in_terminal)
}

/// What each of several hosts may put into the result.
fn share(io: &RunIo, hosts: usize) -> super::output::Limits {
    let limits = io.output.limits();
    super::output::Limits { result: limits.result / hosts, ..limits }
}

fn shell<'a>(action: &'a LiveAction, env: &'a Map<String, Value>) -> command::Remote<'a> {
    command::Remote {
        cwd: text(action, "cwd").unwrap_or(CWD),
        env,
        sudo: action.runner_parameters.get("sudo").and_then(Value::as_bool).unwrap_or(false),
        sudo_password: text(action, "sudo_password"),
    }
}

/// What the caller asks for, and above it what every action gets. The mark of this node stays here.
fn environment(action: &LiveAction) -> Map<String, Value> {
    let asked = action.runner_parameters.get("env").and_then(Value::as_object);
    let mut env = asked.cloned().unwrap_or_default();
    let own = action.env.iter().filter(|(name, _)| name != NODE_VARIABLE);
    env.extend(own.map(|(name, value)| (name.clone(), json!(value))));
    env
}

fn text<'a>(action: &'a LiveAction, name: &str) -> Option<&'a str> {
    action.runner_parameters.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
