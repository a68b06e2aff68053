//! The only way out of a policy.

#[cfg(target_arch = "wasm32")]
use crate::Level;

/// Says something to whoever runs kaphost with `--verbose`. Never changes the decision. The host limits size and number.
///
/// In native tests the message is kept instead, for [`crate::testing::logged`].
#[cfg(target_arch = "wasm32")]
pub fn log(level: Level, message: &str) {
    // By value: a text in memory would ask for modules between this one and the host, and most of what a call costs is making instances of modules.
    for piece in Pieces::of(message) {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = piece.words;
        crate::bindings::logging::log_piece(level, piece.count, (a, b, c, d, e, f, g, h, i, j, k, l, m, n));
    }
}

/// Words of a piece.
const WORDS: usize = 14;
/// Bytes of a piece.
const PIECE_BYTES: usize = 8 * WORDS;

/// A part of a message as the contract's `log-piece` takes it.
#[cfg_attr(not(any(target_arch = "wasm32", test)), expect(dead_code, reason = "native tests keep whole messages"))]
struct Piece {
    count: u8,
    words: [u64; WORDS],
}

/// A message in pieces, of which the last is not full.
struct Pieces<'a>(Option<&'a [u8]>);

#[cfg_attr(not(any(target_arch = "wasm32", test)), expect(dead_code, reason = "native tests keep whole messages"))]
impl<'a> Pieces<'a> {
    const fn of(message: &'a str) -> Self {
        Self(Some(message.as_bytes()))
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let rest = self.0.take()?;
        let (piece, after) = rest.split_at(rest.len().min(PIECE_BYTES));
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(piece.chunks(8)) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        if piece.len() == PIECE_BYTES {
            self.0 = Some(after);
        }
        Some(Piece { count: u8::try_from(piece.len()).unwrap_or(u8::MAX), words })
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::log;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod native {
    use std::cell::RefCell;

    use crate::Level;

    thread_local! {
        static KEPT: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
    }

    /// Says something to whoever runs kaphost with `--verbose`. Never changes the decision. The host limits size and number.
    ///
    /// In native tests the message is kept instead, for [`crate::testing::logged`].
    pub fn log(level: Level, message: &str) {
        KEPT.with_borrow_mut(|kept| kept.push((level, message.to_owned())));
    }

    pub(crate) fn take() -> Vec<(Level, String)> {
        KEPT.take()
    }
}

/// Sends the message of a panic to the host before the trap, which by itself says nothing but `unreachable`.
pub(crate) fn report_panics() {
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string()))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(message: &str) -> (Vec<u8>, Vec<u8>) {
        let pieces: Vec<Piece> = Pieces::of(message).collect();
        let bytes = pieces.iter().flat_map(|piece| {
            let bytes: Vec<u8> = piece.words.iter().flat_map(|word| word.to_le_bytes()).collect();
            bytes[..usize::from(piece.count)].to_vec()
        });
        (bytes.collect(), pieces.iter().map(|piece| piece.count).collect())
    }

    #[test]
    fn a_message_comes_in_full_pieces_and_a_last_one_that_is_not() {
        for (len, counts) in
            [(0, vec![0]), (1, vec![1]), (111, vec![111]), (112, vec![112, 0]), (113, vec![112, 1]), (300, vec![112, 112, 76])]
        {
            let message: String = (0..len).map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap())).collect();
            assert_eq!(joined(&message), (message.clone().into_bytes(), counts));
        }
        assert_eq!(joined(&"é€".repeat(50)).0, "é€".repeat(50).into_bytes());
    }
}
