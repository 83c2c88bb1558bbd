//! The daemon: flags in, exit code out.
//!
//! Exit codes: 0 stopped as asked; 1 could not start or could not go on; 2 wrong usage or settings; 3 another daemon
//! uses the data directory.

use clap::{Parser, Subcommand};
use st2d::{
    config,
    content::{Kind, Scope},
    daemon, datastore, service, telemetry,
};
use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

/// Gives memory back after a burst, and is fast when many threads free each other's. Without huge pages (a feature of
/// the crate): 10,000 executions by 16 clients leave 16 MB resident where it was 41 MB.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// StackStorm, whole, in one daemon on one PostgreSQL.
///
/// With no settings at all it runs: a private PostgreSQL in the data directory, the API on 127.0.0.1:9101, auth on
/// 9100, the stream on 9102. Settings come from flags, then the environment (ST2_<SECTION>__<KEY>), then one file.
#[derive(Parser)]
#[command(version, max_term_width = 100, args_override_self = true)]
struct Args {
    #[command(flatten)]
    settings: Settings,

    /// Write the addresses of the listeners to this file, as JSON, once ready
    #[arg(long, value_name = "FILE")]
    ports_file: Option<PathBuf>,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Args)]
struct Settings {
    /// Settings file [default: ./st2.toml, else /etc/st2/st2.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Directory of everything kept on disk [default: /var/lib/st2 as root, else ~/.local/share/st2]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,

    /// Use this PostgreSQL instead of a private one
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,

    /// Where the API listens; '' for nowhere [default: 127.0.0.1:9101]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    api_listen: Option<String>,

    /// Where auth listens; '' for nowhere [default: 127.0.0.1:9100]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    auth_listen: Option<String>,

    /// Where the stream listens; '' for nowhere [default: 127.0.0.1:9102]
    #[arg(long, global = true, value_name = "HOST:PORT")]
    stream_listen: Option<String>,

    /// error, warn, info, debug, trace, or a filter like info,st2d::engine=debug [default: info]
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Read the files of packs again, beside a running st2d or without one
    ///
    /// The flags are those of st2-register-content. Without one that names a kind, everything is registered.
    Register(ContentFlags),
    /// Fetch and check packs without a database
    ///
    /// These are the tools of StackStorm that need no service; st2-pack-install and its like call them.
    #[command(subcommand)]
    Pack(PackCommand),
    /// Run sensors by hand
    #[command(subcommand)]
    Sensor(SensorCommand),
    /// Make a file with a key that encrypts secrets of the datastore
    GenerateSymmetricCryptoKey {
        /// Where the file shall be
        #[arg(short, long, value_name = "FILE")]
        key_path: PathBuf,
        /// Overwrite a file that is there; what it encrypted is lost then
        #[arg(short, long)]
        force: bool,
    },
}

#[derive(clap::Args)]
struct ContentFlags {
    /// Triggers, sensors, runners, actions, rules, aliases, policies and configs
    #[arg(long)]
    register_all: bool,
    /// Trigger types
    #[arg(long)]
    register_triggers: bool,
    /// Sensors
    #[arg(long)]
    register_sensors: bool,
    /// Runner types
    #[arg(long)]
    register_runners: bool,
    /// Actions
    #[arg(long)]
    register_actions: bool,
    /// Rules
    #[arg(long)]
    register_rules: bool,
    /// Action aliases
    #[arg(long)]
    register_aliases: bool,
    /// Policies
    #[arg(long)]
    register_policies: bool,
    /// Configurations of packs
    #[arg(long)]
    register_configs: bool,
    /// Only the pack in this directory
    #[arg(long, value_name = "DIR")]
    register_pack: Option<PathBuf>,
    /// Make or update the virtualenvs of the packs afterwards
    #[arg(long)]
    register_setup_virtualenvs: bool,
    /// The same: they are always made anew
    #[arg(long)]
    register_recreate_virtualenvs: bool,
    /// Register what has no fault, and succeed
    #[arg(long)]
    register_no_fail_on_failure: bool,
    /// Register nothing if a file has a fault, which is the default
    #[arg(long)]
    register_fail_on_failure: bool,
    /// Taken and ignored: runners are part of st2d
    #[arg(long, value_name = "DIR", hide = true)]
    register_runner_dir: Option<PathBuf>,
    /// Taken and ignored
    #[arg(long, short, hide = true)]
    verbose: bool,
    /// Taken and ignored
    #[arg(long, hide = true)]
    experimental: bool,
    /// Show what is registered and no longer on disk, and remove it if you say so
    #[arg(long)]
    prune: bool,
    /// Do not ask before removing
    #[arg(long)]
    yes: bool,
}

