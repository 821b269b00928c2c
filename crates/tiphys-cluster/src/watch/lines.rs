//! Lines of a stream that comes in pieces.

use bytes::{Bytes, BytesMut};

/// No object is that long: etcd refuses far shorter ones.
const LONGEST: usize = 64 * 1024 * 1024;

/// Keeps the piece of a line that has no end yet.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: BytesMut,
}

impl Lines {
    /// Takes a piece and gives the complete lines, as one block that ends with a line feed. Nothing is copied
    /// when a piece holds whole lines.
    pub(super) fn push(&mut self, mut data: Bytes) -> Option<Bytes> {
        let Some(last) = data.iter().rposition(|byte| *byte == b'\n') else {
            self.rest.extend_from_slice(&data);
            return None;
        };
        let head = data.split_to(last + 1);
        let complete = if self.rest.is_empty() {
            head
        } else {
            self.rest.extend_from_slice(&head);
            std::mem::take(&mut self.rest).freeze()
        };
        self.rest.extend_from_slice(&data);
        Some(complete)
    }

    /// A line has grown beyond all reason.
    pub(super) fn is_too_long(&self) -> bool {
        self.rest.len() > LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_are_cut() {
        let text = b"one\ntwo\n\nthree\n";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let mut out = Vec::new();
            for piece in text.chunks(size) {
                if let Some(complete) = lines.push(Bytes::copy_from_slice(piece)) {
                    assert_eq!(complete.last(), Some(&b'\n'));
                    out.extend_from_slice(&complete);
                }
            }
            assert_eq!(out, text, "pieces of {size}");
        }
    }
}
