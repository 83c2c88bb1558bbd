//! What the types do not say about values, and the defaults that depend on the system.

use super::{Config, Origin, Problem};
use std::{collections::BTreeMap, path::PathBuf};

/// Fills in what depends on the system and notes every value that cannot be used.
pub(super) fn check(config: &mut Config, origins: &BTreeMap<String, Origin>, problems: &mut Vec<Problem>) {
    let mut refuse = |key: &str, text: String| {
        let origin = origins.get(key).cloned().unwrap_or(Origin::Default);
        problems.push(Problem { origin, text: format!("`{key}` {text}") });
    };
    if config.data_dir.as_os_str().is_empty() {
        match default_data_dir() {
            Some(path) => config.data_dir = path,
            None => refuse(
                "data_dir",
                "is not set, and neither XDG_DATA_HOME nor HOME says where it may lie".into(),
            ),
        }
    }
    for (key, listen) in [
        ("api.listen", &config.api.listen),
        ("auth.listen", &config.auth.listen),
        ("stream.listen", &config.stream.listen),
    ] {
        if !listen.is_empty() && !is_host_and_port(listen) {
            refuse(
                key,
                format!(
                    "is \"{listen}\", expected host:port such as 127.0.0.1:9101, or \"\" for no listener"
                ),
            );
        }
    }
    let url = &config.database.url;
    if !(url.is_empty() || url.starts_with("postgres://") || url.starts_with("postgresql://")) {
        // The value may hold a password: it is not shown.
        refuse(
            "database.url",
            "is no PostgreSQL URL, expected postgres://user:password@host:5432/database".into(),
        );
    }
    one_of("auth.mode", &config.auth.mode, &["standalone", "proxy"], &mut refuse);
    one_of(
        "sensorcontainer.log_level",
        &config.sensorcontainer.log_level,
        &["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        &mut refuse,
    );
    for (key, seconds) in [
        ("sensorcontainer.stop_grace", config.sensorcontainer.stop_grace),
        ("sensorcontainer.longest_backoff", config.sensorcontainer.longest_backoff),
    ] {
        if !(0.0..=1e9).contains(&seconds) {
            refuse(key, format!("is {seconds}, expected seconds, 0 or more"));
        }
    }
    one_of("timersengine.misfire", &config.timersengine.misfire, &["once", "skip", "all"], &mut refuse);
    let zone = &config.timersengine.local_timezone;
    if !zone.is_empty() && zone.parse::<chrono_tz::Tz>().is_err() {
        refuse(
            "timersengine.local_timezone",
            format!("is \"{zone}\", expected a zone such as Europe/Prague, or \"\""),
        );
    }
    let grace = config.timersengine.misfire_grace;
    if !(0.0..=1e9).contains(&grace) {
        refuse("timersengine.misfire_grace", format!("is {grace}, expected seconds, 0 or more"));
    }
    for pack in &config.content.optional_packs {
        one_of("content.optional_packs", pack, &["linux", "examples"], &mut refuse);
    }
    one_of("log.format", &config.log.format, &["auto", "human", "json"], &mut refuse);
    one_of(
        "actionrunner.python_runner_log_level",
        &config.actionrunner.python_runner_log_level,
        &["DEBUG", "INFO", "AUDIT", "WARNING", "ERROR", "CRITICAL"],
        &mut refuse,
    );
    one_of(
        "api.auth_cookie_same_site",
        &config.api.auth_cookie_same_site,
        &["strict", "lax", "none", "unset"],
        &mut refuse,
    );
    if let Err(reason) = crate::telemetry::check_level(&config.log.level) {
        refuse(
            "log.level",
            format!(
                "is \"{}\", expected error, warn, info, debug, trace or a filter like info,st2d::engine=debug ({reason})",
                config.log.level
            ),
        );
    }
    for (key, value) in [
        ("database.pool_size", u64::from(config.database.pool_size)),
        ("api.max_page_size", u64::from(config.api.max_page_size)),
        ("api.body_max_bytes", config.api.body_max_bytes as u64),
        ("api.body_max_depth", config.api.body_max_depth as u64),
        ("stream.heartbeat", config.stream.heartbeat),
        ("actionrunner.actions_pool_size", config.actionrunner.actions_pool_size as u64),
        ("actionrunner.workflows_pool_size", config.actionrunner.workflows_pool_size as u64),
        ("scheduler.sweep_interval_ms", config.scheduler.sweep_interval_ms),
        ("scheduler.lease", config.scheduler.lease),
        ("garbagecollector.collection_interval", config.garbagecollector.collection_interval),
    ] {
        if value == 0 {
            refuse(key, "is 0, expected 1 or more".to_owned());
        }
    }
    let collector = &config.garbagecollector;
    for (name, days) in [
        ("action_executions_ttl", collector.action_executions_ttl),
        ("action_executions_output_ttl", collector.action_executions_output_ttl),
        ("tokens_ttl", collector.tokens_ttl),
    ] {
        if days == Some(0) {
            let key = format!("garbagecollector.{name}");
            refuse(&key, format!("is 0. Minimum possible TTL for {name} in days is 1"));
        }
    }
    if !(collector.sleep_delay.is_finite() && collector.sleep_delay >= 0.0) {
        let delay = collector.sleep_delay;
        refuse("garbagecollector.sleep_delay", format!("is {delay}, expected seconds, 0 or more"));
    }
    let grace = config.actionrunner.kill_grace;
    if !(grace.is_finite() && grace >= 0.0) {
        refuse("actionrunner.kill_grace", format!("is {grace}, expected seconds, 0 or more"));
    }
}

fn one_of(key: &str, value: &str, allowed: &[&str], refuse: &mut impl FnMut(&str, String)) {
    if !allowed.contains(&value) {
        let near = super::problem::nearest(value, allowed.iter().copied());
        let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
        refuse(key, format!("is \"{value}\", expected one of: {}{near}", allowed.join(", ")));
    }
}

fn is_host_and_port(listen: &str) -> bool {
    listen.rsplit_once(':').is_some_and(|(host, port)| {
        // An IPv6 address needs its brackets, or its last group would pass for the port.
        let host_is_clear = !host.contains(':') || (host.starts_with('[') && host.ends_with(']'));
        !host.is_empty() && host_is_clear && port.parse::<u16>().is_ok()
    })
}

/// `/var/lib/st2` as root, else where the desktop conventions put data.
pub(super) fn default_data_dir() -> Option<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Some("/var/lib/st2".into());
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data_home = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data_home.join("st2"))
}
