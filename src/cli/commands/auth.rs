//! `st2 auth`, `st2 login` and `st2 whoami`.

use super::objects;
use crate::cli::args::Matches;
use crate::cli::client::Error;
use crate::cli::console;
use crate::cli::failure::Failure;
use crate::cli::ini::Ini;
use crate::cli::render::{Format, property};
use crate::cli::session::Session;
use crate::cli::tokens;
use serde_json::Value;

fn password(values: &Matches) -> String {
    match values.filled("password") {
        Some(password) => password.to_owned(),
        None => console::ask_secret("Password: ").unwrap_or_default(),
    }
}

/// `st2 auth`: a token for scripts.
pub(crate) fn auth(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let user = values.text("username").unwrap_or_default();
    let token = session.client.login(user, &password(values), values.int("ttl"))?;
    if values.flag("only_token") {
        console::say(token["token"].as_str().unwrap_or_default());
        return Ok(());
    }
    let shown: Vec<String> = ["user", "token", "expiry"].map(str::to_owned).into();
    objects::print_object(&token, &shown, property::ORDER, Format::of(values));
    Ok(())
}

/// `st2 login`: a token for this client's next commands.
pub(crate) fn login(session: &mut Session, values: &Matches) -> Result<(), Failure> {
    let user = values.text("username").unwrap_or_default();
    let password = password(values);
    let keep_password = values.flag("write_password");
    let fail = |error: &dyn std::fmt::Display| Failure::new(format!("Failed to log in as {user}: {error}"));
    let token = session.client.login(user, &password, values.int("ttl")).map_err(|error| fail(&error))?;
    tokens::keep(&token);
    remember(session, user, keep_password.then_some(password.as_str())).map_err(|error| fail(&error))?;
    console::say(&format!("Logged in as {user}"));
    if !keep_password {
        console::say("");
        console::say(
            "Note: You didn't use --write-password option so the password hasn't been stored in the client config and you will need to login again in 24 hours when the auth token expires.",
        );
        console::say(
            "As an alternative, you can run st2 login command with the \"--write-password\" flag, but keep it mind this will cause it to store the password in plain-text in the client config file (~/.st2/config).",
        );
    }
    Ok(())
}

/// Writes the user, and the password if wanted, into the configuration file.
fn remember(session: &Session, user: &str, password: Option<&str>) -> Result<(), String> {
    let path = &session.settings.config_path;
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("cannot read \"{}\": {error}", path.display())),
    };
    let existed = path.exists();
    let mut ini = Ini::parse(&text)?;
    ini.set("credentials", "username", user);
    match password {
        Some(password) => ini.set("credentials", "password", password),
        None => ini.remove("credentials", "password"),
    }
    let written = if existed {
        std::fs::write(path, ini.text())
    } else {
        tokens::make_home().and_then(|()| tokens::write(path, &ini.text()))
    };
    written.map_err(|error| format!("cannot write \"{}\": {error}", path.display()))
}

/// `st2 whoami`. Not being logged in is an answer, not a failure.
pub(crate) fn whoami(session: &mut Session, _: &Matches) -> Result<(), Failure> {
    let user = match session.client.get("/user").and_then(|reply| reply.json()) {
        Ok(user) => user,
        Err(error @ Error::Transport(_)) => return Err(error.into()),
        Err(_) => {
            console::say("Unable to retrieve currently logged-in user");
            return Ok(());
        }
    };
    let text = |value: &Value| crate::pytext::str(value);
    let method = text(&user["authentication"]["method"]);
    console::say(&format!("Currently logged in as \"{}\".\n", text(&user["username"])));
    console::say(&format!("Authentication method: {method}"));
    if method == "authentication token" {
        console::say(&format!(
            "Authentication token expire time: {}",
            text(&user["authentication"]["token_expire"])
        ));
    }
    let roles: Vec<String> = user["rbac"]["roles"].as_array().into_iter().flatten().map(text).collect();
    console::say(&format!(
        "\nRBAC:\n - Enabled: {}\n - Roles: {}",
        text(&user["rbac"]["enabled"]),
        roles.join(", ")
    ));
    Ok(())
}
