//! Neighbours: what the nodes on one database tell each other, so that none waits for its slow sweep.
//!
//! Rows are the truth; a word only wakes, and one that is lost costs time alone. One task per node gathers what
//! happened here and sends it with NOTIFY, only while other nodes are alive. It always listens, on a connection of its
//! own: `st2d register` tells in the same way what it wrote beside a daemon that is alone.

mod word;

use self::word::{Gathered, Word};
use super::{Engine, execution::control, workflow};
use crate::{
    bus::{Change, Event, ExecutionEvent, Subscription},
    clock,
    service::{Service, Stop},
    store::{
        executions,
        nodes::{self, CHANNEL},
    },
};
use sqlx::postgres::PgListener;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How long words gather before they are sent: NOTIFY has a database-wide limit of a few thousand a second.
const GATHER: Duration = Duration::from_millis(10);

/// Pause after the database could not be used.
const RETRY: Duration = Duration::from_secs(1);

/// The service.
pub struct Neighbours {
    engine: Engine,
}

impl Neighbours {
    pub(super) fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Talks until something fails.
    async fn talk(&self) -> anyhow::Result<()> {
        let shared = &self.engine.shared;
        let mut listener = PgListener::connect_with(shared.store.pool()).await?;
        listener.listen(CHANNEL).await?;
        // What was said before we listened.
        self.hear(Word::anything()).await?;
        tokio::select! {
            result = self.hear_all(listener) => result,
            result = self.tell_in_company() => result,
        }
    }

    async fn hear_all(&self, mut listener: PgListener) -> anyhow::Result<()> {
        loop {
            // `None`: the connection was lost and is there again, and what was said meanwhile is not.
            let word = match listener.try_recv().await? {
                Some(notification) => Word::read(notification.payload()),
                None => Some(Word::anything()),
            };
            match word {
                Some(word) if word.from == Some(self.engine.holder().0) => {}
                Some(word) => self.hear(word).await?,
                None => {
                    tracing::debug!("A neighbour of another version said something this one does not know");
                }
            }
        }
    }

    async fn hear(&self, word: Word) -> anyhow::Result<()> {
        let shared = &self.engine.shared;
        let bus = shared.store.bus();
        if word.content {
            bus.relay(Event::Content);
        }
        if word.work {
            shared.wake.notify_one();
        }
        if word.control {
            for id in executions::asked(shared.store.pool(), self.engine.holder()).await? {
                control::follow(&self.engine, id).await?;
            }
        }
        workflow::heard_elsewhere(&self.engine, &word.updated).await?;
        if !bus.is_heard() {
            return Ok(());
        }
        for id in word.printed {
            bus.relay(Event::Printed(id));
        }
        let (created, updated) = (word.created, word.updated);
        for (change, ids) in [(Change::Create, created), (Change::Update, updated)] {
            if ids.is_empty() {
                continue;
            }
            for execution in executions::query::find_many(shared.store.pool(), &ids).await? {
                let event = ExecutionEvent { change, execution, frames: OnceLock::new() };
                bus.relay(Event::Execution(Arc::new(event)));
            }
        }
        if let Some(announcement) = word.announcement {
            bus.relay(Event::Announcement(Arc::new(announcement.into())));
        }
        Ok(())
    }

    /// Tells what happens here for as long as there is somebody to tell.
    async fn tell_in_company(&self) -> anyhow::Result<()> {
        let shared = &self.engine.shared;
        let mut company = shared.company.subscribe();
        loop {
            if company.wait_for(|others| *others).await.is_err() {
                return Ok(());
            }
            // Who came meanwhile has looked at the rows.
            let happened = shared.store.bus().subscribe_here();
            tokio::select! {
                result = self.tell_all(happened) => return result,
                _ = company.wait_for(|others| !others) => {}
            }
        }
    }

    async fn tell_all(&self, mut happened: Subscription) -> anyhow::Result<()> {
        let mut gathered = Gathered::default();
        while let Some(first) = happened.next().await {
            gathered.add(first);
            clock::sleep(GATHER).await;
            while let Some(next) = happened.try_next() {
                gathered.add(next);
            }
            let words = std::mem::take(&mut gathered).words(self.engine.holder().0);
            nodes::notify(self.engine.store().pool(), &words).await?;
        }
        Ok(())
    }
}

impl Service for Neighbours {
    const NAME: &'static str = "st2neighbours";

    async fn run(&mut self, stop: Stop) -> anyhow::Result<()> {
        loop {
            let result = tokio::select! {
                () = stop.requested() => return Ok(()),
                result = self.talk() => result,
            };
            if let Err(error) = result {
                tracing::debug!("Cannot hear or tell other nodes now: {error:#}");
                tokio::select! {
                    () = stop.requested() => return Ok(()),
                    () = clock::sleep(RETRY) => {}
                }
            }
        }
    }
}
