//! Logging in with the configured user, and the tokens kept in `~/.st2` between runs.

use super::client::Error;
use super::console;
use super::failure::Failure;
use super::session::Session;
use super::settings::{Process, home_directory};
use serde_json::Value;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

/// A token this close to its end is as good as expired: it has to last for the whole command.
const GRACE_SECONDS: i64 = 15;

/// Gets a token for the user of the configuration file, if there is one and nobody gave a token.
pub(crate) fn log_in(session: &mut Session) -> Result<(), Failure> {
    let Some((user, password)) = session.settings.login.clone() else { return Ok(()) };
    if session.settings.cache_token
        && let Some(token) = cached(&user)?
    {
        session.client.token = Some(token);
        return Ok(());
    }
    match session.client.login(&user, &password, None) {
        Ok(token) => {
            keep(&token);
            session.client.token = token["token"].as_str().map(str::to_owned);
            Ok(())
        }
        Err(Error::Transport(error)) => {
            console::note(&format!("Auth API server is not available, skipping authentication. ({error})"));
            Ok(())
        }
        Err(error) => {
            console::say("Failed to authenticate with credentials provided in the config.");
            Err(error.into())
        }
    }
}

fn path(user: &str) -> PathBuf {
    home_directory(&Process).join(format!("token-{user}"))
}

/// The kept token of a user, if it is still good.
fn cached(user: &str) -> Result<Option<String>, Failure> {
    let path = path(user);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                console::note(&format!("Cannot read the cached token in \"{}\": {error}", path.display()));
            }
            return Ok(None);
        }
    };
    if std::fs::metadata(&path).is_ok_and(|meta| meta.permissions().mode() & 0o7 >= 2) {
        console::note(&format!(
            "Others may write to the cached token in \"{}\"; make it yours alone with chmod 600.",
            path.display()
        ));
    }
    let corrupt = |cause: &str| {
        Failure::new(format!(
            "File \"{}\" with cached token is corrupted or invalid ({cause}). Please delete  this file",
            path.display()
        ))
    };
    let data: Value = serde_json::from_str(&text).map_err(|error| corrupt(&error.to_string()))?;
    let token = data["token"].as_str().ok_or_else(|| corrupt("'token'"))?;
    let expires = data["expire_timestamp"].as_i64().ok_or_else(|| corrupt("'expire_timestamp'"))?;
    let good = expires - GRACE_SECONDS >= crate::clock::now().timestamp();
    Ok(good.then(|| token.to_owned()))
}

/// Keeps a token that the auth service gave.
pub(crate) fn keep(token: &Value) {
    let user = token["user"].as_str().unwrap_or_default();
    let expires = token["expiry"]
        .as_str()
        .and_then(|time| chrono::DateTime::parse_from_rfc3339(time).ok())
        .map_or(0, |time| time.timestamp());
    let data = serde_json::json!({ "token": token["token"], "expire_timestamp": expires });
    let path = path(user);
    let written = make_home().and_then(|()| write(&path, &data.to_string()));
    if let Err(error) = written {
        // The command can go on; it only has to log in again next time.
        console::note(&format!("Cannot keep the token in \"{}\": {error}", path.display()));
    }
}

/// Makes the folder of configuration and tokens.
pub(crate) fn make_home() -> std::io::Result<()> {
    let home = home_directory(&Process);
    if home.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(&home)?;
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o2770))
}

/// Writes a file that only its owner and group may read.
pub(crate) fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o660).open(path)?;
    file.write_all(text.as_bytes())?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
}
