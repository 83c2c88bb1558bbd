//! `st2` against servers that misbehave, or behave in ways that are hard to get from a real one.

use super::st2::{Ran, St2};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
};

/// One answer, as it goes over the wire, and whether the connection is closed behind it.
struct Answer {
    bytes: Vec<u8>,
    close: bool,
}

fn json(status: &str, body: &str) -> Answer {
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    Answer { bytes: text.into_bytes(), close: false }
}

fn raw(text: &str) -> Answer {
    Answer { bytes: text.as_bytes().to_vec(), close: true }
}

/// A request as it arrived: its first line, its headers, its body.
#[derive(Debug)]
struct Request {
    line: String,
    headers: String,
    body: String,
}

/// A server on a port of its own that answers by `answer`.
struct Server {
    port: u16,
    requests: Receiver<Request>,
}

impl Server {
    fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + Clone + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, answer) = (sender.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some(request) = receive(&mut reader) {
                        let answer = answer(&request);
                        let _ = sender.send(request);
                        if reader.get_mut().write_all(&answer.bytes).is_err() || answer.close {
                            return;
                        }
                    }
                });
            }
        });
        Self { port, requests }
    }

    fn st2(&self) -> St2 {
        let root = format!("http://127.0.0.1:{}", self.port);
        St2::new()
            .env("ST2_API_URL", &format!("{root}/v1"))
            .env("ST2_AUTH_URL", &root)
            .env("ST2_STREAM_URL", &format!("{root}/stream"))
    }

    fn run(&self, argv: &[&str]) -> Ran {
        self.st2().run(argv)
    }

    fn lines(&self) -> Vec<String> {
        self.requests.try_iter().map(|request| request.line).collect()
    }
}

fn receive(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = String::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        headers.push_str(&header.to_lowercase());
    }
    let length =
        headers.lines().find_map(|header| header.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
    Some(Request { line, headers, body: String::from_utf8(body).unwrap() })
}

