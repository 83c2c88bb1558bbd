//! OpenSSH's client configuration, as far as remote actions heed it: `HostName`, `User`, `Port`, the first
//! `IdentityFile` and `ProxyCommand`, in `Host` blocks with patterns. The first value that is found counts.
//!
//! Left out: `Match`, `Include`, and every other keyword.

/// What the file says about a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Advice {
    pub(super) host_name: Option<String>,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) identity_file: Option<String>,
    pub(super) proxy_command: Option<String>,
}

/// Reads the text of a configuration for one host.
pub(super) fn advice(text: &str, host: &str) -> Advice {
    let mut advice = Advice::default();
    let mut applies = true;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (keyword, rest) = line.split_at(line.find([' ', '\t', '=']).unwrap_or(line.len()));
        let rest = rest.trim_start_matches([' ', '\t', '=']).trim_end();
        let value = rest.trim_matches('"').to_owned();
        match keyword.to_ascii_lowercase().as_str() {
            "host" => applies = is_meant(rest, host),
            // Conditions we do not know are not met.
            "match" => applies = false,
            _ if !applies => {}
            "hostname" => set(&mut advice.host_name, value.replace("%h", host)),
            "user" => set(&mut advice.user, value),
            "port" => advice.port = advice.port.or(value.parse().ok()),
            "identityfile" => set(&mut advice.identity_file, value),
            "proxycommand" if !rest.eq_ignore_ascii_case("none") => {
                set(&mut advice.proxy_command, rest.to_owned());
            }
            _ => {}
        }
    }
    advice
}

fn set(place: &mut Option<String>, value: String) {
    place.get_or_insert(value);
}

fn is_meant(patterns: &str, host: &str) -> bool {
    let patterns: Vec<&str> = patterns.split([' ', '\t']).filter(|pattern| !pattern.is_empty()).collect();
    let excluded = patterns
        .iter()
        .filter_map(|it| it.strip_prefix('!'))
        .any(|it| matches(it.as_bytes(), host.as_bytes()));
    !excluded && patterns.iter().any(|it| matches(it.trim_matches('"').as_bytes(), host.as_bytes()))
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => matches(&pattern[1..], text) || !text.is_empty() && matches(pattern, &text[1..]),
        (Some(b'?'), Some(_)) => matches(&pattern[1..], &text[1..]),
        (Some(a), Some(b)) => a == b && matches(&pattern[1..], &text[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_of_a_block_that_fits_counts() {
        let text = "User = early\n# no\nHost web* !web9\n  HostName %h.example.com\n  Port 2222\n  IdentityFile \"~/a key\"\n\
                    \x20 IdentityFile ~/b\n  ProxyCommand nc %h %p\nHost *\n User late\n Port 1\nMatch user x\n HostName no\n";
        let web = advice(text, "web1");
        assert_eq!(
            web,
            Advice {
                host_name: Some("web1.example.com".to_owned()),
                user: Some("early".to_owned()),
                port: Some(2222),
                identity_file: Some("~/a key".to_owned()),
                proxy_command: Some("nc %h %p".to_owned()),
            }
        );
        assert_eq!(advice(text, "web9").port, Some(1));
        assert_eq!(advice(text, "web9").host_name, None);
    }
}
