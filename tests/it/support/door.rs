//! A door before the PostgreSQL of the tests: shut, its database is away for one daemon, and there for everybody else.

use super::postgres::TestDatabase;
use std::path::Path;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{UnixListener, UnixStream},
    sync::watch,
};

#[derive(Debug)]
pub(crate) struct Door {
    directory: TempDir,
    is_open: watch::Sender<bool>,
}

impl Door {
    /// An open one. Works on the runtime of the test, which has to have more than one thread.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("st2-test-door-").tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join(TestDatabase::SOCKET)).unwrap();
        let (is_open, sight) = watch::channel(true);
        let server = TestDatabase::directory().join(TestDatabase::SOCKET);
        st2d::service::spawn("door", attend(listener, server, sight));
        Self { directory, is_open }
    }

    /// Where its socket lies.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Breaks all connections, and lets none in.
    pub(crate) fn shut(&self) {
        self.is_open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.is_open.send_replace(true);
    }
}

async fn attend(listener: UnixListener, server: std::path::PathBuf, sight: watch::Receiver<bool>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let mut sight = sight.clone();
        let server = server.clone();
        st2d::service::spawn("connection through a door", async move {
            if !*sight.borrow() {
                return;
            }
            let Ok(mut server) = UnixStream::connect(server).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = sight.wait_for(|is_open| !is_open) => {}
            }
        });
    }
}
