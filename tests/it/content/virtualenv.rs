//! Virtualenvs of packs, made with the real tools and without a network.

use crate::support::{
    pythons::another_python,
    site::{Asked, Certificate, Reply, Site, reply},
};
use st2d::{
    config::Config,
    content::python::{self, virtualenv},
    model::PythonRange,
    packs::Proxies,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};
use tempfile::TempDir;

struct Ground {
    directory: TempDir,
    config: Config,
}

impl Ground {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: directory.path().join("data"), ..Config::default() };
        // Only what lies in this directory can be installed.
        let wheels = directory.path().join("wheels");
        fs::create_dir_all(&wheels).unwrap();
        config.actionrunner.pip_opts =
            ["--no-index", "--find-links"].map(str::to_owned).into_iter().chain([text(&wheels)]).collect();
        python::unpack(&python::library_dir(&config)).unwrap();
        python::site::promise(&python::site_dir(&config)).unwrap();
        Self { directory, config }
    }

    fn pack(&self, requirements: &str) -> PathBuf {
        let pack = self.directory.path().join("pack");
        fs::create_dir_all(&pack).unwrap();
        fs::write(pack.join("requirements.txt"), requirements).unwrap();
        pack
    }

    /// A library that pip can install.
    fn wheel(&self, name: &str, version: &str) {
        let file = self.directory.path().join(format!("wheels/{name}-{version}-py3-none-any.whl"));
        let script = "import sys, zipfile\n\
            file, name, version = sys.argv[1:]\n\
            info = '%s-%s.dist-info/' % (name, version)\n\
            with zipfile.ZipFile(file, 'w') as wheel:\n\
            \x20   wheel.writestr(name + '.py', 'VERSION = %r\\n' % version)\n\
            \x20   wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: %s\\nVersion: %s\\n' % (name, version))\n\
            \x20   wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
            \x20   wheel.writestr(info + 'RECORD', '')\n";
        let made =
            Command::new("python3").args(["-c", script]).arg(file).args([name, version]).status().unwrap();
        assert!(made.success());
    }

    async fn make(&self, requirements: &str) -> Result<Vec<String>, python::Error> {
        let pack = self.pack(requirements);
        let lines = Mutex::new(vec![]);
        virtualenv::make(&self.config, wanted(&pack), &|line| lines.lock().unwrap().push(line.to_owned()))
            .await?;
        Ok(lines.into_inner().unwrap())
    }

    /// What the virtualenv's interpreter prints.
    fn says(&self, code: &str) -> String {
        let python = python::virtualenv_dir(&self.config, "p").join("bin/python");
        let output = Command::new(python).args(["-c", code]).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).trim().to_owned()
    }

    /// What lies beside the virtualenvs of packs, locks left out.
    fn hidden(&self) -> usize {
        let names = fs::read_dir(self.config.virtualenvs_dir()).unwrap().flatten();
        let names = names.map(|entry| entry.file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.') && !name.contains(".lock")).count()
    }
}

/// The virtualenv of the pack `p`, which asks for nothing special.
fn wanted(pack: &Path) -> virtualenv::Wanted<'_> {
    virtualenv::Wanted { pack: "p", directory: pack, python_versions: &[], requires_python: None, env: &[] }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_without_requirements_needs_no_network_and_sees_our_library() {
    let ground = Ground::new();
    let lines = ground.make("# nothing\n").await.unwrap();
    assert!(lines.iter().any(|line| line.starts_with("Creating virtualenv for pack \"p\"")), "{lines:?}");
    let said = ground.says("import sys, st2common, st2_site; print(sys.prefix)");
    assert_eq!(said, text(&python::virtualenv_dir(&ground.config, "p")));
}