impl ContentFlags {
    fn order(self) -> daemon::Order {
        let flags = [
            (Kind::Trigger, self.register_triggers),
            (Kind::Sensor, self.register_sensors),
            (Kind::Action, self.register_actions),
            (Kind::Rule, self.register_rules),
            (Kind::Alias, self.register_aliases),
            (Kind::Policy, self.register_policies),
            (Kind::Config, self.register_configs),
        ];
        let kinds: BTreeSet<Kind> =
            flags.into_iter().filter(|(_, given)| *given).map(|(kind, _)| kind).collect();
        let all = self.register_all || (kinds.is_empty() && !self.register_runners);
        daemon::Order {
            scope: Scope {
                directories: self.register_pack.into_iter().collect(),
                kinds: (!all).then_some(kinds),
                stop_at_problem: !self.register_no_fail_on_failure,
                ..Scope::everything()
            },
            prune: self.prune,
            yes: self.yes,
            virtualenvs: self.register_setup_virtualenvs || self.register_recreate_virtualenvs,
        }
    }
}

#[derive(Subcommand)]
enum SensorCommand {
    /// Run one sensor in the foreground, beside a running st2d or without one
    ///
    /// It runs once, also when it is disabled; what it logs and sends is shown, and its exit code is handed on.
    Run {
        /// Which: pack.ClassName
        #[arg(value_name = "REF")]
        reference: String,
    },
}

#[derive(Subcommand)]
enum PackCommand {
    /// Put packs into the directory of packs
    Download(FetchFlags),
    /// The same, and make their virtualenvs
    Install(FetchFlags),
    /// Make the virtualenvs of installed packs
    SetupVirtualenv {
        #[command(flatten)]
        packs: PackNames,
        /// Taken and ignored: each is made anew beside the one that serves
        #[arg(long, hide = true)]
        update: bool,
    },
    /// Say what is wrong with the files of a pack, by file, line and column
    Validate {
        /// Directory of the pack
        #[arg(short, long, value_name = "DIR")]
        pack_path: PathBuf,
    },
    /// Say whether a configuration fits a schema
    ValidateConfig {
        /// The schema, mostly config.schema.yaml of the pack
        #[arg(long, value_name = "FILE")]
        schema_path: PathBuf,
        /// The configuration
        #[arg(long, value_name = "FILE")]
        config_path: PathBuf,
    },
}

#[derive(clap::Args)]
struct FetchFlags {
    #[command(flatten)]
    packs: PackNames,
    /// Also packs that say they are not for this system
    #[arg(long)]
    force: bool,
    /// Look at certificates of servers, which is the default
    #[arg(long, overrides_with = "noverify_ssl")]
    verify_ssl: bool,
    /// Do not look at them
    #[arg(long, alias = "no-verify-ssl", overrides_with = "verify_ssl")]
    noverify_ssl: bool,
}

#[derive(clap::Args)]
struct PackNames {
    /// Which packs
    #[arg(value_name = "PACK", required_unless_present = "pack")]
    packs: Vec<String>,
    /// One of them; may be given several times
    #[arg(long, value_name = "PACK")]
    pack: Vec<String>,
}

impl PackNames {
    fn all(self) -> Vec<String> {
        [self.packs, self.pack].concat()
    }
}

impl FetchFlags {
    fn order(self, virtualenvs: bool) -> daemon::Fetch {
        daemon::Fetch {
            packs: self.packs.all(),
            force: self.force,
            verify_ssl: !self.noverify_ssl,
            virtualenvs,
        }
    }
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Say what is wrong with the settings, if anything is
    Check,
    /// Print the settings in force and where each was given
    Show,
}

