//! `winrm-cmd`, `winrm-ps-cmd` and `winrm-ps-script`: commands, PowerShell and its scripts on Windows hosts.
//!
//! Messages are `soap`, the way to the host is `connection`, logins are basic or `ntlm`, one command in a shell of its
//! own is `shell`. A script that is too long for a command line is uploaded in pieces, run, and taken away.
//!
//! Left out: Kerberos, CredSSP and client certificates.

mod clixml;
mod connection;
mod ntlm;
mod shell;
mod soap;
mod trouble;

use super::{
    Error, LiveAction, Outcome, RunIo, Runner, arguments,
    http::{
        follow::target_of,
        proxy,
        tls::Trust,
        transport::{Caller, bracketed},
    },
    output::Sink,
    powershell,
    shape::{self, Ended},
};
use crate::pytext;
use base64::{Engine, engine::general_purpose::STANDARD};
use connection::{Auth, Line};
use futures_util::future::BoxFuture;
use serde_json::Value;
use shell::{Command, Ran};
use std::{path::Path, sync::Arc, time::Duration};
use trouble::Trouble;
use url::Url;

/// Seconds a command may take when nothing else is said.
const TIMEOUT: u64 = 60;

/// Prefix of named arguments when nothing else is said.
const KWARG_OP: &str = "-";

/// Port and scheme when nothing else is said.
const PORT: u64 = 5986;

/// The port that never speaks TLS.
const PLAIN_PORT: u64 = 5985;

/// Longest command line of Windows, in characters.
const LONGEST_LINE: usize = 8191;

/// Bytes of a script in one piece of an upload: encoded twice, it fits a command line.
const PIECE: usize = 2048;

/// What is given to a host.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Command,
    PowerShell,
    Script,
}

/// Commands on Windows hosts.
pub(super) struct WinRm {
    kind: Kind,
    trust: Arc<Trust>,
}

/// All three, by name.
pub(super) fn runners(trust: &Arc<Trust>) -> [(&'static str, Arc<dyn Runner>); 3] {
    let runner = |kind| Arc::new(WinRm { kind, trust: trust.clone() }) as Arc<dyn Runner>;
    [
        ("winrm-cmd", runner(Kind::Command)),
        ("winrm-ps-cmd", runner(Kind::PowerShell)),
        ("winrm-ps-script", runner(Kind::Script)),
    ]
}

impl Runner for WinRm {
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            let wish = Wish { action };
            let variables = wish.variables()?;
            let (line, seconds) = wish.line(&self.trust)?;
            let mut host = Host { line, io, directory: wish.text("cwd"), variables: &variables, seconds };
            let ran = match self.kind {
                Kind::Command => Box::pin(host.command(wish.needed("cmd")?)).await,
                Kind::PowerShell => Box::pin(host.powershell(wish.needed("cmd")?, "")).await,
                Kind::Script => {
                    let (script, parameters) = wish.script().await?;
                    Box::pin(host.powershell(&script, &parameters)).await
                }
            };
            let ran = ran.map_err(|trouble| Error::System(trouble.to_string()))?;
            Ok(shape::winrm(&Ended {
                code: ran.code,
                stdout: &ran.output.stdout,
                stderr: &ran.output.stderr,
                timed_out_after: ran.timed_out.then_some(seconds),
            }))
        })
    }
}

/// What an action asks for.
struct Wish<'a> {
    action: &'a LiveAction,
}

