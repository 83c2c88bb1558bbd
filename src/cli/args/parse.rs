//! The rules by which words of a command line belong to arguments.
//!
//! Every word is first classed as an option or a plain word, seen from the command at hand, and only
//! then given away: options take the plain words behind them, positional arguments the longest run
//! that fits all of them. A command below takes everything from its name on and starts anew. What
//! nobody takes is reported by the outermost command, as the Python client does.

use super::usage;
use super::{Arg, Command, Kind, Matches, Nargs, Val};
use crate::pytext;

/// A command line understood.
pub(crate) struct Invocation {
    /// From `st2` down to the command to run.
    pub(crate) path: Vec<&'static Command>,
    pub(crate) values: Matches,
}

/// A command line that ends before a command is run.
pub(crate) enum Stop {
    /// `-h` of the last of these commands.
    Help(Vec<&'static Command>),
    /// `--version`.
    Version,
    /// Wrong usage: the text to show.
    Usage(String),
}

/// What the Python client calls the place of the first command.
const COMMAND: &str = "parser";

/// Reads `argv` (without the program's name) by the table that starts at `root`.
pub(crate) fn parse(root: &'static Command, argv: &[String]) -> Result<Invocation, Stop> {
    let mut reader = Reader { path: vec![root], values: Matches::default() };
    let left = reader.read(argv)?;
    if !left.is_empty() {
        let message = format!("unrecognized arguments: {}", left.join(" "));
        return Err(Stop::Usage(usage::error(&[root], &message)));
    }
    Ok(Invocation { path: reader.path, values: reader.values })
}

struct Reader {
    path: Vec<&'static Command>,
    values: Matches,
}

/// What a word looks like to one command.
enum Word {
    Plain,
    /// `--`: all that follows is plain.
    Divider,
    Option {
        arg: Option<&'static Arg>,
        flag: String,
        attached: Option<String>,
    },
}

impl Word {
    fn mark(&self) -> u8 {
        match self {
            Word::Plain => b'A',
            Word::Divider => b'-',
            Word::Option { .. } => b'O',
        }
    }
}

/// A place for plain words: an argument, or the name and words of a command below.
#[derive(Clone, Copy)]
enum Slot {
    Arg(&'static Arg),
    Command,
}

/// One command's walk over its words.
struct Walk<'a> {
    command: &'static Command,
    argv: &'a [String],
    words: Vec<Word>,
    marks: Vec<u8>,
    slots: Vec<Slot>,
    seen: Vec<&'static str>,
    left: Vec<String>,
    /// What commands below did not understand; reported after our own.
    left_below: Vec<String>,
}

impl Reader {
    fn command(&self) -> &'static Command {
        self.path.last().expect("the path starts with the root")
    }

    fn fail<T>(&self, message: &str) -> Result<T, Stop> {
        Err(Stop::Usage(usage::error(&self.path, message)))
    }

    fn fail_arg<T>(&self, arg: &Arg, message: &str) -> Result<T, Stop> {
        self.fail(&format!("argument {}: {message}", arg.name()))
    }

    /// Reads the words of the innermost command; returns those that nobody wanted.
    fn read(&mut self, argv: &[String]) -> Result<Vec<String>, Stop> {
        let command = self.command();
        let mut words = Vec::with_capacity(argv.len());
        let mut divided = false;
        for word in argv {
            words.push(if divided {
                Word::Plain
            } else if word == "--" {
                divided = true;
                Word::Divider
            } else {
                self.class(command, word)?
            });
        }
        let mut slots: Vec<Slot> = command.positionals().map(Slot::Arg).collect();
        if !command.commands.is_empty() {
            slots.push(Slot::Command);
        }
        let marks = words.iter().map(Word::mark).collect();
        let walk =
            Walk { command, argv, words, marks, slots, seen: vec![], left: vec![], left_below: vec![] };
        self.walk(walk)
    }

