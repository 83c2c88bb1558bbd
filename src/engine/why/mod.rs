//! Why an execution stands where it stands: its story from the rows, what it waits for now, and what to ask next.
//!
//! `facts` reads, `story` tells; the second is pure.

mod facts;
mod story;

use facts::Facts;
pub use story::{Step, Story};

use super::{Engine, execution::Error};
use crate::model::ExecutionId;

/// The story of an execution.
///
/// # Errors
/// [`Error::NoSuchExecution`], or the database failed.
pub async fn tell(engine: &Engine, id: ExecutionId) -> Result<Story, Error> {
    let facts = facts::gather(engine, id).await.map_err(Error::Store)?;
    let facts = facts.ok_or_else(|| Error::NoSuchExecution(id.to_string()))?;
    Ok(story::tell(&facts))
}
