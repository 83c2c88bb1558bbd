//! A host that speaks WS-Management as far as running commands takes it: shells, commands, logins, faults.
//!
//! It knows no Windows. A test says what a command prints; scripts of PowerShell that only move files are understood
//! by their words.

use super::site::{Asked, Reply, Site, reply};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use md4::{Digest, Md4};
use rc4::{Rc4, StreamCipher};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

/// Who may log in, at the host or in the domain `CORP`.
pub(crate) const USER: &str = "Adm\u{ef}n";
pub(crate) const PASSWORD: &str = "S\u{e9}same & <open>";

const SESSION: &str = "application/HTTP-SPNEGO-session-encrypted";

/// What a command does.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    /// Prints in pieces, one for each question, then ends with this code.
    Prints(Vec<(&'static str, Vec<u8>)>, u32),
    /// Prints this; then says once that there is nothing yet, and then nothing for ever.
    Hangs(&'static [u8]),
    /// Says so when it is asked.
    Faults(&'static str, u64),
    /// The connection is cut when it is asked.
    Breaks,
    /// Never answers.
    Sleeps,
}

/// Prints this to stdout and succeeds.
pub(crate) fn prints(text: &str) -> Does {
    Does::Prints(vec![("stdout", text.as_bytes().to_vec())], 0)
}

/// How the host wants to be logged in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Basic,
    /// With messages sealed after it.
    Ntlm,
    /// As it is behind TLS.
    NtlmUnsealed,
}

/// What happened at the host.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Actions in their order: `Create`, `Command`, `Receive`, `Signal`, `Delete`.
    pub(crate) actions: Vec<String>,
    /// Command lines; what PowerShell was given is shown decoded, after `ps: `.
    pub(crate) lines: Vec<String>,
    /// Bodies of the messages that made shells.
    pub(crate) shells: Vec<String>,
    /// Shells that nobody took away.
    pub(crate) open: BTreeSet<String>,
    /// Files by path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    running: BTreeMap<String, Does>,
    lines_logged_in: BTreeMap<usize, Connection>,
    count: usize,
}

type Behaviour = Arc<dyn Fn(&str) -> Does + Send + Sync>;

/// The host.
pub(crate) struct Windows {
    pub(crate) site: Site,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Windows {
    /// A host whose commands do what `behaviour` says.
    pub(crate) async fn start(
        login: Login,
        behaviour: impl Fn(&str) -> Does + Send + Sync + 'static,
    ) -> Self {
        let (seen, answers) = answers(login, Arc::new(behaviour));
        Self { site: Site::start(answers).await, seen }
    }

    /// The same behind TLS.
    pub(crate) async fn start_tls(
        certificate: &super::site::Certificate,
        login: Login,
        behaviour: impl Fn(&str) -> Does + Send + Sync + 'static,
    ) -> Self {
        let (seen, answers) = answers(login, Arc::new(behaviour));
        Self { site: Site::start_tls(certificate, answers).await, seen }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen.lock().unwrap().lines.clone()
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        self.seen.lock().unwrap().actions.clone()
    }

    pub(crate) fn files(&self) -> usize {
        self.seen.lock().unwrap().files.len()
    }

    pub(crate) fn open_shells(&self) -> usize {
        self.seen.lock().unwrap().open.len()
    }
}

fn answers(
    login: Login,
    behaviour: Behaviour,
) -> (Arc<Mutex<Seen>>, impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let answers = {
        let seen = seen.clone();
        move |asked: &Asked| {
            let mut seen = seen.lock().unwrap();
            match login {
                Login::Basic => basic(&mut seen, asked, &behaviour),
                Login::Ntlm | Login::NtlmUnsealed => ntlm(&mut seen, asked, login, &behaviour),
            }
        }
    };
    (seen, answers)
}

fn basic(seen: &mut Seen, asked: &Asked, behaviour: &Behaviour) -> Reply {
    let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    if asked.header("authorization") != Some(&expected) {
        return reply("401 Unauthorized", "WWW-Authenticate: Basic realm=\"WSMAN\"\r\n", "");
    }
    match seen.answer(&asked.text(), behaviour) {
        Ok((status, body)) => reply(&status, "Content-Type: application/soap+xml;charset=UTF-8\r\n", &body),
        Err(other) => other,
    }
}

fn ntlm(seen: &mut Seen, asked: &Asked, login: Login, behaviour: &Behaviour) -> Reply {
    let token = asked.header("authorization").and_then(|value| value.strip_prefix("Negotiate "));
    if let Some(token) = token.map(|token| STANDARD.decode(token).unwrap()) {
        if token[8] == 1 {
            assert!(asked.body.is_empty());
            let connection = Connection { negotiate: token, challenge: challenge(), session: None };
            let header =
                format!("WWW-Authenticate: Negotiate {}\r\n", STANDARD.encode(&connection.challenge));
            seen.lines_logged_in.insert(asked.connection, connection);
            return reply("401 Unauthorized", &header, "");
        }
        let connection = seen.lines_logged_in.get_mut(&asked.connection).expect("a challenge came first");
        connection.session = connection.check(&token);
    }
    let Some(mut connection) = seen.lines_logged_in.remove(&asked.connection) else {
        return reply("401 Unauthorized", "WWW-Authenticate: Negotiate\r\n", "");
    };
    let Some(session) = &mut connection.session else {
        return reply("401 Unauthorized", "WWW-Authenticate: Negotiate\r\n", "");
    };
    let answer = if login == Login::NtlmUnsealed {
        seen.answer(&asked.text(), behaviour).map(|(status, body)| reply(&status, "", &body))
    } else if asked.body.is_empty() {
        Ok(reply("200 OK", "", ""))
    } else {
        let text = session.open(&asked.body);
        seen.answer(&text, behaviour).map(|(status, body)| session.reply(&status, &body))
    };
    seen.lines_logged_in.insert(asked.connection, connection);
    answer.unwrap_or_else(|other| other)
}

/// A connection that is being logged in on, or is.
#[derive(Debug)]
struct Connection {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    session: Option<Session>,
}

fn challenge() -> Vec<u8> {
    let pair = |kind: u16, value: &[u8]| {
        [&kind.to_le_bytes()[..], &(value.len() as u16).to_le_bytes(), value].concat()
    };
    let information = [
        pair(2, &utf16("CORP")),
        pair(1, &utf16("WIN")),
        pair(7, &133_000_000_000_000_000_u64.to_le_bytes()),
        pair(0, &[]),
    ]
    .concat();
    let length = (information.len() as u16).to_le_bytes();
    [
        b"NTLMSSP\0\x02\0\0\0".as_slice(),
        &[0; 8],
        &0xe289_8235_u32.to_le_bytes(),
        &[1, 2, 3, 4, 5, 6, 7, 8],
        &[0; 8],
        &length,
        &length,
        &56_u32.to_le_bytes(),
        &[10, 0, 0, 0, 0, 0, 0, 15],
        &information,
    ]
    .concat()
}

impl Connection {
    /// The session, if the third message is that of somebody who knows the password.
    fn check(&self, message: &[u8]) -> Option<Session> {
        let field = |number: usize| {
            let at = 12 + number * 8;
            let length = u16::from_le_bytes(message[at..at + 2].try_into().unwrap()) as usize;
            let place = u32::from_le_bytes(message[at + 4..at + 8].try_into().unwrap()) as usize;
            message[place..place + length].to_vec()
        };
        let (domain, user) = (text(&field(2)), text(&field(3)));
        if user != USER || !matches!(domain.as_str(), "" | "CORP") {
            return None;
        }
        let key = hmac(&Md4::digest(utf16(PASSWORD)), &[&utf16(&(user.to_uppercase() + &domain))]);
        let response = field(1);
        let proof = hmac(&key, &[&self.challenge[24..32], &response[16..]]);
        if proof != response[..16] {
            return None;
        }
        let mut session_key = field(5);
        cipher(&hmac(&key, &[&proof])).apply_keystream(&mut session_key);
        let mut without_code = message.to_vec();
        without_code[72..88].fill(0);
        let code = hmac(&session_key, &[&self.negotiate, &self.challenge, &without_code]);
        assert_eq!(code, message[72..88], "the integrity code fits");
        Some(Session {
            theirs: Direction::new(&session_key, "client-to-server"),
            ours: Direction::new(&session_key, "server-to-client"),
        })
    }
}

#[derive(Debug)]
struct Session {
    theirs: Direction,
    ours: Direction,
}

struct Direction {
    sign: [u8; 16],
    seal: Rc4,
    number: u32,
}

impl std::fmt::Debug for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Direction({})", self.number)
    }
}

