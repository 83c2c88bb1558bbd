//! One directory, one daemon; its modes.

use crate::support::daemon::{Home, TestDaemon};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[tokio::test]
async fn a_second_daemon_on_the_same_directory_gives_up_and_names_the_first() {
    let first = TestDaemon::start().await;
    let second = TestDaemon::start().with_home(&first.home()).fail().await;
    assert_eq!(second.status.code(), Some(3), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("pid {}", first.pid())), "{}", second.stderr);
    assert_eq!(second.stdout, "");
}

#[tokio::test]
async fn a_directory_open_to_all_is_closed_and_used() {
    let home = Home::new();
    let first = TestDaemon::start().with_home(&home).with_private_postgres().await;
    drop(first);
    let directories = ["", "postgres", "postgres/data"].map(|name| home.data_dir().join(name));
    for directory in &directories {
        std::fs::set_permissions(directory, PermissionsExt::from_mode(0o777)).unwrap();
    }
    let second = TestDaemon::start().with_home(&home).with_private_postgres().await;
    for directory in &directories {
        assert_eq!(std::fs::metadata(directory).unwrap().mode() & 0o777, 0o700, "{}", directory.display());
    }
    assert!(second.log().contains("was open to others (mode 0777), now it is 0700"), "{}", second.log());
}

#[tokio::test]
async fn a_read_only_directory_is_refused_with_the_remedy() {
    let home = Home::new();
    std::fs::create_dir(home.data_dir()).unwrap();
    std::fs::set_permissions(home.data_dir(), PermissionsExt::from_mode(0o555)).unwrap();
    let failed = TestDaemon::start().with_home(&home).fail().await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stderr.contains("read-only") && failed.stderr.contains("--data-dir"), "{}", failed.stderr);
}
