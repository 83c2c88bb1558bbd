//! Being told to stop, and being in a bad place.

use crate::support::{daemon::TestDaemon, processes::signal};
use nix::sys::signal::Signal;

#[tokio::test(flavor = "multi_thread")]
async fn every_signal_to_end_is_a_stop_in_order() {
    for name in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let st2 = TestDaemon::start().await;
        signal(st2.pid(), name);
        let status = st2.ended().await;
        assert_eq!(status.code(), Some(0), "{name}");
    }
}

#[tokio::test]
async fn a_log_nobody_reads_does_not_stop_the_daemon() {
    let st2 = TestDaemon::start().with_stuck_log_reader().await;
    // A line each, of more than 200 bytes: many times what a pipe holds.
    for _ in 0..3_000 {
        st2.get("/v1/user").await.expect(200);
    }
}