impl Session {
    fn open(&mut self, body: &[u8]) -> String {
        let mark = b"application/octet-stream\r\n";
        let at =
            body.windows(mark.len()).position(|window| window == mark).expect("a sealed body") + mark.len();
        let sealed = body[at..].strip_suffix(b"--Encrypted Boundary--\r\n").unwrap();
        let mut message = sealed[20..].to_vec();
        self.theirs.seal.apply_keystream(&mut message);
        assert_eq!(sealed[4..20], self.theirs.signature(&message), "the signature fits");
        let head = String::from_utf8_lossy(&body[..at]).into_owned();
        assert!(head.contains(&format!("Length={}\r\n", message.len())), "{head}");
        String::from_utf8(message).unwrap()
    }

    fn reply(&mut self, status: &str, body: &str) -> Reply {
        let mut sealed = body.as_bytes().to_vec();
        self.ours.seal.apply_keystream(&mut sealed);
        let signature = self.ours.signature(body.as_bytes());
        let head = format!(
            "--Encrypted Boundary\r\n\tContent-Type: {SESSION}\r\n\tOriginalContent: \
             type=application/soap+xml;charset=UTF-8;Length={}\r\n--Encrypted Boundary\r\n\tContent-Type: \
             application/octet-stream\r\n",
            body.len()
        );
        let whole =
            [head.as_bytes(), &[16, 0, 0, 0], &signature, &sealed, b"--Encrypted Boundary--\r\n"].concat();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: multipart/encrypted;protocol=\"{SESSION}\";boundary=\"Encrypted \
             Boundary\"\r\nContent-Length: {}\r\n\r\n",
            whole.len()
        );
        Reply::Bytes([head.into_bytes(), whole].concat())
    }
}

