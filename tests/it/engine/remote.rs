//! Commands and scripts on other hosts: OpenSSH's own server on loopback plays them.

use super::shell::nothing_left_of;
use crate::support::{
    daemon::{Home, TestDaemon},
    processes::eventually,
    sshd::Sshd,
};
use russh::{
    ChannelId, MethodKind, MethodSet,
    keys::PrivateKey,
    server::{self, Auth, ChannelOpenHandle, Msg, Response, Session},
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, process::Command, sync::Arc, time::Duration};

const SOON: Duration = Duration::from_secs(20);

/// Parameters that let `core.remote` in.
fn on(sshd: &Sshd, mut more: Value) -> Value {
    let parameters = more.as_object_mut().unwrap();
    parameters.entry("hosts").or_insert(json!("127.0.0.1"));
    parameters.entry("port").or_insert(json!(sshd.port));
    parameters.entry("private_key").or_insert(json!(sshd.path("id").to_str().unwrap()));
    more
}

fn error_of(execution: &Value) -> &str {
    execution["result"]["error"].as_str().unwrap_or_else(|| panic!("no error in {execution}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_on_every_host_and_answers_under_its_name() {
    let Some(sshd) = Sshd::start().await else { return };
    let st2 = TestDaemon::start().await;
    let cmd =
        "pwd; echo \"$MINE\"; echo err >&2; env | grep -c ST2_ACTION_EXECUTION_ID; env | grep ^ST2_NODE";
    let hosts = format!("127.0.0.1, 127.0.0.2:{}", sshd.port);
    let wanted = json!({"hosts": hosts, "cmd": format!("{cmd}; exit 3"), "env": {"MINE": "it's $mine"}, "cwd": "/usr"});
    let ended = st2.run("core.remote", on(&sshd, wanted)).await;
    let entry = json!({
        "stdout": "/usr\nit's $mine\n1", "stderr": "err", "return_code": 3, "succeeded": false, "failed": true,
    });
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["result"], json!({"127.0.0.1": entry, "127.0.0.2": entry}));
    let key = fs::read_to_string(sshd.path("id")).unwrap();
    let wanted = on(&sshd, json!({"cmd": "echo '{\"a\": [1]}'; cat", "private_key": key}));
    let id = st2.request_action("core.remote", wanted).await;
    let ended = st2.wait_for_end(&id).await;
    assert_eq!(ended["status"], "succeeded");
    assert_eq!(ended["result"]["127.0.0.1"]["stdout"], json!({"a": [1]}));
    assert_eq!(st2.output(&id).await, b"{\"a\": [1]}\n");
    assert_eq!(ended["parameters"]["private_key"], "********");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_several_kinds_open_with_their_passphrases_only() {
    let Some(sshd) = Sshd::start().await else { return };
    let st2 = TestDaemon::start().await;
    for (name, kind) in [("locked", "ed25519"), ("rsa", "rsa"), ("curve", "ecdsa")] {
        let key = sshd.another_key(name, kind, "open sesame");
        let with = |passphrase: Value| {
            on(
                &sshd,
                json!({"cmd": "echo in", "private_key": key.to_str().unwrap(), "passphrase": passphrase}),
            )
        };
        let ended = st2.run("core.remote", with(json!("open sesame"))).await;
        assert_eq!(ended["result"]["127.0.0.1"]["stdout"], "in", "{kind}: {ended}");
        let ended = st2.run("core.remote", with(json!(null))).await;
        assert!(error_of(&ended).contains("Connection error. Private key file is encrypted"), "{ended}");
        let ended = st2.run("core.remote", with(json!("wrong"))).await;
        assert!(error_of(&ended).contains("Connection error. Invalid passphrase"), "{ended}");
    }
    let stranger = tempfile::tempdir().unwrap();
    let path = stranger.path().join("id");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status();
    assert!(made.unwrap().success());
    let ended = st2.run("core.remote", on(&sshd, json!({"cmd": "echo in", "private_key": path}))).await;
    assert!(error_of(&ended).contains("\"error\": \"Connection error. Authentication failed.\""), "{ended}");
    let ended = st2.run("core.remote", on(&sshd, json!({"cmd": "x", "private_key": "/no/key"}))).await;
    assert!(error_of(&ended).contains("[Errno 2] No such file or directory: '/no/key'"), "{ended}");
    let ended =
        st2.run("core.remote", on(&sshd, json!({"cmd": "x", "private_key": null, "passphrase": "p"}))).await;
    assert!(error_of(&ended).contains("passphrase should accompany private key material"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_cannot_be_reached_are_named_and_do_not_stop_the_others() {
    let Some(sshd) = Sshd::start().await else { return };
    let st2 = TestDaemon::start().await;
    let nowhere = st2
        .run("core.remote", on(&sshd, json!({"cmd": "true", "hosts": "127.0.0.1:1,no.such.invalid"})))
        .await;
    assert_eq!(nowhere["status"], "failed");
    let error = error_of(&nowhere);
    let begin =
        "Unable to connect to any one of the hosts: ['127.0.0.1', 'no.such.invalid'].\n\n connect_errors={\n";
    assert!(error.starts_with(begin), "{error}");
    let why = "Failed connecting to host 127.0.0.1. [Errno None] Unable to connect to port 1 on 127.0.0.1";
    assert!(error.contains(why), "{error}");
    assert!(
        error.contains("Failed connecting to host no.such.invalid. [Errno -2] Name or service not known")
    );
    let some = json!({"cmd": "echo here", "hosts": "127.0.0.1:1,127.0.0.2"});
    let ended = st2.run("core.remote", on(&sshd, some.clone())).await;
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["result"]["127.0.0.2"]["stdout"], "here");
    let entry = &ended["result"]["127.0.0.1"];
    assert_eq!(
        (&entry["return_code"], &entry["timeout"], &entry["error"]),
        (&json!(255), &json!(false), &json!(why))
    );
    let partly = TestDaemon::start().with_config("ssh_runner.allow_partial_failure = true").await;
    assert_eq!(partly.run("core.remote", on(&sshd, some)).await["status"], "succeeded");
    let none = st2.run("core.remote", on(&sshd, json!({"cmd": "true", "hosts": " , "}))).await;
    assert!(error_of(&none).starts_with("No hosts specified to run action for action "), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_and_a_cancel_end_the_command_over_there() {
    let Some(sshd) = Sshd::start().await else { return };
    let st2 = TestDaemon::start().await;
    let stubborn = "echo begun; trap '' TERM; sleep 4246 & sleep 4247";
    let id = st2.request_action("core.remote", on(&sshd, json!({"cmd": stubborn, "timeout": 6}))).await;
    let ended = st2.wait_for_end(&id).await;
    let entry = &ended["result"]["127.0.0.1"];
    assert_eq!((&ended["status"], &entry["return_code"]), (&json!("timeout"), &json!(-9)), "{ended}");
    assert_eq!((&entry["timeout"], &entry["stdout"]), (&json!(true), &json!("begun")));
    let error = entry["error"].as_str().unwrap();
    assert!(
        error.starts_with("Failed executing command \"export ")
            && error.contains("ST2_ACTION_AUTH_TOKEN=********")
    );
    let end = "\" on host \"127.0.0.1\" Command didn't finish in 6 seconds or the SSH connection did not succeed in 60 \
               seconds";
    assert!(error.ends_with(end), "{error}");
    nothing_left_of(&id).await;
    let id = st2.request_action("core.remote", on(&sshd, json!({"cmd": stubborn}))).await;
    eventually("the first line", SOON, async || (!st2.output(&id).await.is_empty()).then_some(())).await;
    st2.delete(&format!("/v1/executions/{id}")).await.expect(200);
    assert_eq!(st2.wait_for_end(&id).await["status"], "canceled");
    nothing_left_of(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bastion_leads_the_way() {
    let Some(sshd) = Sshd::start().await else { return };
    let st2 = TestDaemon::start().await;
    let wanted = json!({"cmd": "echo inside", "hosts": "127.0.0.2", "bastion_host": "127.0.0.1"});
    let ended = st2.run("core.remote", on(&sshd, wanted)).await;
    assert_eq!(ended["result"]["127.0.0.2"]["stdout"], "inside", "{ended}");
    let tunnel = format!("target 127.0.0.2 port {}", sshd.port);
    assert!(sshd.log().contains(&tunnel), "{}", sshd.log());
    let wanted = json!({"cmd": "true", "hosts": "127.0.0.9:1", "bastion_host": "127.0.0.1:1"});
    let ended = st2.run("core.remote", on(&sshd, wanted)).await;
    assert_eq!(ended["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_copied_with_their_lib_run_and_removed() {
    let Some(sshd) = Sshd::start().await else { return };
    let home = Home::new();
    let actions = home.data_dir().join("packs/far/actions");
    fs::create_dir_all(actions.join("lib/deep")).unwrap();
    fs::set_permissions(home.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(
        home.data_dir().join("packs/far/pack.yaml"),
        "ref: far\nname: far\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.c\n",
    )
    .unwrap();
    let metadata = "name: script\nrunner_type: remote-shell-script\nentry_point: run it.sh\nparameters:\n  \
                    word: {type: string, position: 0}\n  loud: {type: boolean}\n";
    fs::write(actions.join("script.yaml"), metadata).unwrap();
    let script = "#!/bin/bash\ncd \"$(dirname \"$0\")\"\necho \"$(pwd)\"; . lib/deep/words; echo \"$WORD $@\"; sleep \
                  ${SLEEP:-0}\n";
    fs::write(actions.join("run it.sh"), script).unwrap();
    fs::write(actions.join("lib/deep/words"), "WORD=hello\n").unwrap();
    let st2 = TestDaemon::start().with_home(&home).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let dir = elsewhere.path().to_str().unwrap();
    let wanted = on(&sshd, json!({"word": "two words", "loud": true, "dir": dir}));
    let ended = st2.run("far.script", wanted).await;
    let liveaction = ended["liveaction"]["id"].as_str().unwrap();
    let stdout = format!("{dir}/{liveaction}\nhello --loud two words");
    assert_eq!(ended["result"]["127.0.0.1"]["stdout"], stdout, "{ended}");
    assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "something was left behind");
    let slow = json!({"word": "w", "dir": dir, "timeout": 1, "env": {"SLEEP": "4248"}});
    let ended = st2.run("far.script", on(&sshd, slow)).await;
    assert_eq!(ended["status"], "timeout", "{ended}");
    assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "something was left behind");
    let ended = st2.run("far.script", on(&sshd, json!({"word": "w", "dir": "/proc/nowhere"}))).await;
    let entry = &ended["result"]["127.0.0.1"];
    assert_eq!((&ended["status"], &entry["return_code"]), (&json!("failed"), &json!(255)));
    assert!(entry["error"].as_str().unwrap().starts_with("Failed \"mkdir /proc/nowhere/"), "{entry}");
}

#[tokio::test(flavor = "multi_thread")]
async fn host_keys_are_judged_by_the_policy() {
    let Some(sshd) = Sshd::start().await else { return };
    let learning = TestDaemon::start().with_config("ssh_runner.host_key_policy = \"accept-new\"").await;
    let strict = TestDaemon::start().with_config("ssh_runner.host_key_policy = \"strict\"").await;
    let ended = strict.run("core.remote", on(&sshd, json!({"cmd": "true"}))).await;
    assert!(
        error_of(&ended).contains("Connection error. Server '127.0.0.1' not found in known_hosts"),
        "{ended}"
    );
    for _ in 0..2 {
        let ended = learning.run("core.remote", on(&sshd, json!({"cmd": "true"}))).await;
        assert_eq!(ended["status"], "succeeded", "{ended}");
    }
    let known = fs::read_to_string(learning.data_dir().join("ssh_known_hosts")).unwrap();
    assert_eq!(known.matches("127.0.0.1").count(), 1, "{known}");
    let changed = sshd.with_another_host_key().await;
    let ended = learning.run("core.remote", on(&changed, json!({"cmd": "true"}))).await;
    assert!(error_of(&ended).contains("Host key for server '127.0.0.1' does not match"), "{ended}");
    let any = TestDaemon::start().await;
    assert_eq!(any.run("core.remote", on(&changed, json!({"cmd": "true"}))).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_users_key_and_openssh_settings_are_used_when_told_so() {
    let Some(sshd) = Sshd::start().await else { return };
    let key = sshd.path("id");
    let port = sshd.port;
    let st2 = TestDaemon::start().with_config(&format!("system_user.ssh_key_file = {key:?}")).await;
    let ended = st2.run("core.remote", json!({"cmd": "echo in", "hosts": format!("127.0.0.1:{port}")})).await;
    assert_eq!(ended["result"]["127.0.0.1"]["stdout"], "in", "{ended}");
    let file = sshd.path("ssh_config");
    let text = format!(
        "Host web\n  HostName 127.0.0.2\n  Port {port}\n  IdentityFile {0}\nHost piped\n  IdentityFile {0}\n  ProxyCommand \
         bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3 & exec cat >&3'\n",
        key.display()
    );
    fs::write(&file, text).unwrap();
    let config = format!("ssh_runner.use_ssh_config = true\nssh_runner.ssh_config_file_path = {file:?}");
    let st2 = TestDaemon::start().with_config(&config).await;
    let ended = st2.run("core.remote", json!({"cmd": "echo in", "hosts": "web, piped"})).await;
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(
        (&ended["result"]["web"]["stdout"], &ended["result"]["piped"]["stdout"]),
        (&json!("in"), &json!("in"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sudo_runs_it_as_root_with_or_without_a_password() {
    let Some(sshd) = Sshd::start().await else { return };
    if !nix::unistd::geteuid().is_root() || Command::new("sudo").arg("-V").output().is_err() {
        eprintln!("skipped: needs root and sudo");
        return;
    }
    let st2 = TestDaemon::start().await;
    for password in [json!(null), json!("it's secret")] {
        let wanted = json!({"cmd": "id -u; printf 'a\\nb'; [ -t 1 ] && echo terminal >&2", "sudo_password": password,
            "env": {"MINE": "1"}});
        let ended = st2.run("core.remote_sudo", on(&sshd, wanted)).await;
        let entry = &ended["result"]["127.0.0.1"];
        assert!(entry["stdout"].as_str().unwrap().starts_with("0\na\nb"), "{ended}");
        assert!(!ended.to_string().contains("it's secret"), "{ended}");
    }
}

/// A server that takes a password, at once or after asking for it, and tells what it was to run.
#[derive(Clone)]
struct Asking {
    at_once: bool,
}

impl server::Handler for Asking {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        let accepted = self.at_once && (user, password) == ("ann", "secret");
        let methods = MethodSet::from([MethodKind::KeyboardInteractive].as_slice());
        let rejected = Auth::Reject { proceed_with_methods: Some(methods), partial_success: false };
        Ok(if accepted { Auth::Accept } else { rejected })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let Some(mut response) = response else {
            let prompts = vec![("Password: ".into(), false)].into();
            return Ok(Auth::Partial { name: "".into(), instructions: "".into(), prompts });
        };
        let answer = response.next();
        let is_right = user == "ann" && answer.is_some_and(|it| it.as_ref() == b"secret");
        Ok(if is_right && !self.at_once { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: russh::Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_success(id)?;
        session.data(id, line.to_vec())?;
        session.exit_status_request(id, 0)?;
        session.eof(id)?;
        session.close(id)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_given_at_once_or_when_asked_for() {
    let st2 = TestDaemon::start().await;
    for at_once in [true, false] {
        let key =
            PrivateKey::random(&mut russh::keys::key::safe_rng(), russh::keys::Algorithm::Ed25519).unwrap();
        let config = Arc::new(server::Config {
            keys: vec![key],
            auth_rejection_time: Duration::ZERO,
            ..server::Config::default()
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = st2d::service::spawn("asking", async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(session) = server::run_stream(config.clone(), stream, Asking { at_once }).await {
                    st2d::service::spawn("session", async move { drop(session.await) });
                }
            }
        });
        let with = |password: &str| {
            json!({"cmd": "date", "hosts": "127.0.0.1", "port": port, "username": "ann", "password": password,
                "private_key": "/no/key"})
        };
        let ended = st2.run("core.remote", with("secret")).await;
        let line = ended["result"]["127.0.0.1"]["stdout"].as_str().unwrap_or_else(|| panic!("{ended}"));
        assert!(line.starts_with("export ") && line.ends_with(" && cd /tmp && date"), "{line}");
        let ended = st2.run("core.remote", with("wrong")).await;
        assert!(error_of(&ended).contains("Connection error. Authentication failed."), "{ended}");
        assert!(!ended.to_string().contains("wrong"));
        serving.abort();
    }
}

/// `parallel` is immutable, and an immutable parameter of a runner keeps the runner's default: an action that says
/// otherwise is not heard, in StackStorm too.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_worked_on_one_after_the_other() {
    let Some(sshd) = Sshd::start().await else { return };
    let home = Home::new();
    let actions = home.data_dir().join("packs/many/actions");
    fs::create_dir_all(&actions).unwrap();
    let manifest = "name: many\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n";
    fs::write(actions.join("../pack.yaml"), manifest).unwrap();
    let place = home.data_dir().join("came");
    let tell = format!("cat {0}; sleep 0.2; echo here >> {0}", place.display());
    let metadata = json!({
        "name": "turns", "runner_type": "remote-shell-cmd",
        "parameters": {"cmd": {"default": tell}, "parallel": {"default": true}},
    });
    fs::write(actions.join("turns.json"), metadata.to_string()).unwrap();
    fs::set_permissions(home.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&place, "").unwrap();
    let st2 = TestDaemon::start().with_home(&home).await;
    let ended = st2.run("many.turns", on(&sshd, json!({"hosts": "127.0.0.1,127.0.0.2,localhost"}))).await;
    assert_eq!(ended["status"], "succeeded", "{ended:#}");
    for (host, seen) in [("127.0.0.1", ""), ("127.0.0.2", "here"), ("localhost", "here\nhere")] {
        assert_eq!(ended["result"][host]["stdout"], seen, "{ended:#}");
    }
    let refused =
        st2.post("/v1/executions", json!({"action": "many.turns", "parameters": {"parallel": true}})).await;
    refused.expect(400);
}