    fn walk(&mut self, mut walk: Walk<'_>) -> Result<Vec<String>, Stop> {
        let last_option = walk.words.iter().rposition(|word| matches!(word, Word::Option { .. }));
        let mut at = 0;
        while last_option.is_some_and(|last| at <= last) {
            let next =
                (at..walk.words.len()).find(|&i| matches!(walk.words[i], Word::Option { .. })).unwrap_or(at);
            if at != next {
                let end = self.fill_slots(&mut walk, at)?;
                if end > at {
                    at = end;
                    continue;
                }
                walk.left.extend_from_slice(&walk.argv[at..next]);
                at = next;
            }
            at = self.take_option(&mut walk, at)?;
        }
        let end = self.fill_slots(&mut walk, at)?;
        walk.left.extend_from_slice(&walk.argv[end..]);
        self.check_required(&walk)?;
        walk.left.append(&mut walk.left_below);
        Ok(walk.left)
    }

    /// Gives plain words from `at` on to as many waiting slots as fit together; returns where they end.
    fn fill_slots(&mut self, walk: &mut Walk<'_>, mut at: usize) -> Result<usize, Stop> {
        let marks = &walk.marks[at..];
        let Some(counts) = (1..=walk.slots.len()).rev().find_map(|n| fit(&walk.slots[..n], marks)) else {
            return Ok(at);
        };
        let slots: Vec<Slot> = walk.slots.drain(..counts.len()).collect();
        for (slot, count) in slots.into_iter().zip(counts) {
            let words = &walk.argv[at..at + count];
            at += count;
            match slot {
                Slot::Arg(arg) => {
                    let mut words = words.to_vec();
                    remove_divider(&mut words);
                    self.take(walk, arg, words)?;
                }
                Slot::Command => {
                    let mut words = words.to_vec();
                    if words.first().is_some_and(|word| word == "--") {
                        words.remove(0);
                    }
                    self.enter(walk, &words)?;
                }
            }
        }
        Ok(at)
    }

    /// Lets the command named by the first word read the others.
    fn enter(&mut self, walk: &mut Walk<'_>, words: &[String]) -> Result<(), Stop> {
        let Some((name, rest)) = words.split_first() else { return Ok(()) };
        let Some(command) = walk.command.find(name) else {
            let names: Vec<String> = walk
                .command
                .commands
                .iter()
                .filter(|command| !command.extra)
                .map(|command| format!("'{}'", command.name))
                .collect();
            // The outermost list of commands has a name in the Python client, the others have none.
            let list = if self.path.len() == 1 { COMMAND.to_owned() } else { walk.command.choices() };
            let name = pytext::repr_str(name);
            return self.fail(&format!(
                "argument {list}: invalid choice: {name} (choose from {})",
                names.join(", ")
            ));
        };
        self.path.push(command);
        walk.left_below.extend(self.read(rest)?);
        Ok(())
    }

    /// Takes the option at `at` and its words; returns where they end.
    fn take_option(&mut self, walk: &mut Walk<'_>, at: usize) -> Result<usize, Stop> {
        let Word::Option { arg, flag, attached } = &walk.words[at] else { return Ok(at + 1) };
        let Some(mut arg) = *arg else {
            walk.left.push(walk.argv[at].clone());
            return Ok(at + 1);
        };
        let (mut flag, mut attached) = (flag.clone(), attached.clone());
        // `-jy`: options without value may be written together behind one dash.
        while let Some(value) = attached {
            match arg.nargs {
                Nargs::Flag if !flag.starts_with("--") && !value.is_empty() => {
                    self.take(walk, arg, vec![])?;
                    let (first, rest) = value.split_at(value.chars().next().map_or(0, char::len_utf8));
                    let next = format!("-{first}");
                    let Some(found) = walk.command.options().find(|o| o.flags.contains(&next.as_str()))
                    else {
                        return self.fail_arg(
                            arg,
                            &format!("ignored explicit argument {}", pytext::repr_str(&value)),
                        );
                    };
                    arg = found;
                    flag = next;
                    attached = (!rest.is_empty()).then(|| rest.to_owned());
                }
                Nargs::Flag => {
                    return self
                        .fail_arg(arg, &format!("ignored explicit argument {}", pytext::repr_str(&value)));
                }
                _ => {
                    self.take(walk, arg, vec![value])?;
                    return Ok(at + 1);
                }
            }
        }
        let plain = walk.marks[at + 1..].iter().take_while(|mark| **mark == b'A').count();
        let count = match (arg.nargs, plain) {
            (Nargs::Flag, _) => 0,
            (Nargs::One, 0) => return self.fail_arg(arg, "expected one argument"),
            (Nargs::Many, 0) => return self.fail_arg(arg, "expected at least one argument"),
            (Nargs::One, _) => 1,
            (Nargs::Optional, _) => plain.min(1),
            (Nargs::Any | Nargs::Many, _) => plain,
        };
        let words = walk.argv[at + 1..at + 1 + count].to_vec();
        self.take(walk, arg, words)?;
        Ok(at + 1 + count)
    }

