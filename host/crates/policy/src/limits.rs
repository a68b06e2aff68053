//! What a policy may use up. Every loop, wait and buffer that a guest drives has its limit here, with the reason for its default.

use serde::Serialize;

/// Limits of one call of a policy. Each call starts afresh: nothing is carried over from one to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// Core instances, and as many memories and tables. 32 by default: a component made from one module has three or four.
    pub instances: usize,
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
            instances: 32,
            result_bytes: 1 << 20,
            log_bytes: 64 << 10,
            log_messages: 256,
        }
    }
}

/// Bytes of WebAssembly stack by default. 512 KiB: deep enough for any reasonable recursion, and a quarter of the smallest thread's stack that
/// the host may find itself on.
pub const DEFAULT_STACK_BYTES: usize = 512 << 10;

/// The most that may be asked for as a WebAssembly stack: half of a spawned thread's 2 MiB, so that the host's own frames always fit.
pub const MAX_STACK_BYTES: usize = 1 << 20;

/// Bytes of a component file by default. 64 MiB: components with a whole language runtime in them are about 20.
pub const DEFAULT_COMPONENT_BYTES: u64 = 64 << 20;

/// Bytes that are kept of one log message.
pub(crate) const LOG_MESSAGE_BYTES: usize = 4 << 10;

/// Characters that are kept of one sentence a policy says: message, help, reason, summary.
pub(crate) const SENTENCE_CHARS: usize = 1_000;
