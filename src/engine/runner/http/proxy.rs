//! Which proxy a request goes through: the action's own, or that of the daemon's environment.

use super::failure::{Failure, Target};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode_str;
use std::net::{IpAddr, Ipv4Addr};
use url::Url;

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine::runner) struct Proxy {
    /// Where it is.
    pub(in crate::engine::runner) target: Target,
    /// Value of `Proxy-Authorization`.
    pub(in crate::engine::runner) authorization: Option<String>,
}

/// The variables of the environment, so that tests can have their own.
pub(in crate::engine::runner) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The proxy for `url`: `own` if the action names one, else what the environment says.
///
/// # Errors
/// [`Failure::Refused`] if it is no proxy we can speak to.
pub(in crate::engine::runner) fn choose(
    url: &Url,
    own: Option<&str>,
    environment: Environment<'_>,
) -> Result<Option<Proxy>, Failure> {
    let own = own.filter(|text| !text.is_empty()).map(str::to_owned);
    own.or_else(|| of_environment(url, environment)).map(|text| parse(&text)).transpose()
}

fn of_environment(url: &Url, environment: Environment<'_>) -> Option<String> {
    // Lower case wins, as everywhere.
    let get = |name: &str| {
        let set = environment(name).or_else(|| environment(&name.to_ascii_uppercase()));
        set.filter(|value| !value.is_empty())
    };
    if get("no_proxy").is_some_and(|list| is_exempt(url, &list)) {
        return None;
    }
    get(&format!("{}_proxy", url.scheme())).or_else(|| get("all_proxy"))
}

fn is_exempt(url: &Url, list: &str) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let with_port = url.port().map(|port| format!("{host}:{port}"));
    list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(
        |entry| {
            let bare = entry.trim_start_matches('.');
            let is_name = |name: &str| name == bare || name.ends_with(&format!(".{bare}"));
            entry == "*"
                || is_name(&host)
                || with_port.as_deref().is_some_and(is_name)
                || is_in_network(&host, &entry)
        },
    )
}

fn is_in_network(host: &str, network: &str) -> bool {
    let Ok(IpAddr::V4(address)) = host.parse() else { return false };
    let Some((base, bits)) = network.split_once('/') else { return false };
    let (Ok(base), Ok(bits)) = (base.parse::<Ipv4Addr>(), bits.parse::<u32>()) else { return false };
    let mask = if bits == 0 { 0 } else { u32::MAX << 32_u32.saturating_sub(bits.min(32)) };
    u32::from(base) & mask == u32::from(address) & mask
}

fn parse(text: &str) -> Result<Proxy, Failure> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let refused =
        |words: &str| Failure::Refused(format!("Proxy \"{}\" {words}", without_password(&with_scheme)));
    let url = Url::parse(&with_scheme).map_err(|error| refused(&format!("is no URL: {error}")))?;
    let secure = match url.scheme() {
        "http" => false,
        "https" => true,
        other => {
            return Err(refused(&format!("is of a kind ({other}) that is not supported: use http or https")));
        }
    };
    let host = url.host_str().ok_or_else(|| refused("has no host"))?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(80);
    let authorization = credentials(&url).map(|(user, password)| basic(&user, &password));
    Ok(Proxy { target: Target { secure, host, port, path: "/".to_owned() }, authorization })
}

/// User and password in a URL, if there are any.
pub(super) fn credentials(url: &Url) -> Option<(String, String)> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decode(url.username()), decode(url.password().unwrap_or_default())))
}

/// Credentials as headers carry them.
pub(in crate::engine::runner) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn without_password(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, own: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        let environment = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let proxy = choose(&Url::parse(url).unwrap(), own, &environment).unwrap()?;
        Some(format!("{}:{}", proxy.target.host, proxy.target.port))
    }

    #[test]
    fn the_actions_proxy_wins_over_the_environment() {
        let env = [("http_proxy", "http://env:1"), ("no_proxy", "a.example")];
        assert_eq!(chosen("http://a.example/", Some("own:2"), &env).as_deref(), Some("own:2"));
        assert_eq!(chosen("http://a.example/", None, &env), None);
        assert_eq!(chosen("http://b.example/", None, &env).as_deref(), Some("env:1"));
        assert_eq!(chosen("https://b.example/", None, &env), None);
        assert_eq!(chosen("https://b.example/", None, &[("ALL_PROXY", "all")]).as_deref(), Some("all:80"));
    }

    #[test]
    fn exempt_are_names_their_subdomains_and_networks() {
        for (url, list, exempt) in [
            ("http://x.example.com/", "example.com", true),
            ("http://x.example.com/", ".example.com", true),
            ("http://notexample.com/", "example.com", false),
            ("http://10.1.2.3/", "10.1.0.0/16", true),
            ("http://10.2.2.3/", "10.1.0.0/16", false),
            ("http://a:8080/", "a:8080", true),
            ("http://a:8081/", "a:8080", false),
            ("http://a/", "*", true),
        ] {
            assert_eq!(is_exempt(&Url::parse(url).unwrap(), list), exempt, "{url} {list}");
        }
    }

    #[test]
    fn a_proxy_of_another_kind_is_refused_without_its_password() {
        let error = parse("socks5://u:secret@p:1080").unwrap_err().to_string();
        assert!(error.contains("socks5") && !error.contains("secret"), "{error}");
    }
}