#[test]
fn nobody_there_is_told_with_what_to_do() {
    let ran = St2::new().env("ST2_API_URL", "http://127.0.0.1:1/v1").run(&["action", "list"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("ERROR: cannot connect to http://127.0.0.1:1: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("connection refused. Is st2d running there?"), "{}", ran.stdout);
    // A missing server is not a missing object.
    let ran = St2::new().env("ST2_API_URL", "http://127.0.0.1:1/v1").run(&["action", "get", "core.local"]);
    assert!(ran.stdout.contains("cannot connect"), "{}", ran.stdout);
}

#[test]
fn errors_of_the_server_are_quoted() {
    let server = Server::start(|_| json("503 Service Unavailable", r#"{"faultstring": "starting"}"#));
    let ran = server.run(&["rule", "list"]);
    assert_eq!(ran.code, 1);
    let url = format!("http://127.0.0.1:{}/v1/rules/", server.port);
    assert!(
        ran.stdout.starts_with("ERROR: 503 Server Error: Service Unavailable\nMESSAGE: starting for url: "),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains(&url) && ran.stdout.contains("try again in a moment"), "{}", ran.stdout);
    let server = Server::start(|_| raw("HTTP/1.1 200 OK\r\n\r\n<html>not ours</html>"));
    let ran = server.run(&["rule", "list"]);
    assert!(ran.stdout.contains("did not answer with JSON"), "{}", ran.stdout);
    let server = Server::start(|_| raw("SSH-2.0-OpenSSH_9.2\r\n"));
    assert!(server.run(&["rule", "list"]).stdout.contains("the answer is not HTTP"));
}

#[test]
fn bodies_come_in_chunks_and_connections_are_used_again() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[{\"\r\n11;x=y\r\nname\": \"k\", \"valu\r\nf\r\ne\": \"v\", \"x\":1}\r\n1\r\n]\r\n0\r\nTrailer: x\r\n\r\n";
    let server = Server::start(move |request| {
        if request.line.starts_with("GET") {
            Answer { bytes: chunked.as_bytes().to_vec(), close: false }
        } else {
            raw("HTTP/1.1 204 No Content\r\n\r\n")
        }
    });
    let text = server.run(&["key", "delete_by_prefix", "-p", "k"]).ok();
    assert_eq!(text, "Deleted 1 keys\nDeleted key ids: k\n");
    assert_eq!(server.lines(), ["GET /v1/keys?prefix=k", "DELETE /v1/keys/k"]);
}

#[test]
fn a_connection_closed_meanwhile_is_made_anew() {
    // The first answer keeps the connection by what it says, and closes it all the same.
    let server = Server::start(|request| match request.line.as_str() {
        "GET /v1/rules/p.r" => Answer {
            close: true,
            ..json(
                "200 OK",
                r#"{"id": "1", "ref": "p.r", "enabled": false, "criteria": {"a": 1.0, "n": 123456789012345678901}}"#,
            )
        },
        _ => json("200 OK", r#"{"id": "1", "enabled": true}"#),
    });
    let text = server.run(&["rule", "enable", "p.r", "-j"]).ok();
    assert_eq!(text, "{\n    \"enabled\": true,\n    \"id\": \"1\"\n}\n");
    let requests: Vec<Request> = server.requests.try_iter().collect();
    // Numbers go back as they came.
    let body = r#"{"id":"1","enabled":true,"criteria":{"a":1.0,"n":123456789012345678901}}"#;
    assert_eq!((requests[1].line.as_str(), requests[1].body.as_str()), ("PUT /v1/rules/1", body));
}

#[test]
fn redirects_are_followed() {
    let server = Server::start(|request| match request.line.as_str() {
        "GET /v1/actions/a.b" => raw("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"),
        _ => json("200 OK", r#"{"id": "1"}"#),
    });
    assert!(server.run(&["action", "get", "a.b", "-j"]).ok().contains("\"id\": \"1\""));
}

#[test]
fn a_stream_is_followed_until_the_end_of_the_execution() {
    let events = [
        r#"{"id": "0f", "status": "running", "context": {}}"#,
        r#"{"execution_id": "0f", "output_type": "stdout", "data": "one\n"}"#,
        r#"{"execution_id": "other", "output_type": "stdout", "data": "not ours\n"}"#,
        r#"{"execution_id": "0f", "output_type": "stderr", "data": "two\n"}"#,
        r#"{"id": "0f", "status": "succeeded", "context": {}}"#,
        r#"{"execution_id": "0f", "output_type": "stdout", "data": "too late\n"}"#,
    ];
    let stream: String = events.iter().flat_map(|event| ["event: x\ndata: ", event, "\n\n"]).collect();
    let server = Server::start(move |request| {
        if request.line.starts_with("GET /stream/stream?") {
            raw(&format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n\n{stream}"))
        } else if request.line.starts_with("POST") {
            json("201 Created", r#"{"id": "0f", "status": "requested"}"#)
        } else {
            json(
                "200 OK",
                r#"{"id": "0f", "status": "succeeded", "action": {"ref": "core.local"}, "result": {"stdout": "one"}}"#,
            )
        }
    });
    let st2 = server.st2().env("ST2_API_KEY", "k&y");
    let text = st2.run(&["run", "core.local", "--tail"]).ok();
    let head = "Tailing execution \"0f\"\nExecution 0f has started.\n\none\ntwo\n\nExecution 0f has completed (status=succeeded).\n\nid: 0f\naction.ref: core.local\n";
    assert!(text.starts_with(head), "{text}");
    let lines = server.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    // The stream is there before the request, or the first events would be missed.
    assert!(lines[0].starts_with("GET /stream/stream?st2-api-key=k%26y&events="), "{lines:?}");
    assert_eq!(lines[1], "POST /v1/executions");
}

#[test]
fn the_configured_user_is_logged_in_once() {
    let server = Server::start(|request| match request.line.as_str() {
        "POST /tokens" => {
            json("201 Created", r#"{"user": "ann", "token": "t0ken", "expiry": "2999-01-01T00:00:00Z"}"#)
        }
        _ => json("200 OK", "[]"),
    });
    let st2 = server.st2();
    let folder = st2.home().join(".st2");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config"), "[credentials]\nusername = ann\npassword = s%cret\n").unwrap();
    st2.run(&["role", "list"]).ok();
    st2.run(&["role", "list"]).ok();
    let requests: Vec<Request> = server.requests.try_iter().collect();
    let lines: Vec<&str> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(lines, ["POST /tokens", "GET /v1/rbac/roles/", "GET /v1/rbac/roles/"]);
    // Headers are in lower case here, and so is the text of user and password.
    assert!(requests[0].headers.contains("authorization: basic yw5uonmly3jlda=="), "{}", requests[0].headers);
    assert!(requests[2].headers.contains("x-auth-token: t0ken"), "{}", requests[2].headers);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(folder.join("token-ann")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o660);
}
