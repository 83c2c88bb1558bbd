//! `st2`, the command-line client: knows the API's JSON and HTTP, and nothing of the server.
//!
//! It takes the place of the Python client, so its command line, its output and its exit codes are
//! that client's, quirks included; scripts read them. Ours are: no credentials needed on the
//! server's own machine, `execution output`, `completion`, help with examples, and an answer in
//! milliseconds, for which it starts no runtime, no TLS and no terminal library until they are needed.
//!
//! [`tree`] is the table of commands, [`args`] reads command lines by it, [`commands`] carries them
//! out with [`client`], and [`render`] shows what came of it.

mod args;
mod client;
mod commands;
mod completion;
mod console;
mod failure;
mod http;
mod ini;
mod json;
mod metafile;
mod render;
mod resource;
mod session;
mod settings;
mod sse;
mod terminal;
mod tokens;
mod tree;

use args::{Invocation, Run, Stop};
use failure::Failure;
use session::Session;
use settings::Process;

/// Carries out a command line (without the program's name) and returns the exit code.
pub fn main(argv: &[String]) -> u8 {
    if argv.is_empty() {
        eprint!("{}", args::welcome(&tree::ROOT));
        return 2;
    }
    let mut argv = argv.to_vec();
    if argv.iter().any(|word| word == "--print-config") {
        // It needs no command, but the table asks for one.
        argv.extend(["action".to_owned(), "list".to_owned()]);
    }
    let invocation = match args::parse(&tree::ROOT, &argv) {
        Ok(invocation) => invocation,
        Err(Stop::Help(path)) => {
            console::show(&args::command_help(&path));
            return 0;
        }
        Err(Stop::Version) => {
            console::say(&version());
            return 0;
        }
        Err(Stop::Usage(text)) => {
            eprint!("{text}");
            return 2;
        }
    };
    match carry_out(invocation) {
        Ok(code) => code,
        Err(failure) => {
            if let Some(message) = failure.message {
                console::say(&format!("ERROR: {message}\n"));
            }
            failure.code
        }
    }
}

fn carry_out(Invocation { path, values }: Invocation) -> Result<u8, Failure> {
    if values.flag("print_config") {
        console::show(&settings::print_config(&values, &Process).map_err(Failure::new)?);
        return Ok(3);
    }
    let command = *path.last().expect("a path has a command");
    if let Run::Group = command.run {
        console::show(&args::overview(&[&tree::ROOT]));
        return Ok(2);
    }
    let mut session = Session::open(path, &values)?;
    match command.run {
        Run::Group => {}
        Run::Own(run) => run(&mut session, &values)?,
        Run::On(resource, run) => run(&mut session, resource, &values)?,
    }
    Ok(0)
}

/// Our version, and the StackStorm whose client this one stands in for.
fn version() -> String {
    format!("st2 {}, compatible with StackStorm 3.9.0", env!("CARGO_PKG_VERSION"))
}
