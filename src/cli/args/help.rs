//! Help: what a command is for, what it takes, and lines to copy.
//!
//! The layout is argparse's (two columns, the second at 24), because `st2 action` and its like print
//! it and scripts have seen it. What argparse has no place for, our additions and the examples,
//! follows below.

use super::usage::{self, option_text, values_text};
use super::{Arg, Command, Nargs};
use crate::cli::render::wrap;
use crate::cli::terminal;
use std::fmt::Write as _;

/// The help of the last command of `path`.
pub(crate) fn command_help(path: &[&'static Command]) -> String {
    let command = path.last().expect("a path has a command");
    let mut text = overview(path);
    let layout = Layout::new(command);
    let commands: Vec<&Command> = command.commands.iter().filter(|c| c.extra).collect();
    let options: Vec<&Arg> = command.options().filter(|o| o.extra).collect();
    if !commands.is_empty() || !options.is_empty() {
        text.push_str("\nnot in the Python client:\n");
        for extra in commands {
            layout.row(&mut text, 2, extra.name, extra.about);
        }
        for extra in options {
            layout.row(&mut text, 2, &invocation(extra), extra.help);
        }
    }
    if !command.examples.is_empty() {
        text.push_str("\nexamples:\n");
        for line in command.examples.lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// The part of the help that the Python client prints too.
pub(crate) fn overview(path: &[&'static Command]) -> String {
    let command = path.last().expect("a path has a command");
    let layout = Layout::new(command);
    let mut text = usage::usage(path);
    let _ = writeln!(text, "\n{}", wrap::fill(command.about, layout.width).join("\n"));
    let shown: Vec<&Command> = command.commands.iter().filter(|c| !c.extra).collect();
    let positionals: Vec<&Arg> = command.positionals().collect();
    if !positionals.is_empty() || !shown.is_empty() {
        text.push_str("\npositional arguments:\n");
        for arg in positionals {
            layout.row(&mut text, 2, &arg.value_name(), arg.help);
        }
        if !shown.is_empty() {
            layout.row(&mut text, 2, &command.choices(), "");
            for below in shown {
                layout.row(&mut text, 4, below.name, below.about);
            }
        }
    }
    text.push_str("\noptions:\n");
    for option in command.options().filter(|o| !o.extra) {
        layout.row(&mut text, 2, &invocation(option), option.help);
    }
    text
}

/// What `st2` alone prints: how to begin.
pub(crate) fn welcome(root: &'static Command) -> String {
    format!("Usage: st2 [options] COMMAND [SUBCOMMAND] [arguments]\n\n{}", {
        let help = command_help(&[root]);
        help.split_once("\n\n").map_or_else(|| help.clone(), |(_, rest)| rest.to_owned())
    })
}

/// The column where explanations start, and how far they go.
struct Layout {
    column: usize,
    width: usize,
}

impl Layout {
    fn new(command: &Command) -> Layout {
        let width = terminal::usage_columns().saturating_sub(2);
        let longest = command
            .options()
            .map(|option| invocation(option).chars().count() + 2)
            .chain(command.positionals().map(|arg| arg.value_name().chars().count() + 2))
            .chain(command.commands.iter().map(|below| below.name.len() + 4))
            .chain((!command.commands.is_empty()).then(|| command.choices().len() + 2))
            .max()
            .unwrap_or(0);
        let limit = 24.min(width.saturating_sub(20).max(4));
        Layout { column: (longest + 2).min(limit), width }
    }

    /// One row: a name and its explanation, on one line if the name is short enough.
    fn row(&self, text: &mut String, indent: usize, name: &str, help: &str) {
        let lines = wrap::fill(help, self.width.saturating_sub(self.column).max(11));
        let mut lines = lines.into_iter().filter(|line| !line.is_empty());
        let room = self.column.saturating_sub(indent + 2);
        let pad = " ".repeat(indent);
        if name.chars().count() <= room {
            match lines.next() {
                Some(first) => {
                    let _ = writeln!(text, "{pad}{name:room$}  {first}");
                }
                None => {
                    let _ = writeln!(text, "{pad}{name}");
                }
            }
        } else {
            let _ = writeln!(text, "{pad}{name}");
        }
        for line in lines {
            let _ = writeln!(text, "{}{line}", " ".repeat(self.column));
        }
    }
}

/// All the ways to give an option: `-t TOKEN, --token TOKEN`.
fn invocation(option: &Arg) -> String {
    if option.nargs == Nargs::Flag {
        return option.flags.join(", ");
    }
    let values = values_text(option);
    if option.flags.len() == 1 {
        return option_text(option);
    }
    option.flags.iter().map(|flag| format!("{flag} {values}")).collect::<Vec<_>>().join(", ")
}
