//! The sections, one struct each. The doc comments are also the comments of `st2.toml`.

use super::{
    registry::{Key, Refused, Section, kind_of},
    setting::{Input, Setting},
};
use std::{path::PathBuf, sync::LazyLock};

macro_rules! section {
    ($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $field_doc:literal])* $field:ident: $type:ty = $default:expr),* $(,)?
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name { $($(#[doc = $field_doc])* pub $field: $type),* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }

        impl Section for $name {
            fn keys(&self) -> Vec<Key> {
                vec![$(Key {
                    name: stringify!($field),
                    doc: &[$($field_doc),*],
                    value: self.$field.to_toml(),
                }),*]
            }

            fn set(&mut self, key: &str, input: Input<'_>) -> Result<(), Refused> {
                match key {
                    $(stringify!($field) => {
                        self.$field = input.read().ok_or(Refused::Kind(kind_of(&self.$field)))?;
                    })*
                    _ => return Err(Refused::Unknown),
                }
                Ok(())
            }
        }
    };
}

section! {
    /// `[database]`
    Database {
        /// PostgreSQL URL. Empty: run a private server in `<data_dir>/postgres`.
        url: String = String::new(),
        /// Directory of `initdb` and `postgres` for the private server. Empty: look in the usual places.
        bin_dir: PathBuf = PathBuf::new(),
        /// Connections of the pool; the ledger and the listener have one each beside it.
        pool_size: u32 = 8,
        /// Results and output that wait while the database is away are also kept in `<data_dir>/spool`, so that they
        /// are not lost if `st2d` ends meanwhile: at most so many bytes. 0: in memory alone.
        spool_max_bytes: u64 = 256 * 1024 * 1024,
    }
}

section! {
    /// `[api]`
    Api {
        /// `host:port`; empty turns the listener off.
        listen: String = "127.0.0.1:9101".to_owned(),
        /// Origins that browsers may call from, beside the built-in ones. `*` allows every origin.
        allow_origin: Vec<String> = vec!["http://127.0.0.1:3000".to_owned()],
        /// Largest page for callers who are not administrators.
        max_page_size: u32 = 100,
        /// Replace secret values by asterisks.
        mask_secrets: bool = true,
        /// Set `Secure` on the auth cookie.
        auth_cookie_secure: bool = true,
        /// `strict`, `lax`, `none` or `unset`.
        auth_cookie_same_site: String = "lax".to_owned(),
        /// Largest request body, in bytes.
        body_max_bytes: usize = 8 * 1024 * 1024,
        /// Deepest nesting of a request body; above 100 it has no effect.
        body_max_depth: usize = 100,
    }
}

section! {
    /// `[auth]`
    Auth {
        /// `false`: every request is the system user's.
        enable: bool = true,
        /// `host:port`; empty turns the listener off.
        listen: String = "127.0.0.1:9100".to_owned(),
        /// `standalone` or `proxy`.
        mode: String = "standalone".to_owned(),
        /// htpasswd file with more users; empty: only the users this daemon keeps.
        htpasswd_file: PathBuf = PathBuf::new(),
        /// Longest and default life of a token, in seconds.
        token_ttl: u64 = 86_400,
        /// Life of the tokens given to actions and sensors, in seconds.
        service_token_ttl: u64 = 86_400,
        /// Base URL of the API as others see it; empty: made of `api.listen`.
        api_url: String = String::new(),
    }
}

section! {
    /// `[stream]`
    Stream {
        /// `host:port`; empty turns the listener off.
        listen: String = "127.0.0.1:9102".to_owned(),
        /// Seconds between signs of life on an idle stream.
        heartbeat: u64 = 25,
        /// Bytes a slow client may fall behind before it is cut off.
        client_buffer_bytes: usize = 4 * 1024 * 1024,
    }
}

section! {
    /// `[actionrunner]`
    ActionRunner {
        /// Actions run at the same time on this node, workflows aside.
        actions_pool_size: usize = 60,
        /// Workflows run at the same time on this node.
        workflows_pool_size: usize = 40,
        /// On stop, let running actions finish.
        graceful_shutdown: bool = true,
        /// How long to let them, in seconds; then they are ended and `abandoned`.
        exit_still_active_check: u64 = 300,
        /// Between SIGTERM and SIGKILL, in seconds.
        kill_grace: f64 = 3.0,
        /// Store and stream output while it is produced.
        stream_output: bool = true,
        /// Output kept of one execution, in bytes; what is beyond is marked as cut.
        output_max_bytes: u64 = 256 * 1024 * 1024,
        /// Largest result; a larger stdout or stderr in it keeps its head and its tail.
        result_max_bytes: usize = 16 * 1024 * 1024,
        /// Python of the system packs, and the one virtualenvs are made from. Empty: `python3` on the `PATH`.
        python_binary: String = String::new(),
        /// Further interpreters, by name or path, for packs whose `requires_python` the first does not fit. Those on the
        /// `PATH` that are called `python3.9` and the like are found without being named.
        python_binaries: Vec<String> = Vec::new(),
        /// Flags of `python -m venv` when a pack's virtualenv is made.
        virtualenv_opts: Vec<String> = vec!["--system-site-packages".to_owned()],
        /// Flags of `pip install` (or `uv pip install`) when requirements of a pack are installed.
        pip_opts: Vec<String> = Vec::new(),
        /// What the logger of Python actions lets through: `DEBUG`, `INFO`, `AUDIT`, `WARNING`, `ERROR`, `CRITICAL`.
        python_runner_log_level: String = "DEBUG".to_owned(),
        /// Keep a started interpreter for each virtualenv in use, and fork Python actions from it. Off: each action
        /// starts an interpreter of its own.
        python_warm: bool = true,
        /// Most interpreters kept; the one idle for the longest goes first.
        python_warm_max: usize = 8,
        /// Seconds without an action after which a kept interpreter ends.
        python_warm_idle: u64 = 300,
        /// Actions after which a kept interpreter is replaced by a fresh one.
        python_warm_runs: u64 = 1_000,
        /// Memory, in bytes, above which a kept interpreter is replaced by a fresh one.
        python_warm_memory: u64 = 256 * 1024 * 1024,
    }
}

section! {
    /// `[http_runner]`
    HttpRunner {
        /// PEM file of the certificate authorities to trust. Empty: `REQUESTS_CA_BUNDLE` or `CURL_CA_BUNDLE` of the
        /// environment, else the system's. The WinRM runners trust the same.
        ca_bundle: PathBuf = PathBuf::new(),
        /// Hosts that no action may talk to, redirects included.
        url_hosts_blacklist: Vec<String> = Vec::new(),
        /// The only hosts that actions may talk to; empty: all.
        url_hosts_whitelist: Vec<String> = Vec::new(),
    }
}

section! {
    /// `[ssh_runner]`
    SshRunner {
        /// Directory on the other hosts that scripts are copied to.
        remote_dir: String = "/tmp".to_owned(),
        /// An execution succeeds when it succeeded on any of its hosts.
        allow_partial_failure: bool = false,
        /// Hosts that one execution works on at the same time.
        max_parallel_actions: usize = 50,
        /// Read host name, port, user, key and proxy command from `ssh_config_file_path`.
        use_ssh_config: bool = false,
        /// OpenSSH's client configuration.
        ssh_config_file_path: String = "~/.ssh/config".to_owned(),
        /// Seconds a connection may take.
        ssh_connect_timeout: u64 = 60,
        /// Which host keys to take: `accept-any` as StackStorm does, `accept-new` to remember the first one of a host
        /// and refuse another later, `strict` to refuse hosts that `known_hosts_file` does not know.
        host_key_policy: String = "accept-any".to_owned(),
        /// Known hosts in OpenSSH's form. Empty: `<data_dir>/ssh_known_hosts`.
        known_hosts_file: PathBuf = PathBuf::new(),
    }
}

section! {
    /// `[workflow_engine]`
    WorkflowEngine {
        /// How deep workflows may stand within workflows: one that calls itself without an end fails at this depth.
        max_depth: u32 = 50,
        /// Seconds after which the garbage collector cancels a running orquesta workflow none of whose tasks is at work
        /// any more. 0: never.
        gc_max_idle_sec: u64 = 0,
    }
}

section! {
    /// `[scheduler]`
    Scheduler {
        /// Milliseconds between looks at the queue when nothing wakes the scheduler.
        sweep_interval_ms: u64 = 2_000,
        /// Seconds without a sign of life after which a node counts as lost.
        lease: u64 = 10,
    }
}

section! {
    /// `[content]`
    Content {
        /// Directory of packs. Empty: `<data_dir>/packs`.
        packs_dir: PathBuf = PathBuf::new(),
        /// Packs that come with the program and are written only if named here: `linux`, `examples`.
        optional_packs: Vec<String> = Vec::new(),
        /// More directories of packs; earlier ones win.
        packs_base_paths: Vec<PathBuf> = Vec::new(),
        /// Directory of pack configs. Empty: `<data_dir>/configs`.
        configs_dir: PathBuf = PathBuf::new(),
        /// Directory of overrides, `_global.yaml` and one file per pack. Empty: `<data_dir>/overrides`.
        overrides_dir: PathBuf = PathBuf::new(),
        /// Directory of runners that are programs of their own. Empty: `<data_dir>/runners`.
        runners_dir: PathBuf = PathBuf::new(),
        /// More directories of such runners; earlier ones win.
        runners_base_paths: Vec<PathBuf> = Vec::new(),
        /// Directory of the packs' Python virtualenvs. Empty: `<data_dir>/virtualenvs`.
        virtualenvs_dir: PathBuf = PathBuf::new(),
        /// Addresses of the index of packs; of a pack that several have, the earlier one's counts.
        index_url: Vec<String> = vec!["https://index.stackstorm.org/v1/index.json".to_owned()],
        /// Group that installed packs are given to, if the system has it.
        pack_group: String = "st2packs".to_owned(),
    }
}

section! {
    /// `[packs]`
    Packs {
        /// Let Python actions and sensors import from their pack's `lib` directory.
        enable_common_libs: bool = false,
    }
}

section! {
    /// `[content_pack]`
    ContentPack {
        /// Proxy for `http`. Empty, here and below: as the environment has it; the config of the pack `packs` goes before.
        http_proxy: String = String::new(),
        /// Proxy for `https`.
        https_proxy: String = String::new(),
        /// Hosts that are reached without a proxy, separated by commas.
        no_proxy: String = String::new(),
        /// File of certificates to trust beside the system's, such as the proxy's.
        proxy_ca_bundle_path: PathBuf = PathBuf::new(),
    }
}

section! {
    /// `[keyvalue]`
    KeyValue {
        /// Secrets can be stored, encrypted, and read.
        enable_encryption: bool = true,
        /// File with the key that encrypts them. Empty: `<data_dir>/keys/datastore_key.json`, made on the first start.
        encryption_key_path: PathBuf = PathBuf::new(),
    }
}

section! {
    /// `[system_user]`
    SystemUser {
        /// Whom actions run as when nobody else is named, and who `auth.enable = false` makes of everybody.
        /// Empty: the user the daemon runs as.
        user: String = String::new(),
        /// Private key that remote actions use when they bring neither key nor password.
        ssh_key_file: String = "/home/stanley/.ssh/stanley_rsa".to_owned(),
    }
}

section! {
    /// `[system]`
    System {
        /// Check results against output schemas.
        validate_output_schema: bool = false,
        /// Check what rules say to trigger types of packs; those of the program are always checked.
        validate_trigger_parameters: bool = true,
        /// Check payloads against the schemas of trigger types of packs; those of the program are always checked.
        validate_trigger_payload: bool = true,
    }
}

section! {
    /// `[action_sensor]`
    ActionSensor {
        /// Ends of executions are events (`core.st2.generic.actiontrigger`) that rules can be on.
        enable: bool = true,
        /// Which ends: any of `succeeded`, `failed`, `timeout`, `canceled`, `abandoned`.
        emit_when: Vec<String> =
            ["succeeded", "failed", "timeout", "canceled", "abandoned"].map(str::to_owned).to_vec(),
    }
}

section! {
    /// `[log]`
    Log {
        /// `error`, `warn`, `info`, `debug`, `trace`, or a filter like `info,st2d::engine=debug`.
        level: String = "info".to_owned(),
        /// `auto` (human on a terminal, JSON otherwise), `human` or `json`.
        format: String = "auto".to_owned(),
    }
}

section! {
    /// `[webui]`
    WebUi {
        /// Base of the links to executions. Empty: `https://<host name>`.
        webui_base_url: String = String::new(),
    }
}

section! {
    /// `[timersengine]`
    TimersEngine {
        /// Fire timers.
        enable: bool = true,
        /// Zone of timers that name none, such as `Europe/Prague`. Empty: the machine's.
        local_timezone: String = String::new(),
        /// What becomes of due times that passed while no daemon ran: `once` (one firing for all of them), `skip`
        /// (none) or `all` (one each).
        misfire: String = "once".to_owned(),
        /// Seconds a timer may be late before `skip` passes it over.
        misfire_grace: f64 = 1.0,
    }
}

section! {
    /// `[sensorcontainer]`
    SensorContainer {
        /// Run sensors on this node.
        enable: bool = true,
        /// Name of this node for the providers below.
        sensor_node_name: String = "sensornode1".to_owned(),
        /// Which sensors this node may run: `name:default` (all; with several nodes each runs on one of them),
        /// `name:kvstore` (those that the key `<sensor_node_name>.sensor_partition` lists), `name:file,
        /// partition_file:<path>` (those that a YAML file lists for the node) or `name:hash,
        /// hash_ranges:0..1024|2048..MAX` (those whose hash is in a range).
        partition_provider: String = "name:default".to_owned(),
        /// Least severe level that sensors' loggers let through: `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`.
        log_level: String = "INFO".to_owned(),
        /// Seconds between SIGTERM and SIGKILL when a sensor is stopped.
        stop_grace: f64 = 5.0,
        /// Longest pause before a sensor that keeps failing is tried again, in seconds.
        longest_backoff: f64 = 300.0,
    }
}

section! {
    /// `[garbagecollector]`
    GarbageCollector {
        /// Seconds between runs.
        collection_interval: u64 = 600,
        /// Seconds between kinds of things within a run.
        sleep_delay: f64 = 2.0,
        /// Days that ended executions are kept; absent: forever.
        action_executions_ttl: Option<u32> = None,
        /// Days that output is kept.
        action_executions_output_ttl: Option<u32> = Some(7),
        /// Days that expired tokens are kept; absent: forever.
        tokens_ttl: Option<u32> = None,
        /// Inquiries time out when nobody answers within their `ttl`.
        purge_inquiries: bool = false,
    }
}

impl SystemUser {
    /// The user's name, found out when it is not set.
    pub fn name(&self) -> String {
        if self.user.is_empty() { own_user() } else { self.user.clone() }
    }
}

/// Name of the user this process runs as, or its number when it has none. Looked up once: each execution of a rule has it.
pub(crate) fn own_user() -> String {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let uid = nix::unistd::geteuid();
        match nix::unistd::User::from_uid(uid) {
            Ok(Some(user)) => user.name,
            _ => uid.to_string(),
        }
    });
    NAME.clone()
}

impl Auth {
    /// Base URL of the API as actions and clients are told it, without a trailing slash.
    pub fn public_api_url(&self, api: &Api) -> String {
        if self.api_url.is_empty() {
            format!("http://{}", api.listen)
        } else {
            self.api_url.trim_end_matches('/').to_owned()
        }
    }
}

impl WebUi {
    /// Base of links to the web page, without a trailing slash.
    pub fn base_url(&self) -> String {
        if self.webui_base_url.is_empty() {
            let host = hostname::get()
                .map_or_else(|_| "localhost".into(), |name| name.to_string_lossy().into_owned());
            format!("https://{host}")
        } else {
            self.webui_base_url.trim_end_matches('/').to_owned()
        }
    }
}
