//! Bringing a script, and the `lib` directory beside it, to another host by SFTP.

use super::{failure::Failure, session::Session};
use russh_sftp::{client::SftpSession, protocol::FileAttributes};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tokio::io::AsyncWriteExt;

/// Its owner may run the script.
const SCRIPT_MODE: u32 = 0o744;

/// What is brought where.
pub(super) struct Load<'a> {
    /// The script on this machine.
    pub(super) script: &'a Path,
    /// A directory of its own on the other.
    pub(super) directory: &'a str,
    /// The script there.
    pub(super) remote_script: &'a str,
}

/// Copies it. On failure: what was done, and why it failed.
pub(super) async fn send(session: &Session, host: &str, load: &Load<'_>) -> Result<(), (String, Failure)> {
    let sftp =
        open(session).await.map_err(|failure| (format!("Failed opening SFTP on host {host}."), failure))?;
    let made = sftp.create_dir(load.directory).await;
    made.map_err(|error| (format!("Failed \"mkdir {}\" on host {host}.", load.directory), error.into()))?;
    let path = |local: &Path| format!("Failed sending file(s) in path {} to host {host}", local.display());
    put(&sftp, load.script, load.remote_script, SCRIPT_MODE)
        .await
        .map_err(|failure| (path(load.script), failure))?;
    if let Some(lib) = load.script.parent().map(|parent| parent.join("lib")).filter(|lib| lib.is_dir()) {
        let target = format!("{}/lib", load.directory.trim_end_matches('/'));
        put_directory(&sftp, &lib, &target).await.map_err(|failure| (path(&lib), failure))?;
    }
    // Not waited for: the session outlives it.
    let _ = sftp.close().await;
    Ok(())
}

async fn open(session: &Session) -> Result<SftpSession, Failure> {
    let channel = session.handle.channel_open_session().await?;
    channel.request_subsystem(true, "sftp").await?;
    Ok(SftpSession::new(channel.into_stream()).await?)
}

async fn put(sftp: &SftpSession, local: &Path, remote: &str, mode: u32) -> Result<(), Failure> {
    let read = |error: std::io::Error| Failure::other(&format!("{}: {error}", local.display()));
    let mut source = tokio::fs::File::open(local).await.map_err(read)?;
    let mut target = sftp.create(remote).await?;
    tokio::io::copy(&mut source, &mut target).await.map_err(read)?;
    target.shutdown().await.map_err(read)?;
    let attributes = FileAttributes { permissions: Some(mode), ..FileAttributes::empty() };
    Ok(sftp.set_metadata(remote, attributes).await?)
}

/// Directories first, as they come; links are not followed, and what is no file is left out.
async fn put_directory(sftp: &SftpSession, local: &Path, remote: &str) -> Result<(), Failure> {
    let mut open: Vec<(PathBuf, String)> = vec![(local.to_owned(), remote.to_owned())];
    while let Some((local, remote)) = open.pop() {
        let read = |error: std::io::Error| Failure::other(&format!("{}: {error}", local.display()));
        sftp.create_dir(&remote).await?;
        let mut entries = tokio::fs::read_dir(&local).await.map_err(read)?;
        while let Some(entry) = entries.next_entry().await.map_err(read)? {
            let kind = entry.file_type().await.map_err(read)?;
            let target = format!("{remote}/{}", entry.file_name().to_string_lossy());
            if kind.is_dir() {
                open.push((entry.path(), target));
            } else if kind.is_file() {
                let mode = entry.metadata().await.map_err(read)?.permissions().mode() & 0o7777;
                put(sftp, &entry.path(), &target, mode).await?;
            }
        }
    }
    Ok(())
}
