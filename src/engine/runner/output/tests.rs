//! Capturing real processes.

use super::*;
use crate::bus::Received;
use crate::model::{
    Action, ActionId, ExecutionStatus, LiveActionId, NewAction, RunnerType, RunnerTypeId, Snapshot,
};
use std::{process::Stdio, time::Instant};
use tokio::process::{Child, Command};

/// Keeps chunks; counts only, if they are many.
#[derive(Default)]
struct Memory {
    chunks: parking_lot::Mutex<Vec<OutputChunk>>,
    bytes: std::sync::atomic::AtomicUsize,
    counts_only: bool,
}

impl OutputStore for Memory {
    fn store(&self, chunk: OutputChunk) -> BoxFuture<'_, ()> {
        self.bytes.fetch_add(chunk.data.len(), std::sync::atomic::Ordering::Relaxed);
        if !self.counts_only {
            self.chunks.lock().push(chunk);
        }
        Box::pin(std::future::ready(()))
    }
}

const LIMITS: Limits = Limits { stored: 256 << 20, result: 16 << 20 };

fn execution() -> Execution {
    let spec = NewAction { pack: "core".to_owned(), name: "local".to_owned(), ..NewAction::default() };
    let runner = RunnerType {
        id: RunnerTypeId::generate(),
        name: "local-shell-cmd".to_owned(),
        description: String::new(),
        enabled: true,
        runner_package: String::new(),
        runner_module: String::new(),
        runner_parameters: serde_json::Map::new(),
        output_key: None,
        output_schema: serde_json::Value::Null,
    };
    Execution {
        id: ExecutionId::generate(),
        liveaction_id: LiveActionId::generate(),
        status: ExecutionStatus::Running,
        snapshot: Arc::new(Snapshot::new(
            1,
            Arc::new(Action { id: ActionId::generate(), spec }),
            Arc::new(runner),
        )),
        parameters: Arc::default(),
        context: Arc::default(),
        notify: Arc::default(),
        callback: Arc::default(),
        delay_ms: 0,
        parent: None,
        children: Vec::new(),
        runner_info: None,
        result: None,
        end: None,
        log: Vec::new(),
        origin: crate::model::Origin::default(),
        holder: None,
    }
}

