//! One client of the whole stream.

use super::{
    filter::{End, Filter},
    frame::{self, Kind},
    hub::{Hub, joined},
    queue::{Queue, Taken},
};
use crate::{
    bus::{Change, Event, ExecutionEvent},
    clock,
    model::ExecutionId,
    service::Stop,
    store::executions::query,
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use sqlx::PgPool;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// Sent at once, so that headers go out, and again whenever nothing else was sent for a while.
const SIGN_OF_LIFE: Bytes = Bytes::from_static(b"\n");

/// Sent to a client that does not read, before its stream ends.
const TOO_SLOW: Bytes = Bytes::from_static(b": this client is too slow and missed events\n\n");

/// Everything that a filter lets through, from now on.
#[derive(Debug)]
pub struct Everything {
    queue: Arc<Queue<Bytes>>,
    heartbeat: Duration,
    closing: Stop,
    /// What to send before anything else.
    first: Vec<Bytes>,
    over: bool,
}

impl Everything {
    /// Begins to listen.
    pub fn follow(hub: &Hub, filter: &Filter, heartbeat: Duration, closing: Stop) -> Self {
        let queue = hub.join(filter);
        Self { queue, heartbeat, closing, first: vec![SIGN_OF_LIFE], over: false }
    }

    /// If the execution whose end shall end this stream has ended already, tells that and ends: nobody will say it
    /// again. To be called after [`Self::follow`], so that no end falls in between.
    pub async fn unless_over(
        mut self,
        pool: &PgPool,
        hub: &Hub,
        filter: &Filter,
    ) -> crate::store::Result<Self> {
        let watched = filter.end().filter(|end| end.event == Kind::Execution(Change::Update).name());
        let Some(Ok(id)) = watched.map(|End { execution_id, .. }| execution_id.parse::<ExecutionId>()) else {
            return Ok(self);
        };
        if let Some(row) = query::find(pool, id).await?
            && row.execution.status.is_completed()
        {
            let event =
                ExecutionEvent { change: Change::Update, execution: row.execution, frames: OnceLock::new() };
            let event = Event::Execution(Arc::new(event));
            let kind = Kind::Execution(Change::Update);
            if filter.wants(&event, kind) {
                self.first.push(frame::frame(&event, kind, hub.view()));
            }
            self.over = true;
        }
        Ok(self)
    }

    /// The bytes, as they come.
    pub fn bytes(self) -> impl Stream<Item = std::io::Result<Bytes>> {
        stream::unfold(self, |mut client| async move { client.next().await.map(|bytes| (Ok(bytes), client)) })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = joined(std::mem::take(&mut self.first)) {
            return Some(first);
        }
        if self.over {
            return None;
        }
        tokio::select! {
            taken = self.queue.take() => match taken {
                Taken::Items(items) => joined(items.into()),
                Taken::Lost => {
                    self.over = true;
                    Some(TOO_SLOW)
                }
                Taken::End => None,
            },
            () = clock::sleep(self.heartbeat) => Some(SIGN_OF_LIFE),
            () = self.closing.requested() => None,
        }
    }
}

impl Drop for Everything {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
