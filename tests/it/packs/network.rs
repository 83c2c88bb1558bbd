//! Ways to a repository: OpenSSH, a proxy, TLS under an authority of one's own.

use super::{
    install::{go, install, why},
    repository::{Pack, smart_http},
};
use crate::support::{
    daemon::TestDaemon,
    site::{Asked, Certificate, Reply, Site},
    sshd::Sshd,
};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

/// Hands out a repository, whatever the host is called.
fn repository(path: PathBuf) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    move |asked| match asked.target.rsplit_once("/repo") {
        Some((_, rest)) => {
            let (kind, data) = smart_http(&path, rest.starts_with("/info/refs"), &asked.body);
            let length = data.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
            Reply::Bytes([head.into_bytes(), data].concat())
        }
        None => Reply::HangUp,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_fetched_over_ssh_with_the_users_own_settings() {
    let Some(sshd) = Sshd::start().await else { return };
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0").manifest("2.0.0", "").action("two").commit("v2.0.0");
    // The real ssh, with settings of its own in place of those in the home directory.
    let directory = tempfile::tempdir().unwrap();
    let (ssh, settings) = (directory.path().join("ssh"), directory.path().join("config"));
    let key = sshd.path("id");
    let text = format!(
        "IdentityFile {}\nIdentitiesOnly yes\nStrictHostKeyChecking no\nUserKnownHostsFile {}\nLogLevel ERROR\n",
        key.display(),
        directory.path().join("known_hosts").display(),
    );
    fs::write(&settings, text).unwrap();
    fs::write(&ssh, format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", settings.display())).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let st2 = TestDaemon::start().with_env("PATH", &path).await;

    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let url = format!("ssh://{user}@127.0.0.1:{}{}", sshd.port, pack.path().display());
    let done = install(&st2, json!([format!("{url}=1.0.0")])).await;
    assert_eq!(done["status"], "succeeded", "{done:#}\n{}", sshd.log());
    assert_eq!(go(&st2, "hello").await, "one");
    // Without a key nobody is asked for a password, and what is there stays.
    fs::remove_file(key).unwrap();
    let done = install(&st2, json!([url])).await;
    assert!(why(&done).contains(&format!("Cannot clone {url}: ")), "{}", why(&done));
    assert_eq!(go(&st2, "hello").await, "one");
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_and_the_index_are_reached_through_the_proxy() {
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    let proxy = Site::start(repository(pack.path())).await;
    let config = format!("content_pack.http_proxy = \"{}\"", proxy.url("/"));
    let st2 = TestDaemon::start().with_config(&config).await;
    let done = install(&st2, json!(["http://git.invalid/repo=1.0.0"])).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(go(&st2, "hello").await, "one");
    let asked = proxy.asked();
    assert!(!asked.is_empty() && asked.iter().all(|it| it.target.starts_with("http://git.invalid/repo")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_trusted_when_the_configuration_names_it() {
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    let certificate = Certificate::new();
    let site = Site::start_tls(&certificate, repository(pack.path())).await;
    let st2 = TestDaemon::start().await;
    let url = site.url("/repo");
    let refused = install(&st2, json!([url])).await;
    let reason = why(&refused);
    assert!(reason.contains(&format!("Cannot clone {url}: ")) && reason.contains("certificate"), "{reason}");

    let bundle = st2.data_dir().join("authority.pem");
    fs::write(&bundle, &certificate.authority).unwrap();
    st2.put("/v1/configs/packs", json!({"proxy_ca_bundle_path": bundle})).await.expect(200);
    let done = install(&st2, json!([url])).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(go(&st2, "hello").await, "one");
}