impl Settings {
    fn load(self) -> Result<config::Loaded, config::Problems> {
        let flags: Vec<config::Flag> = [
            ("--data-dir", "data_dir", self.data_dir),
            ("--database-url", "database.url", self.database_url),
            ("--api-listen", "api.listen", self.api_listen),
            ("--auth-listen", "auth.listen", self.auth_listen),
            ("--stream-listen", "stream.listen", self.stream_listen),
            ("--log-level", "log.level", self.log_level),
        ]
        .into_iter()
        .filter_map(|(name, key, value)| Some(config::Flag { name, key, value: value? }))
        .collect();
        config::load(self.config.as_deref(), std::env::vars_os(), &flags)
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let log_level = args.settings.log_level.clone();
    let loaded = match args.settings.load() {
        Ok(loaded) => loaded,
        Err(problems) => {
            eprintln!("st2d: the settings are not usable:\n{problems}");
            return ExitCode::from(2);
        }
    };
    match args.command {
        None => run(loaded, daemon::Options { ports_file: args.ports_file }),
        Some(Command::Register(register)) => run_register(loaded, register.order(), log_level.as_deref()),
        Some(Command::Config(ConfigCommand::Check)) => {
            match &loaded.file {
                Some(file) => println!("{} and the environment are fine", file.display()),
                None => println!("no settings file; the environment and the defaults are fine"),
            }
            ExitCode::SUCCESS
        }
        Some(Command::Pack(command)) => run_pack(loaded, command, log_level.as_deref()),
        Some(Command::Sensor(SensorCommand::Run { reference })) => run_sensor(loaded, &reference),
        Some(Command::GenerateSymmetricCryptoKey { key_path, force }) => generate_key(&key_path, force),
        Some(Command::Config(ConfigCommand::Show)) => {
            print!("{}", config::show(&loaded));
            ExitCode::SUCCESS
        }
    }
}

fn run_register(loaded: config::Loaded, order: daemon::Order, log_level: Option<&str>) -> ExitCode {
    let config = loaded.config;
    // What is told goes to the terminal; the log only has what went wrong, unless somebody asks here for more.
    let level = log_level.unwrap_or("warn");
    let result = telemetry::init(level, &config.log.format).and_then(|_log| {
        let runtime = service::runtime()?;
        runtime.block_on(daemon::register(config, order))
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("st2d: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Exit codes as StackStorm's tools: 1 for a fault of what is checked, 2 for a pack that cannot be had.
fn run_pack(loaded: config::Loaded, command: PackCommand, log_level: Option<&str>) -> ExitCode {
    let config = loaded.config;
    let result = telemetry::init(log_level.unwrap_or("error"), &config.log.format).and_then(|_log| {
        let runtime = service::runtime()?;
        match command {
            PackCommand::Download(flags) => {
                daemon::fetch_packs(&config, &flags.order(false), &runtime).map(|()| true)
            }
            PackCommand::Install(flags) => {
                daemon::fetch_packs(&config, &flags.order(true), &runtime).map(|()| true)
            }
            PackCommand::SetupVirtualenv { packs, update: _ } => {
                runtime.block_on(daemon::make_virtualenvs(&config, &packs.all())).map(|()| true)
            }
            PackCommand::Validate { pack_path } => daemon::check_pack(&config, &pack_path),
            PackCommand::ValidateConfig { schema_path, config_path } => {
                daemon::check_config(&schema_path, &config_path)
            }
        }
    });
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("st2d: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run_sensor(loaded: config::Loaded, reference: &str) -> ExitCode {
    let config = loaded.config;
    let level = format!("warn,st2d::engine::sensor={}", config.log.level);
    let result = telemetry::init(&level, &config.log.format).and_then(|_log| {
        let runtime = service::runtime()?;
        runtime.block_on(daemon::run_sensor(config, reference))
    });
    match result {
        // Of one that was ended by a signal, as shells tell it.
        Ok(code) => ExitCode::from(if code < 0 { (128 - code) as u8 } else { code as u8 }),
        Err(error) => {
            eprintln!("st2d: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Exit codes as StackStorm's `st2-generate-symmetric-crypto-key`: 1 for a directory, 2 for a file in the way.
fn generate_key(path: &std::path::Path, force: bool) -> ExitCode {
    match datastore::generate(path, force) {
        Ok(()) => {
            println!(
                "Key written to {}: keep it safe, and set keyvalue.encryption_key_path to it on every node",
                path.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("st2d: {error}");
            ExitCode::from(if matches!(error, datastore::GenerateError::Exists(_)) { 2 } else { 1 })
        }
    }
}

fn run(loaded: config::Loaded, options: daemon::Options) -> ExitCode {
    let config = loaded.config;
    let result = telemetry::init(&config.log.level, &config.log.format).and_then(|_log| {
        let runtime = service::runtime()?;
        runtime.block_on(daemon::run(config, options))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // For the reader at the terminal, in plain words; the log has the rest.
            eprintln!("st2d: {error:#}");
            if error.is::<daemon::InUse>() { ExitCode::from(3) } else { ExitCode::FAILURE }
        }
    }
}
