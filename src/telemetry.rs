//! Logging: what is written, in which form, and the stamps on it. Everything goes to stderr; stdout is for results.
//!
//! Left out: metrics, and files of one's own (the service manager keeps what a daemon prints).

use std::io::IsTerminal;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter,
    fmt::{format::Writer, time::FormatTime},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// What libraries say at `info` is of use to their authors only.
const QUIET: &str =
    "sqlx=warn,actix_server=warn,actix_http=warn,actix_web=warn,hyper=warn,reqwest=warn,mio=warn";

/// Lines that wait for whoever reads our stderr. Past them lines are lost: a stuck reader must not stop the daemon.
const WAITING_LINES: usize = 10_000;

/// Stamps from the program's own clock.
struct Stamp;

impl FormatTime for Stamp {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", crate::clock::now().format("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

/// Whether `level` can be used as `log.level`; the reason if not.
pub fn check_level(level: &str) -> Result<(), String> {
    filter(level).map(drop)
}

fn filter(level: &str) -> Result<EnvFilter, String> {
    if level.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    // A bare word that is no level would be taken for the name of a module, and silence all others.
    for directive in level.split(',').map(str::trim) {
        if !directive.contains(['=', ':', '['])
            && directive.parse::<tracing::level_filters::LevelFilter>().is_err()
        {
            return Err(format!("`{directive}` is no level"));
        }
    }
    // Ours first: what the user says of the same module wins.
    EnvFilter::builder().parse(format!("{QUIET},{level}")).map_err(|error| error.to_string())
}

/// Starts logging with the settings `log.level` and `log.format`. Call it once, and keep what it returns: dropped, it
/// writes what still waits.
pub fn init(level: &str, format: &str) -> anyhow::Result<WorkerGuard> {
    let filter = filter(level).map_err(|reason| anyhow::anyhow!("log.level: {reason}"))?;
    let terminal = std::io::stderr().is_terminal();
    let human = match format {
        "human" => true,
        "json" => false,
        _ => terminal,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(std::io::stderr());
    // A log that cannot be written is nothing to panic about.
    let layer =
        tracing_subscriber::fmt::layer().with_writer(writer).with_timer(Stamp).log_internal_errors(false);
    if human {
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        registry.with(layer.with_ansi(colours).with_target(false)).try_init()?;
    } else {
        registry
            .with(layer.json().flatten_event(true).with_current_span(true).with_span_list(false))
            .try_init()?;
    }
    Ok(guard)
}

#[cfg(test)]
mod tests {
    use super::check_level;

    #[test]
    fn levels_and_filters_are_told_from_misspellings() {
        for good in ["info", "WARN", "debug", "off", "info,st2d::engine=debug", "st2d::store=trace,warn"] {
            assert_eq!(check_level(good), Ok(()), "{good}");
        }
        for bad in ["", "verbose", "inof", "info,debgu", "st2d=loud"] {
            assert!(check_level(bad).is_err(), "{bad}");
        }
    }
}
