//! Packs and repositories made by the tests, and a server that hands a repository out over HTTP, whole or in part.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A pack in the making.
pub(super) struct Pack {
    base: TempDir,
    name: String,
}

impl Pack {
    /// A directory with a pack of one action, `go`, that prints `word`.
    pub(super) fn new(name: &str, version: &str, word: &str) -> Self {
        let base = tempfile::Builder::new().prefix("st2-pack-").tempdir().unwrap();
        let pack = Self { base, name: name.to_owned() };
        std::fs::create_dir_all(pack.path().join("actions")).unwrap();
        pack.manifest(version, "").action(word);
        pack
    }

    pub(super) fn path(&self) -> PathBuf {
        self.base.path().join(format!("stackstorm-{}", self.name))
    }

    /// What `st2 pack install` takes.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Writes `pack.yaml`; `more` are lines at its end.
    pub(super) fn manifest(&self, version: &str, more: &str) -> &Self {
        let name = &self.name;
        self.file(
            "pack.yaml",
            &format!(
                "name: {name}\ndescription: A pack\nversion: {version}\nauthor: a\nemail: a@example.com\n{more}"
            ),
        )
    }

    pub(super) fn action(&self, word: &str) -> &Self {
        let cmd = format!("parameters:\n  cmd:\n    default: echo {word}\n    immutable: true\n");
        self.file("actions/go.yaml", &format!("name: go\nrunner_type: local-shell-cmd\n{cmd}"))
    }

    pub(super) fn file(&self, path: &str, text: &str) -> &Self {
        std::fs::write(self.path().join(path), text).unwrap();
        self
    }

    /// Commits everything; the first time, that makes it a repository.
    pub(super) fn commit(&self, tag: &str) -> &Self {
        if !self.path().join(".git").exists() {
            self.git(&["init", "--quiet", "--initial-branch", "trunk"]);
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", tag]);
        self.git(&["tag", tag])
    }

    pub(super) fn git(&self, arguments: &[&str]) -> &Self {
        let done = git().args(arguments).current_dir(self.path()).status().unwrap();
        assert!(done.success(), "git {arguments:?}");
        self
    }
}

/// Git, without what the user of this machine has set.
fn git() -> Command {
    let mut command = Command::new("git");
    command
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@example.com")])
        .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@example.com")]);
    command
}

/// How much of a repository its server hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Serve {
    Whole,
    /// The connection breaks after half of the objects.
    Half,
    /// After half of the objects nothing comes any more.
    Stall,
}

/// A server of one repository.
pub(super) struct GitServer {
    pub(super) url: String,
    /// How often objects were asked for.
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl GitServer {
    pub(super) async fn start(repository: &Path, serve: Serve) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/repo", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (repository, counter) = (repository.to_owned(), asked.clone());
        let task = st2d::service::spawn("git server", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (repository, counter) = (repository.clone(), counter.clone());
                st2d::service::spawn("git connection", async move {
                    answer(stream, &repository, serve, &counter).await;
                });
            }
        });
        Self { url, asked, task }
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Answers one request and closes the connection.
async fn answer(mut stream: TcpStream, repository: &Path, serve: Serve, asked: &AtomicUsize) {
    let mut request = Vec::new();
    let head = loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        request.extend_from_slice(&buffer[..read]);
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let length: usize = length.unwrap_or(0);
    let mut body = request.split_off(head);
    while body.len() < length {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        body.extend_from_slice(&buffer[..read]);
    }
    let lists = text.starts_with("get");
    if !lists {
        asked.fetch_add(1, Ordering::SeqCst);
    }
    let (kind, data) = smart_http(repository, lists, &body);
    let reply = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        data.len()
    );
    let _ = stream.write_all(reply.as_bytes()).await;
    let end = if lists || serve == Serve::Whole { data.len() } else { data.len() / 2 };
    let _ = stream.write_all(&data[..end]).await;
    if !lists && serve == Serve::Stall {
        std::future::pending::<()>().await;
    }
}

/// What a server answers over HTTP, with its type: the list of references, or the objects that `body` asks for.
pub(super) fn smart_http(repository: &Path, lists: bool, body: &[u8]) -> (&'static str, Vec<u8>) {
    if lists {
        let mut data = b"001e# service=git-upload-pack\n0000".to_vec();
        data.extend(upload_pack(repository, &["--advertise-refs"], &[]));
        ("application/x-git-upload-pack-advertisement", data)
    } else {
        ("application/x-git-upload-pack-result", upload_pack(repository, &[], body))
    }
}

fn upload_pack(repository: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut child = git()
        .args(["upload-pack", "--stateless-rpc"])
        .args(arguments)
        .arg(repository)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().stdout
}