impl<'a> Wish<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        self.action.runner_parameters.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn number(&self, name: &str, default: u64) -> Option<u64> {
        match self.action.runner_parameters.get(name) {
            None | Some(Value::Null) => Some(default),
            Some(value) => value.as_u64(),
        }
    }

    fn needed(&self, name: &str) -> Result<&'a str, Error> {
        self.text(name).ok_or_else(|| Error::Parameter(format!("Parameter \"{name}\" is missing or empty.")))
    }

    /// The way to the host, and how many seconds a command may take there.
    fn line(&self, trust: &'a Trust) -> Result<(Line<'a>, u64), Error> {
        let bad = |words: String| Error::Parameter(words);
        let seconds = self.number("timeout", TIMEOUT).filter(|&seconds| seconds > 0).ok_or_else(|| {
            bad("read_timeout_sec must exceed operation_timeout_sec, and both must be non-zero".to_owned())
        })?;
        let port = self.number("port", PORT).filter(|port| (1..=65535).contains(port));
        let port = port.ok_or_else(|| bad("Parameter \"port\" must be between 1 and 65535.".to_owned()))?;
        let scheme = if port == PLAIN_PORT { "http" } else { self.text("scheme").unwrap_or("https") };
        let host = self.needed("host")?.trim_matches(['[', ']']);
        let url = format!("{scheme}://{}:{port}/wsman", bracketed(host));
        let parsed = Url::parse(&url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        // What looks like a host may hold a path or a user.
        let parsed = parsed
            .filter(|url| url.path() == "/wsman" && url.username().is_empty() && url.password().is_none());
        let parsed = parsed.ok_or_else(|| bad(format!("Invalid target URL: {url}")))?;
        let verify =
            self.action.runner_parameters.get("verify_ssl_cert").and_then(Value::as_bool).unwrap_or(true);
        // Longer than the host itself may take for an answer.
        let timeout = Duration::from_secs(seconds.saturating_add(1));
        let mut target = target_of(&parsed);
        target.port = port as u16;
        let proxy = Line::proxy_for(&parsed).map_err(|trouble| bad(trouble.to_string()))?;
        Ok((Line::new(Caller { trust, verify, timeout }, target, proxy, url, self.auth()?), seconds))
    }

    fn auth(&self) -> Result<Auth, Error> {
        let transport = self.text("transport").unwrap_or("ntlm");
        let missing = |what: &str| Error::Parameter(format!("auth method {transport} requires a {what}"));
        let credentials = || {
            let password = self.action.runner_parameters.get("password").and_then(Value::as_str);
            let username = self.text("username").ok_or_else(|| missing("username"))?;
            Ok::<_, Error>((username, password.ok_or_else(|| missing("password"))?))
        };
        match transport {
            "basic" | "plaintext" | "ssl" => {
                let (username, password) = credentials()?;
                Ok(Auth::Basic(proxy::basic(username, password)))
            }
            "ntlm" => {
                let (username, password) = credentials()?;
                Ok(Auth::Ntlm(ntlm::Login::new(username, password)))
            }
            other => Err(Error::Parameter(format!(
                "transport \"{other}\" is not supported by st2d: use ntlm, basic, plaintext or ssl"
            ))),
        }
    }

    fn variables(&self) -> Result<Vec<(String, String)>, Error> {
        let asked = self.action.runner_parameters.get("env").and_then(Value::as_object);
        asked
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let text = match value {
                    Value::Null => String::new(),
                    Value::Bool(flag) => flag.to_string(),
                    other => pytext::str(other),
                };
                match soap::unwritable(name).or_else(|| soap::unwritable(&text)) {
                    Some(c) => Err(Error::Parameter(format!(
                        "The variable {} has a character (U+{:04X}) that WinRM cannot carry.",
                        pytext::repr_str(name),
                        u32::from(c)
                    ))),
                    None => Ok((name.clone(), text)),
                }
            })
            .collect()
    }

    /// The text of the script, and its parameters as PowerShell reads them.
    async fn script(&self) -> Result<(String, String), Error> {
        let Some(path) = &self.action.entry_point else {
            return Err(Error::Metadata("Missing entry_point action metadata attribute".to_owned()));
        };
        let text = read(path).await?;
        let schema = &self.action.execution.snapshot.action.spec.parameters;
        let arguments = arguments::of(&self.action.action_parameters, schema);
        let prefix = self.text("kwarg_op").unwrap_or(KWARG_OP);
        Ok((text, powershell::parameters(&arguments, prefix)))
    }
}

async fn read(path: &Path) -> Result<String, Error> {
    let failed = |words: String| Error::System(format!("Cannot read the script {}: {words}", path.display()));
    let bytes = tokio::fs::read(path).await.map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| failed(format!("it is not UTF-8: {error}")))?;
    // PowerShell would take the mark for a command.
    Ok(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"))
}

/// A host that is given commands, one after the other.
struct Host<'a> {
    line: Line<'a>,
    io: &'a RunIo,
    directory: Option<&'a str>,
    variables: &'a [(String, String)],
    seconds: u64,
}

