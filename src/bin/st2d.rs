//! The daemon: flags in, exit code out.
//!
//! Exit codes: 0 stopped as asked; 1 could not start or could not go on; 2 wrong usage or settings; 3 another daemon
//! uses the data directory.

use clap::{Parser, Subcommand};
use st2d::{config, daemon, telemetry};
use std::{path::PathBuf, process::ExitCode};

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
    let loaded = match args.settings.load() {
        Ok(loaded) => loaded,
        Err(problems) => {
            eprintln!("st2d: the settings are not usable:\n{problems}");
            return ExitCode::from(2);
        }
    };
    match args.command {
        None => run(loaded, daemon::Options { ports_file: args.ports_file }),
        Some(Command::Config(ConfigCommand::Check)) => {
            match &loaded.file {
                Some(file) => println!("{} and the environment are fine", file.display()),
                None => println!("no settings file; the environment and the defaults are fine"),
            }
            ExitCode::SUCCESS
        }
        Some(Command::Config(ConfigCommand::Show)) => {
            print!("{}", config::show(&loaded));
            ExitCode::SUCCESS
        }
    }
}

fn run(loaded: config::Loaded, options: daemon::Options) -> ExitCode {
    let config = loaded.config;
    let result = telemetry::init(&config.log.level, &config.log.format).and_then(|_log| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
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
