//! What a sensor prints, line by line, whatever bytes it prints.

use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver};

/// Longest piece of a line.
const LONGEST: usize = 8 * 1024;

/// Reads a pipe.
pub(super) struct Lines {
    pipe: Option<Receiver>,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn of(pipe: Receiver) -> Self {
        Self { pipe: Some(pipe), buffer: Vec::new() }
    }

    /// The next line, without its end; a long one comes in pieces. `None`: there will be none. A call that is given up
    /// loses nothing.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.take() {
                return Some(line);
            }
            let Some(pipe) = &mut self.pipe else {
                let rest = std::mem::take(&mut self.buffer);
                return (!rest.is_empty()).then(|| text(&rest));
            };
            match pipe.read_buf(&mut self.buffer).await {
                Ok(1..) => {}
                Ok(0) | Err(_) => self.pipe = None,
            }
        }
    }

    fn take(&mut self) -> Option<String> {
        let window = &self.buffer[..self.buffer.len().min(LONGEST)];
        let (end, skip) = match window.iter().position(|byte| *byte == b'\n') {
            Some(newline) => (newline, newline + 1),
            None if window.len() == LONGEST => (LONGEST, LONGEST),
            None => return None,
        };
        let line = text(&self.buffer[..end]);
        self.buffer.drain(..skip);
        Some(line)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\r').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[tokio::test]
    async fn any_bytes_become_lines_of_bounded_length() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let mut lines = Lines::of(Receiver::from_owned_fd(read).unwrap());
        let mut write = std::fs::File::from(write);
        write.write_all(b"one\r\n\xff\xfe\0\n\n").unwrap();
        write.write_all(&[b'x'; LONGEST + 2]).unwrap();
        drop(write);
        assert_eq!(lines.next().await.unwrap(), "one");
        assert_eq!(lines.next().await.unwrap(), "\u{fffd}\u{fffd}\0");
        assert_eq!(lines.next().await.unwrap(), "");
        assert_eq!(lines.next().await.unwrap().len(), LONGEST);
        assert_eq!(lines.next().await.unwrap(), "xx");
        assert_eq!(lines.next().await, None);
    }
}
