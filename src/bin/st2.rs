//! `st2`, the command-line client. All it does is in [`st2d::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    let argv: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    ExitCode::from(st2d::cli::main(&argv))
}
