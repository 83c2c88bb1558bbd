//! Which hosts an action may talk to: its own lists, and the administrator's.
//!
//! Every hop of a redirect is looked at too; upstream looks at the first URL alone, so a redirect led anywhere.

use super::failure::Failure;
use serde_json::{Map, Value};
use url::Url;

/// The lists that apply to one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    black: Vec<String>,
    white: Vec<String>,
    denied: Vec<String>,
    allowed: Vec<String>,
}

impl Hosts {
    /// The lists of an action, and those of the settings.
    ///
    /// # Errors
    /// [`Failure::Refused`]: an action may have only one of its lists.
    pub(super) fn of(
        parameters: &Map<String, Value>,
        denied: &[String],
        allowed: &[String],
    ) -> Result<Self, Failure> {
        let list = |name: &str| {
            let items = parameters.get(name).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_str).map(bare).collect::<Vec<_>>()
        };
        let (black, white) = (list("url_hosts_blacklist"), list("url_hosts_whitelist"));
        if !black.is_empty() && !white.is_empty() {
            return Err(Failure::Refused(
                "\"url_hosts_blacklist\" and \"url_hosts_whitelist\" parameters are mutually exclusive. Only one \
                 should be provided."
                    .to_owned(),
            ));
        }
        let bare_all = |list: &[String]| list.iter().map(|host| bare(host)).collect();
        Ok(Self { black, white, denied: bare_all(denied), allowed: bare_all(allowed) })
    }

    /// Looks at a URL as the action wrote it, before it is known to be one.
    pub(super) fn check_text(&self, text: &str) -> Result<(), Failure> {
        self.check_host(&net_location(text), text)
    }

    /// Looks at where a request really goes.
    pub(super) fn check(&self, url: &Url) -> Result<(), Failure> {
        self.check_host(&bare(url.host_str().unwrap_or_default()), url.as_str())
    }

    fn check_host(&self, host: &str, shown: &str) -> Result<(), Failure> {
        let is_in = |list: &[String]| list.iter().any(|known| known == host);
        let refused = |text: String| Err(Failure::Refused(text));
        if is_in(&self.black) {
            return refused(format!("URL \"{shown}\" is blacklisted"));
        }
        if !self.white.is_empty() && !is_in(&self.white) {
            return refused(format!("URL \"{shown}\" is not whitelisted"));
        }
        if is_in(&self.denied) {
            return refused(format!(
                "URL \"{shown}\" is blacklisted: the administrator lists its host in http_runner.url_hosts_blacklist"
            ));
        }
        if !self.allowed.is_empty() && !is_in(&self.allowed) {
            return refused(format!(
                "URL \"{shown}\" is not whitelisted: its host is not in the administrator's http_runner.url_hosts_whitelist"
            ));
        }
        Ok(())
    }
}

/// A host without brackets, in lower case.
fn bare(host: &str) -> String {
    host.replace(['[', ']'], "").to_ascii_lowercase()
}

/// What stands between the slashes of a URL, without its port.
fn net_location(text: &str) -> String {
    let rest = text.split_once("//").map_or("", |(_, rest)| rest);
    let location = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let location = location.rsplit_once('@').map_or(location, |(_, host)| host);
    let host = match location.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => location,
    };
    bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hosts_are_compared_without_port_brackets_and_user() {
        let black = json!({"url_hosts_blacklist": ["Example.com", "::1"]});
        let hosts = Hosts::of(black.as_object().unwrap(), &[], &[]).unwrap();
        for (url, passes) in [
            ("http://example.com/x", false),
            ("http://EXAMPLE.com:8080/x", false),
            ("http://you@example.com/", false),
            ("http://[::1]:80/", false),
            ("http://example.com.evil.org/", true),
            ("http://other/?u=http://example.com", true),
        ] {
            assert_eq!(hosts.check_text(url).is_ok(), passes, "{url}");
            assert_eq!(hosts.check(&Url::parse(url).unwrap()).is_ok(), passes, "{url}");
        }
    }

    #[test]
    fn one_list_excludes_the_other() {
        let both = json!({"url_hosts_blacklist": ["a"], "url_hosts_whitelist": ["b"]});
        assert!(Hosts::of(both.as_object().unwrap(), &[], &[]).is_err());
        let white = json!({"url_hosts_whitelist": ["b"]});
        let hosts = Hosts::of(white.as_object().unwrap(), &["b".to_owned()], &[]).unwrap();
        assert_eq!(
            hosts.check_text("http://a/").unwrap_err().to_string(),
            "URL \"http://a/\" is not whitelisted"
        );
        assert!(hosts.check_text("http://b/").is_err());
    }
}
