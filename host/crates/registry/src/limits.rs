//! How long a registry may take, and how much it may send.

use std::time::Duration;

/// Bytes of a manifest or an index: the distribution specification has registries take no longer ones.
pub(crate) const MANIFEST_BYTES: u64 = 4 << 20;
/// Bytes of a signature's envelope.
pub(crate) const SIGNATURE_BYTES: u64 = 1 << 20;
/// Bytes of any other answer: an error, a token.
pub(crate) const ANSWER_BYTES: u64 = 1 << 20;
/// Signatures of one module that are looked at: each costs two requests.
pub(crate) const SIGNATURES: usize = 64;
/// Parts of a list of signatures that are looked at: a registry may give them a few at a time, and what is none among them.
pub(crate) const PAGES: usize = 16;
/// Redirects in a row. Registries redirect once, to their storage.
pub(crate) const REDIRECTS: usize = 5;

/// How long, and how much of a module. The rest is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until the first part of an answer comes, and between two parts.
    pub pause: Duration,
    /// For one request and its whole answer.
    pub whole: Duration,
    /// Bytes of a module.
    pub module_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            pause: Duration::from_secs(30),
            // 64 MiB at some 2 Mbit/s.
            whole: Duration::from_secs(300),
            // As much as the sandbox takes.
            module_bytes: 64 << 20,
        }
    }
}
