//! How long registering takes; measures, and asserts nothing about time.

use super::Content;
use st2d::content::Kind;
use std::{fmt::Write, time::Instant};

#[tokio::test]
#[ignore = "a measurement: cargo test --release --test it content::timing -- --ignored --nocapture"]
async fn of_five_thousand_actions() {
    let content = Content::new().await;
    let timed = async |what: &str| {
        let begun = Instant::now();
        let report = content.start().await;
        println!("{what}: {:?}, {} actions registered", begun.elapsed(), report.count(Kind::Action));
    };
    timed("the packs of the program").await;
    timed("nothing changed").await;
    for pack in 0..200 {
        content.pack(&format!("many{pack}"));
    }
    for number in 0..5_000 {
        let mut text = format!(
            "name: a{number}\nrunner_type: local-shell-cmd\ndescription: Number {number}\nparameters:\n"
        );
        for parameter in 0..10 {
            let _ = writeln!(
                text,
                "  p{parameter}:\n    type: string\n    description: A parameter\n    position: {parameter}"
            );
        }
        content.write(&format!("many{}/actions/a{number}.yaml", number % 200), text);
    }
    timed("5,000 actions in 200 packs (goal: 5 s)").await;
    timed("nothing changed").await;
    content.write("many7/actions/a7.yaml", "name: a7\nrunner_type: noop\n");
    timed("one of them changed").await;
}
