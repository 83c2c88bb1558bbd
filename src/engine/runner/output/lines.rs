//! Bytes into lines. A line keeps its newline; one that is too long comes in several pieces.

use crate::bus::OutputKind;
use bytes::{Bytes, BytesMut};

/// Longest piece of a line.
pub(super) const LONGEST: usize = 16 * 1024;

/// Takes the complete lines (and pieces of a line that is too long) out of `buffer`; an unfinished line stays.
pub(super) fn take_lines(buffer: &mut BytesMut, kind: OutputKind, lines: &mut Vec<(OutputKind, Bytes)>) {
    loop {
        let window = &buffer[..buffer.len().min(LONGEST)];
        let end = match window.iter().position(|byte| *byte == b'\n') {
            Some(newline) => newline + 1,
            None if window.len() == LONGEST => whole_characters(window),
            None => return,
        };
        lines.push((kind, buffer.split_to(end).freeze()));
    }
}

/// Takes what is left when no more will come.
pub(super) fn take_rest(buffer: &mut BytesMut, kind: OutputKind, lines: &mut Vec<(OutputKind, Bytes)>) {
    take_lines(buffer, kind, lines);
    if !buffer.is_empty() {
        lines.push((kind, buffer.split().freeze()));
    }
}

/// Where to cut so that no UTF-8 character is cut in two.
fn whole_characters(piece: &[u8]) -> usize {
    let begins = |byte: u8| byte & 0b1100_0000 != 0b1000_0000;
    match piece.iter().rposition(|byte| begins(*byte)) {
        // The last character may be complete or not; if it is not ASCII it goes into the next piece.
        Some(last) if piece.len() - last <= 4 && last > 0 && piece[last] >= 0x80 => last,
        _ => piece.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(pieces: &[&[u8]]) -> Vec<Bytes> {
        let (mut buffer, mut lines) = (BytesMut::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            take_lines(&mut buffer, OutputKind::Stdout, &mut lines);
        }
        take_rest(&mut buffer, OutputKind::Stdout, &mut lines);
        lines.into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn lines_keep_their_newlines_wherever_reads_are_cut() {
        assert_eq!(split(&[b"a\nb", b"c\n\n", b"d"]), ["a\n", "bc\n", "\n", "d"]);
        assert!(split(&[b""]).is_empty());
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let text = "\u{20ac}".repeat(LONGEST);
        let lines = split(&[text.as_bytes()]);
        assert!(lines.iter().all(|line| line.len() <= LONGEST && std::str::from_utf8(line).is_ok()));
        assert_eq!(lines.concat(), text.as_bytes());
    }

    #[test]
    fn bytes_that_are_no_text_are_cut_all_the_same() {
        let noise = vec![0x80; 3 * LONGEST];
        assert_eq!(split(&[&noise]).concat(), noise);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_added(pieces: Vec<Vec<u8>>) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            let lines = split(&pieces);
            prop_assert_eq!(lines.concat(), pieces.concat());
            for line in lines.iter().rev().skip(1) {
                prop_assert!(line.ends_with(b"\n") || line.len() > LONGEST - 4);
            }
        }
    }
}
