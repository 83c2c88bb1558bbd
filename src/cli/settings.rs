//! Where the server is and who calls: flags, environment, configuration file, defaults.
//!
//! The order is flag, environment, file, default; but for the URLs, the API version, the CA bundle
//! and the API key a value in the file beats the environment. That is how the Python client behaves
//! and scripts rely on it, so it is kept.

use super::args::Matches;
use super::http::{Url, Verify};
use super::ini::{self, Ini};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// All options of the configuration file, by section, with the default that `--print-config` shows.
const OPTIONS: [(&str, &[(&str, &str)]); 6] = [
    (
        "general",
        &[
            ("base_url", "None"),
            ("api_version", "None"),
            ("cacert", "None"),
            ("silence_ssl_warnings", "False"),
            ("silence_schema_output", "True"),
        ],
    ),
    ("cli", &[("debug", "False"), ("cache_token", "True"), ("timezone", "UTC")]),
    (
        "credentials",
        &[("username", "None"), ("password", "None"), ("api_key", "None"), ("basic_auth", "None")],
    ),
    ("api", &[("url", "None")]),
    ("auth", &[("url", "None")]),
    ("stream", &[("url", "None")]),
];

/// The options that hold yes or no.
const BOOLEANS: [&str; 4] = ["silence_ssl_warnings", "silence_schema_output", "debug", "cache_token"];

/// What a command needs to know before it can send anything.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) api: String,
    pub(crate) auth: String,
    pub(crate) stream: String,
    pub(crate) verify: Verify,
    /// Extra credentials for a proxy before the server.
    pub(crate) basic_auth: Option<(String, String)>,
    pub(crate) token: Option<String>,
    pub(crate) api_key: Option<String>,
    /// Log in with these when nobody gave a token or key.
    pub(crate) login: Option<(String, String)>,
    pub(crate) cache_token: bool,
    pub(crate) debug: bool,
    pub(crate) timezone: String,
    /// Say nothing about actions without an output schema.
    pub(crate) silence_schema: bool,
    pub(crate) config_path: PathBuf,
}

/// Where values that are not on the command line come from; a test brings its own.
pub(crate) trait Surroundings {
    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;
    /// The text of a file.
    fn file(&self, path: &Path) -> Option<String>;
}

/// The process's own environment and file system.
pub(crate) struct Process;

impl Surroundings for Process {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }
}

impl Settings {
    /// Gathers everything for a command line.
    pub(crate) fn load(flags: &Matches, around: &dyn Surroundings) -> Result<Settings, String> {
        let config_path = config_path(flags, around)?;
        let skip = flags.flag("skip_config")
            || around.variable("ST2_CLI_SKIP_CONFIG").is_some_and(|v| v.trim().parse() != Ok(0));
        let file = if skip { Ini::default() } else { read(&config_path, around)? };
        let pick = |flag: &str, section: &str, option: &str, variable: &str| {
            let filled = |value: &&str| !value.is_empty();
            flags
                .text(flag)
                .or_else(|| file.get(section, option).filter(filled))
                .map(str::to_owned)
                .or_else(|| around.variable(variable))
        };
        let yes = |section: &str, option: &str, default: bool| match file.get(section, option) {
            None => Ok(default),
            Some(text) => ini::boolean(text).ok_or_else(|| format!("Not a boolean: {text}")),
        };
        let base = pick("base_url", "general", "base_url", "ST2_BASE_URL")
            .unwrap_or_else(|| "http://127.0.0.1".into());
        let version =
            pick("api_version", "general", "api_version", "ST2_API_VERSION").unwrap_or_else(|| "v1".into());
        let api = pick("api_url", "api", "url", "ST2_API_URL");
        let auth = pick("auth_url", "auth", "url", "ST2_AUTH_URL");
        let stream = pick("stream_url", "stream", "url", "ST2_STREAM_URL");
        let basic_auth = match flags.text("basic_auth").or_else(|| file.get("credentials", "basic_auth")) {
            None | Some("") => None,
            Some(text) => {
                let (user, password) = text
                    .split_once(':')
                    .ok_or("basic_auth config options needs to be in the username:password notation")?;
                Some((user.to_owned(), password.to_owned()))
            }
        };
        let filled = |value: String| (!value.is_empty()).then_some(value);
        let mut settings = Settings {
            api: trim(api.unwrap_or_else(|| format!("{base}:9101/{version}"))),
            auth: trim(auth.unwrap_or_else(|| format!("{base}:9100"))),
            stream: trim(stream.unwrap_or_else(|| format!("{base}:9102/{version}"))),
            verify: verify(pick("cacert", "general", "cacert", "ST2_CACERT"))?,
            basic_auth,
            token: flags
                .filled("token")
                .map(str::to_owned)
                .or_else(|| around.variable("ST2_AUTH_TOKEN"))
                .and_then(filled),
            api_key: flags
                .filled("api_key")
                .or_else(|| file.get("credentials", "api_key"))
                .map(str::to_owned)
                .or_else(|| around.variable("ST2_API_KEY"))
                .and_then(filled),
            login: file.get("credentials", "username").filter(|user| !user.is_empty()).map(|user| {
                (user.to_owned(), file.get("credentials", "password").unwrap_or_default().to_owned())
            }),
            cache_token: yes("cli", "cache_token", true)?,
            debug: flags.flag("debug") || yes("cli", "debug", false)?,
            timezone: file.get("cli", "timezone").unwrap_or("UTC").to_owned(),
            silence_schema: yes("general", "silence_schema_output", true)?,
            config_path,
        };
        if settings.token.is_some() || settings.api_key.is_some() {
            settings.login = None;
        } else if settings.login.is_none() && settings.is_local() {
            settings.api_key = local_key(around);
        }
        Ok(settings)
    }

