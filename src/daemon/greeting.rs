//! What the daemon says on stdout: who may come in, after the first start, and that it is ready.

use super::listen::Addresses;
use crate::access::FirstStart;
use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

/// Says that executions can be run; before that, after a first start, the credentials, this once.
///
/// `data_dir` is given when it is not where the client looks by itself.
pub(super) fn greet(addresses: &Addresses, first_start: Option<&FirstStart>, data_dir: Option<&Path>) {
    let mut text = String::new();
    if let Some(made) = first_start {
        text.push_str(&credentials(made));
    }
    let url = addresses.main();
    text.extend(["st2d is ready: ", url.unwrap_or("no listener"), "\n"]);
    let mut stdout = std::io::stdout().lock();
    if first_start.is_some() || stdout.is_terminal() {
        text.push_str(&suggestions(&client(), &surroundings(addresses, data_dir)));
    }
    // Nobody may be reading it: that is no reason not to serve.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

fn credentials(made: &FirstStart) -> String {
    format!(
        "First start. Log in as: {}  password: {}\n\
         The password is kept in {}; `st2` on this machine needs none, it finds {}\n",
        made.user,
        made.password,
        made.password_file.display(),
        made.api_key_file.display()
    )
}

/// What the client must be told in its environment, where this daemon is not where it looks by itself.
fn surroundings(addresses: &Addresses, data_dir: Option<&Path>) -> String {
    let urls = [
        ("ST2_API_URL", &addresses.api, "/v1", "http://127.0.0.1:9101/v1"),
        ("ST2_AUTH_URL", &addresses.auth, "", "http://127.0.0.1:9100"),
        ("ST2_STREAM_URL", &addresses.stream, "/v1", "http://127.0.0.1:9102/v1"),
    ];
    let urls = urls.into_iter().filter_map(|(name, url, version, usual)| {
        let url = format!("{}{version}", url.as_deref()?);
        (url != usual).then(|| format!(" {name}={url}"))
    });
    let data_dir = data_dir.map(|path| format!(" ST2_DATA_DIR='{}'", path.display()));
    let variables: String = urls.chain(data_dir).collect();
    if variables.is_empty() { variables } else { format!("  export{variables}\n") }
}

fn suggestions(st2: &str, surroundings: &str) -> String {
    format!(
        "Try, in another terminal:\n{surroundings}  \
         {st2} run core.local cmd=date\n  \
         {st2} run core.local cmd='for i in 1 2 3 4 5; do echo $i; sleep 1; done' --tail\n  \
         {st2} execution list\n"
    )
}

/// How to call the client from here: by its name if that is found, else by the path beside this program.
fn client() -> String {
    let name = "st2";
    let path = std::env::var_os("PATH").unwrap_or_default();
    let beside =
        std::env::current_exe().ok().map(|own| own.with_file_name(name)).filter(|path| path.is_file());
    let in_path =
        std::env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.is_file());
    match (beside, in_path) {
        // Another program of that name, the Python client perhaps, is not the one to suggest.
        (Some(beside), Some(found)) if same(&beside, &found) => name.to_owned(),
        (Some(beside), _) => from_here(&beside).display().to_string(),
        (None, _) => name.to_owned(),
    }
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The path as it is written in the current directory, if it is below that.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_told_only_what_it_does_not_expect() {
        let mut addresses = Addresses {
            api: Some("http://127.0.0.1:9101".into()),
            auth: Some("http://127.0.0.1:9100".into()),
            stream: None,
        };
        assert_eq!(surroundings(&addresses, None), "");
        addresses.api = Some("http://127.0.0.1:8001".into());
        assert_eq!(
            surroundings(&addresses, Some(Path::new("/srv/st2"))),
            "  export ST2_API_URL=http://127.0.0.1:8001/v1 ST2_DATA_DIR='/srv/st2'\n"
        );
    }
}
