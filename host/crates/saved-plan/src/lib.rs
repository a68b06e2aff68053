//! A plan that is kept: what was decided, what AWS held, and the steps between, in a file that another job carries out, exactly or not at all.
//!
//! Stands beside the pipeline: the host makes a [`Document`] of what it has planned, and later another one of what is so then, and asks [`compare_inputs`]
//! and its like whether they are the same. Pure data. Reads no file, asks no clock and no cloud, draws no random number; knows no policy, no config and no
//! AWS, but that their JSON has members. No digest of a secret leaves it bare: see [`Seal`].
//!
//! ```
//! use kaphost_saved_plan::{Document, Stale};
//! let text = Document::new("00d1", "5a17", "2026-11-22T20:00:00Z", "2026-11-23T20:00:00Z").text();
//! assert!(Document::parse(&text).is_ok());
//! assert!(matches!(Document::parse(&text.replace("00d1", "00d2")), Err(Stale::Altered { .. })));
//! ```

mod canonical;
mod compare;
mod document;
mod seal;
mod stale;

pub use canonical::{canonical, leaves, sha256};
pub use compare::{compare_decisions, compare_engines, compare_inputs, compare_plans};
pub use document::{Cluster, Document, LONGEST_S, SCHEMA, UserDataRef, looks_like_one};
pub use seal::Seal;
pub use stale::{Stale, Turn};
