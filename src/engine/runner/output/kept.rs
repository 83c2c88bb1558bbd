//! What the result keeps of a stream: all of it, or its head and its tail once it is too large for a result.

use std::collections::VecDeque;

/// Most that stays of the head, and of the tail, of what is too large. All of it is in the stored output; a result
/// of many megabytes would only slow down everybody who looks at it.
const END: usize = 1024 * 1024;

/// A stream as the result will have it.
#[derive(Debug)]
pub(super) struct Kept {
    limit: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    /// Bytes that went through.
    total: u64,
}

impl Kept {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let cut = self.is_cut();
        self.total += bytes.len() as u64;
        if cut {
            self.push_tail(bytes);
        } else if self.head.len() + bytes.len() <= self.limit {
            self.head.extend_from_slice(bytes);
        } else {
            self.cut();
            self.push_tail(bytes);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// Lets go of the middle.
    pub(super) fn cut(&mut self) {
        if self.is_cut() || self.head.is_empty() {
            return;
        }
        let end = self.end();
        // Marks the cut even when nothing is in the tail yet.
        self.tail.reserve_exact(end.max(1));
        let rest = self.head[self.head.len().saturating_sub(end).max(end.min(self.head.len()))..].to_vec();
        self.push_tail(&rest);
        self.head.truncate(end);
        self.head.shrink_to_fit();
    }

    fn is_cut(&self) -> bool {
        self.tail.capacity() > 0
    }

    fn end(&self) -> usize {
        END.min(self.limit / 2)
    }

    fn push_tail(&mut self, bytes: &[u8]) {
        let end = self.end();
        let bytes = &bytes[bytes.len().saturating_sub(end)..];
        let over = (self.tail.len() + bytes.len()).saturating_sub(end);
        self.tail.drain(..over.min(self.tail.len()));
        self.tail.extend(bytes);
    }

    /// As text: bytes that are no UTF-8 become U+FFFD, and a gap is told.
    pub(super) fn into_text(mut self) -> String {
        let gap = self.total.saturating_sub(self.len() as u64);
        if gap > 0 {
            self.head.extend_from_slice(format!("\n[... {gap} bytes left out ...]\n").as_bytes());
        }
        let (a, b) = self.tail.as_slices();
        self.head.extend_from_slice(a);
        self.head.extend_from_slice(b);
        // Text that is fine, the usual case, is not copied.
        String::from_utf8(self.head)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_stays_whole() {
        let mut kept = Kept::new(10);
        kept.push(b"hello ");
        kept.push(b"yo\xff");
        assert_eq!(kept.into_text(), "hello yo\u{fffd}");
    }

    #[test]
    fn what_does_not_fit_keeps_head_and_tail_and_tells_the_gap() {
        let mut kept = Kept::new(10);
        for digit in b"0123456789abcdefghij" {
            kept.push(&[*digit]);
        }
        assert_eq!(kept.into_text(), "01234\n[... 10 bytes left out ...]\nfghij");
        let mut kept = Kept::new(10);
        kept.push(b"0123456789");
        kept.push(b"a");
        assert_eq!(kept.len(), 10);
    }

    #[test]
    fn memory_follows_the_limit_not_the_stream() {
        let mut kept = Kept::new(4 * END);
        let block = vec![b'x'; END];
        for _ in 0..200 {
            kept.push(&block);
        }
        assert_eq!(kept.len(), 2 * END);
        assert!(kept.head.capacity() + kept.tail.capacity() < 5 * END);
    }
}
