//! `st2 pack` where somebody sits before it: a pack watched while it is written, and configured question by question.

use super::daemon::beside;
use crate::support::{
    daemon::{Home, TestDaemon},
    processes::eventually,
};
use serde_json::json;
use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

const MANIFEST: &str = "name: asked\ndescription: d\nversion: 1.0.0\nauthor: a\nemail: a@b.cz\n";

/// What a program has printed so far.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<String>>);

impl Heard {
    /// Listens until there is nothing more to hear.
    fn listen(mut from: impl Read + Send + 'static) -> Self {
        let heard = Self::default();
        let text = heard.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                text.0.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        heard
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// Waits until this was printed, and answers what came up to its end; that is not heard again.
    async fn until(&self, what: &str) -> String {
        eventually(what, Duration::from_secs(60), async || {
            let mut text = self.0.lock().unwrap();
            let end = text.find(what)? + what.len();
            let rest = text.split_off(end);
            Some(std::mem::replace(&mut *text, rest))
        })
        .await
    }
}

/// A program that is ended with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A home with the pack `asked`, and the directory of its packs.
fn home() -> (Home, PathBuf) {
    let home = Home::new();
    let packs = home.data_dir().join("packs");
    write(&packs, "asked/pack.yaml", MANIFEST);
    fs::set_permissions(home.data_dir(), fs::Permissions::from_mode(0o700)).unwrap();
    (home, packs)
}

fn write(base: &Path, path: &str, text: &str) -> PathBuf {
    let path = base.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_registered_on_every_save_and_faults_have_places() {
    let (home, packs) = home();
    let manifest = packs.join("asked/pack.yaml");
    write(&packs, "asked/actions/one.yaml", "name: one\nrunner_type: noop\n");
    let st2 = TestDaemon::start().with_home(&home).await;
    let client = beside(&st2);
    let mut command = client.command(&["pack", "dev", packs.join("asked").to_str().unwrap()]);
    let mut child = Ended(command.stdout(Stdio::piped()).spawn().unwrap());
    let heard = Heard::listen(child.0.stdout.take().unwrap());
    heard.until("asked: registered 1 actions\n").await;

    // Also in a directory that was not there before.
    write(&packs, "asked/rules/r.yaml", "name: r\ntrigger: {type: core.nosuch}\naction: {ref: core.noop}\n");
    let rule = packs.join("asked/rules/r.yaml");
    let said = heard.until(", 1 fault\n").await;
    assert!(said.contains(&format!("{}:2:17: ", rule.display())), "{said}");
    let action = write(&packs, "asked/actions/two.yaml", "name: two\nrunner_type: nosuch\n");
    let said = heard.until(", 2 faults\n").await;
    let expected = format!("{}:2:14: RunnerType nosuch is not found.", action.display());
    assert!(said.contains(&expected), "{said}");
    assert_eq!(st2.get("/v1/actions/asked.two").await.status, 404);

    fs::remove_file(rule).unwrap();
    heard.until("asked: registered 1 actions, 1 fault\n").await;
    // As editors save: a new file takes the place of the old one.
    let draft = write(&packs, "asked/actions/.two.yaml.swp", "name: two\nrunner_type: noop\n");
    fs::rename(draft, &action).unwrap();
    heard.until("asked: registered 2 actions\n").await;
    assert_eq!(st2.get("/v1/actions/asked.two").await.expect(200)["runner_type"], "noop");
    fs::write(&manifest, "name: [\n").unwrap();
    let said = heard.until(", 1 fault\n").await;
    assert!(said.contains(&format!("{}:2:1: ", manifest.display())), "{said}");
    assert_eq!(st2.get("/v1/packs/asked").await.expect(200)["version"], "1.0.0");
}

const SCHEMA: &str = r"
host: {type: string, description: Where it is, required: true}
port: {type: integer, default: 22}
token: {type: string, secret: true}
verify: {type: boolean, default: true}
region: {type: string, enum: [eu, us, asia], default: us}
tags: {type: array, items: {type: string}}
proxy:
  type: object
  properties:
    url: {type: string}
    hops: {type: integer}
accounts:
  type: array
  items:
    type: object
    properties: {name: {type: string}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_configured_question_by_question_on_a_terminal() {
    let (home, packs) = home();
    write(&packs, "asked/config.schema.yaml", SCHEMA);
    let st2 = TestDaemon::start().with_home(&home).await;
    let terminal = nix::pty::openpty(None, None).unwrap();
    // The editor changes a letter, so what it leaves is what counts.
    let client = beside(&st2).env("EDITOR", "sed -i s/example.com/example.org/");
    let mut command = client.command(&["pack", "config", "asked"]);
    let slave = || Stdio::from(terminal.slave.try_clone().unwrap());
    let mut child = Ended(command.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap());
    let mut keyboard = File::from(terminal.master.try_clone().unwrap());
    let heard = Heard::listen(File::from(terminal.master));
    let mut all = String::new();
    for (question, answer) in [
        ("Where it is\r\nhost: ", ""),
        // What is required is asked for until there is an answer.
        ("host: ", "example.com"),
        ("port (integer) [22]: ", "many"),
        ("\"many\" is not a valid answer.\r\nport (integer) [22]: ", "2222"),
        ("token (secret): ", "opensesame"),
        ("verify (boolean) [y]: ", "no"),
        ("region: \r\n 0 - eu\r\n 1 - us\r\n 2 - asia\r\nChoose from 0, 1, 2 [1]: ", "0"),
        ("tags (comma-separated list): ", "a, b"),
        ("proxy.url: ", "{{st2kv.system.proxy}}"),
        ("proxy.hops (integer): ", ""),
        ("accounts[0].name: ", "ann"),
        ("\"accounts\" array / list? [y]: ", ""),
        ("accounts[1].name: ", "bob"),
        ("\"accounts\" array / list? [y]: ", "n"),
        ("preview the config in an editor before saving? [y]: ", ""),
        ("Do you want me to save it? [y]: ", "y"),
    ] {
        all += &heard.until(question).await;
        keyboard.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    let expected = json!({
        "host": "example.org", "port": 2222, "token": "opensesame", "verify": false, "region": "eu",
        "tags": ["a", "b"], "proxy": {"url": "{{st2kv.system.proxy}}"},
        "accounts": [{"name": "ann"}, {"name": "bob"}],
    });
    let status =
        eventually("the end of st2", Duration::from_secs(30), async || child.0.try_wait().unwrap()).await;
    all += &heard.text();
    assert!(status.success(), "{all}");
    assert!(!all.contains("opensesame"), "a secret is neither echoed nor shown: {all}");
    let kept = st2.get("/v1/configs/asked?show_secrets=true").await.expect(200);
    assert_eq!(kept["values"], expected);
    let file = fs::read_to_string(home.data_dir().join("configs/asked.yaml")).unwrap();
    assert!(file.contains("host: example.org\n") && file.contains("token: opensesame\n"), "{file}");
    // What was in the editor may hold secrets.
    let left: Vec<_> =
        fs::read_dir(client.home().join(".st2")).unwrap().flatten().map(|it| it.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("edit-")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_configured_says_why() {
    let st2 = TestDaemon::start().await;
    let client = beside(&st2);
    let ran = client.run(&["pack", "config", "nosuch"]);
    assert_ne!(ran.code, 0);
    assert!(
        ran.stdout.contains("Pack \"nosuch\" doesn't exist or doesn't have a config schema defined."),
        "{ran:?}"
    );
    let ran = client.run(&["pack", "config", "packs"]);
    assert_ne!(ran.code, 0);
    assert!(ran.stdout.contains("Questions can only be asked on a terminal."), "{ran:?}");
    let ran = client.run(&["pack", "dev", "/no/such/dir"]);
    assert_ne!(ran.code, 0);
    assert!(ran.stdout.contains("Cannot look into /no/such/dir: "), "{ran:?}");
    let bare = tempfile::tempdir().unwrap();
    let ran = client.run(&["pack", "dev", bare.path().to_str().unwrap()]);
    assert!(ran.stdout.contains("is no pack: it has no pack.yaml"), "{ran:?}");
}
