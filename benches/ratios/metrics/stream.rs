//! 13: events delivered per second to many stream clients.

use crate::{
    daemon::Daemon,
    http,
    postgres::Postgres,
    report::{Goal, Row, median},
};
use actix_web::{App, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::broadcast,
};

/// Events of one round; each is about 300 bytes, as a line of output is on the stream.
const EVENTS: usize = 3_000;

pub(crate) fn run(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let postgres = Postgres::start()?;
    let daemon = Daemon::start(&postgres.url("st2"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for (clients, what) in [
        (100, "stream deliveries/s, 100 clients ÷ bare actix broadcast"),
        (500, "stream deliveries/s, 500 clients ÷ bare actix broadcast"),
    ] {
        let (mut ratios, mut ours, mut bare) = (vec![], vec![], vec![]);
        for _ in 0..pairs {
            bare.push(runtime.block_on(anchor(clients))?);
            ours.push(subject(&runtime, &daemon, clients)?);
            ratios.push(ours[ours.len() - 1] / bare[bare.len() - 1]);
        }
        rows.push(Row {
            number: "13",
            what,
            values: ratios,
            goal: Goal::AtLeast(0.5),
            stretch: 0.8,
            note: format!("{:.0}/s against {:.0}/s", median(&ours), median(&bare)),
        });
    }
    Ok(rows)
}

/// What the least server does with the same number of events of the same size.
async fn anchor(clients: usize) -> anyhow::Result<f64> {
    let (sender, _) = broadcast::channel::<Bytes>(8192);
    let shared = web::Data::new(sender.clone());
    let server = HttpServer::new(move || {
        App::new().app_data(shared.clone()).route(
            "/",
            web::get().to(async |sender: web::Data<broadcast::Sender<Bytes>>| {
                let events = tokio_stream::wrappers::BroadcastStream::new(sender.subscribe());
                let chunks = events.ready_chunks(64).map(|events| {
                    let joined: Vec<u8> =
                        events.into_iter().flatten().flat_map(|bytes| bytes.to_vec()).collect();
                    Ok::<_, std::convert::Infallible>(Bytes::from(joined))
                });
                HttpResponse::Ok().content_type("text/event-stream").streaming(chunks)
            }),
        )
    })
    .workers(2)
    .disable_signals()
    .bind("127.0.0.1:0")?;
    let address = server.addrs()[0].to_string();
    let server = server.run();
    let handle = server.handle();
    let served = std::thread::spawn(move || actix_web::rt::System::new().block_on(server));
    let event = Bytes::from(format!("event: bench\ndata: {}\n\n", "x".repeat(280)));
    let emit = async {
        while sender.receiver_count() < clients {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for n in 0..EVENTS {
            let _ = sender.send(event.clone());
            if n % 64 == 0 {
                tokio::task::yield_now().await;
            }
        }
    };
    let expected = EVENTS * event.len();
    let rate = deliveries(&address, "/", "", clients, Count::Bytes(expected), emit).await?;
    handle.stop(false).await;
    served.join().expect("the anchor panicked")?;
    Ok(rate)
}

fn subject(runtime: &tokio::runtime::Runtime, daemon: &Daemon, clients: usize) -> anyhow::Result<f64> {
    let line = "x".repeat(64);
    // Waits until all clients listen, then prints at once.
    let command = format!("yes {line} | head -n {EVENTS}; echo end-of-bench");
    let body = json!({"action": "core.local", "parameters": {"cmd": command}}).to_string();
    let mut client = daemon.client()?;
    let emit = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        http::fire(&mut client, &body)
    };
    let path = "/stream/v1/stream?events=st2.execution.output__create";
    runtime.block_on(deliveries(
        &daemon.address,
        path,
        &daemon.key,
        clients,
        Count::Until("end-of-bench"),
        async {
            let _ = emit.await;
        },
    ))
}

#[derive(Clone, Copy)]
enum Count {
    Bytes(usize),
    Until(&'static str),
}

/// Deliveries per second from the first event to the moment the last client has all.
async fn deliveries(
    address: &str,
    path: &str,
    key: &str,
    clients: usize,
    until: Count,
    emit: impl Future<Output = ()>,
) -> anyhow::Result<f64> {
    let mut readers = Vec::new();
    for _ in 0..clients {
        let mut stream = TcpStream::connect(address).await?;
        let text = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nSt2-Api-Key: {key}\r\n\r\n");
        stream.write_all(text.as_bytes()).await?;
        readers.push(async move {
            let mut buffer = vec![0; 256 * 1024];
            let (mut total, mut first) = (0, None);
            let mut tail: Vec<u8> = Vec::new();
            loop {
                let read = stream.read(&mut buffer).await.unwrap_or(0);
                if read == 0 {
                    return (first, Instant::now());
                }
                // The head of the answer and a heartbeat are small; events come in thousands.
                total += read;
                if total > 2000 {
                    first.get_or_insert_with(Instant::now);
                }
                let done = match until {
                    Count::Bytes(bytes) => total >= bytes,
                    Count::Until(word) => {
                        tail.extend_from_slice(&buffer[..read]);
                        let cut = tail.len().saturating_sub(600);
                        tail.drain(..cut);
                        tail.windows(word.len()).any(|window| window == word.as_bytes())
                    }
                };
                if done {
                    return (first, Instant::now());
                }
            }
        });
    }
    let (ends, ()) = tokio::join!(futures_util::future::join_all(readers), emit);
    let first = ends.iter().filter_map(|(first, _)| *first).min();
    let last = ends.iter().map(|(_, last)| *last).max();
    let (Some(first), Some(last)) = (first, last) else { anyhow::bail!("no events arrived") };
    Ok((clients * EVENTS) as f64 / (last - first).as_secs_f64())
}
