//! OpenSSH's server on this machine, with its own settings, keys and port; `None` where it is not installed.

use super::processes::eventually;
use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// A running server; dropped, it is gone. It listens on 127.0.0.1 and 127.0.0.2, and lets in whoever runs the tests
/// with the key `id`.
pub(crate) struct Sshd {
    directory: TempDir,
    pub(crate) port: u16,
    child: Child,
}

impl Sshd {
    pub(crate) async fn start() -> Option<Self> {
        let server =
            ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].map(Path::new).into_iter().find(|path| path.exists());
        let Some(server) = server else {
            eprintln!("skipped: no sshd here (install openssh-server)");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("st2-sshd-").tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        make_key(&path("host_key"), "ed25519", "");
        make_key(&path("id"), "ed25519", "");
        std::fs::copy(path("id.pub"), path("authorized_keys")).unwrap();
        if nix::unistd::geteuid().is_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nListenAddress 127.0.0.2\nHostKey {0}/host_key\nPidFile none\n\
             AuthorizedKeysFile {0}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin yes\nSubsystem sftp internal-sftp\nLogLevel DEBUG1\n\
             MaxStartups 100\n",
            directory.path().display()
        );
        std::fs::write(path("config"), config).unwrap();
        let child = launch(server, directory.path());
        let sshd = Self { directory, port, child };
        sshd.ready().await;
        Some(sshd)
    }

    async fn ready(&self) {
        eventually("sshd listens", Duration::from_secs(20), async || {
            tokio::net::TcpStream::connect(("127.0.0.2", self.port)).await.ok()
        })
        .await;
    }

    /// The same server with another key of its own.
    pub(crate) async fn with_another_host_key(mut self) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for name in ["host_key", "host_key.pub"] {
            std::fs::remove_file(self.path(name)).unwrap();
        }
        make_key(&self.path("host_key"), "ed25519", "");
        self.child = launch(Path::new("/usr/sbin/sshd"), self.directory.path());
        self.ready().await;
        self
    }

    /// A key that it lets in; answers its path.
    pub(crate) fn another_key(&self, name: &str, kind: &str, passphrase: &str) -> PathBuf {
        make_key(&self.path(name), kind, passphrase);
        let mut keys = std::fs::read_to_string(self.path("authorized_keys")).unwrap();
        keys.push_str(&std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap());
        std::fs::write(self.path("authorized_keys"), keys).unwrap();
        self.path(name)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(server: &Path, directory: &Path) -> Child {
    let mut command = Command::new(server);
    command.args(["-D", "-f"]).arg(directory.join("config")).arg("-E").arg(directory.join("log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn make_key(path: &Path, kind: &str, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", kind, "-N", passphrase, "-f"]).arg(path);
    assert!(command.status().unwrap().success());
}
