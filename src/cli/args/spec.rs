//! What a command line may hold: commands, options and positional arguments, as plain constants.

use super::Matches;
use crate::cli::failure::Failure;
use crate::cli::resource::Resource;
use crate::cli::session::Session;

/// How many words an argument takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nargs {
    /// None: its presence is its value.
    Flag,
    /// Exactly one.
    One,
    /// None or one.
    Optional,
    /// Any number, also none.
    Any,
    /// One or more.
    Many,
}

/// What the words of an argument have to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Text,
    Int,
    Json,
}

/// An option, or a positional argument when it has no `flags`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arg {
    /// As typed, `-t` before `--token`; the first is shown in usage lines.
    pub(crate) flags: &'static [&'static str],
    /// The name under which its value is found in [`Matches`].
    pub(crate) dest: &'static str,
    /// Shown for its value; empty means `dest` (in capitals for options).
    pub(crate) metavar: &'static str,
    pub(crate) nargs: Nargs,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// Ours and not the Python client's: left out of usage lines, so that those stay the same.
    pub(crate) extra: bool,
    pub(crate) help: &'static str,
}

impl Arg {
    /// The same argument, to be given always.
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same argument, shown in help but not in usage lines.
    pub(crate) const fn extra(mut self) -> Self {
        self.extra = true;
        self
    }

    /// The same argument, whose words are whole numbers.
    pub(crate) const fn int(mut self) -> Self {
        self.kind = Kind::Int;
        self
    }

    /// The same argument, whose word is a JSON document.
    pub(crate) const fn json(mut self) -> Self {
        self.kind = Kind::Json;
        self
    }

    /// The name of its value in usage lines.
    pub(crate) fn value_name(&self) -> String {
        match (self.metavar, self.flags.is_empty()) {
            ("", true) => self.dest.to_owned(),
            ("", false) => self.dest.to_uppercase(),
            (metavar, _) => metavar.to_owned(),
        }
    }

    /// The name by which messages call it: `-k/--key`, or that of the positional.
    pub(crate) fn name(&self) -> String {
        if self.flags.is_empty() { self.value_name() } else { self.flags.join("/") }
    }
}

const fn arg(
    flags: &'static [&'static str],
    dest: &'static str,
    metavar: &'static str,
    nargs: Nargs,
    help: &'static str,
) -> Arg {
    Arg { flags, dest, metavar, nargs, kind: Kind::Text, required: false, extra: false, help }
}

/// An option without value.
pub(crate) const fn flag(flags: &'static [&'static str], dest: &'static str, help: &'static str) -> Arg {
    arg(flags, dest, "", Nargs::Flag, help)
}

/// An option with one value.
pub(crate) const fn opt(flags: &'static [&'static str], dest: &'static str, help: &'static str) -> Arg {
    arg(flags, dest, "", Nargs::One, help)
}

/// An option with one or more values.
pub(crate) const fn many(flags: &'static [&'static str], dest: &'static str, help: &'static str) -> Arg {
    arg(flags, dest, "", Nargs::Many, help)
}

/// A positional argument that takes one word.
pub(crate) const fn positional(dest: &'static str, metavar: &'static str, help: &'static str) -> Arg {
    arg(&[], dest, metavar, Nargs::One, help)
}

/// A positional argument that takes several words.
pub(crate) const fn positionals(
    dest: &'static str,
    metavar: &'static str,
    nargs: Nargs,
    help: &'static str,
) -> Arg {
    arg(&[], dest, metavar, nargs, help)
}

/// What a command does when it has been read.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    /// Nothing of its own: it only holds other commands.
    Group,
    /// Something of its own.
    Own(fn(&mut Session, &Matches) -> Result<(), Failure>),
    /// Something that many kinds of objects share.
    On(&'static Resource, fn(&mut Session, &'static Resource, &Matches) -> Result<(), Failure>),
}

/// A command, and the commands below it.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Slices rather than one list, so that commands share what they have in common.
    pub(crate) args: &'static [&'static [Arg]],
    /// Groups of options of which only one may be given, by `dest`.
    pub(crate) exclusive: &'static [&'static [&'static str]],
    pub(crate) commands: &'static [Command],
    pub(crate) run: Run,
    /// `-h` is an option like any other and the command answers it (`st2 run core.local -h`).
    pub(crate) own_help: bool,
    /// Ours and not the Python client's: listed in help but not in usage lines.
    pub(crate) extra: bool,
    /// Shown at the end of its help, ready to be copied.
    pub(crate) examples: &'static str,
}

impl Command {
    /// A command with nothing but a name, to be filled in by struct update.
    pub(crate) const EMPTY: Command = Command {
        name: "",
        about: "",
        args: &[],
        exclusive: &[],
        commands: &[],
        run: Run::Group,
        own_help: false,
        extra: false,
        examples: "",
    };

    /// Its options, in the order of usage lines.
    pub(crate) fn options(&self) -> impl Iterator<Item = &'static Arg> {
        let help: &'static [Arg] = if self.own_help { &[] } else { &[HELP] };
        help.iter().chain(self.args.iter().flat_map(|args| args.iter())).filter(|arg| !arg.flags.is_empty())
    }

    /// Its positional arguments, in order.
    pub(crate) fn positionals(&self) -> impl Iterator<Item = &'static Arg> {
        self.args.iter().flat_map(|args| args.iter()).filter(|arg| arg.flags.is_empty())
    }

    /// The command called `name` below this one.
    pub(crate) fn find(&self, name: &str) -> Option<&'static Command> {
        self.commands.iter().find(|command| command.name == name)
    }

    /// `{list,get,…}`, without our additions.
    pub(crate) fn choices(&self) -> String {
        let names: Vec<&str> = self.commands.iter().filter(|c| !c.extra).map(|c| c.name).collect();
        format!("{{{}}}", names.join(","))
    }
}

const HELP: Arg = flag(&["-h", "--help"], "help", "show this help message and exit");
