//! The least HTTP client that keeps a connection: the load must cost less than what it loads.

use anyhow::{Context, bail};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    key: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: &str, key: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), key: key.to_owned() })
    }

    pub(crate) fn request(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Answer> {
        let text = text(method, path, &self.key, body);
        self.stream.get_mut().write_all(text.as_bytes())?;
        let (status, length) = self.head()?;
        let mut body = vec![0; length.context("no length")?];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, body })
    }

    /// Begins a GET whose answer does not end; what follows is read line by line.
    pub(crate) fn stream(mut self, path: &str) -> anyhow::Result<BufReader<TcpStream>> {
        let text = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nSt2-Api-Key: {}\r\n\r\n", self.key);
        self.stream.get_mut().write_all(text.as_bytes())?;
        let (status, _) = self.head()?;
        if status != 200 {
            bail!("the stream answered {status}");
        }
        Ok(self.stream)
    }

    fn head(&mut self) -> anyhow::Result<(u16, Option<usize>)> {
        let (mut status, mut length) = (0, None);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                return Ok((status, length));
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = code(rest)?;
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse()?);
            }
        }
    }
}

/// A whole request.
pub(crate) fn text(method: &str, path: &str, key: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: bench\r\nSt2-Api-Key: {key}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The status of an answer.
pub(crate) fn status(answer: &[u8]) -> anyhow::Result<u16> {
    let line = std::str::from_utf8(answer.get(..12).context("short answer")?)?;
    code(line.strip_prefix("HTTP/1.1 ").context("no HTTP/1.1")?)
}

fn code(rest: &str) -> anyhow::Result<u16> {
    Ok(rest.get(..3).context("short status line")?.parse()?)
}

/// Requests an action; answers the execution's id.
pub(crate) fn post(client: &mut Client, body: &str) -> anyhow::Result<String> {
    let answer = client.request("POST", "/v1/executions", body)?;
    if answer.status != 201 {
        bail!("POST /executions: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    let document: serde_json::Value = serde_json::from_slice(&answer.body)?;
    Ok(document["id"].as_str().context("no id")?.to_owned())
}

/// Requests an action and throws the answer away: for loads where reading it would cost more than making it.
pub(crate) fn fire(client: &mut Client, body: &str) -> anyhow::Result<()> {
    let answer = client.request("POST", "/v1/executions", body)?;
    if answer.status != 201 {
        bail!("POST /executions: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(())
}

/// Polls an execution until it has ended; answers it.
pub(crate) fn wait(client: &mut Client, id: &str) -> anyhow::Result<serde_json::Value> {
    loop {
        let answer = client.request("GET", &format!("/v1/executions/{id}"), "")?;
        let document: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let status = document["status"].as_str().unwrap_or_default();
        if ["succeeded", "failed", "timeout", "canceled", "abandoned"].contains(&status) {
            return Ok(document);
        }
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}
