//! The index of packs: lists of what exists and where, fetched from one or several addresses.
//!
//! What an address said last is kept. It is asked again each time, but only for news, and when it does not answer,
//! the copy serves and the status says so.

use super::{Error, Net, Settings, net::innermost};
use crate::pytext;
use indexmap::IndexMap;
use md5::{Digest, Md5};
use reqwest::{StatusCode, header};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Largest index.
const LARGEST: usize = 64 * 1024 * 1024;

/// All packs that the addresses know, and how each address did.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// By reference, as the index has them.
    pub packs: Map<String, Value>,
    /// One for each address.
    pub status: Vec<Status>,
}

/// How an address did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The address.
    pub url: String,
    /// How many packs it knows.
    pub packs: usize,
    /// In words.
    pub message: String,
    /// `malformed`, `unresponsive`, `empty` or `other errors`.
    pub error: Option<&'static str>,
}

/// What the index says of a pack that is to be downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub repo_url: String,
    /// Its newest version.
    pub version: Option<String>,
}

/// Looks packs up in an index that is fetched when the first one is asked for.
pub struct Lookup<'a> {
    fetch: Box<dyn Fn() -> Result<Index, Error> + 'a>,
    index: Option<Index>,
}

impl<'a> Lookup<'a> {
    /// Looks in what `fetch` brings.
    pub fn new(fetch: impl Fn() -> Result<Index, Error> + 'a) -> Self {
        Self { fetch: Box::new(fetch), index: None }
    }

    /// What the index says of a pack.
    pub(super) fn find(&mut self, name: &str) -> Result<Option<Entry>, Error> {
        let index = match &self.index {
            Some(index) => index,
            None => self.index.insert((self.fetch)()?),
        };
        let Some(found) = index.packs.get(name) else { return Ok(None) };
        let text = |key: &str| found.get(key).filter(|value| pytext::truthy(value)).map(pytext::str);
        let repo_url = text("repo_url")
            .ok_or_else(|| Error::new(format!("The index does not say where the \"{name}\" pack is.")))?;
        Ok(Some(Entry { repo_url, version: text("version") }))
    }
}

/// Asks every address.
pub async fn fetch(settings: &Settings) -> Result<Index, Error> {
    let net = Net::new(&settings.proxies, true)?;
    let mut index = Index::default();
    let fetched = settings.index_urls.iter().map(|url| one(&net, settings, url));
    let fetched = futures_util::future::join_all(fetched).await;
    // The earlier an address, the more it counts, so the last goes in first.
    for (status, packs) in fetched.into_iter().rev() {
        index.status.push(status);
        for (name, pack) in packs {
            index.packs.insert(name, pack);
        }
    }
    Ok(index)
}

/// [`fetch`], for those who cannot go on without any packs.
///
/// # Errors
/// No address knows a pack.
pub async fn fetch_some(settings: &Settings) -> Result<Index, Error> {
    let index = fetch(settings).await?;
    if index.packs.is_empty() {
        let status: Vec<Value> = index.status.iter().map(Status::value).collect();
        let urls: Vec<&str> = index.status.iter().map(|status| status.url.as_str()).collect();
        let status = pytext::json_indented(&Value::Array(status));
        return Err(Error::new(format!(
            "No results from the {}: tried {}.\nStatus: {status}",
            if urls.len() == 1 { "index" } else { "indexes" },
            urls.join(", ")
        )));
    }
    Ok(index)
}

impl Status {
    fn of(url: &str, error: Option<&'static str>, message: impl Into<String>) -> Self {
        Self { url: url.to_owned(), packs: 0, message: message.into(), error }
    }

    /// As clients see it.
    pub fn value(&self) -> Value {
        json!({"url": self.url, "packs": self.packs, "message": self.message, "error": self.error})
    }
}

impl Index {
    /// How it is, as clients see it.
    pub fn health(&self) -> Value {
        let mut errors: IndexMap<&str, usize> = IndexMap::new();
        for error in self.status.iter().filter_map(|status| status.error) {
            *errors.entry(error).or_default() += 1;
        }
        let invalid: usize = errors.values().sum();
        json!({
            "indexes": {
                "count": self.status.len(),
                "valid": self.status.len() - invalid,
                "invalid": invalid,
                "errors": errors,
                "status": self.status.iter().map(Status::value).collect::<Vec<_>>(),
            },
            "packs": {"count": self.packs.len()},
        })
    }

