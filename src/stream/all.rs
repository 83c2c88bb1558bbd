//! One client of the whole stream.

use super::{
    filter::{End, Filter},
    frame::{self, Kind},
    hub::{Hub, Piece, joined},
    output::Follower,
    queue::{Queue, Taken},
};
use crate::{
    bus::{Change, Event, ExecutionEvent},
    clock,
    model::{Execution, ExecutionId, ExecutionStatus},
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

/// Everything that a filter lets through, from now on. A client that names the execution whose end shall end its
/// stream gets what that execution printed so far as well: it asked for the execution, and could not have asked for
/// its stream before it knew its id.
#[derive(Debug)]
pub struct Everything {
    queue: Arc<Queue<Piece>>,
    heartbeat: Duration,
    closing: Stop,
    /// What to send before anything else.
    first: Vec<Bytes>,
    /// The output of the execution that is tailed.
    tail: Option<Follower>,
    /// How many statuses the tailed execution had when the client was told how it stands: what the bus says of those is
    /// not said again.
    told: usize,
    /// What to send after all of the output.
    last: Vec<Bytes>,
    over: bool,
}

impl Everything {
    /// Begins to listen.
    pub fn follow(hub: &Hub, filter: &Filter, heartbeat: Duration, closing: Stop) -> Self {
        let queue = hub.join(filter);
        Self {
            queue,
            heartbeat,
            closing,
            first: vec![SIGN_OF_LIFE],
            tail: None,
            told: 0,
            last: Vec::new(),
            over: false,
        }
    }

    /// Tells how the execution stands whose end shall end this stream, and what it printed; if it has ended already,
    /// ends: nobody will say it again. To be called after [`Self::follow`], so that nothing falls in between.
    pub async fn catching_up(
        mut self,
        pool: &PgPool,
        hub: &Hub,
        filter: &Filter,
    ) -> crate::store::Result<Self> {
        let update = Kind::Execution(Change::Update);
        let watched = filter.end().filter(|end| end.event == update.name());
        let Some(Ok(id)) = watched.map(|End { execution_id, .. }| execution_id.parse::<ExecutionId>()) else {
            return Ok(self);
        };
        let Some(row) = query::find(pool, id).await? else { return Ok(self) };
        let execution = row.execution;
        self.over = execution.status.is_completed();
        let event = |execution: Arc<Execution>| {
            Event::Execution(Arc::new(ExecutionEvent {
                change: Change::Update,
                execution,
                frames: OnceLock::new(),
            }))
        };
        let told = |execution: Arc<Execution>| {
            let event = event(execution);
            filter.wants(&event, update).then(|| frame::frame(&event, update, hub.view()))
        };
        if filter.tailed() == Some(id) {
            if execution.log.iter().any(|entry| entry.status == ExecutionStatus::Running) {
                let began = execution.as_of(ExecutionStatus::Running);
                self.first.extend(told(if self.over { Arc::new(began) } else { execution.clone() }));
                self.told = execution.log.len();
            }
            let closing = self.closing.clone();
            let tail = Follower::follow(hub, pool, execution.clone(), None, None, closing).await?;
            self.tail = Some(tail.without_end());
        }
        if self.over {
            self.last.extend(told(execution));
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
        loop {
            if self.over {
                if let Some(tail) = &mut self.tail
                    && let Some(bytes) = tail.next().await
                {
                    return Some(bytes);
                }
                self.tail = None;
                return joined(std::mem::take(&mut self.last));
            }
            let tail = async {
                match &mut self.tail {
                    Some(tail) => tail.next().await,
                    None => std::future::pending().await,
                }
            };
            // In this order: what is said of the execution stands before what it printed next.
            tokio::select! {
                biased;
                () = self.closing.requested() => return None,
                taken = self.queue.take() => match self.taken(taken, None).await {
                    Next::Bytes(bytes) => return Some(bytes),
                    Next::Nothing => {}
                    Next::End => return None,
                },
                bytes = tail => match bytes {
                    // What happened before this was printed has come meanwhile, or it comes later.
                    Some(bytes) => match self.queue.try_take() {
                        None | Some(Taken::End) => return Some(bytes),
                        Some(taken) => if let Next::Bytes(bytes) = self.taken(taken, Some(bytes)).await {
                            return Some(bytes);
                        }
                    },
                    None => self.tail = None,
                },
                () = clock::sleep(self.heartbeat) => return Some(SIGN_OF_LIFE),
            }
        }
    }

    /// What to send of what was taken from the queue; `printed` is output that was read at the same time. It stands after
    /// what the queue tells, but for the end.
    async fn taken(&mut self, taken: Taken<Piece>, mut printed: Option<Bytes>) -> Next {
        let items = match taken {
            Taken::Items(items) => items,
            Taken::Lost => {
                self.over = true;
                self.tail = None;
                return Next::Bytes(TOO_SLOW);
            }
            Taken::End => return Next::End,
        };
        let mut all = Vec::with_capacity(items.len());
        for Piece { bytes, tells } in items {
            match tells {
                Some(execution) if execution.status.is_completed() => {
                    // Output is stored before an end is told. Nothing of it follows the end.
                    all.extend(printed.take());
                    if let Some(mut tail) = self.tail.take() {
                        all.extend(tail.stored().await);
                    }
                    all.push(bytes);
                }
                Some(execution) if execution.log.len() <= self.told => {}
                _ => all.push(bytes),
            }
        }
        all.extend(printed);
        joined(all).map_or(Next::Nothing, Next::Bytes)
    }
}

enum Next {
    Bytes(Bytes),
    Nothing,
    End,
}

impl Drop for Everything {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
