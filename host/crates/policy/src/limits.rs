//! What a policy may use up. Every loop, wait and buffer that a guest drives has its limit here, with the reason for its default.

use serde::Serialize;

use crate::error::HostError;

/// Limits of one call of a policy. Each call starts afresh: nothing is carried over from one to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Units of wasmtime's fuel, about one a WebAssembly instruction. The deterministic limit: the same call uses the same fuel on every machine.
    /// 200 million by default, about 50 ms: a thousand times what a policy needs for one cluster.
    pub fuel: u64,
    /// Wall-clock milliseconds, the backstop for what fuel does not see. 10,000 by default: far enough away that a busy machine never reaches it
    /// before the fuel runs out.
    pub deadline_ms: u64,
    /// Bytes of linear memory, all memories together. 64 MiB by default: language runtimes fit, and a few side by side fit a small machine.
    pub memory_bytes: usize,
    /// Elements of tables, all tables together. 20,000 by default: a table holds function pointers, and language runtimes have thousands.
    pub table_elements: usize,
    /// Core instances, and as many memories and tables. 64 by default: a component made from one module has three or four, one with Python in it 38.
    pub instances: usize,
    /// Bytes of WebAssembly stack. 512 KiB by default: deep enough for any reasonable recursion, and a quarter of the smallest thread's stack that
    /// the host may find itself on. 1 MiB at most.
    pub stack_bytes: usize,
    /// Bytes that one answer, or one log message, may take in the host. 1 MiB by default: the largest cluster that AWS accepts is a tenth of it.
    pub result_bytes: usize,
    /// Bytes of log messages that are kept of one call. 64 KiB by default: a screenful is enough to say what went wrong.
    pub log_bytes: usize,
    /// Log messages that are kept of one call. 256 by default.
    pub log_messages: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 200_000_000,
            deadline_ms: 10_000,
            memory_bytes: 64 << 20,
            table_elements: 20_000,
            instances: 64,
            stack_bytes: DEFAULT_STACK_BYTES,
            result_bytes: 1 << 20,
            log_bytes: 64 << 10,
            log_messages: 256,
        }
    }
}

/// Limits of one policy where they differ from the host's. What is `None` is as the host has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitOverrides {
    /// [`Limits::fuel`]
    pub fuel: Option<u64>,
    /// [`Limits::deadline_ms`]
    pub deadline_ms: Option<u64>,
    /// [`Limits::memory_bytes`]
    pub memory_bytes: Option<usize>,
    /// [`Limits::table_elements`]
    pub table_elements: Option<usize>,
    /// [`Limits::instances`]
    pub instances: Option<usize>,
    /// [`Limits::stack_bytes`]
    pub stack_bytes: Option<usize>,
    /// [`Limits::result_bytes`]
    pub result_bytes: Option<usize>,
    /// [`Limits::log_bytes`]
    pub log_bytes: Option<usize>,
    /// [`Limits::log_messages`]
    pub log_messages: Option<usize>,
}

impl LimitOverrides {
    /// The limits with these in place of their own.
    #[must_use]
    pub fn on(&self, limits: &Limits) -> Limits {
        Limits {
            fuel: self.fuel.unwrap_or(limits.fuel),
            deadline_ms: self.deadline_ms.unwrap_or(limits.deadline_ms),
            memory_bytes: self.memory_bytes.unwrap_or(limits.memory_bytes),
            table_elements: self.table_elements.unwrap_or(limits.table_elements),
            instances: self.instances.unwrap_or(limits.instances),
            stack_bytes: self.stack_bytes.unwrap_or(limits.stack_bytes),
            result_bytes: self.result_bytes.unwrap_or(limits.result_bytes),
            log_bytes: self.log_bytes.unwrap_or(limits.log_bytes),
            log_messages: self.log_messages.unwrap_or(limits.log_messages),
        }
    }
}

impl Limits {
    /// Whether every limit is one that can be held: limits that cannot are refused rather than bent.
    ///
    /// # Errors
    /// The first that is out of its range.
    pub fn check(&self) -> Result<(), HostError> {
        /// A day: far beyond any use, and far from overflowing the epoch.
        const DAY_MS: u64 = 24 * 3_600 * 1_000;
        /// A 32-bit guest's whole memory.
        const GUEST_BYTES: u64 = 4 << 30;
        let bounds: [(&'static str, u64, u64, u64); 9] = [
            ("fuel", self.fuel, 1, u64::MAX / 2),
            ("deadline-ms", self.deadline_ms, 1, DAY_MS),
            ("memory-bytes", self.memory_bytes as u64, 1 << 16, GUEST_BYTES),
            ("table-elements", self.table_elements as u64, 1, 10_000_000),
            ("instances", self.instances as u64, 1, 10_000),
            ("stack-bytes", self.stack_bytes as u64, 16 << 10, MAX_STACK_BYTES as u64),
            ("result-bytes", self.result_bytes as u64, 1 << 10, 1 << 30),
            ("log-bytes", self.log_bytes as u64, 0, 1 << 30),
            ("log-messages", self.log_messages as u64, 0, 1 << 20),
        ];
        match bounds.into_iter().find(|(_, given, least, most)| given < least || given > most) {
            Some((name, given, least, most)) => Err(HostError::Limit { name, given, least, most }),
            None => Ok(()),
        }
    }
}

/// [`Limits::stack_bytes`] by default.
pub const DEFAULT_STACK_BYTES: usize = 512 << 10;

/// The most that may be asked for as a WebAssembly stack: half of a spawned thread's 2 MiB, so that the host's own frames always fit.
pub const MAX_STACK_BYTES: usize = 1 << 20;

/// Bytes of a component file by default. 64 MiB: components with a whole language runtime in them are about 20.
pub const DEFAULT_COMPONENT_BYTES: u64 = 64 << 20;

/// Bytes that are kept of one log message.
pub(crate) const LOG_MESSAGE_BYTES: usize = 4 << 10;

/// Characters that are kept of one sentence a policy says: message, help, reason, summary.
pub(crate) const SENTENCE_CHARS: usize = 1_000;