    fn is_local(&self) -> bool {
        Url::parse(&self.api).is_some_and(|url| url.is_loopback())
    }
}

fn trim(url: String) -> String {
    url.strip_suffix('/').map_or_else(|| url.clone(), str::to_owned)
}

fn verify(found: Option<String>) -> Result<Verify, String> {
    let Some(text) = found.filter(|text| !text.is_empty()) else { return Ok(Verify::Nothing) };
    match text.to_lowercase().as_str() {
        "true" | "1" | "t" | "y" | "yes" => Ok(Verify::System),
        "false" | "0" | "f" | "no" => Ok(Verify::Nothing),
        _ if Path::new(&text).is_file() => Ok(Verify::Bundle(text.into())),
        _ => Err(format!("CA cert file \"{text}\" does not exist.")),
    }
}

/// The API key that `st2d` makes at its first start for use on its own machine.
///
/// Looked for only when no other credential is known and the server is on this machine, so that
/// `st2 run core.noop` works right after the first start of `st2d`.
fn local_key(around: &dyn Surroundings) -> Option<String> {
    let mut places: Vec<PathBuf> = Vec::new();
    if let Some(directory) = around.variable("ST2_DATA_DIR") {
        places.push(directory.into());
    } else {
        places.push("/var/lib/st2".into());
        if let Some(data) = around.variable("XDG_DATA_HOME").filter(|path| !path.is_empty()) {
            places.push(Path::new(&data).join("st2"));
        }
        if let Some(home) = around.variable("HOME") {
            places.push(Path::new(&home).join(".local/share/st2"));
        }
    }
    places.into_iter().find_map(|place| {
        let text = around.file(&place.join("admin-api-key"))?;
        let key = text.trim();
        (!key.is_empty()).then(|| key.to_owned())
    })
}

/// The folder of the configuration file and the cached tokens.
pub(crate) fn home_directory(around: &dyn Surroundings) -> PathBuf {
    Path::new(&around.variable("HOME").unwrap_or_else(|| "/".into())).join(".st2")
}

fn config_path(flags: &Matches, around: &dyn Surroundings) -> Result<PathBuf, String> {
    let default = home_directory(around).join("config");
    let Some(text) =
        flags.filled("config_file").map(str::to_owned).or_else(|| around.variable("ST2_CONFIG_FILE"))
    else {
        return Ok(default);
    };
    let path = match text.strip_prefix("~/") {
        Some(rest) => Path::new(&around.variable("HOME").unwrap_or_default()).join(rest),
        None => std::path::absolute(&text).unwrap_or_else(|_| text.into()),
    };
    if path != default && around.file(&path).is_none() {
        return Err(format!("Config \"{}\" not found", path.display()));
    }
    Ok(path)
}

fn read(path: &Path, around: &dyn Surroundings) -> Result<Ini, String> {
    let Some(text) = around.file(path) else { return Ok(Ini::default()) };
    Ini::parse(&text).map_err(|error| format!("Cannot read \"{}\": {error}", path.display()))
}

