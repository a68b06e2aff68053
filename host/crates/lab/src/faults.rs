//! What goes wrong, on demand. Writes are numbered from 1 in the order in which they are begun on one [`Lab`](crate::Lab).

use std::collections::BTreeMap;
use std::time::Duration;

use kaphost_apply::{CloudError, ErrorKind};

/// What happens to one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// AWS refuses; nothing is done.
    Refuse(ErrorKind),
    /// It is done, and the answer never comes.
    LoseAnswer,
    /// It is done, the answer never comes, and the SDK sends the call again by itself: the caller sees the second answer.
    Repeat,
}

/// Everything that is to go wrong.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    begun: u64,
    reads: u64,
    at: BTreeMap<u64, Fault>,
    /// By operation: how often each is still refused, and how.
    by_operation: Vec<(String, ErrorKind, u64)>,
    crash_after: Option<u64>,
    delays: Vec<Duration>,
}

impl Faults {
    pub(crate) fn at(&mut self, write: u64, fault: Fault) {
        self.at.insert(write, fault);
    }

    pub(crate) fn refuse(&mut self, operation: &str, kind: ErrorKind, times: u64) {
        self.by_operation.push((operation.to_owned(), kind, times));
    }

    pub(crate) fn crash_after(&mut self, writes: u64) {
        self.crash_after = Some(writes);
    }

    pub(crate) fn delays(&mut self, delays: Vec<Duration>) {
        self.delays = delays;
    }

    /// A write begins: what happens to it, and how long it takes.
    pub(crate) fn write(&mut self, operation: &str) -> (Result<Option<Fault>, CloudError>, Duration) {
        if self.crashed() {
            return (Err(dead(operation)), Duration::ZERO);
        }
        self.begun += 1;
        let fault = self.at.remove(&self.begun).or_else(|| self.by_operation(operation));
        (Ok(fault), self.delay(self.begun + self.reads))
    }

    /// A read begins.
    pub(crate) fn read(&mut self, operation: &str) -> Result<Duration, CloudError> {
        if self.crashed() {
            return Err(dead(operation));
        }
        self.reads += 1;
        match self.by_operation(operation) {
            Some(Fault::Refuse(kind)) => Err(refused(operation, kind)),
            _ => Ok(self.delay(self.begun + self.reads)),
        }
    }

    fn by_operation(&mut self, operation: &str) -> Option<Fault> {
        let (_, kind, left) = self.by_operation.iter_mut().find(|(name, _, left)| name == operation && *left > 0)?;
        *left = left.saturating_sub(1);
        Some(Fault::Refuse(*kind))
    }

    fn crashed(&self) -> bool {
        self.crash_after.is_some_and(|writes| self.begun >= writes)
    }

    fn delay(&self, call: u64) -> Duration {
        let place = usize::try_from(call).unwrap_or(0).checked_rem(self.delays.len());
        place.and_then(|place| self.delays.get(place)).copied().unwrap_or(Duration::ZERO)
    }
}

/// A refusal that was asked for.
pub(crate) fn refused(operation: &str, kind: ErrorKind) -> CloudError {
    CloudError::new(kind, operation, "refused because the test asks for it")
}

/// No answer.
pub(crate) fn no_answer(operation: &str) -> CloudError {
    CloudError::new(ErrorKind::Unreachable, operation, "the connection was closed before an answer came")
}

fn dead(operation: &str) -> CloudError {
    CloudError::new(ErrorKind::Unreachable, operation, "the process was killed before this call")
}