#[tokio::test(flavor = "multi_thread")]
async fn requirements_are_installed_and_renewed_and_a_failure_changes_nothing() {
    let ground = Ground::new();
    ground.wheel("tinylib", "1.0");
    ground.make("tinylib\n").await.unwrap();
    assert_eq!(ground.says("import tinylib; print(tinylib.VERSION)"), "1.0");
    ground.wheel("tinylib", "2.0");
    let lines = ground.make("tinylib\n").await.unwrap();
    assert_eq!(ground.says("import tinylib; print(tinylib.VERSION)"), "2.0");
    assert!(lines.iter().any(|line| line.contains("tinylib")), "pip's progress is told: {lines:?}");

    let error = ground.make("tinylib\nno-such-lib-here==1.0\n").await.unwrap_err().to_string();
    let file = ground.directory.path().join("pack/requirements.txt");
    assert!(
        error.starts_with(&format!("Failed to install requirements from \"{}\": ", file.display())),
        "{error}"
    );
    assert!(
        error.ends_with(&format!("The line that failed: {}:2: no-such-lib-here==1.0", file.display())),
        "{error}"
    );
    assert_eq!(ground.says("import tinylib; print(tinylib.VERSION)"), "2.0", "the old one still serves");
    assert_eq!(ground.hidden(), 2, "the one in use and the one before it");
    virtualenv::tidy(&ground.config).unwrap();
    assert_eq!(ground.hidden(), 1);
    virtualenv::remove_of(&ground.config, "p").unwrap();
    assert_eq!(ground.hidden(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtualenv_made_by_hand_is_replaced() {
    let ground = Ground::new();
    let path = python::virtualenv_dir(&ground.config, "p");
    fs::create_dir_all(path.join("lib")).unwrap();
    ground.make("").await.unwrap();
    assert_eq!(ground.says("print(1)"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_made_is_refused_with_its_reason() {
    let ground = Ground::new();
    let pack = ground.pack("");
    let two = ["2".to_owned()];
    for (name, versions, message) in [
        ("../up", &[][..], "Invalid pack name \"../up\""),
        ("old", &two[..], "Pack \"old\" requires Python 2.x, but current Python version is \"3."),
    ] {
        let wanted = virtualenv::Wanted { pack: name, python_versions: versions, ..wanted(&pack) };
        let error = virtualenv::make(&ground.config, wanted, &|_| {}).await.unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    let mut config = ground.config.clone();
    config.actionrunner.python_binary = "/nowhere/python3".to_owned();
    let error = virtualenv::make(&config, wanted(&pack), &|_| {}).await.unwrap_err().to_string();
    assert!(error.contains("There is no Python interpreter \"/nowhere/python3\""), "{error}");
    assert!(!ground.config.virtualenvs_dir().exists() || ground.hidden() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_site_is_made_on_first_need_and_its_failure_is_told() {
    let ground = Ground::new();
    let mut config = ground.config.clone();
    config.actionrunner.virtualenv_opts.clear();
    let pack = ground.pack("");
    virtualenv::make(&config, wanted(&pack), &|_| {}).await.unwrap();
    let python = python::virtualenv_dir(&config, "p").join("bin/python");
    let import = || {
        let wheels = ground.directory.path().join("wheels");
        let mut command = Command::new(&python);
        command.args(["-c", "import yaml; print(yaml.VERSION)"]).env("PATH", "/usr/bin:/bin");
        command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", wheels).env_remove("PYTHONPATH");
        let output = command.output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
    };
    let said = import();
    assert!(said.contains("No module named 'yaml': it belongs to the shared libraries of st2d"), "{said}");
    assert!(said.contains("six"), "pip's reason is in it: {said}");
    assert_eq!(ground.says("import json; print('fine')"), "fine");
    for (name, version) in [
        ("six", "1.16.0"),
        ("PyYAML", "6"),
        ("requests", "2"),
        ("jinja2", "3"),
        ("eventlet", "0.36"),
        ("st2client", "3.9.0"),
    ] {
        ground.wheel(name, version);
    }
    // It is not tried again at once.
    assert_eq!(import().lines().last(), said.lines().last());
    fs::remove_file(config.data_dir.join("python-site.failed")).unwrap();
    // The wheel of PyYAML here holds a module of that name, not `yaml`; all else is in its place.
    let said = import();
    assert!(said.contains("does not hold it"), "{said}");
    let site = python::site_dir(&config);
    assert!(!site.join(".promise").exists());
    assert!(fs::read_to_string(site.join("requests.py")).unwrap().contains("VERSION"));
    assert!(!config.data_dir.join(".python-site.new").exists());
}

/// An index of packages with `tinylib` alone.
fn index(wheel: Vec<u8>) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    const FILE: &str = "tinylib-1.0-py3-none-any.whl";
    move |asked| {
        if asked.target.ends_with("/simple/tinylib/") {
            return reply("200 OK", "Content-Type: text/html\r\n", &format!("<a href=\"{FILE}\">{FILE}</a>"));
        }
        if !asked.target.ends_with(FILE) {
            return reply("404 Not Found", "", "");
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", wheel.len());
        Reply::Bytes([head.into_bytes(), wheel.clone()].concat())
    }
}

impl Ground {
    /// Makes the virtualenv from an index, with these variables.
    async fn make_from(&mut self, index: &str, env: &[(String, String)]) -> Result<(), python::Error> {
        let options = ["--no-cache-dir", "--index-url", index];
        self.config.actionrunner.pip_opts = options.map(str::to_owned).to_vec();
        let pack = self.pack("tinylib\n");
        // What is refused once is refused.
        let once = ["PIP_RETRIES", "UV_HTTP_RETRIES"].map(|name| (name.to_owned(), "0".to_owned()));
        let env = [&once[..], env].concat();
        let wanted = virtualenv::Wanted { env: &env, ..wanted(&pack) };
        virtualenv::make(&self.config, wanted, &|_| {}).await
    }

    fn wheel_bytes(&self) -> Vec<u8> {
        self.wheel("tinylib", "1.0");
        fs::read(self.directory.path().join("wheels/tinylib-1.0-py3-none-any.whl")).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requirements_come_through_the_proxy() {
    let mut ground = Ground::new();
    let proxy = Site::start(index(ground.wheel_bytes())).await;
    let proxies = Proxies { http: proxy.url("/"), ..Proxies::default() };
    let options = "http://pip.invalid/simple/";
    let mut env = proxies.env();
    // No TLS here, which pip would otherwise ask for.
    env.push(("PIP_TRUSTED_HOST".to_owned(), "pip.invalid".to_owned()));
    env.push(("UV_INSECURE_HOST".to_owned(), "pip.invalid".to_owned()));
    ground.make_from(options, &env).await.unwrap();
    assert_eq!(ground.says("import tinylib; print(tinylib.VERSION)"), "1.0");
    assert!(proxy.asked().iter().all(|asked| asked.target.starts_with("http://pip.invalid/simple/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn requirements_come_over_tls_under_an_authority_that_is_named() {
    let mut ground = Ground::new();
    let certificate = Certificate::new();
    let site = Site::start_tls(&certificate, index(ground.wheel_bytes())).await;
    let url = format!("https://localhost:{}/simple/", site.address.port());
    let refused = ground.make_from(&url, &[]).await.unwrap_err().to_string();
    assert!(refused.starts_with("Failed to install requirements"), "{refused}");
    assert!(site.asked().is_empty());

    let bundle = ground.directory.path().join("authority.pem");
    fs::write(&bundle, &certificate.authority).unwrap();
    let proxies = Proxies { ca_bundle: bundle, ..Proxies::default() };
    ground.make_from(&url, &proxies.env()).await.unwrap();
    assert_eq!(ground.says("import tinylib; print(tinylib.VERSION)"), "1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_gets_the_python_it_asks_for_or_hears_what_there_is() {
    let ground = Ground::new();
    let pack = ground.pack("");
    let make = async |config: &Config, asked: &str| {
        let asked = PythonRange::parse(asked).unwrap();
        let wanted = virtualenv::Wanted { requires_python: Some(&asked), ..wanted(&pack) };
        virtualenv::make(config, wanted, &|_| {}).await.map_err(|error| error.to_string())
    };
    let usual_site = text(&python::site_dir(&ground.config));
    let told =
        "import sys; print('%d.%d' % sys.version_info[:2], [p for p in sys.path if 'python-site' in p][-1])";
    make(&ground.config, ">=3.8").await.unwrap();
    assert!(ground.says(told).ends_with(&usual_site), "{}", ground.says(told));
    let refused = make(&ground.config, ">=2.6, <3").await.unwrap_err();
    let expected = "Pack \"p\" requires Python \">=2.6, <3\", but this system has 3.";
    assert!(refused.starts_with(expected), "{refused}");
    assert!(
        refused.contains("Install such a Python, or name one in actionrunner.python_binaries."),
        "{refused}"
    );
    // What was there serves on.
    assert!(ground.says(told).ends_with(&usual_site));

    let Some((program, version)) = another_python() else {
        println!("skipped: there is one Python only");
        return;
    };
    let mut config = ground.config.clone();
    config.actionrunner.python_binaries = vec!["no-such-python".to_owned(), text(&program)];
    make(&config, &version).await.unwrap();
    assert_eq!(ground.says(told), format!("{version} {usual_site}-{version}"));
    // It comes back to the usual one when nothing else is asked for.
    make(&config, "3").await.unwrap();
    assert!(ground.says(told).ends_with(&usual_site));
}
