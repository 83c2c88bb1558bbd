//! Standard output. Data goes there and, as in the Python client, `ERROR: …` too.

use std::io::{ErrorKind, Write};

/// Prints a line.
pub(crate) fn say(line: &str) {
    let mut text = String::with_capacity(line.len() + 1);
    text.push_str(line);
    text.push('\n');
    show(&text);
}

/// Prints text as it is, at once.
pub(crate) fn show(text: &str) {
    let mut out = std::io::stdout().lock();
    let done = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match done {
        // The reader has seen enough (`st2 … | head`), so there is nobody left to tell.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("st2: cannot write: {error}");
            std::process::exit(1);
        }
        Ok(()) => {}
    }
}

/// Prints a line to standard error: what is not data.
pub(crate) fn note(line: &str) {
    // Nothing is lost for the caller when nobody reads it.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Asks a question on standard output and reads the answer; `None` at the end of input.
pub(crate) fn ask(question: &str) -> Option<String> {
    show(question);
    let mut line = String::new();
    match std::io::stdin().read_line(&mut line) {
        Ok(read) if read > 0 => Some(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => None,
    }
}

/// Asks on the terminal without showing what is typed.
pub(crate) fn ask_secret(question: &str) -> Option<String> {
    use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let Ok(before) = tcgetattr(&stdin) else { return ask(question) };
    let mut quiet = before.clone();
    quiet.local_flags.remove(LocalFlags::ECHO);
    // If the terminal refuses, the secret is shown; that is better than not being able to log in.
    let _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, &quiet);
    let answer = ask(question);
    let _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, &before);
    show("\n");
    answer
}
