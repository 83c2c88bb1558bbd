//! Colours, where the terminal has them.

use crate::cli::terminal;

const RED: &str = "\x1b[91m";
const GREEN: &str = "\x1b[92m";
const YELLOW: &str = "\x1b[93m";
const BLUE: &str = "\x1b[94m";
const BROWN: &str = "\x1b[33m";
const END: &str = "\x1b[0m";

fn paint(text: &str, colour: &str) -> String {
    if terminal::colours() { format!("{colour}{text}{END}") } else { text.to_owned() }
}

/// The name of an attribute.
pub(crate) fn name(text: &str) -> String {
    paint(text, BLUE)
}

/// A status in its colour; what follows in brackets stays as it is.
pub(crate) fn status(text: &str) -> String {
    let (status, rest) = match text.split_once('(') {
        Some((status, rest)) => (status.trim(), format!(" ({rest}")),
        None => (text, String::new()),
    };
    let colour = match status {
        "succeeded" => GREEN,
        "failed" => RED,
        "timeout" => BROWN,
        "delayed" => BLUE,
        _ => YELLOW,
    };
    paint(status, colour) + &rest
}
