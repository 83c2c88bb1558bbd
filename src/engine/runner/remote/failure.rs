//! What goes wrong with one host, as its entry in the result tells it.

use serde_json::{Value, json};

/// No result was had from a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// SSH itself failed, as opposed to the way there.
    is_ssh: bool,
    pub(super) text: String,
}

impl Failure {
    /// SSH failed: the other side speaks it, and refused.
    pub(super) fn ssh(text: &str) -> Self {
        Self { is_ssh: true, text: text.to_owned() }
    }

    /// Something else failed.
    pub(super) fn other(text: &str) -> Self {
        Self { is_ssh: false, text: text.to_owned() }
    }

    /// The entry of a host that could not be connected to.
    pub(super) fn of_connection(&self, host: &str) -> Value {
        let message = if self.is_ssh {
            "Connection error.".to_owned()
        } else {
            format!("Failed connecting to host {host}.")
        };
        entry(&format!("{message} {}", self.text))
    }

    /// The entry of a host on which something else failed.
    pub(super) fn entry(&self, message: &str) -> Value {
        entry(&format!("{message} {}", self.text))
    }
}

impl From<russh::Error> for Failure {
    fn from(error: russh::Error) -> Self {
        Self::ssh(&error.to_string())
    }
}

impl From<russh_sftp::client::error::Error> for Failure {
    fn from(error: russh_sftp::client::error::Error) -> Self {
        Self::other(&error.to_string())
    }
}

fn entry(error: &str) -> Value {
    json!({
        "failed": true, "succeeded": false, "timeout": false, "return_code": 255, "stdout": "", "stderr": "",
        "error": error, "traceback": "",
    })
}

/// A command as messages may show it.
pub(super) fn without_secrets(line: &str, sudo_password: Option<&str>) -> String {
    const TOKEN: &str = "ST2_ACTION_AUTH_TOKEN=";
    const MASK: &str = "********";
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(TOKEN) {
        shown.push_str(before);
        shown.push_str(TOKEN);
        shown.push_str(MASK);
        rest = after.find(char::is_whitespace).map_or("", |end| &after[end..]);
    }
    shown.push_str(rest);
    match sudo_password {
        Some(password) if !password.is_empty() => shown.replace(password, MASK),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_passwords_are_masked() {
        let line = "echo -e 'pw\n' | export ST2_ACTION_AUTH_TOKEN=abc ST2_X=1 && ST2_ACTION_AUTH_TOKEN=d";
        assert_eq!(
            without_secrets(line, Some("pw")),
            "echo -e '********\n' | export ST2_ACTION_AUTH_TOKEN=******** ST2_X=1 && ST2_ACTION_AUTH_TOKEN=********"
        );
    }
}
