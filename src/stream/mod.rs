//! Server-Sent Events: everything that happens, filtered ([`Everything`]), or the output of one execution,
//! from its first line to its end ([`output`]).
//!
//! One task, the [`Hub`], listens to the bus for all clients of this node. It makes the bytes of an event once,
//! joins what has gathered once per distinct filter, and puts the same bytes into the queue of every client with
//! that filter. Queues are bounded in bytes: a client that does not read is cut off or, where rows can fill the
//! gap, told to look at them; nobody ever waits for it.
//!
//! What happens on other nodes is on the bus too, as far as `engine::neighbours` passes it on. Outputs are looked at in
//! the database now and then, so those arrive even when nobody told of them, only later.

mod all;
mod filter;
mod frame;
mod hub;
pub mod output;
mod queue;

pub use all::Everything;
pub use filter::{End, Filter};
pub use hub::Hub;