    /// Packs with this text in any attribute: those with it in the name first, then in the keywords.
    pub fn search(&self, query: &str, case_sensitive: bool) -> Vec<Value> {
        let fold = |text: &str| if case_sensitive { text.to_owned() } else { text.to_lowercase() };
        let query = fold(query);
        let mut found: [Vec<Value>; 3] = Default::default();
        for pack in self.packs.values() {
            let Value::Object(fields) = pack else { continue };
            let hit = fields.iter().filter(|(key, _)| !matches!(key.as_str(), "repo_url" | "email"));
            let mut hits = hit.filter(|(_, value)| holds(value, &query, &fold)).map(|(key, _)| key.as_str());
            // StackStorm stops at the first attribute; the best one is what people look for.
            let best = hits.by_ref().map(|key| match key {
                "name" => 0,
                "keywords" => 1,
                _ => 2,
            });
            if let Some(place) = best.min() {
                found[place].push(pack.clone());
            }
        }
        found.concat()
    }
}

/// Python's `query in value`.
fn holds(value: &Value, query: &str, fold: &impl Fn(&str) -> String) -> bool {
    match value {
        Value::String(text) => fold(text).contains(query),
        Value::Array(items) => items.iter().any(|item| item.as_str().is_some_and(|item| fold(item) == query)),
        Value::Object(fields) => fields.keys().any(|key| fold(key) == query),
        other => fold(&pytext::str(other)).contains(query),
    }
}

type Packs = Map<String, Value>;

/// What an address said last, on disk.
struct Copy {
    path: PathBuf,
    etag: Option<String>,
    packs: Packs,
}

async fn one(net: &Net, settings: &Settings, url: &str) -> (Status, Packs) {
    let copy = Copy::read(&settings.index_copies, url);
    match ask(net, url, &copy).await {
        Ok(packs) => {
            let mut status = Status::of(url, None, "Success.");
            status.packs = packs.len();
            (status, packs)
        }
        Err(mut status) => {
            tracing::warn!("The index {url} cannot be used: {}", status.message);
            if copy.packs.is_empty() {
                return (status, Packs::new());
            }
            status.packs = copy.packs.len();
            status.message.push_str(" (what it said last is used)");
            (status, copy.packs)
        }
    }
}

async fn ask(net: &Net, url: &str, copy: &Copy) -> Result<Packs, Status> {
    let unresponsive = |why: String| Status::of(url, Some("unresponsive"), why);
    if let Some(path) = url.strip_prefix("file://") {
        let bytes = tokio::fs::read(path).await.map_err(|error| unresponsive(format!("{path}: {error}")))?;
        return parse(url, &bytes);
    }
    let mut request = net.client().get(url);
    if let Some(etag) = &copy.etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    let broken = |error: reqwest::Error| {
        unresponsive(if error.is_timeout() { "no answer in time".to_owned() } else { innermost(&error) })
    };
    let mut answer = request.send().await.map_err(broken)?;
    if answer.status() == StatusCode::NOT_MODIFIED {
        return Ok(copy.packs.clone());
    }
    if !answer.status().is_success() {
        return Err(unresponsive(format!("the server answered {}", answer.status())));
    }
    let etag = answer.headers().get(header::ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err(Status::of(url, Some("malformed"), format!("It is larger than {LARGEST} bytes.")));
        }
    }
    let packs = parse(url, &bytes)?;
    copy.replace(etag.as_deref(), &bytes);
    Ok(packs)
}

fn parse(url: &str, bytes: &[u8]) -> Result<Packs, Status> {
    let malformed = |why: &str| Status::of(url, Some("malformed"), why);
    let document: Value = serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))?;
    match document {
        Value::Object(fields) if fields.is_empty() => {
            Err(Status::of(url, Some("empty"), "The index URL returned an empty object."))
        }
        Value::Array(_) => Err(malformed("Expected an index object, got a list instead.")),
        Value::Object(mut fields) => match fields.remove("packs") {
            Some(Value::Object(packs)) => Ok(packs),
            Some(_) => Err(malformed("\"packs\" of the index is not an object.")),
            None => Err(malformed("Index object is missing \"packs\" attribute.")),
        },
        _ => Err(malformed("Expected an index object.")),
    }
}

impl Copy {
    fn read(directory: &Path, url: &str) -> Self {
        let path = directory.join(format!("{}.json", hex::encode(Md5::digest(url))));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // The first line is the server's name for this version.
        let (etag, document) = text.split_once('\n').unwrap_or_default();
        let packs = parse(url, document.as_bytes()).unwrap_or_default();
        let etag = (!etag.is_empty() && !packs.is_empty()).then(|| etag.to_owned());
        Self { path, etag, packs }
    }

    fn replace(&self, etag: Option<&str>, document: &[u8]) {
        let write = || {
            std::fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
            let draft = self.path.with_extension(format!("{}.draft", uuid::Uuid::new_v4()));
            let text = [etag.unwrap_or_default().as_bytes(), b"\n", document].concat();
            std::fs::write(&draft, text)?;
            std::fs::rename(draft, &self.path)
        };
        if let Err(error) = write() {
            tracing::warn!("Cannot keep a copy of the index in {}: {error}", self.path.display());
        }
    }
}
