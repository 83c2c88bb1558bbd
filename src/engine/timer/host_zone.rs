//! The zone of this machine's clocks, for timers that name none.

use chrono_tz::Tz;

/// The zone this setting names; that of the machine if it is empty; UTC if nothing says.
pub(super) fn zone(setting: &str) -> Tz {
    let named = (!setting.is_empty()).then(|| setting.parse().ok()).flatten();
    named.or_else(of_machine).unwrap_or(Tz::UTC)
}

fn of_machine() -> Option<Tz> {
    if let Some(name) = std::env::var("TZ").ok().filter(|name| !name.is_empty()) {
        return name.trim_start_matches(':').parse().ok();
    }
    let link = std::fs::read_link("/etc/localtime").ok();
    let linked = link.as_ref().and_then(|path| path.to_str()?.split_once("zoneinfo/"));
    if let Some((_, name)) = linked {
        return name.parse().ok();
    }
    std::fs::read_to_string("/etc/timezone").ok()?.trim().parse().ok()
}
