//! Wrong command lines, as recorded from the Python client: every step of the corpus that ended
//! before anything was sent to a server.

use super::st2::St2;
use crate::support::corpus::folder;
use serde_json::Value;

/// Recorded steps that sent nothing, with their command line.
fn steps(document: &Value) -> Vec<(&Value, Vec<String>)> {
    let scenarios = document["scenarios"].as_array().into_iter().flatten();
    scenarios
        .flat_map(|scenario| scenario["steps"].as_array().into_iter().flatten())
        .filter(|step| {
            step["answer"]["exit"] == 2 && step["answer"]["http"].as_array().is_none_or(Vec::is_empty)
        })
        .filter_map(|step| {
            let words = step["cli"].as_array()?.iter();
            let argv: Option<Vec<String>> = words.map(|word| word.as_str().map(str::to_owned)).collect();
            Some((step, argv?))
        })
        // What needs files of the scenario is for the replay against a server.
        .filter(|(_, argv): &(&Value, Vec<String>)| !argv.iter().any(|word| word.contains("<uniq>")))
        .collect()
}

#[test]
fn usage_errors_are_those_of_the_python_client() {
    let Some(folder) = folder() else {
        println!("skipped: no conformance corpus");
        return;
    };
    let st2 = St2::new();
    let (mut all, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder.join("cli")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        for (step, argv) in steps(&document) {
            let ran = st2.run(&argv);
            let text = |name: &str| step["answer"][name].as_str().unwrap_or_default().to_owned();
            all += 1;
            let stderr = without_additions(&ran.stderr);
            if (ran.code, &ran.stdout, &stderr) != (2, &text("stdout"), &text("stderr")) {
                wrong.push(format!("st2 {}\n{}{}", argv.join(" "), ran.stdout, ran.stderr));
            }
        }
    }
    println!("cli: {} of {all}", all - wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all > 50, "the corpus has hardly any usage errors ({all})");
}

/// Commands that only our client has stand among the choices; the recorded list knows none of them.
fn without_additions(stderr: &str) -> String {
    ["dev"].iter().fold(stderr.to_owned(), |text, name| {
        text.replace(&format!(",{name},"), ",").replace(&format!("'{name}', "), "")
    })
}
