//! The terminal: how wide it is and whether it shows colours.

use std::io::IsTerminal;

/// Columns for usage and help; 80 when nobody says.
pub(crate) fn usage_columns() -> usize {
    from_environment().or_else(|| of(std::io::stdout())).unwrap_or(80)
}

/// Columns for tables; 150 when nobody says, as in the Python client.
pub(crate) fn table_columns() -> i64 {
    from_environment()
        .or_else(|| of(std::io::stdin()))
        .or_else(|| of(std::io::stdout()))
        .or_else(|| of(std::io::stderr()))
        .map_or(150, |columns| columns as i64)
}

fn from_environment() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|columns| *columns > 0)
}

fn of(stream: impl std::os::fd::AsFd) -> Option<usize> {
    terminal_size::terminal_size_of(stream)
        .map(|(width, _)| usize::from(width.0))
        .filter(|columns| *columns > 0)
}

/// The terminals that the Python client colours on.
const COLOUR_TERMINALS: [&str; 6] =
    ["xterm", "xterm-color", "screen", "vt100", "vt100-color", "xterm-256color"];

/// Whether standard output is a terminal that shows colours, and nobody asked for none.
///
/// `ST2_COLORIZE` turns colours *off* when it has any value; that is how the Python client reads it.
pub(crate) fn colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let known = std::env::var("TERM").is_ok_and(|term| {
        let term = term.to_lowercase();
        COLOUR_TERMINALS.contains(&term.as_str()) || term.ends_with("-256color")
    });
    known && !set("ST2_COLORIZE") && !set("NO_COLOR") && std::io::stdout().is_terminal()
}

/// Whether somebody sits at standard input.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal()
}
