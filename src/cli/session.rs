//! One run of the client: its settings, its connection, and who it is.

use super::args::{Command, Matches};
use super::client::Client;
use super::failure::Failure;
use super::settings::{Process, Settings};
use super::tokens;

/// What every command gets.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
    /// From `st2` down to the command that runs.
    pub(crate) path: Vec<&'static Command>,
}

impl Session {
    /// Reads the settings and, unless the command is about logging in, logs in where the
    /// configuration says so.
    pub(crate) fn open(path: Vec<&'static Command>, values: &Matches) -> Result<Session, Failure> {
        let settings = Settings::load(values, &Process).map_err(Failure::new)?;
        let client = Client::new(&settings);
        let mut session = Session { settings, client, path };
        let name = session.path.get(1).map_or("", |command| command.name);
        if !matches!(name, "auth" | "login") {
            tokens::log_in(&mut session)?;
        }
        Ok(session)
    }
}
