//! Why a Windows host could not be made to run something, in the words of Python's client for it.

use super::soap::Fault;
use crate::{engine::runner::http::failure::Failure, pytext};
use serde_json::{Map, Value, json};
use std::fmt;

/// Something went wrong on the way to a command's end.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No connection, or it broke.
    Http(Failure),
    /// User or password is wrong.
    Rejected,
    /// The host refuses, and says why.
    Fault(u16, Fault),
    /// The host answers with this code and nothing that we could read.
    Status(u16),
    /// Somebody asked the action to stop.
    Stopped,
    /// Anything else, in words for the user.
    Other(String),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Http(failure)
    }
}

impl From<String> for Trouble {
    fn from(words: String) -> Self {
        Self::Other(words)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(failure) => failure.fmt(f),
            Self::Rejected => f.write_str("the specified credentials were rejected by the server"),
            Self::Fault(status, fault) => {
                let data = pytext::repr(&data(*status, fault));
                write!(f, "{} (extended fault data: {data})", fault.reason)
            }
            Self::Status(status) => f.write_str(&bad_status(*status)),
            Self::Stopped => f.write_str("The action was stopped."),
            Self::Other(words) => f.write_str(words),
        }
    }
}

fn bad_status(status: u16) -> String {
    format!("Bad HTTP response returned from server. Code {status}")
}

fn data(status: u16, fault: &Fault) -> Value {
    let mut data = Map::new();
    data.insert("transport_message".to_owned(), json!(bad_status(status)));
    data.insert("http_status_code".to_owned(), json!(status));
    if let Some(number) = fault.number {
        data.insert("wsmanfault_code".to_owned(), json!(number));
    }
    if let Some(code) = &fault.code {
        data.insert("fault_code".to_owned(), json!(code));
    }
    if let Some(subcode) = &fault.subcode {
        data.insert("fault_subcode".to_owned(), json!(subcode));
    }
    Value::Object(data)
}
