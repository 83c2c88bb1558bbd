//! How libgit2 reaches repositories: https and ssh are ours, so that TLS, proxies and time limits are those of the
//! rest of the program.

use super::{http::Http, ssh::Ssh};
use crate::packs::Net;
use git2::transport::Transport;
use std::{cell::RefCell, sync::Once};
use tokio::runtime::Handle;

/// The way to the network of the clone that runs on this thread.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) net: Net,
    pub(super) runtime: Handle,
}

thread_local! {
    static WAY: RefCell<Option<Way>> = const { RefCell::new(None) };
}

/// Ends the way of this thread when it is dropped.
#[derive(Debug)]
pub(super) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        WAY.with_borrow_mut(|way| *way = None);
    }
}

/// Clones on this thread go this way until the answer is dropped. Has to be called on a thread of the runtime that
/// may block.
pub(super) fn with(net: &Net) -> Entered {
    register();
    let way = Way { net: net.clone(), runtime: Handle::current() };
    WAY.with_borrow_mut(|current| *current = Some(way));
    Entered
}

fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let way =
            || WAY.with_borrow(Clone::clone).ok_or_else(|| git2::Error::from_str("no way to the network"));
        #[expect(
            unsafe_code,
            reason = "not safe beside other registrations: this is the only one, and done once"
        )]
        // SAFETY: inside of `Once`, before any clone of this process, which all come through `with`.
        unsafe {
            for scheme in ["http", "https"] {
                // Fails only for names that libgit2 cannot take.
                let _ = git2::transport::register(scheme, move |remote| {
                    Transport::smart(remote, true, Http::new(way()?))
                });
            }
            let _ = git2::transport::register("ssh", |remote| Transport::smart(remote, false, Ssh));
            // Local repositories are named by administrators alone, and often belong to somebody else.
            let _ = git2::opts::set_verify_owner_validation(false);
        }
    });
}
