//! What the edges are handed: everything a request may need, built by the daemon.

use crate::{
    access::Access,
    bus::Bus,
    clock,
    config::Config,
    engine::Engine,
    service::{HealthBoard, Stop},
    store::Store,
    stream::Hub,
    wire::execution::View,
};
use chrono::{DateTime, Utc};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

pub use crate::model::STACKSTORM_VERSION;

/// Our own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The running daemon, as a request sees it.
#[derive(Debug)]
pub struct App {
    /// The settings.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// What happens on this node.
    pub bus: Bus,
    /// Who may come in.
    pub access: Access,
    /// Takes requests for executions.
    pub engine: Engine,
    /// Tells clients of the stream what happens.
    pub hub: Hub,
    /// Given when the listeners close: answers that do not end by themselves must.
    pub closing: Stop,
    /// Base of links to the web page, without a trailing slash.
    pub web_base: Arc<str>,
    /// How the services of this daemon are doing.
    pub health: HealthBoard,
    /// When this daemon started.
    pub started_at: DateTime<Utc>,
    ready: AtomicBool,
}

impl App {
    /// An app that is not ready yet: its listeners answer 503 until [`Self::set_ready`].
    pub fn new(config: Arc<Config>, store: Store, access: Access, engine: Engine) -> Self {
        let bus = store.bus().clone();
        let web_base: Arc<str> = config.webui.base_url().into();
        let view = View::new(web_base.clone(), config.api.mask_secrets);
        Self {
            hub: Hub::new(&bus, view, config.stream.client_buffer_bytes),
            web_base,
            config,
            store,
            bus,
            access,
            engine,
            closing: Stop::new(),
            health: HealthBoard::default(),
            started_at: clock::now(),
            ready: AtomicBool::new(false),
        }
    }

    /// Requests are served from now on, or no more.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    /// Whether requests are served.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}
