//! Every call that was made: for counting them, and for seeing what ran side by side.

use kaphost_apply::ErrorKind;

/// What kind of call it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// Reads everything under a cluster's names: six to eight calls of AWS, all side by side.
    Observe,
    /// Reads facts for policies: up to four calls of AWS, all side by side.
    Facts,
    /// Reads what a plan takes for granted: up to seven calls of AWS, all side by side.
    Preflight,
    /// Changes something, or tries to.
    Write,
    /// Looks at an Auto Scaling group while waiting.
    Poll,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// What it was for.
    pub kind: CallKind,
    /// The AWS operation; `observe`, `facts`, `preflight` and `poll` for reads.
    pub operation: String,
    /// When it was begun, in the order of all beginnings and endings.
    pub begun: u64,
    /// When its answer came; `None` is not yet, or never.
    pub ended: Option<u64>,
    /// How it ended, once it has.
    pub refused: Option<ErrorKind>,
}

/// The calls made through one [`Lab`](crate::Lab), in the order in which they were begun.
#[derive(Clone, Debug, Default)]
pub struct Log {
    clock: u64,
    entries: Vec<LogEntry>,
}

impl Log {
    pub(crate) fn begin(&mut self, kind: CallKind, operation: &str) -> usize {
        let begun = self.tick();
        self.entries.push(LogEntry { kind, operation: operation.to_owned(), begun, ended: None, refused: None });
        self.entries.len() - 1
    }

    pub(crate) fn end(&mut self, call: usize, refused: Option<ErrorKind>) {
        let ended = self.tick();
        if let Some(entry) = self.entries.get_mut(call) {
            (entry.ended, entry.refused) = (Some(ended), refused);
        }
    }

    const fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// All of them.
    #[must_use]
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// The operations of the writes, as begun, refused ones included.
    #[must_use]
    pub fn writes(&self) -> Vec<&str> {
        self.of(CallKind::Write).map(|entry| entry.operation.as_str()).collect()
    }

    /// How many calls of a kind.
    #[must_use]
    pub fn count(&self, kind: CallKind) -> usize {
        self.of(kind).count()
    }

    /// Writes that were begun and whose answers nobody heard. (A poll that is given up is no such thing: it changes nothing.)
    #[must_use]
    pub fn unheard_writes(&self) -> Vec<&str> {
        self.of(CallKind::Write).filter(|entry| entry.ended.is_none()).map(|entry| entry.operation.as_str()).collect()
    }

    fn of(&self, kind: CallKind) -> impl Iterator<Item = &LogEntry> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }

    /// The longest chain of writes of which each was begun after the one before had ended. Give calls a delay, else they take no time and never overlap.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut chains: Vec<(Option<u64>, usize)> = Vec::new();
        for entry in self.of(CallKind::Write) {
            let before = chains.iter().filter(|(ended, _)| ended.is_some_and(|ended| ended < entry.begun)).map(|(_, depth)| *depth).max();
            chains.push((entry.ended, before.unwrap_or(0) + 1));
        }
        chains.iter().map(|(_, depth)| *depth).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_the_longest_chain() {
        let mut log = Log::default();
        let (a, b) = (log.begin(CallKind::Write, "a"), log.begin(CallKind::Write, "b"));
        log.end(a, None);
        let c = log.begin(CallKind::Write, "c");
        log.end(b, None);
        log.end(c, None);
        assert_eq!(log.depth(), 2);
        assert_eq!(log.writes(), ["a", "b", "c"]);
    }
}
