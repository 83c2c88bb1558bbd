//! `st2 completion`: scripts that let a shell complete our command line.

use super::args::Command as Ours;
use super::args::{Arg, Matches, Nargs};
use super::console;
use super::failure::Failure;
use super::session::Session;
use super::tree;
use clap::{Arg as ClapArg, ArgAction, Command};
use clap_complete::Shell;

/// Prints the script for a shell.
pub(crate) fn print(_: &mut Session, values: &Matches) -> Result<(), Failure> {
    let name = values.text("shell").unwrap_or_default();
    let shell = match name {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        "elvish" => Shell::Elvish,
        _ => {
            console::note(&format!(
                "st2 completion: no script for \"{name}\"; there are bash, zsh, fish and elvish"
            ));
            return Err(Failure::silent(2));
        }
    };
    console::show(&script(shell));
    Ok(())
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(&tree::ROOT), "st2", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// One of our commands as clap describes commands.
fn command(ours: &Ours) -> Command {
    let options = ours.options().filter(|option| option.dest != "help").map(option);
    let positionals = ours.positionals().enumerate().map(|(at, arg)| {
        let several = matches!(arg.nargs, Nargs::Any | Nargs::Many);
        let action = if several { ArgAction::Append } else { ArgAction::Set };
        ClapArg::new(format!("{}-{at}", arg.dest)).action(action).help(arg.help)
    });
    Command::new(ours.name)
        .about(ours.about)
        .disable_help_subcommand(true)
        .args(options)
        .args(positionals)
        .subcommands(ours.commands.iter().map(command))
}

fn option(ours: &Arg) -> ClapArg {
    let mut arg = ClapArg::new(ours.flags.join("/")).help(ours.help);
    for flag in ours.flags {
        let name = flag.trim_start_matches('-');
        let mut chars = name.chars();
        arg = match (chars.next(), chars.next()) {
            (Some(letter), None) => arg.short(letter),
            _ if arg.get_long().is_some() => arg.visible_alias(name),
            // `-tg` and its like have no place in clap; their long forms do.
            _ if !flag.starts_with("--") => arg,
            _ => arg.long(name),
        };
    }
    arg.action(if ours.nargs == Nargs::Flag { ArgAction::SetTrue } else { ArgAction::Append })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_know_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            for word in ["rule-enforcement", "re-run", "with-schema", "completion"] {
                assert!(script.contains(word), "{word} is missing for {shell}");
            }
        }
    }
}
