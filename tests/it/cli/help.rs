//! Help, as it is read: a change shows here.

use super::st2::St2;
use insta::assert_snapshot;

fn help(argv: &[&str]) -> String {
    St2::new().env("COLUMNS", "100").run(argv).ok()
}

#[test]
fn st2_tells_how_to_begin() {
    assert_snapshot!(help(&["--help"]));
}

#[test]
fn run_explains_itself() {
    assert_snapshot!(help(&["run", "--help"]));
}

#[test]
fn execution_explains_itself() {
    assert_snapshot!(help(&["execution", "-h"]));
    assert_snapshot!(help(&["execution", "list", "-h"]));
    assert_snapshot!(help(&["execution", "output", "-h"]));
}

#[test]
fn key_set_explains_itself() {
    assert_snapshot!(help(&["key", "set", "-h"]));
}

#[test]
fn every_command_has_help() {
    let st2 = St2::new().env("COLUMNS", "80");
    let mut waiting = vec![vec![]];
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        let mut argv: Vec<String> = path.clone();
        argv.push("--help".into());
        let help = st2.run(&argv).ok();
        assert!(help.starts_with(&format!(
            "usage: st2{}",
            path.iter().flat_map(|name| [" ", name]).collect::<String>()
        )));
        assert!(help.lines().all(|line| !line.ends_with(' ')), "blanks at an end of {argv:?}");
        seen += 1;
        // Commands below are the names at four blanks; ours alone stand at two, behind their heading.
        let below = help.lines().filter_map(|line| line.strip_prefix("    ")).filter_map(|line| {
            let name = line.split(' ').next()?;
            let rest = line.get(name.len()..)?;
            (!name.is_empty() && (rest.is_empty() || rest.starts_with("  "))).then(|| name.to_owned())
        });
        if path.len() < 3 && help.contains('{') {
            waiting.extend(below.map(|name| path.iter().cloned().chain([name]).collect()));
        }
    }
    assert!(seen > 100, "only {seen} commands were found");
}

#[test]
fn nothing_at_all_is_answered_with_help() {
    let ran = St2::new().run::<&str>(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.starts_with("Usage: st2 [options] COMMAND"), "{}", ran.stderr);
}

#[test]
fn completion_is_printed_for_known_shells() {
    let st2 = St2::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(st2.run(&["completion", shell]).ok().contains("rule-enforcement"), "{shell}");
    }
    let ran = st2.run(&["completion", "dos"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
}