    /// Notes the words given for an argument, or stops at an option that ends everything.
    fn take(&mut self, walk: &mut Walk<'_>, arg: &'static Arg, words: Vec<String>) -> Result<(), Stop> {
        let given = !(arg.flags.is_empty() && words.is_empty());
        if given {
            let rivals = walk.command.exclusive.iter().filter(|group| group.contains(&arg.dest));
            for dest in rivals.flat_map(|group| group.iter()) {
                if *dest != arg.dest && walk.seen.contains(dest) {
                    let rival = walk.command.options().find(|option| option.dest == *dest);
                    let rival = rival.map(Arg::name).unwrap_or_default();
                    return self.fail_arg(arg, &format!("not allowed with argument {rival}"));
                }
            }
        }
        let value = self.convert(arg, words)?;
        if arg.dest == "help" && !walk.command.own_help {
            return Err(Stop::Help(self.path.clone()));
        }
        if arg.dest == "version" {
            return Err(Stop::Version);
        }
        walk.seen.push(arg.dest);
        if let Some(value) = value {
            self.values.set(arg.dest, value);
        }
        Ok(())
    }

    fn convert(&self, arg: &Arg, words: Vec<String>) -> Result<Option<Val>, Stop> {
        let single = matches!(arg.nargs, Nargs::One | Nargs::Optional);
        Ok(match arg.kind {
            _ if arg.nargs == Nargs::Flag => Some(Val::Flag),
            Kind::Text if single => words.into_iter().next().map(Val::Text),
            Kind::Text => Some(Val::Texts(words)),
            Kind::Int => {
                let numbers: Vec<i64> =
                    words.iter().map(|word| self.int(arg, word)).collect::<Result<_, _>>()?;
                if single { numbers.first().copied().map(Val::Int) } else { Some(Val::Ints(numbers)) }
            }
            Kind::Json => {
                let Some(word) = words.into_iter().next() else { return Ok(None) };
                let Ok(value) = serde_json::from_str(&word) else {
                    let word = pytext::repr_str(&word);
                    return self.fail_arg(arg, &format!("invalid loads value: {word}"));
                };
                Some(Val::Json(value))
            }
        })
    }

    fn int(&self, arg: &Arg, word: &str) -> Result<i64, Stop> {
        match word.trim().parse() {
            Ok(number) => Ok(number),
            Err(_) => self.fail_arg(arg, &format!("invalid int value: {}", pytext::repr_str(word))),
        }
    }

    fn check_required(&self, walk: &Walk<'_>) -> Result<(), Stop> {
        let mut missing: Vec<String> = walk
            .command
            .args
            .iter()
            .flat_map(|args| args.iter())
            .filter(|arg| {
                arg.required || (arg.flags.is_empty() && matches!(arg.nargs, Nargs::One | Nargs::Many))
            })
            .filter(|arg| !walk.seen.contains(&arg.dest))
            .map(Arg::name)
            .collect();
        // `st2` needs a command; those that only hold others print their help instead.
        if self.path.len() == 1 && walk.slots.iter().any(|slot| matches!(slot, Slot::Command)) {
            missing.push(COMMAND.to_owned());
        }
        if missing.is_empty() {
            return Ok(());
        }
        self.fail(&format!("the following arguments are required: {}", missing.join(", ")))
    }

