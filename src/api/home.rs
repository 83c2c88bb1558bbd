//! Keeps what requests open on the daemon's own runtime.
//!
//! Actix polls each request on a runtime of its worker thread. A database connection opened there would belong to
//! that worker and die with it: when the listeners are stopped, work that goes on would find the pool full of dead
//! connections. So handlers, and bodies that stream, are polled as if on the runtime that called
//! [`super::serve`].

use actix_web::{
    Error, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};
use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::runtime::Handle;
use tokio_util::context::TokioContext;

/// Runs `future` at home.
pub(super) fn run<F: Future>(home: &Handle, future: F) -> TokioContext<F> {
    TokioContext::new(future, home.clone())
}

/// Sees to it that the body of `response` is polled at home, if it does more than lie there.
pub(super) fn stream(home: &Handle, response: HttpResponse) -> HttpResponse {
    if response.body().size() != BodySize::Stream {
        return response;
    }
    let home = home.clone();
    response.map_body(|_, body| BoxBody::new(AtHome { home, body: Box::pin(body) }))
}

struct AtHome {
    home: Handle,
    body: Pin<Box<BoxBody>>,
}

impl MessageBody for AtHome {
    type Error = Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let home = self.home.clone();
        let _inside = home.enter();
        self.body.as_mut().poll_next(context).map_err(Into::into)
    }
}
