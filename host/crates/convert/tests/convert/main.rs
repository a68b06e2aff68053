//! What is converted, what is named, and that nothing else happens.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

mod arguments;
mod examples;
mod properties;
mod scope;
mod support;
mod written;
