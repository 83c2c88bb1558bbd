//! `http-request`: one HTTP request, and its answer as the result.
//!
//! `call` makes the request of the parameters, `hosts` says where it may go, `follow` leads it through redirects,
//! cookies and proxies over the connections of `transport`, `answer` shapes the result, and `failure` has the words
//! for what went wrong. Results and messages are those of StackStorm's client, which is Python's `requests`; names of
//! headers come as the server wrote them.
//!
//! Left out: SOCKS proxies and `.netrc`.

mod answer;
mod call;
pub(super) mod failure;
pub(super) mod follow;
mod head;
mod hosts;
pub(super) mod proxy;
pub(super) mod tls;
pub(super) mod transport;

use super::{Error, LiveAction, Outcome, RunIo, Runner};
use crate::{config::HttpRunner, model::ExecutionStatus};
use call::Wish;
use failure::Failure;
use follow::Way;
use futures_util::future::BoxFuture;
use hosts::Hosts;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tls::Trust;
use transport::Caller;

/// Seconds a request may take when nothing else is said.
const TIMEOUT: f64 = 60.0;

pub(super) struct HttpRequest {
    settings: HttpRunner,
    trust: Arc<Trust>,
}

impl HttpRequest {
    pub(super) fn new(settings: HttpRunner, trust: Arc<Trust>) -> Self {
        Self { settings, trust }
    }

    async fn request(&self, action: &LiveAction, io: &RunIo) -> Result<Outcome, Failure> {
        let wish = Wish {
            runner: &action.runner_parameters,
            action: &action.action_parameters,
            action_name: &action.execution.snapshot.action.spec.name,
        };
        let limit = io.output.limits().result;
        let lists = &self.settings;
        let hosts = Hosts::of(wish.runner, &lists.url_hosts_blacklist, &lists.url_hosts_whitelist)?;
        let Some(url) = wish.text("url") else {
            return Err(Failure::Refused("URL must be specified.".to_owned()));
        };
        hosts.check_text(url)?;
        let flag = |name: &str, default| wish.runner.get(name).and_then(Value::as_bool).unwrap_or(default);
        let way = Way {
            caller: Caller {
                trust: &self.trust,
                verify: flag("verify_ssl_cert", true),
                timeout: timeout(action)?,
            },
            hosts,
            proxies: [wish.text("http_proxy"), wish.text("https_proxy")],
            follows: flag("allow_redirects", false),
            limit,
        };
        let answer = way.go(wish.call()?).await?;
        answer::outcome(&answer, limit)
    }
}

impl Runner for HttpRequest {
    fn run<'a>(&'a self, action: &'a LiveAction, io: &'a RunIo) -> BoxFuture<'a, Result<Outcome, Error>> {
        Box::pin(async move {
            let outcome = tokio::select! {
                outcome = Box::pin(self.request(action, io)) => outcome,
                () = io.stop.requested() => return Err(Error::System("The request was stopped.".to_owned())),
            };
            match outcome {
                Err(failure) if failure.is_timeout() => {
                    let result = json!({"error": failure.to_string()});
                    Ok(Outcome { status: ExecutionStatus::Timeout, result: result.into() })
                }
                outcome => outcome.map_err(|failure| Error::System(failure.to_string())),
            }
        })
    }
}

fn timeout(action: &LiveAction) -> Result<Duration, Failure> {
    let of = |parameters: &serde_json::Map<String, Value>| parameters.get("timeout").and_then(Value::as_f64);
    let seconds = of(&action.action_parameters).or_else(|| of(&action.runner_parameters)).unwrap_or(TIMEOUT);
    match Duration::try_from_secs_f64(seconds) {
        Ok(timeout) if !timeout.is_zero() => Ok(timeout),
        _ => Err(Failure::Refused(format!(
            "Attempted to set connect timeout to {}, but the timeout cannot be set to a value less than or equal \
             to 0.",
            crate::pytext::float_repr(seconds)
        ))),
    }
}
