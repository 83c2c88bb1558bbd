//! The hosts of an action: `a, b:2222, [::1]:22`.

use std::collections::HashSet;

/// A host as the action wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// Its key in the result.
    pub(super) key: String,
    /// Name or address, without brackets.
    pub(super) name: String,
    /// Port, if one was written behind it.
    pub(super) port: Option<u16>,
}

/// Reads a list of hosts. In the result they go by their names; one that comes twice goes by name and port then, so
/// that no result is lost.
///
/// # Errors
/// In words for the user: what stands behind a colon is no port.
pub(super) fn parse(list: &str) -> Result<Vec<Host>, String> {
    let mut seen = HashSet::new();
    let mut hosts = Vec::new();
    for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let (name, port) = split(text)?;
        if !seen.insert((name.to_owned(), port)) {
            continue;
        }
        let is_twice = hosts.iter().any(|host: &Host| host.name == name);
        let key = if is_twice { text.to_owned() } else { name.to_owned() };
        hosts.push(Host { key, name: name.to_owned(), port });
    }
    Ok(hosts)
}

fn split(text: &str) -> Result<(&str, Option<u16>), String> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, "")) => (name, None),
        Some((name, rest)) => (name, rest.strip_prefix(':').or(Some(rest))),
        // More than one colon without brackets: an address of IPv6 alone.
        None if text.matches(':').count() == 1 => {
            text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)))
        }
        None => (text, None),
    };
    match port.map(str::parse).transpose() {
        Ok(port) => Ok((name, port)),
        Err(_) => Err(format!(
            "Host \"{text}\" has no valid port: expected a number from 1 to 65535 behind the colon."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_ports() {
        let read =
            |list| parse(list).unwrap().into_iter().map(|it| (it.key, it.name, it.port)).collect::<Vec<_>>();
        let host = |key: &str, name: &str, port| (key.to_owned(), name.to_owned(), port);
        assert_eq!(read("a, b:2222,,"), [host("a", "a", None), host("b", "b", Some(2222))]);
        assert_eq!(
            read("[::1]:22,fe80::1,[::2]"),
            [host("::1", "::1", Some(22)), host("fe80::1", "fe80::1", None), host("::2", "::2", None),]
        );
        assert_eq!(read("a:1,a:2,a:1"), [host("a", "a", Some(1)), host("a:2", "a", Some(2))]);
        assert!(parse("a:x").unwrap_err().contains("\"a:x\""));
    }
}