fn shell(line: &str) -> Child {
    Command::new("bash")
        .args(["-c", line])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs a command line to its end, as a runner does.
async fn run(line: &str, memory: &Arc<Memory>, limits: Limits, grace: Duration) -> Captured {
    let sink = Sink::to(memory.clone(), Bus::default(), &execution(), limits);
    let mut child = shell(line);
    let capture = Capture::start(child.stdout.take(), child.stderr.take(), &sink);
    child.wait().await.unwrap();
    capture.finish(grace).await
}

/// What was stored, and that it is numbered without a gap.
fn stored(memory: &Memory) -> Vec<u8> {
    let (mut bytes, mut lines, mut data) = (0, 0, Vec::new());
    for chunk in memory.chunks.lock().iter() {
        assert_eq!((chunk.byte_from, chunk.line_from), (bytes, lines));
        assert_eq!(chunk.line_ends.last().copied(), Some(chunk.data.len() as i32));
        assert_eq!(chunk.line_ends.len(), chunk.line_kinds.len());
        assert_eq!(chunk.line_ends.len(), chunk.line_stamps.len());
        bytes += chunk.data.len() as i64;
        lines += chunk.line_ends.len() as i64;
        data.extend_from_slice(&chunk.data);
    }
    data
}

#[tokio::test]
async fn both_streams_reach_the_store_and_the_result() {
    let memory = Arc::new(Memory::default());
    let captured =
        run(r"printf 'a\nb'; printf 'e\0\xff\n' >&2", &memory, LIMITS, Duration::from_secs(5)).await;
    assert_eq!(captured, Captured { stdout: "a\nb".to_owned(), stderr: "e\0\u{fffd}\n".to_owned() });
    let mut data = stored(&memory);
    data.sort_unstable();
    assert_eq!(data, b"\0\n\nabe\xff");
}

#[tokio::test]
async fn lines_are_told_at_once_and_numbered_as_they_are_stored() {
    let memory = Arc::new(Memory::default());
    let bus = Bus::default();
    let mut heard = bus.subscribe();
    let sink = Sink::to(memory.clone(), bus, &execution(), LIMITS);
    let mut child = shell("echo one; read -r; echo two");
    let capture = Capture::start(child.stdout.take(), child.stderr.take(), &sink);
    let Some(Received::Event(Event::Output(first))) = heard.next().await else { panic!("no line") };
    assert_eq!((first.line, &first.data[..]), (0, &b"one\n"[..]));
    // The process still runs: what was printed must be stored all the same.
    while memory.chunks.lock().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.unwrap();
    assert_eq!(capture.finish(Duration::from_secs(5)).await.stdout, "one\n");
    sink.line(OutputKind::Output, "done\n").await;
    let Some(Received::Event(Event::Output(last))) = heard.next().await else { panic!("no line") };
    assert_eq!((last.line, last.kind), (1, OutputKind::Output));
    assert_eq!(stored(&memory), b"one\ndone\n");
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipe_is_not_waited_for() {
    let begin = Instant::now();
    let memory = Arc::new(Memory::default());
    let captured = run("echo here; sleep 5 &", &memory, LIMITS, Duration::from_millis(200)).await;
    assert_eq!(captured.stdout, "here\n");
    assert!(begin.elapsed() < Duration::from_secs(3));
    assert_eq!(stored(&memory), b"here\n");
}

#[tokio::test]
async fn a_flood_and_an_endless_line_run_in_bounded_memory() {
    let memory = Arc::new(Memory { counts_only: true, ..Memory::default() });
    let limits = Limits { stored: 60 << 20, result: 4 << 20 };
    let line = "head -c 50000000 /dev/zero | tr '\\0' x; echo; yes 0123456789 | head -c 50000000";
    let captured = run(line, &memory, limits, Duration::from_secs(30)).await;
    assert!(captured.stdout.len() < (2 << 20) + 100 && captured.stdout.contains("bytes left out ..."));
    assert!(captured.stdout.starts_with("xxx") && captured.stdout.trim_end().ends_with("\n012345"));
    let bytes = memory.bytes.load(std::sync::atomic::Ordering::Relaxed);
    assert!(bytes <= (60 << 20) + TAIL + 200 && bytes > (60 << 20) - lines::LONGEST, "{bytes}");
}

#[tokio::test]
async fn too_much_output_is_stored_as_head_and_tail_with_marks() {
    let memory = Arc::new(Memory::default());
    let limits = Limits { stored: 1000, result: 1 << 20 };
    run("for i in $(seq 1 30000); do echo line $i; done", &memory, limits, Duration::from_secs(30)).await;
    let text = String::from_utf8(stored(&memory)).unwrap();
    assert!(text.starts_with("line 1\n") && text.ends_with("line 30000\n"));
    assert!(
        text.contains("[st2: output above 1000 bytes is left out; its end follows]\n[st2: "),
        "{}",
        &text[..1200]
    );
    assert!(text.len() < 1000 + TAIL + 200);
}

#[tokio::test]
async fn a_slow_store_slows_the_action_down() {
    struct Slow(parking_lot::Mutex<usize>, tokio::sync::Semaphore);
    impl OutputStore for Slow {
        fn store(&self, chunk: OutputChunk) -> BoxFuture<'_, ()> {
            Box::pin(async move {
                self.1.acquire().await.unwrap().forget();
                *self.0.lock() += chunk.data.len();
            })
        }
    }
    let slow = Arc::new(Slow(parking_lot::Mutex::new(0), tokio::sync::Semaphore::new(0)));
    let sink = Sink::to(slow.clone(), Bus::default(), &execution(), LIMITS);
    let mut child = shell("yes | head -c 1000000");
    let capture = Capture::start(child.stdout.take(), child.stderr.take(), &sink);
    let stuck = tokio::time::timeout(Duration::from_millis(200), child.wait()).await;
    assert!(stuck.is_err(), "it could print a megabyte although nobody took it");
    slow.1.add_permits(1_000_000);
    child.wait().await.unwrap();
    assert_eq!(capture.finish(Duration::from_secs(5)).await.stdout.len(), 1_000_000);
    assert_eq!(*slow.0.lock(), 1_000_000);
}
