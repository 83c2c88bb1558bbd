//! Sensors that fail in every way, and what is left of them.

use super::{SOON, Source, enable, process, put, running, starting, wait_for, wait_for_sent};
use crate::support::processes::{Process, eventually, signal};
use nix::sys::signal::Signal;
use serde_json::json;

const CRASHER: Source = Source {
    name: "Crasher",
    enabled: true,
    code: "
class Crasher(Base):
    def run(self):
        raise RuntimeError('broken')
",
};

#[tokio::test(flavor = "multi_thread")]
async fn one_that_crashes_at_once_is_tried_for_ever_and_says_why() {
    let (starting, home) = starting(&[CRASHER]);
    let st2 = starting.await;
    // StackStorm gives up after three.
    let now = wait_for(&st2, "Crasher", |now| now["failures"].as_i64() > Some(4)).await;
    let now = if now["state"] == "failing" {
        now
    } else {
        wait_for(&st2, "Crasher", |now| now["state"] == "failing").await
    };
    assert_eq!(now["exit_code"], 1, "{now:#}");
    assert!(now["last_error"].as_str().unwrap().contains("RuntimeError: broken"), "{now:#}");
    assert!(now["log"].to_string().contains("RuntimeError: broken"), "{now:#}");
    assert!(now["retry_at"].is_string() && now["pid"].is_null(), "{now:#}");
    assert!(st2.log().contains("Sensor sen.Crasher failed"), "{}", st2.log());
    // Mended, it runs at once.
    put(&home, &Source { code: "class Crasher(Base): pass\n", ..CRASHER });
    st2.post("/v1/packs/register", json!({"packs": ["sen"]})).await.expect(200);
    running(&st2, "Crasher").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_files_and_virtualenvs_are_named() {
    let none =
        Source { name: "None", enabled: true, code: "import no_such_module\nclass None_(Base): pass\n" };
    let (starting, home) = starting(&[none]);
    let st2 = starting.await;
    let has_error = async |words: &str| {
        wait_for(&st2, "None", |now| now["last_error"].as_str().is_some_and(|error| error.contains(words)))
            .await;
    };
    has_error("No module named 'no_such_module'").await;
    std::fs::rename(home.data_dir().join("virtualenvs/sen"), home.data_dir().join("away")).unwrap();
    has_error("The virtual environment").await;
    std::fs::rename(home.data_dir().join("away"), home.data_dir().join("virtualenvs/sen")).unwrap();
    std::fs::remove_file(home.data_dir().join("packs/sen/sensors/None.py")).unwrap();
    has_error("None.py does not exist").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_by_itself_is_not_started_again() {
    let code = "class Done(Base):\n    def run(self): print('done')\n";
    let st2 = starting(&[Source { name: "Done", enabled: true, code }]).0.await;
    let now = wait_for(&st2, "Done", |now| now["state"] == "finished").await;
    assert_eq!(now["failures"], 0, "{now:#}");
    assert_eq!(wait_for_sent(&st2, "core.st2.sensor.process_spawn", 1).await.len(), 1);
    // Until somebody wants it.
    enable(&st2, "Done", false).await;
    eventually("it is gone", SOON, async || process(&st2, "Done").await.is_null().then_some(())).await;
    enable(&st2, "Done", true).await;
    wait_for_sent(&st2, "core.st2.sensor.process_spawn", 2).await;
}

/// Ignores what it is asked, hangs in setup, and has a child in a session of its own.
const DEAF: Source = Source {
    name: "Deaf",
    enabled: true,
    code: "
class Deaf(Base):
    def setup(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(['sleep', '4302'], start_new_session=True)
        print('child', child.pid, flush=True)
        threading.Event().wait()
",
};

async fn deaf(st2: &crate::support::daemon::TestDaemon) -> [Process; 2] {
    let now = wait_for(st2, "Deaf", |now| now["log"].to_string().contains("child ")).await;
    assert_eq!(now["state"], "starting", "{now:#}");
    let child = now["log"].as_array().unwrap().iter().find_map(|line| line.as_str()?.strip_prefix("child "));
    [now["pid"].as_i64().unwrap() as i32, child.unwrap().parse().unwrap()]
        .map(|pid| Process::find(pid).expect("it lives"))
}

async fn gone(processes: &[Process]) {
    eventually("nothing is left", SOON, async || {
        processes.iter().all(|process| !process.is_alive()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_in_setup_and_ignores_signals_is_ended_with_its_children() {
    let st2 = starting(&[DEAF]).0.await;
    let processes = deaf(&st2).await;
    enable(&st2, "Deaf", false).await;
    gone(&processes).await;
    enable(&st2, "Deaf", true).await;
    let processes = deaf(&st2).await;
    st2.stop().await;
    gone(&processes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_a_daemon_that_was_killed() {
    let quiet = Source { name: "Quiet", enabled: true, code: "class Quiet(Base): pass\n" };
    let (starting, home) = starting(&[DEAF, quiet]);
    let mut st2 = starting.await;
    let [deaf, child] = deaf(&st2).await;
    let quiet = Process::find(running(&st2, "Quiet").await).unwrap();
    st2.kill();
    gone(&[deaf, quiet]).await;
    // What has left the sensor's group is ended by the next daemon.
    let config = "sensorcontainer.enable = false";
    let (_, database) = st2.ended_with_database().await;
    let next = crate::support::daemon::TestDaemon::start()
        .with_home(&home)
        .with_database(database)
        .with_config(config)
        .await;
    gone(&[child]).await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_is_started_again() {
    let code = "class Victim(Base): pass\n";
    let st2 = starting(&[Source { name: "Victim", enabled: true, code }]).0.await;
    let first = running(&st2, "Victim").await;
    signal(first, Signal::SIGKILL);
    let now = wait_for(&st2, "Victim", |now| now["state"] == "running" && now["pid"] != json!(first)).await;
    assert_eq!(now["failures"], 1, "{now:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_every_descriptor_harms_nobody_else() {
    let code = "
class Garbage(Base):
    def run(self):
        for fd in (1, 2):
            os.write(fd, os.urandom(20000))
        os.write(200, b'\\xff' * 64)
        super().run()
";
    let quiet = Source { name: "Quiet", enabled: true, code: "class Quiet(Base): pass\n" };
    let st2 = starting(&[Source { name: "Garbage", enabled: true, code }, quiet]).0.await;
    let now = wait_for(&st2, "Garbage", |now| now["last_error"].is_string()).await;
    assert!(now["last_error"].as_str().unwrap().contains("it sent a frame of 4294967295 bytes"), "{now:#}");
    running(&st2, "Quiet").await;
}
