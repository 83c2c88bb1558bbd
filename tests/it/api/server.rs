//! The three listeners on ephemeral ports, over a database of the test's own.

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use sqlx::PgPool;
use st2d::{
    access::{Access, FirstStart, bootstrap},
    api::{self, Service},
    app::App,
    bus::Bus,
    config::Config,
    engine::Engine,
    service::Stop,
    store::{Store, ledger::Ledger},
};
use std::{net::TcpListener, sync::Arc};
use tokio::task::JoinHandle;

/// A running edge. Dropped, it stops.
pub(super) struct Server {
    pub(super) api: String,
    pub(super) auth: String,
    pub(super) stream: String,
    pub(super) app: Arc<App>,
    pub(super) first_start: FirstStart,
    pub(super) key: String,
    client: reqwest::Client,
    stop: Stop,
    listeners: Vec<JoinHandle<std::io::Result<()>>>,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.request();
    }
}

/// What came back: status, headers, and the body as JSON (a string when it is none).
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn fault(&self) -> (u16, &str) {
        (self.status, self.body["faultstring"].as_str().unwrap_or("no faultstring"))
    }
}

pub(super) async fn start(pool: PgPool) -> Server {
    start_with(pool, |_| {}).await
}

pub(super) async fn start_with(pool: PgPool, change: impl FnOnce(&mut Config)) -> Server {
    let data = tempfile::tempdir().unwrap();
    let store = Store::new(pool, Bus::default());
    let first_start = bootstrap(&store, data.path()).await.unwrap().expect("the database is new");
    let key = std::fs::read_to_string(&first_start.api_key_file).unwrap().trim().to_owned();

    let listeners: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<String> = listeners.iter().map(|it| it.local_addr().unwrap().to_string()).collect();
    let mut config = Config::default();
    config.api.listen.clone_from(&addresses[0]);
    // Unset, it would be the working directory, where registration writes the Python side over our sources.
    config.data_dir = data.path().to_owned();
    change(&mut config);
    let access = Access::open(&store, &config).await.unwrap();
    let config = Arc::new(config);
    let (ledger, _) = Ledger::start(&store, None);
    // A node of this test alone: leftovers of other processes are none of its business.
    let node = format!("test-{}", data.path().display());
    let engine = Engine::start(config.clone(), store.clone(), ledger, access.clone(), &node).await.unwrap();
    let app = Arc::new(App::new(config, store, access, engine));
    app.set_ready(true);
    let stop = Stop::new();
    let services = listeners.into_iter().zip([Service::Api, Service::Auth, Service::Stream]);
    let listeners = services.map(|(listener, service)| {
        st2d::service::spawn("test listener", api::serve(Arc::clone(&app), listener, service, stop.clone()))
    });
    let listeners = listeners.collect();
    let [api, auth, stream] = [0, 1, 2].map(|index: usize| format!("http://{}", addresses[index]));
    let client = reqwest::Client::new();
    Server { api, auth, stream, app, first_start, key, client, stop, listeners, _data: data }
}

impl Server {
    /// Stops the listeners and waits until they and their threads are gone.
    pub(super) async fn stop_listening(&mut self) {
        self.stop.request();
        for listener in self.listeners.drain(..) {
            listener.await.unwrap().unwrap();
        }
    }

    /// A request without credentials; `url` is a path of the API or a whole URL.
    pub(super) fn bare(&self, method: &str, url: &str) -> RequestBuilder {
        let url = if url.starts_with("http") { url.to_owned() } else { format!("{}{url}", self.api) };
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }

    /// A request of the administrator.
    pub(super) fn request(&self, method: &str, url: &str) -> RequestBuilder {
        self.bare(method, url).header("St2-Api-Key", &self.key)
    }

    pub(super) async fn get(&self, url: &str) -> Answer {
        send(self.request("GET", url)).await
    }

    pub(super) async fn send(&self, method: &str, url: &str, body: Value) -> Answer {
        send(self.request(method, url).json(&body)).await
    }
}

pub(super) async fn send(request: RequestBuilder) -> Answer {
    let response: Response = request.send().await.unwrap();
    let (status, headers): (StatusCode, _) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status: status.as_u16(), headers, body }
}