impl Direction {
    fn new(key: &[u8], way: &str) -> Self {
        let made = |what: &str| -> [u8; 16] {
            let magic = format!("session key to {way} {what} key magic constant\0");
            md5::Md5::digest([key, magic.as_bytes()].concat()).into()
        };
        Self { sign: made("signing"), seal: cipher(&made("sealing")), number: 0 }
    }

    fn signature(&mut self, message: &[u8]) -> [u8; 16] {
        let number = self.number.to_le_bytes();
        self.number += 1;
        let mut code: [u8; 8] = hmac(&self.sign, &[&number, message])[..8].try_into().unwrap();
        self.seal.apply_keystream(&mut code);
        [&[1, 0, 0, 0], code.as_slice(), &number].concat().try_into().unwrap()
    }
}

impl Seen {
    /// Status and body, or something else that happens.
    fn answer(&mut self, text: &str, behaviour: &Behaviour) -> Result<(String, String), Reply> {
        let document = roxmltree::Document::parse(text).expect("messages are XML");
        let find = |name: &str| {
            let node = document.descendants().find(|node| node.tag_name().name() == name);
            node.and_then(|node| node.text()).unwrap_or_default().to_owned()
        };
        let attribute = |name: &str| {
            let node = document.descendants().find_map(|node| node.attribute(name));
            node.unwrap_or_default().to_owned()
        };
        let action = find("Action").rsplit('/').next().unwrap_or_default().to_owned();
        self.actions.push(action.clone());
        if action == "Create" {
            self.count += 1;
            let shell = format!("SHELL-{}", self.count);
            self.open.insert(shell.clone());
            self.shells.push(text.to_owned());
            return Ok(ok(&format!(
                "<rsp:Shell><x:Selector xmlns:x='x' Name='ShellId'>{shell}</x:Selector></rsp:Shell>"
            )));
        }
        let shell = document.descendants().find(|node| node.attribute("Name") == Some("ShellId"));
        let shell = shell.and_then(|node| node.text()).unwrap_or_default().to_owned();
        if !self.open.contains(&shell) {
            return Ok(fault("The shell was not found on the server.", 2_150_858_843));
        }
        match action.as_str() {
            "Command" => {
                let line = find("Command");
                let does = self.start(&line, behaviour);
                self.running.insert(shell.clone(), does);
                Ok(ok(&format!(
                    "<rsp:CommandResponse><rsp:CommandId>{shell}-C</rsp:CommandId></rsp:CommandResponse>"
                )))
            }
            "Receive" => {
                assert_eq!(attribute("CommandId"), format!("{shell}-C"));
                self.receive(&shell)
            }
            "Signal" => {
                self.running.remove(&shell);
                Ok(ok("<rsp:SignalResponse/>"))
            }
            "Delete" => {
                self.open.remove(&shell);
                Ok(ok(""))
            }
            other => panic!("no such action: {other}"),
        }
    }

