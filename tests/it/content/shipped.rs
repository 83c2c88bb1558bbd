//! The packs that come with the program, written out.

use super::Content;
use std::{fs, os::unix::fs::PermissionsExt, process::Command};

#[tokio::test]
async fn they_are_written_once_and_scripts_can_run() {
    let content = Content::new().await;
    content.start().await;
    let core = content.directory.path().join("packs/core");
    let script = fs::metadata(core.join("actions/send_mail/send_mail")).unwrap();
    assert_eq!(script.permissions().mode() & 0o777, 0o755);
    let pack = fs::metadata(core.join("pack.yaml")).unwrap();
    assert_eq!(pack.permissions().mode() & 0o777, 0o644);
    content.start().await;
    let again = fs::metadata(core.join("pack.yaml")).unwrap();
    assert_eq!(again.modified().unwrap(), pack.modified().unwrap());
}

#[tokio::test]
async fn what_another_version_wrote_is_replaced() {
    let content = Content::new().await;
    content.write("core/.st2d", "0123\npack.yaml\nactions/gone.yaml\n");
    content.write("core/pack.yaml", "name: core\n");
    let gone = content.write("core/actions/gone.yaml", "name: gone\nrunner_type: noop\n");
    let added = content.write("core/actions/added.yaml", "name: added\nrunner_type: noop\n");
    assert_eq!(content.start().await.problems, []);
    assert!(!gone.exists());
    assert!(added.exists());
}

#[tokio::test]
async fn a_system_pack_of_somebody_else_is_set_aside_whole() {
    let content = Content::new().await;
    content.pack("core");
    content.write("core/actions/theirs.yaml", "name: theirs\nrunner_type: noop\n");
    assert_eq!(content.start().await.problems, []);
    let packs = content.directory.path().join("packs");
    assert!(packs.join(".core.replaced/actions/theirs.yaml").exists());
    assert!(!packs.join("core/actions/theirs.yaml").exists());
    let names: Vec<_> = content.actions_of("core").await.into_iter().map(|action| action.spec.name).collect();
    assert!(names.contains(&"local".to_owned()) && !names.contains(&"theirs".to_owned()));
}

#[tokio::test]
async fn the_default_pack_belongs_to_its_users() {
    let content = Content::new().await;
    content.pack("default");
    let theirs = content.write("default/actions/mine.yaml", "name: mine\nrunner_type: noop\n");
    let before = fs::read(content.directory.path().join("packs/default/pack.yaml")).unwrap();
    content.start().await;
    assert_eq!(fs::read(content.directory.path().join("packs/default/pack.yaml")).unwrap(), before);
    assert!(theirs.exists());
    assert_eq!(content.actions_of("default").await.len(), 1);
}

/// Runs `core.sendmail`'s script with a program that stands for sendmail; gives what it said.
fn send_mail(content: &Content, arguments: &[&str]) -> (bool, String) {
    let directory = content.directory.path();
    let sendmail = directory.join("sendmail");
    fs::write(&sendmail, "#!/bin/sh\necho \"arguments: $*\"\ncat\n").unwrap();
    fs::set_permissions(&sendmail, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(directory.join("packs/core/actions/send_mail/send_mail"))
        .arg(&sendmail)
        .args(arguments)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn mails_keep_to_their_headers() {
    let content = Content::new().await;
    content.start().await;
    let (sent, mail) = send_mail(
        &content,
        &[
            "a@b.cz",
            "c@d.cz\nBcc: x@y.cz",
            "hi\r\nBcc: x@y.cz",
            "1",
            "text/plain\nBcc: x@y.cz",
            "one\n.\ntwo\n\nBcc: no",
        ],
    );
    assert!(sent, "{mail}");
    assert!(mail.starts_with("arguments: -i -t\nFrom: a@b.cz\nTo: c@d.cz Bcc: x@y.cz\n"), "{mail}");
    assert!(!mail.contains("\nBcc:"), "{mail}");
    // "one\n.\ntwo…" in base64.
    assert!(mail.contains("\n\nb25lCi4KdHdv"), "{mail}");
}

#[tokio::test]
async fn mails_take_files_along_and_say_which_is_missing() {
    let content = Content::new().await;
    content.start().await;
    let file = content.write("a file.txt", "hello");
    let (file, missing) = (file.to_str().unwrap(), "/nowhere/at/all");
    let (sent, mail) = send_mail(&content, &["a@b", "c@d", "s", "1", "text/html", "body", file]);
    assert!(
        sent && mail.contains("Content-Disposition: attachment") && mail.contains("\naGVsbG8=\n"),
        "{mail}"
    );
    let (sent, said) = send_mail(&content, &["a@b", "c@d", "s", "1", "text/html", "body", missing]);
    assert!(!sent && said.contains("Cannot read the attachment /nowhere/at/all"), "{said}");
    let (sent, said) = send_mail(&content, &["a@b", "c@d", "s", "0", "text/html", " \n "]);
    assert!(sent && said.contains("nothing was sent"), "{said}");
}