/// The text of `--print-config`: every option with the value in force.
pub(crate) fn print_config(flags: &Matches, around: &dyn Surroundings) -> Result<String, String> {
    let file = read(&config_path(flags, around)?, around)?;
    let mut text = String::new();
    for (section, options) in OPTIONS {
        let _ = writeln!(text, "[{section}]");
        for (name, default) in options {
            let value = match file.get(section, name) {
                None => (*default).to_owned(),
                Some(value) if BOOLEANS.contains(name) => match ini::boolean(value) {
                    Some(true) => "True".into(),
                    Some(false) => "False".into(),
                    None => return Err(format!("Not a boolean: {value}")),
                },
                Some(value) => value.to_owned(),
            };
            let _ = writeln!(text, "{name} = {value}");
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Val;

    struct Fake {
        variables: Vec<(&'static str, &'static str)>,
        files: Vec<(&'static str, &'static str)>,
    }

    impl Surroundings for Fake {
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }

        fn file(&self, path: &Path) -> Option<String> {
            self.files.iter().find(|(key, _)| Path::new(key) == path).map(|(_, text)| (*text).to_owned())
        }
    }

    const FILE: &str = "[general]\nbase_url = http://file\n[api]\nurl = http://file:1/v1/\n[credentials]\napi_key = filekey\nusername = ann\npassword = pw\n[cli]\ncache_token = off\n";

    fn load(flags: &[(&'static str, &str)], around: &Fake) -> Settings {
        let mut matches = Matches::default();
        for (name, value) in flags {
            matches.set(name, Val::Text((*value).to_owned()));
        }
        Settings::load(&matches, around).unwrap()
    }

    #[test]
    fn defaults_point_to_this_machine() {
        let settings = load(&[], &Fake { variables: vec![], files: vec![] });
        assert_eq!(settings.api, "http://127.0.0.1:9101/v1");
        assert_eq!(settings.auth, "http://127.0.0.1:9100");
        assert_eq!(settings.stream, "http://127.0.0.1:9102/v1");
        assert_eq!(settings.verify, Verify::Nothing);
        assert!(settings.cache_token && settings.api_key.is_none());
    }

    #[test]
    fn flags_beat_the_file_and_the_file_beats_the_environment() {
        let around = Fake {
            variables: vec![
                ("HOME", "/h"),
                ("ST2_API_URL", "http://env"),
                ("ST2_AUTH_URL", "http://env:2"),
                ("ST2_API_KEY", "envkey"),
            ],
            files: vec![("/h/.st2/config", FILE)],
        };
        let settings = load(&[], &around);
        assert_eq!(settings.api, "http://file:1/v1");
        assert_eq!(settings.auth, "http://env:2");
        assert_eq!(settings.stream, "http://file:9102/v1");
        assert_eq!(settings.api_key.as_deref(), Some("filekey"));
        assert_eq!(settings.login, None);
        assert!(!settings.cache_token);
        let settings = load(&[("api_url", "http://flag"), ("api_key", "flagkey")], &around);
        assert_eq!((settings.api.as_str(), settings.api_key.as_deref()), ("http://flag", Some("flagkey")));
    }

    #[test]
    fn the_local_key_is_the_last_resort() {
        let files = vec![("/d/admin-api-key", "local\n")];
        let around = Fake { variables: vec![("ST2_DATA_DIR", "/d")], files: files.clone() };
        assert_eq!(load(&[], &around).api_key.as_deref(), Some("local"));
        assert_eq!(load(&[("token", "t")], &around).api_key, None);
        assert_eq!(load(&[("api_url", "http://elsewhere/v1")], &around).api_key, None);
        assert_eq!(
            load(&[("api_url", "http://localhost:9101/v1")], &around).api_key.as_deref(),
            Some("local")
        );
        let around = Fake { variables: vec![("ST2_DATA_DIR", "/d"), ("ST2_API_KEY", "env")], files };
        assert_eq!(load(&[], &around).api_key.as_deref(), Some("env"));
    }

    #[test]
    fn a_named_file_must_exist() {
        let mut matches = Matches::default();
        matches.set("config_file", Val::Text("/nowhere".into()));
        let around = Fake { variables: vec![], files: vec![] };
        assert_eq!(Settings::load(&matches, &around).unwrap_err(), "Config \"/nowhere\" not found");
    }

    #[test]
    fn print_config_shows_every_option() {
        let around = Fake { variables: vec![("HOME", "/h")], files: vec![("/h/.st2/config", FILE)] };
        let text = print_config(&Matches::default(), &around).unwrap();
        assert!(text.starts_with("[general]\nbase_url = http://file\napi_version = None\n"), "{text}");
        assert!(text.contains("[cli]\ndebug = False\ncache_token = False\ntimezone = UTC\n"), "{text}");
    }
}
