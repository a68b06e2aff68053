//! What one call carries with it: how much it has used up, and what it has said.

use std::fmt;

use serde::Serialize;
use wasmtime::ResourceLimiter;

use crate::bindings::Level;
use crate::limits::{LOG_MESSAGE_BYTES, Limits};
use crate::text::visible;

/// A resource limit that a call ran into. Travels through wasmtime as an error, so that it arrives as what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Memory { wanted: usize },
    Table { wanted: usize },
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a limit of the host was reached")
    }
}

impl std::error::Error for Exhausted {}

/// How serious a log message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// What one call used up of its [`Limits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Usage {
    /// Units of fuel: the same for the same call, on every machine.
    pub fuel: u64,
    /// Bytes of linear memory at its end, all memories together. Memory never shrinks.
    pub memory_bytes: usize,
}

/// What a policy said in one call, and what the call used up. Never part of a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Log {
    /// What was kept, printable, in order.
    pub messages: Vec<(LogLevel, String)>,
    /// How many more there were.
    pub dropped: u64,
    /// What the call used up.
    pub used: Usage,
}

/// The data of a store.
pub(crate) struct CallState {
    memory_bytes: usize,
    table_elements: usize,
    limits: Limits,
    log: Log,
    log_bytes: usize,
    last_error: Option<String>,
    /// What has come of a message that has not ended: no more of it than is shown.
    begun: Vec<u8>,
}

impl CallState {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            table_elements: 0,
            limits: limits.clone(),
            log: Log::default(),
            log_bytes: 0,
            last_error: None,
            begun: Vec::new(),
        }
    }

    pub(crate) fn log(&mut self, level: Level, message: &str) {
        let level = match level {
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        let room = self.limits.log_bytes.saturating_sub(self.log_bytes);
        let shown = visible(message, LOG_MESSAGE_BYTES);
        // The last error outlives a full log: a panic says why it trapped after everything else.
        if level == LogLevel::Error {
            self.last_error = Some(shown.clone());
        }
        if shown.len() > room || self.log.messages.len() >= self.limits.log_messages {
            self.log.dropped += 1;
            return;
        }
        self.log_bytes += shown.len();
        self.log.messages.push((level, shown));
    }

    /// A message that comes in pieces.
    pub(crate) fn log_piece(&mut self, level: Level, piece: &[u8], last: bool) {
        let room = (LOG_MESSAGE_BYTES + 1).saturating_sub(self.begun.len());
        self.begun.extend(piece.iter().take(room));
        if last {
            let message = std::mem::take(&mut self.begun);
            self.log(level, &String::from_utf8_lossy(&message));
        }
    }

    /// `fuel` is what the call burnt.
    pub(crate) fn into_log(self, fuel: u64) -> Log {
        Log { used: Usage { fuel, memory_bytes: self.memory_bytes }, ..self.log }
    }

    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}

impl ResourceLimiter for CallState {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if wanted > self.limits.memory_bytes {
            return Err(Exhausted::Memory { wanted }.into());
        }
        self.memory_bytes = wanted;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let wanted = self.table_elements.saturating_add(desired.saturating_sub(current));
        if wanted > self.limits.table_elements {
            return Err(Exhausted::Table { wanted }.into());
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances
    }

    fn tables(&self) -> usize {
        self.limits.instances
    }

    fn memories(&self) -> usize {
        self.limits.instances
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_in_number_and_size_and_counts_the_rest() {
        let mut state = CallState::new(&Limits { log_messages: 3, log_bytes: 100, ..Limits::default() });
        for _ in 0..10 {
            state.log(Level::Info, "0123456789");
        }
        state.log(Level::Error, &"x".repeat(1 << 20));
        assert!(state.last_error().unwrap().len() < 2 * LOG_MESSAGE_BYTES);
        let log = state.into_log(0);
        assert_eq!((log.messages.len(), log.dropped), (3, 8));

        let mut state = CallState::new(&Limits { log_bytes: 25, ..Limits::default() });
        for _ in 0..10 {
            state.log(Level::Info, "0123456789");
        }
        assert_eq!(state.into_log(0).messages.len(), 2);
    }

    #[test]
    fn memories_share_one_limit() {
        let mut state = CallState::new(&Limits { memory_bytes: 3 << 16, ..Limits::default() });
        assert!(state.memory_growing(0, 2 << 16, None).unwrap());
        assert!(state.memory_growing(0, 1 << 16, None).unwrap());
        assert!(state.memory_growing(1 << 16, 2 << 16, None).is_err());
        assert_eq!(state.into_log(7).used, Usage { fuel: 7, memory_bytes: 3 << 16 });
    }

    #[test]
    fn pieces_make_a_message_and_no_more_of_it_is_kept_than_is_shown() {
        let mut state = CallState::new(&Limits::default());
        // Cut within a character, as pieces may be; and bytes that are none.
        let text = "ü€".as_bytes();
        state.log_piece(Level::Info, &text[..1], false);
        state.log_piece(Level::Info, &text[1..], true);
        state.log_piece(Level::Error, &[b'a', 0xff, b'b'], true);
        for _ in 0..10_000 {
            state.log_piece(Level::Warn, &[b'x'; 112], false);
        }
        assert!(state.begun.len() <= LOG_MESSAGE_BYTES + 4, "{}", state.begun.len());
        state.log_piece(Level::Warn, &[], true);
        state.log_piece(Level::Warn, b"never ends", false);
        assert_eq!(state.last_error(), Some("a\u{fffd}b"));
        let messages = state.into_log(0).messages;
        assert_eq!(messages[..2], [(LogLevel::Info, "ü€".to_owned()), (LogLevel::Error, "a\u{fffd}b".to_owned())]);
        let mut whole = CallState::new(&Limits::default());
        whole.log(Level::Warn, &"x".repeat(112 * 10_000));
        assert_eq!(messages[2..], whole.into_log(0).messages, "the same as one that came whole");
    }
}
