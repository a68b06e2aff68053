//! Registries on loopback, as they should be and as they should not.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

mod misbehaving;
mod referring;
mod server;
