//! Server-sent events: lines in, the data of each event out.

use std::io::BufRead;

/// The events of a stream, as they arrive.
pub(crate) struct Events<R> {
    lines: R,
}

impl<R: BufRead> Events<R> {
    /// Reads events from `lines`.
    pub(crate) fn new(lines: R) -> Events<R> {
        Events { lines }
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = std::io::Result<String>;

    /// The data of the next event that has any. Comments and pings have none.
    fn next(&mut self) -> Option<Self::Item> {
        let mut data: Option<String> = None;
        let mut line = Vec::new();
        loop {
            line.clear();
            match self.lines.read_until(b'\n', &mut line) {
                // An event that is cut off before its blank line does not count.
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                if let Some(data) = data.take().filter(|data| !data.is_empty()) {
                    return Some(Ok(data));
                }
                continue;
            }
            let (field, value) = text.split_once(':').unwrap_or((text, ""));
            if field == "data" {
                let value = value.strip_prefix(' ').unwrap_or(value);
                match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => data = Some(value.to_owned()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Events;

    #[test]
    fn only_whole_events_with_data_count() {
        let text = "\n:ping\n\nevent: a\ndata: {\"x\":\ndata: 1}\n\nid: 1\n\r\ndata:2\r\n\r\ndata: cut off\n";
        let events: Vec<String> = Events::new(text.as_bytes()).map(Result::unwrap).collect();
        assert_eq!(events, ["{\"x\":\n1}", "2"]);
    }
}
