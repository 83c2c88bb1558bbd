//! Usage lines, and the message of a wrong command line.

use super::{Arg, Command, Nargs};
use crate::cli::terminal;

/// The text for a wrong command line: usage, then what is wrong.
pub(crate) fn error(path: &[&'static Command], message: &str) -> String {
    format!("{}{}: error: {message}\n", usage(path), program(path))
}

/// The words that reach the last command of `path`: `st2 action list`.
pub(super) fn program(path: &[&'static Command]) -> String {
    path.iter().map(|command| command.name).collect::<Vec<_>>().join(" ")
}

/// `usage: …` of the last command of `path`, wrapped to the terminal.
pub(super) fn usage(path: &[&'static Command]) -> String {
    let command = path.last().expect("a path has a command");
    let width = terminal::usage_columns().saturating_sub(2);
    wrap(&program(path), &option_parts(command), &positional_parts(command), width)
}

const PREFIX: &str = "usage: ";

fn wrap(program: &str, options: &[String], positionals: &[String], width: usize) -> String {
    let mut words = vec![program.to_owned()];
    words.extend(options.iter().chain(positionals).cloned());
    let line = words.join(" ");
    if PREFIX.len() + line.chars().count() <= width {
        return format!("{PREFIX}{line}\n");
    }
    let lines = if (PREFIX.len() + program.len()) * 4 <= width * 3 {
        let indent = " ".repeat(PREFIX.len() + program.len() + 1);
        let mut head = vec![program.to_owned()];
        if options.is_empty() {
            head.extend_from_slice(positionals);
            fill(&head, &indent, PREFIX.len(), width)
        } else {
            head.extend_from_slice(options);
            let mut lines = fill(&head, &indent, PREFIX.len(), width);
            lines.extend(fill(positionals, &indent, indent.len(), width));
            lines
        }
    } else {
        let indent = " ".repeat(PREFIX.len());
        let mut lines = fill(&words[1..], &indent, indent.len(), width);
        if lines.len() > 1 {
            lines = fill(options, &indent, indent.len(), width);
            lines.extend(fill(positionals, &indent, indent.len(), width));
        }
        lines.insert(0, program.to_owned());
        lines
    };
    format!("{PREFIX}{}\n", lines.join("\n").trim_start())
}

/// Sets parts into lines; the first starts at column `start`, the others behind `indent`.
fn fill(parts: &[String], indent: &str, start: usize, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line: Vec<&str> = Vec::new();
    let mut length = start.saturating_sub(1);
    for part in parts {
        let chars = part.chars().count();
        if length + 1 + chars > width && !line.is_empty() {
            lines.push(format!("{indent}{}", line.join(" ")));
            line.clear();
            length = indent.len() - 1;
        }
        line.push(part);
        length += chars + 1;
    }
    if !line.is_empty() {
        lines.push(format!("{indent}{}", line.join(" ")));
    }
    lines
}

/// The options as they stand in a usage line; those that exclude each other share brackets.
fn option_parts(command: &Command) -> Vec<String> {
    let options: Vec<&Arg> = command.options().filter(|option| !option.extra).collect();
    // Marks before each option (and behind the last): opening and closing brackets and bars.
    let mut marks: Vec<String> = vec![String::new(); options.len() + 1];
    let mut grouped = vec![false; options.len()];
    for group in command.exclusive {
        let Some(start) = options.iter().position(|option| group.first() == Some(&option.dest)) else {
            continue;
        };
        let end = start + group.len();
        // A group whose options do not stand together shows no brackets.
        if options.get(start..end).is_none_or(|found| !found.iter().map(|o| o.dest).eq(group.iter().copied()))
        {
            continue;
        }
        grouped[start..end].fill(true);
        let open = if marks[start].is_empty() { "[" } else { " [" };
        marks[start].push_str(open);
        marks[end].push(']');
        for mark in &mut marks[start + 1..end] {
            "|".clone_into(mark);
        }
    }
    let mut line = String::new();
    for (at, option) in options.iter().enumerate() {
        push_word(&mut line, &marks[at]);
        let text = option_text(option);
        push_word(&mut line, &if grouped[at] || option.required { text } else { format!("[{text}]") });
    }
    push_word(&mut line, &marks[options.len()]);
    let line = line.replace("[ ", "[").replace(" ]", "]");
    let line = line.replace("[ ", "[");
    split_parts(&line)
}

fn push_word(line: &mut String, word: &str) {
    if word.is_empty() {
        return;
    }
    if !line.is_empty() {
        line.push(' ');
    }
    line.push_str(word);
}

/// Splits a usage line where it may be broken: at blanks outside of brackets.
fn split_parts(line: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = if rest.starts_with('[') { closing(rest) } else { rest.find(' ').unwrap_or(rest.len()) };
        parts.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    parts
}

/// Where a bracketed part ends: behind the first closing bracket followed by a blank.
fn closing(text: &str) -> usize {
    text.match_indices(']')
        .map(|(at, _)| at + 1)
        .find(|&end| text[end..].is_empty() || text[end..].starts_with(' '))
        .unwrap_or(text.len())
}

/// An option with its values: `-w WIDTH [WIDTH ...]`.
pub(super) fn option_text(option: &Arg) -> String {
    let flag = option.flags.first().copied().unwrap_or_default();
    let values = values_text(option);
    if values.is_empty() { flag.to_owned() } else { format!("{flag} {values}") }
}

/// The values of an argument as usage lines show them.
pub(super) fn values_text(arg: &Arg) -> String {
    let name = arg.value_name();
    match arg.nargs {
        Nargs::Flag => String::new(),
        Nargs::One => name,
        Nargs::Optional => format!("[{name}]"),
        Nargs::Any => format!("[{name} ...]"),
        Nargs::Many => format!("{name} [{name} ...]"),
    }
}

fn positional_parts(command: &Command) -> Vec<String> {
    let mut line = String::new();
    for arg in command.positionals() {
        push_word(&mut line, &values_text(arg));
    }
    if !command.commands.is_empty() {
        push_word(&mut line, &format!("{} ...", command.choices()));
    }
    split_parts(&line)
}