impl Host<'_> {
    async fn command(&mut self, line: &str) -> Result<Ran, Trouble> {
        if let Some(c) = soap::unwritable(line) {
            let code = u32::from(c);
            return Err(Trouble::Other(format!(
                "The command has a character (U+{code:04X}) that WinRM cannot carry."
            )));
        }
        let sink = self.io.output.clone();
        self.run(line, false, &sink).await
    }

    /// Runs PowerShell of any length.
    async fn powershell(&mut self, script: &str, parameters: &str) -> Result<Ran, Trouble> {
        let whole =
            if parameters.is_empty() { script.to_owned() } else { format!("& {{{script}}} {parameters}") };
        let line = powershell::command(&whole);
        if line.len() <= LONGEST_LINE {
            let sink = self.io.output.clone();
            return self.run(&line, true, &sink).await;
        }
        let directory = self.make_directory().await?;
        let path = format!("{directory}\\script.ps1");
        let ran = match self.upload(&path, script).await {
            Ok(()) => {
                let call = format!("& {} {parameters}", powershell::quoted(&path));
                let sink = self.io.output.clone();
                self.run(&powershell::command(call.trim_end()), true, &sink).await
            }
            Err(trouble) => Err(trouble),
        };
        self.remove(&directory).await;
        ran
    }

    /// A directory for a script; answers its path.
    async fn make_directory(&mut self) -> Result<String, Trouble> {
        let script = "$path = Join-Path ([System.IO.Path]::GetTempPath()) ([System.IO.Path]::GetRandomFileName())\n\
                      New-Item -ItemType Directory -Path $path | Out-Null\n$path";
        let ran = self.step(script, "Unable to make temporary directory for powershell script").await?;
        let path = ran.output.stdout.trim();
        if path.is_empty() {
            return Err(Trouble::Other("The host told no name of a temporary directory.".to_owned()));
        }
        Ok(path.to_owned())
    }

    async fn upload(&mut self, path: &str, script: &str) -> Result<(), Trouble> {
        let path = powershell::quoted(path);
        for piece in script.as_bytes().chunks(PIECE) {
            let script = format!(
                "$data = [System.Convert]::FromBase64String(\"{}\")\nAdd-Content -Value $data -Encoding Byte -Path {path}",
                STANDARD.encode(piece)
            );
            self.step(&script, "Failed to upload chunk of powershell script").await?;
        }
        Ok(())
    }

    /// Takes the directory of a script away. Also after a stop: nothing shall stay behind.
    async fn remove(&mut self, directory: &str) {
        let script = format!("Remove-Item -Force -Recurse -Path {}", powershell::quoted(directory));
        let line = powershell::command(&script);
        let sink = Sink::silent(self.io.output.limits());
        let command = self.shell(&line, true);
        match command.run(&mut self.line, &crate::service::Stop::new(), &sink).await {
            Ok(ran) if ran.code == 0 => {}
            Ok(ran) => {
                tracing::warn!(
                    "{directory} stays behind on {}: {}",
                    self.line.target.host,
                    ran.output.stderr
                );
            }
            Err(trouble) => {
                tracing::warn!("{directory} stays behind on {}: {trouble}", self.line.target.host);
            }
        }
    }

    /// Something that must succeed, and whose output is nobody's business.
    async fn step(&mut self, script: &str, otherwise: &str) -> Result<Ran, Trouble> {
        let sink = Sink::silent(self.io.output.limits());
        let ran = self.run(&powershell::command(script), true, &sink).await?;
        if ran.code == 0 && !ran.timed_out {
            return Ok(ran);
        }
        let (stdout, stderr) = (&ran.output.stdout, &ran.output.stderr);
        Err(Trouble::Other(format!("{otherwise}:\nstdout = {stdout}\n\nstderr = {stderr}")))
    }

    async fn run(&mut self, line: &str, is_powershell: bool, sink: &Sink) -> Result<Ran, Trouble> {
        let command = self.shell(line, is_powershell);
        command.run(&mut self.line, &self.io.stop, sink).await
    }
}

impl<'a> Host<'a> {
    fn shell<'b>(&self, line: &'b str, is_powershell: bool) -> Command<'b>
    where
        'a: 'b,
    {
        let (directory, variables, seconds) = (self.directory, self.variables, self.seconds);
        Command { line, directory, variables, seconds, is_powershell }
    }
}