    /// Classes one word; a shortened option that fits several is an error at once.
    fn class(&self, command: &'static Command, word: &str) -> Result<Word, Stop> {
        if !word.starts_with('-') || word == "-" {
            return Ok(Word::Plain);
        }
        let option = |arg, flag: &str, attached: Option<&str>| Word::Option {
            arg,
            flag: flag.to_owned(),
            attached: attached.map(str::to_owned),
        };
        let named = |name: &str| command.options().find(|option| option.flags.contains(&name));
        if let Some(arg) = named(word) {
            return Ok(option(Some(arg), word, None));
        }
        if let Some((name, value)) = word.split_once('=')
            && let Some(arg) = named(name)
        {
            return Ok(option(Some(arg), name, Some(value)));
        }
        let mut found = shortened(command, word);
        if found.len() > 1 {
            let names: Vec<&str> = found.iter().map(|(_, flag, _)| *flag).collect();
            let name = word
                .split_once('=')
                .map_or(word, |(name, _)| if word.starts_with("--") { name } else { word });
            return self.fail(&format!("ambiguous option: {name} could match {}", names.join(", ")));
        }
        if let Some((arg, flag, attached)) = found.pop() {
            return Ok(option(Some(arg), flag, attached));
        }
        if is_negative_number(word) || word.contains(' ') {
            return Ok(Word::Plain);
        }
        Ok(option(None, word, None))
    }
}

/// The options of `command` that `word` may be short for, each with its full name and attached value.
fn shortened<'w>(
    command: &'static Command,
    word: &'w str,
) -> Vec<(&'static Arg, &'static str, Option<&'w str>)> {
    let mut found = Vec::new();
    let flags =
        command.options().filter(|o| !o.extra).flat_map(|o| o.flags.iter().map(move |flag| (o, *flag)));
    if word.starts_with("--") {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        found.extend(flags.filter(|(_, flag)| flag.starts_with(name)).map(|(o, flag)| (o, flag, value)));
    } else {
        let head = word.char_indices().nth(2).map_or(word, |(end, _)| &word[..end]);
        for (option, flag) in flags {
            if flag == head {
                found.push((option, flag, Some(&word[head.len()..])));
            } else if flag.starts_with(word) {
                found.push((option, flag, None));
            }
        }
    }
    found
}

fn is_negative_number(word: &str) -> bool {
    let Some(digits) = word.strip_prefix('-') else { return false };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(part) && !part.is_empty() && (digits.contains('.') || !whole.is_empty())
}

fn remove_divider(words: &mut Vec<String>) {
    if let Some(at) = words.iter().position(|word| word == "--") {
        words.remove(at);
    }
}

/// How many words each of `slots` takes from the front of `marks` if all of them can be served.
fn fit(slots: &[Slot], marks: &[u8]) -> Option<Vec<usize>> {
    let Some((slot, rest)) = slots.split_first() else { return Some(vec![]) };
    let longest = match slot {
        Slot::Command => marks.len(),
        Slot::Arg(_) => marks.iter().take_while(|mark| **mark != b'O').count(),
    };
    (0..=longest).rev().filter(|&count| serves(*slot, &marks[..count])).find_map(|count| {
        let mut counts = fit(rest, &marks[count..])?;
        counts.insert(0, count);
        Some(counts)
    })
}

/// Whether exactly these words satisfy a slot; dividers never count as words.
fn serves(slot: Slot, marks: &[u8]) -> bool {
    let mut plain = marks.iter().filter(|mark| **mark == b'A');
    let first = marks.iter().find(|mark| **mark != b'-');
    match slot {
        Slot::Command => first == Some(&b'A'),
        Slot::Arg(arg) => match arg.nargs {
            Nargs::Flag | Nargs::One => plain.next().is_some() && plain.next().is_none(),
            Nargs::Optional => plain.nth(1).is_none(),
            Nargs::Any => true,
            Nargs::Many => plain.next().is_some(),
        },
    }
}
