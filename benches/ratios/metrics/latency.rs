//! 3: a shell command from request to its visible end, idle. 12: from request to start, idle.

use crate::{
    anchor,
    daemon::Daemon,
    http,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use std::{
    io::BufRead,
    time::{Duration, Instant},
};

const SAMPLES: usize = 60;
/// Long enough for the machine's cores to doze off.
const IDLE: Duration = Duration::from_millis(30);

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    anchor::prepare(&postgres)?;
    let daemon = Daemon::start(&postgres.url("st2"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut session = runtime.block_on(Session::open(&postgres.url("anchor")))?;
    let (mut ends, mut starts, mut whole, mut begun) = (vec![], vec![], vec![], vec![]);
    let (mut bare, mut notified) = (vec![], vec![]);
    for _ in 0..pairs {
        bare.push(samples(|| {
            let begin = Instant::now();
            runtime.block_on(session.insert())?;
            anchor::shell();
            runtime.block_on(session.insert())?;
            Ok(begin.elapsed())
        })?);
        whole.push(to_end(&daemon)?);
        ends.push(whole[whole.len() - 1] / bare[bare.len() - 1]);
        notified.push(samples(|| {
            let begin = Instant::now();
            runtime.block_on(session.insert_and_hear())?;
            Ok(begin.elapsed())
        })?);
        begun.push(to_start(&daemon)?);
        starts.push(begun[begun.len() - 1] / notified[notified.len() - 1]);
    }
    // A listener says goodbye in a task, so it must go while the runtime runs.
    runtime.block_on(async { drop(session) });
    let ms = |values: &[f64]| median(values) * 1000.0;
    Ok(vec![
        Row {
            number: "3",
            what: "core.local cmd=true, request to visible end ÷ bare shell + 2 inserts",
            values: ends,
            goal: Goal::AtMost(3.0),
            stretch: 1.8,
            note: format!("{:.2} ms against {:.2} ms", ms(&whole), ms(&bare)),
        },
        Row {
            number: "12",
            what: "request to running ÷ insert + NOTIFY round trip, idle",
            values: starts,
            goal: Goal::AtMost(3.0),
            stretch: 1.5,
            note: format!("{:.2} ms against {:.2} ms", ms(&begun), ms(&notified)),
        },
    ])
}

fn samples(mut one: impl FnMut() -> anyhow::Result<Duration>) -> anyhow::Result<f64> {
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        std::thread::sleep(IDLE);
        times.push(one()?.as_secs_f64());
    }
    Ok(median(&times))
}

/// Until a GET shows the end.
fn to_end(daemon: &Daemon) -> anyhow::Result<f64> {
    let mut client = daemon.client()?;
    samples(|| {
        let begin = Instant::now();
        let id = http::post(&mut client, r#"{"action":"core.local","parameters":{"cmd":"true"}}"#)?;
        http::wait(&mut client, &id)?;
        Ok(begin.elapsed())
    })
}

/// Until a stream client hears that it runs.
fn to_start(daemon: &Daemon) -> anyhow::Result<f64> {
    let mut client = daemon.client()?;
    let mut stream = daemon.client()?.stream("/stream/v1/stream?events=st2.execution__update")?;
    samples(|| {
        let begin = Instant::now();
        http::fire(&mut client, r#"{"action":"core.noop"}"#)?;
        let mut heard = None;
        let mut line = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            if line.contains(r#""status":"running""#) {
                heard.get_or_insert_with(|| begin.elapsed());
            }
            if line.contains(r#""status":"succeeded""#) {
                return heard.ok_or_else(|| anyhow::anyhow!("it ended without running"));
            }
        }
    })
}

struct Session {
    connection: sqlx::PgConnection,
    listener: sqlx::postgres::PgListener,
}

impl Session {
    async fn open(url: &str) -> anyhow::Result<Self> {
        let connection = <sqlx::PgConnection as sqlx::Connection>::connect(url).await?;
        let mut listener = sqlx::postgres::PgListener::connect(url).await?;
        listener.listen("bench").await?;
        Ok(Self { connection, listener })
    }

    async fn insert(&mut self) -> anyhow::Result<()> {
        sqlx::query(crate::anchor::ONE_INSERT).execute(&mut self.connection).await?;
        Ok(())
    }

    async fn insert_and_hear(&mut self) -> anyhow::Result<()> {
        sqlx::query("WITH i AS (INSERT INTO runs (key) VALUES (1)) SELECT pg_notify('bench', '')")
            .execute(&mut self.connection)
            .await?;
        self.listener.recv().await?;
        Ok(())
    }
}
