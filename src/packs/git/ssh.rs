//! Repositories over SSH, by the system's `ssh`: it knows the user's keys, agent, hosts and jump hosts. It is never
//! asked anything, and gets no argument that could be a flag.

use git2::{
    Error,
    transport::{Service, SmartSubtransport, SmartSubtransportStream},
};
use std::{
    io::{self, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

pub(super) struct Ssh;

/// Where a repository is, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Address<'a> {
    /// `user@host`.
    login: &'a str,
    port: Option<u16>,
    path: &'a str,
}

impl SmartSubtransport for Ssh {
    fn action(&self, url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, Error> {
        if !matches!(service, Service::UploadPackLs) {
            return Err(Error::from_str("packs are fetched, never sent"));
        }
        let address = Address::of(url).ok_or_else(|| Error::from_str("no address of a repository"))?;
        let connection = Connection::open(&address).map_err(|error| {
            Error::from_str(&format!(
                "cannot start ssh, which packs are fetched with by this address: {error}"
            ))
        })?;
        Ok(Box::new(connection))
    }

    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl<'a> Address<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (host, path) = url.strip_prefix("ssh://")?.split_once('/')?;
        let (login, port) = match host.rsplit_once(':') {
            Some((login, port)) => (login, Some(port.parse().ok()?)),
            None => (host, None),
        };
        // As written in `git@host:path`, which is relative to the home directory.
        let path = path.strip_prefix("./").unwrap_or(&url[url.len() - path.len() - 1..]);
        let is_flag = login.starts_with('-') || login.contains("@-");
        (!login.is_empty() && !path.is_empty() && !is_flag).then_some(Self { login, port, path })
    }
}

/// A running `ssh`; ended with the conversation.
struct Connection {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Connection {
    fn open(address: &Address<'_>) -> io::Result<Self> {
        let mut command = Command::new("ssh");
        // Never asks for a password or whether a host is known: nobody would answer.
        command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15"]);
        if let Some(port) = address.port {
            command.arg("-p").arg(port.to_string());
        }
        let path = address.path.replace('\'', r"'\''");
        command.arg("--").arg(address.login).arg(format!("git-upload-pack '{path}'"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        match (stdin, stdout) {
            (Some(stdin), Some(stdout)) => Ok(Self { child, stdin, stdout }),
            _ => Err(io::Error::other("ssh has no pipes")),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stdout.read(buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stdin.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.flush()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let table = [
            ("ssh://git@h/a/b.git", Some(("git@h", None, "/a/b.git"))),
            ("ssh://git@h:2222/a", Some(("git@h", Some(2222), "/a"))),
            ("ssh://git@h/./a/b.git", Some(("git@h", None, "a/b.git"))),
            ("ssh://-oProxyCommand=x/a", None),
            ("ssh://git@-x/a", None),
            ("ssh://git@h:x/a", None),
        ];
        for (url, expected) in table {
            let expected = expected.map(|(login, port, path)| Address { login, port, path });
            assert_eq!(Address::of(url), expected, "{url}");
        }
    }
}
