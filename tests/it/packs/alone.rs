//! The tools that need no service, by their names in StackStorm.

use super::repository::Pack;
use serde_json::json;
use st2d::{
    config::Config,
    packs::{Progress, Settings, download, index},
};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Runs a tool of `bin` on a data directory of its own.
fn tool(name: &str, data: &Path, arguments: &[&str]) -> (i32, String, String) {
    let programs = Path::new(env!("CARGO_BIN_EXE_st2d")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("bin").join(name);
    let Output { status, stdout, stderr } = Command::new(file)
        .args(["--config-file", "/etc/st2/st2.conf", "--data-dir"])
        .arg(data)
        .args(arguments)
        .current_dir(data)
        .env("PATH", path)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn packs_are_fetched_and_get_virtualenvs_without_a_daemon() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0").manifest("2.0.0", "").commit("v2.0.0");
    let at = |path: &str| fs::read_to_string(data.join("packs/hello").join(path)).unwrap_or_default();

    let (code, stdout, stderr) =
        tool("st2-pack-download", &data, &["--pack", &format!("{}=1.0.0", pack.url())]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("Successfully installed pack \"hello\"\n"), "{stdout}");
    assert!(at("pack.yaml").contains("version: 1.0.0"));
    assert!(!data.join("virtualenvs/hello").exists());
    let (code, stdout, stderr) = tool("st2-pack-setup-virtualenv", &data, &["--update", "hello"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.contains("Successfully set up virtualenv for pack \"hello\"\n"), "{stdout}");
    assert!(data.join("virtualenvs/hello/bin/python").exists());
    let (code, stdout, _) = tool("st2-pack-install", &data, &["--verify-ssl", &pack.url()]);
    assert_eq!(code, 0, "{stdout}");
    assert!(at("pack.yaml").contains("version: 2.0.0"));

    let (code, _, stderr) =
        tool("st2-pack-install", &data, &["--pack=--upload-pack=x", "file:///no/such/pack"]);
    assert_eq!(code, 2);
    assert!(
        stderr.starts_with("st2d: Failed to install pack \"file:///no/such/pack\": Local pack"),
        "{stderr}"
    );
    let (code, _, stderr) = tool("st2-pack-setup-virtualenv", &data, &["--pack", "nosuch"]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("st2d: Pack \"nosuch\" is not installed. Looked in: "), "{stderr}");
    let (code, ..) = tool("st2-pack-download", &data, &[]);
    assert_eq!(code, 2);
}

#[test]
fn packs_and_configurations_are_checked_where_they_lie() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path();
    let pack = Pack::new("hello", "1.0.0", "one");
    let (path, directory) = (pack.path(), pack.path().display().to_string());
    // The directory may have the name of a repository.
    assert!(directory.ends_with("stackstorm-hello"));
    let (code, stdout, stderr) = tool("st2-validate-pack", data, &["-p", &directory]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "hello: 0 faults\n", ""));
    pack.file("actions/bad.yaml", "name: bad\nrunner_type: nosuch\n");
    pack.file("config.schema.yaml", "port: {type: integer}\ntoken: {type: string, secret: true}\n");
    let (code, stdout, _) = tool("st2-validate-pack", data, &["--pack-path", &directory]);
    assert_eq!(code, 1);
    let expected = format!("{directory}/actions/bad.yaml:2:14: RunnerType nosuch is not found.");
    assert!(stdout.starts_with(&expected) && stdout.ends_with("\nhello: 1 fault\n"), "{stdout}");
    let (code, stdout, _) = tool("st2-validate-pack", data, &["-p", "/no/such/pack"]);
    assert_eq!((code, stdout.as_str()), (1, "ERROR: The path \"/no/such/pack\" does not exist.\n"));

    let schema = path.join("config.schema.yaml").display().to_string();
    let config = data.join("hello.yaml");
    let shown = config.display().to_string();
    let check = |text: &str| {
        fs::write(&config, text).unwrap();
        let arguments = ["--schema-path", schema.as_str(), "--config-path", &shown];
        let (code, stdout, _) = tool("st2-validate-pack-config", data, &arguments);
        let opening = format!("Validating config \"{shown}\" against schema in \"{schema}\"\n");
        (code, stdout.strip_prefix(&opening).unwrap_or_else(|| panic!("{stdout}")).to_owned())
    };
    let fine = format!("Config \"{shown}\" successfully validated against schema in {schema}.\n");
    for text in ["port: 22\n", "", "other: 1\ntoken: '{{st2kv.system.token}}'\n"] {
        assert_eq!(check(text), (0, fine.clone()), "{text:?}");
    }
    for (text, place, what) in [
        (
            "token: x\nport: many\n",
            ":2:7: ",
            "Failed validating attribute \"port\" in config for pack \"unknown\" (",
        ),
        ("- a\n", ":1:1: ", "['a'] is not of type 'object'"),
        ("port: [\n", ":2:1: ", "while parsing"),
        ("token: '{{st2kv.system.t | decrypt_kv}}'\n", "", "are automatically decrypted by default."),
    ] {
        let (code, said) = check(text);
        assert_eq!(code, 1, "{said}");
        assert!(said.starts_with(&format!("Failed to validate pack config.\n{shown}{place}")), "{said}");
        assert!(said.contains(what), "{said}");
    }
}

/// Whoever is no administrator must not read what the daemon can read, neither by naming it nor by an index.
#[tokio::test(flavor = "multi_thread")]
async fn directories_of_the_server_are_for_administrators() {
    let home = tempfile::tempdir().unwrap();
    let config = Config { data_dir: home.path().to_owned(), ..Config::default() };
    let settings = Settings::of(&config);
    let pack = Pack::new("hello", "1.0.0", "one");
    pack.commit("v1.0.0");
    let entry = json!({"packs": {"hello": {"name": "hello", "repo_url": pack.url(), "version": "1.0.0"}}});
    let packs = entry["packs"].as_object().unwrap().clone();
    let fetch = |wanted: &str, local_allowed: bool| {
        let mut lookup = index::Lookup::new(|| Ok(index::Index { packs: packs.clone(), status: vec![] }));
        let options = download::Options { force: false, verify_ssl: true, local_allowed, installation: None };
        let progress = Progress { say: &|_| {}, stopped: &|| false };
        // It fetches from where threads may wait.
        let fetch = || download::download(&settings, wanted, options, &mut lookup, &progress).result;
        tokio::task::block_in_place(fetch)
    };
    let path = pack.path().display().to_string();
    for wanted in [pack.url(), path, "hello".to_owned(), "hello=1.0.0".to_owned()] {
        let refused = fetch(&wanted, false).unwrap_err().to_string();
        assert_eq!(
            refused, "Only administrators may install packs from directories of the server.",
            "{wanted}"
        );
        assert!(!home.path().join("packs/hello").exists());
    }
    fetch("hello", true).unwrap();
    assert!(home.path().join("packs/hello/pack.yaml").exists());
}