    fn start(&mut self, line: &str, behaviour: &Behaviour) -> Does {
        let Some(encoded) = line.strip_prefix("powershell -encodedcommand ") else {
            self.lines.push(line.to_owned());
            return behaviour(line);
        };
        assert!(line.len() <= 8191, "Windows takes no line of {} characters", line.len());
        let script = text(&STANDARD.decode(encoded).unwrap());
        self.lines.push(format!("ps: {script}"));
        if script.contains("New-Item") {
            return prints("C:\\Temp Dir\\x.1\r\n");
        }
        if script.contains("Add-Content") {
            let encoded = script.split('"').nth(1).unwrap();
            let path = script.rsplit("-Path ").next().unwrap().trim_matches('"').to_owned();
            self.files.entry(path).or_default().extend(STANDARD.decode(encoded).unwrap());
            return prints("");
        }
        if script.contains("Remove-Item") {
            let directory = script.rsplit("-Path ").next().unwrap().trim_matches('"').to_owned();
            self.files.retain(|file, _| !file.starts_with(&directory));
            return prints("");
        }
        behaviour(&format!("ps: {script}"))
    }

    fn receive(&mut self, shell: &str) -> Result<(String, String), Reply> {
        let Some(does) = self.running.get_mut(shell) else { return Ok(done("", 0)) };
        match does {
            Does::Prints(pieces, code) => {
                let code = *code;
                if pieces.is_empty() {
                    return Ok(done("", code));
                }
                let (name, bytes) = pieces.remove(0);
                let stream = stream(name, &bytes);
                Ok(if pieces.is_empty() { done(&stream, code) } else { running(&stream) })
            }
            Does::Hangs(b"") => {
                *does = Does::Sleeps;
                Ok(fault("The operation timed out.", 2_150_858_793))
            }
            Does::Hangs(bytes) => {
                let stream = stream("stdout", bytes);
                *does = Does::Hangs(b"");
                Ok(running(&stream))
            }
            Does::Faults(words, number) => Ok(fault(words, *number)),
            Does::Breaks => Err(Reply::HangUp),
            Does::Sleeps => Err(Reply::Silence),
        }
    }
}

fn stream(name: &str, bytes: &[u8]) -> String {
    format!("<rsp:Stream Name=\"{name}\" CommandId=\"C\">{}</rsp:Stream>", STANDARD.encode(bytes))
}

fn running(streams: &str) -> (String, String) {
    state(streams, "<rsp:CommandState State=\"http://schemas.microsoft.com/CommandState/Running\"/>")
}

fn done(streams: &str, code: u32) -> (String, String) {
    let state_of = format!(
        "<rsp:CommandState State=\"http://schemas.microsoft.com/CommandState/Done\"><rsp:ExitCode>{code}</rsp:ExitCode>\
         </rsp:CommandState>"
    );
    state(streams, &state_of)
}

fn state(streams: &str, state: &str) -> (String, String) {
    ok(&format!("<rsp:ReceiveResponse>{streams}{state}</rsp:ReceiveResponse>"))
}

fn ok(body: &str) -> (String, String) {
    ("200 OK".to_owned(), envelope(body))
}

fn fault(words: &str, number: u64) -> (String, String) {
    let body = format!(
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:X</s:Value></s:Subcode></s:Code><s:Reason>\
         <s:Text xml:lang=\"en-US\">{words}</s:Text></s:Reason><s:Detail><f:WSManFault xmlns:f=\"f\" Code=\"{number}\"/>\
         </s:Detail></s:Fault>"
    );
    ("500 Internal Server Error".to_owned(), envelope(&body))
}

fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:rsp=\"http://schemas.microsoft.com/wbem/wsman/1/windows/shell\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn cipher(key: &[u8]) -> Rc4 {
    Rc4::new_from_slice(key).unwrap()
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    let mut mac = Hmac::<md5::Md5>::new_from_slice(key).unwrap();
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn text(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16(&units).unwrap()
}
